"""The patient's survey pages. A GET or HEAD changes no row: mail scanners follow links (nps.md section 4)."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.http import require_http_methods, require_POST

from nps import answer as answers
from nps import reviews, wording
from nps.forms import CommentForm, ContactForm, DriversForm, ScoreForm
from nps.models import Response, SurveyInvitation
from nps.score import Bucket
from patients import access
from patients.middleware import chosen_language
from patients.models import PortalLink
from patients.portal import LinkPage, behind_link, dead_link, patient_view, while_suspended
from prm import clock
from prm.audit.record import record

SWITCH = "switch"  # a POST that has it only changes the language and brings along what was typed
SurveyView = Callable[[HttpRequest, PortalLink, SurveyInvitation], HttpResponse]


def survey_page(view: SurveyView) -> LinkPage:
    """A page behind a survey link: a link whose survey is gone is a dead one, and staff may not answer.

    Without a choice of the reader's own the page speaks the language of the mail.
    """

    @wraps(view)
    def guarded(request: HttpRequest, link: PortalLink) -> HttpResponse:
        invitation = _invitation(link)
        if invitation is None:
            return dead_link(request)
        with translation.override(chosen_language(request) or invitation.language):
            request.LANGUAGE_CODE = wording.language()
            if request.method == "POST" and SWITCH not in request.POST and request.user.is_authenticated:
                return render(request, "nps/survey_staff.html", status=403)
            return view(request, link, invitation)

    return guarded


def survey_view(view: SurveyView) -> Callable[..., HttpResponse]:
    """A page at an address of its own below a survey link."""
    return behind_link(PortalLink.LinkPurpose.SURVEY)(survey_page(view))


@survey_page
def survey(request: HttpRequest, link: PortalLink, invitation: SurveyInvitation) -> HttpResponse:
    """The question, with the score of `?s=` chosen; or thanks and what may follow (`?sent=1`). A POST answers."""
    if request.method != "POST":
        response = answers.response_of(invitation)
        if "sent" in request.GET and response is not None:
            return _thanks(request, invitation, response)
        return _question(request, link, invitation, ScoreForm(), chosen=_asked_for(request, response))
    if SWITCH in request.POST:
        typed = ScoreForm(initial={"comment": request.POST.get("comment", "")})
        return _question(request, link, invitation, typed, chosen=request.POST.get("score", ""))
    form = ScoreForm(request.POST)
    if not form.is_valid():
        return _question(request, link, invitation, form, chosen=request.POST.get("score", ""), status=400)
    answers.answer(
        invitation, form.cleaned_data["score"], comment=form.cleaned_data["comment"], now=clock.now(),
        language=wording.language(),
    )  # fmt: skip
    _record(request, "survey.answered", invitation)
    return redirect(f"{request.path}?sent=1")


@require_POST
@patient_view
def open_survey(request: HttpRequest) -> HttpResponse:
    """From the patient's own page to the survey that waits for him, by a new link as in a mail."""
    now = clock.now()
    invitation = answers.waiting(request.patient, now=now)
    if invitation is None:
        return redirect("portal_home")
    _link, token = access.issue_link(
        request.patient, PortalLink.LinkPurpose.SURVEY, now=now, lasts=invitation.expires_at - now, source=invitation.pk
    )
    return redirect(access.link_path(request.practice, token))


