"""The start checklist: the page, “later”, what is stated by hand, and the survey sent to oneself."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.access import may, staff_view
from accounts.once import once
from campaigns import preview, zones
from campaigns.forms import new_document
from campaigns.sentence import sentence
from dashboard import start, survey_sample
from dashboard.models import StartStep
from dashboard.start_facts import facts_of
from prm import clock
from prm.audit.record import record
from prm.ui.toasts import toast

Code = StartStep.Step
STATED = {Code.EMR: "no_emr", Code.OPT_OUTS: "no_opt_outs"}  # what a person may state, and how the audit calls it

# Step to (words of its button, URL names: the first that exists and that the reader may open).
LEADS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    Code.PRACTICE: ("Open the practice", (("settings_practice", "settings.manage"), ("agreements", "practice.own"))),
    Code.CLINIC: ("Open clinics", (("clinics", "clinics.manage"),)),
    Code.PEOPLE: ("Invite people", (("people", "people.manage"),)),
    Code.CONSENT: ("Choose", (("consent_policy", "settings.manage"),)),
    Code.EMR: ("Connect", (("feeds", "feeds.manage"),)),
    Code.IMPORT: ("Choose a file", (("feeds", "feeds.manage"),)),
    Code.RULE: ("Write a rule", (("campaigns", "campaigns.view"),)),
}


@staff_view("start.view")
@require_safe
def first_day(request: HttpRequest) -> HttpResponse:
    """Nine steps with their state from what is really there; the next one is the primary act."""
    facts = facts_of(request)
    steps = start.steps(facts)
    done = start.finished(steps)
    rows = [{"step": step, **_lead(request, step, facts)} for step in steps]
    context = {"rows": rows, "done": done, "total": len(steps), "facts": facts}
    context["samples"] = facts.samples
    rule = next(step for step in steps if step.code == Code.RULE)
    if facts.patients and not rule.done:
        context["would_reach"] = _would_reach()
    return render(request, "dashboard/start.html", context)


def _would_reach() -> dict[str, Any] | None:
    """The rule that a new one starts from, in words, and how many it would have reached in 90 days; None for nobody."""
    document, now = new_document(), clock.now()
    window = preview.Window(at=now, floor=now - preview.BACKTEST, since=now - preview.BACKTEST)
    with zones.asked_once():
        (reached,) = preview.reached(document, [(window, None)])
    return {"sentence": sentence(document), "patients": reached} if reached else None


def _lead(request: HttpRequest, step: start.Step, facts: start.Facts) -> dict[str, Any]:
    """Where the step is done: words and address; no address where there is no page, or none for this reader."""
    words, names = LEADS.get(step.code, ("", ()))
    if step.code == Code.PRACTICE and not facts.agreement:
        words, names = "Read and sign", (("agreements", "practice.own"),)
    if step.code == Code.IMPORT and facts.upload and facts.upload.running:
        arguments = [facts.upload.feed_id, facts.upload.id]
        return {"words": "Watch it", "url": reverse("feed_import", args=[request.practice.slug, *arguments])}  # type: ignore[attr-defined]
    for name, permission in names:
        try:
            url = reverse(name, args=[request.practice.slug])  # type: ignore[attr-defined]
        except NoReverseMatch:
            continue
        if may(request.membership, permission):  # type: ignore[attr-defined]
            return {"words": words, "url": url}
    return {"words": words, "url": ""}


@staff_view("start.view")
@require_POST
def later(request: HttpRequest, step: str) -> HttpResponse:
    """Put a step off, or take it up again (`undo`)."""
    _known(step)
    if "undo" in request.POST:
        start.take_up(step)
    else:
        start.put_off(step, by=request.membership, now=clock.now())  # type: ignore[attr-defined]
    return _back(request)


@staff_view("start.view")
@require_POST
def statement(request: HttpRequest, step: str) -> HttpResponse:
    """State what no row tells: no EMR link, or no opt-outs elsewhere; `undo` takes it back. Audited."""
    _known(step)
    if step not in STATED:
        raise Http404
    now, undo = clock.now(), "undo" in request.POST
    if undo:
        start.take_back(step)
    else:
        start.say_done(step, by=request.membership, now=now)  # type: ignore[attr-defined]
    record(f"start.{STATED[Code(step)]}", now=now, request=request, taken_back=undo)
    toast(request, "Taken back" if undo else "Kept, with your name and the time")
    return _back(request)


@staff_view("start.view")
@require_POST
@once
def survey(request: HttpRequest) -> HttpResponse:
    """Mail the survey to oneself; its link leads to a sample that keeps nothing."""
    now, member = clock.now(), request.membership  # type: ignore[attr-defined]
    message = survey_sample.send(request.practice, member, now=now)  # type: ignore[attr-defined]
    start.say_done(Code.SURVEY, by=member, now=now, object_id=message.pk)
    record("survey.sent_to_oneself", now=now, request=request, object_id=message.pk)
    toast(request, "On its way to you. Open it on your phone.")
    return _back(request)


def _known(step: str) -> None:
    if step not in Code.values:
        raise Http404


def _back(request: HttpRequest) -> HttpResponse:
    return redirect("first_day", request.practice.slug)  # type: ignore[attr-defined]
