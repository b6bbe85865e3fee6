"""The survey's page as a sample, for staff who try it: it looks the same and keeps nothing."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.http import require_http_methods

from nps import wording
from nps.forms import ScoreForm
from patients.middleware import LANGUAGE_COOKIE
from patients.portal import portal_view

SCORES = [str(score) for score in range(11)]


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@portal_view
def survey_sample(request: HttpRequest) -> HttpResponse:
    """The question with the score of `?s=` chosen. A POST checks what a patient's would, and thanks (`?sent=1`)."""
    chosen = request.GET.get("lang") or request.COOKIES.get(LANGUAGE_COOKIE)
    with translation.override(chosen if chosen in {"en", "es"} else "en"):
        request.LANGUAGE_CODE = wording.language()
        return _answer(request)


def _answer(request: HttpRequest) -> HttpResponse:
    if request.method != "POST" and "sent" in request.GET:
        return render(request, "nps/survey_sample_thanks.html", {"page": request.path})
    switching = "switch" in request.POST
    form = ScoreForm(request.POST) if request.method == "POST" and not switching else ScoreForm()
    if form.is_valid():
        return redirect(f"{request.path}?sent=1")
    given = request.POST.get("score", request.GET.get("s", ""))
    context = {
        "form": form, "question": wording.question(request.practice.name), "scores": SCORES, "sample": True,  # type: ignore[attr-defined]
        "chosen": given if given in SCORES else "", "page": request.path, "longest": wording.LONGEST_COMMENT,
    }  # fmt: skip
    return render(request, "nps/survey.html", context, status=400 if form.is_bound else 200)