@require_http_methods(["GET", "HEAD", "POST"])
@survey_view
def comment(request: HttpRequest, link: PortalLink, invitation: SurveyInvitation) -> HttpResponse:
    """Keep the words of an answer."""
    form = CommentForm(request.POST)
    return _follow_up(
        request, invitation, form,
        lambda response: answers.add_comment(response, form.cleaned_data["comment"], now=clock.now()),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@survey_view
def drivers(request: HttpRequest, link: PortalLink, invitation: SurveyInvitation) -> HttpResponse:
    """Keep what the answer is about."""
    form = DriversForm(request.POST)
    return _follow_up(
        request, invitation, form,
        lambda response: answers.choose_drivers(response, form.cleaned_data["drivers"], now=clock.now()),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@survey_view
def contact(request: HttpRequest, link: PortalLink, invitation: SurveyInvitation) -> HttpResponse:
    """Keep whether staff may come back about it."""
    form = ContactForm(request.POST)
    return _follow_up(
        request, invitation, form,
        lambda response: answers.allow_contact(response, form.cleaned_data["contact"], now=clock.now()),
    )  # fmt: skip


@while_suspended
@require_http_methods(["GET", "HEAD", "POST"])
@survey_view
def stop(request: HttpRequest, link: PortalLink, invitation: SurveyInvitation) -> HttpResponse:
    """“Stop these questions”: a page that asks, a POST that does."""
    if request.method == "POST":
        answers.stop_asking(invitation, now=clock.now())
        _record(request, "survey.stopped", invitation)
        return redirect(f"{request.path}?done=1")
    return render(
        request, "nps/survey_stop.html", {"done": "done" in request.GET, "back": request.path.removesuffix("/stop")}
    )


def _follow_up(
    request: HttpRequest, invitation: SurveyInvitation, form: object, save: Callable[[Response], None]
) -> HttpResponse:
    """Save and thank. A GET (a change of language, a reload) leads back to the page that has the form."""
    response = answers.response_of(invitation)
    page = request.path.rpartition("/")[0]
    if response is None:
        return redirect(page)
    if request.method != "POST":
        return redirect(f"{page}?sent=1")
    if not form.is_valid():
        return _thanks(request, invitation, response, problem=form, status=400)
    save(response)
    _record(request, f"survey.{request.path.rpartition('/')[2]}_given", invitation)
    return redirect(f"{page}?sent=1")


def _record(request: HttpRequest, action: str, invitation: SurveyInvitation) -> None:
    """What the patient did goes into the practice's record; what he said does not."""
    record(
        action, now=clock.now(), request=request, patient_id=invitation.patient_id, object_id=invitation.pk,
        actor_kind="patient",
    )  # fmt: skip


def _question(
    request: HttpRequest, link: PortalLink, invitation: SurveyInvitation, form: ScoreForm, *, chosen: str,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    return render(
        request,
        "nps/survey.html",
        {
            "form": form,
            "question": wording.question(request.practice.name),
            "scores": [str(n) for n in range(11)],
            "chosen": chosen,
            "until": link.expires_at.astimezone(request.practice.zone).date(),
            "page": request.path,
            "longest": wording.LONGEST_COMMENT,
        },
        status=status,
    )


def _thanks(
    request: HttpRequest, invitation: SurveyInvitation, response: Response, *, problem: object = None, status: int = 200
) -> HttpResponse:
    return render(
        request,
        "nps/survey_thanks.html",
        {
            "response": response,
            "follow_up": wording.follow_up(response.bucket),
            "said": bool(response.comment),
            "drivers": wording.drivers(invitation.pk),
            "ask_contact": response.bucket != Bucket.PROMOTER,
            "sites": reviews.buttons(response, request.practice),
            "problem": problem,
            "page": request.path if "sent" in request.GET else request.path.rpartition("/")[0],
            "longest": wording.LONGEST_COMMENT,
        },
        status=status,
    )


def _invitation(link: PortalLink) -> SurveyInvitation | None:
    if link.source is None:
        return None
    return SurveyInvitation.objects.select_related("survey", "patient", "clinic").filter(pk=link.source).first()


def _asked_for(request: HttpRequest, response: Response | None) -> str:
    """The score to show as chosen: the link's, else the one that was given; none where `?s=` makes no sense."""
    asked = request.GET.get("s")
    if asked is not None:
        return asked if asked in {str(n) for n in range(11)} else ""
    return "" if response is None else str(response.score)
