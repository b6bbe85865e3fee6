"""The patients list and one patient's page."""

from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import may, staff_view
from accounts.models import Membership
from patients import access, consent, search, sessions, timeline
from patients.models import Channel, Consent, Episode, Patient, Purpose, TimelineEntry, Visit
from prm import clock
from prm.audit.record import record
from prm.ui import words
from prm.ui.tables import BadCursor, Page, keyset_page
from prm.ui.toasts import toast

VIEWS = ((search.ACTIVE, "Active"), (search.SLIPPING, "Nothing booked"), (search.EVERYONE, "Everyone"))
BY_NAME = ("search_name", "id")
ENTRIES = 30
NEWEST_FIRST = ("-at", "-id")
FEEDBACK = "feedback"
GROUPS = (("", "All"), ("visits", "Visits"), ("messages", "Messages"), (FEEDBACK, "Feedback"))


def sees_answers(member: Membership) -> bool:
    """Whether a member may know what a named patient answered: owner and manager (nps.md section 4)."""
    return may(member, "nps.answers")


@require_GET
@staff_view("patients.view")
def patients(request: HttpRequest) -> HttpResponse:
    """Patients by name, found by a part of it, a phone number, a birth date or another system's id."""
    text = request.GET.get("q", "").strip()[:80]
    view = request.GET.get("view") or (search.EVERYONE if text else search.ACTIVE)
    view = view if view in dict(VIEWS) else search.ACTIVE
    found = search.listed(view, text, request.membership).prefetch_related(_episodes())
    page = _page(found, BY_NAME, request)
    record(
        "patients.listed", now=clock.now(), request=request, count=len(page.rows), searched=bool(text),
        patients=[patient.pk for patient in page.rows],
    )  # fmt: skip
    now = clock.now()
    return render(
        request,
        "patients/list.html",
        {
            "page": page,
            "rows": [_row(patient, now) for patient in page.rows],
            "text": text,
            "sees_answers": sees_answers(request.membership),
            "view": view,
            "tabs": [
                {"label": label, "url": f"?view={name}", "current": name == view and not text} for name, label in VIEWS
            ],
        },
    )


@require_GET
@staff_view("patients.view")
def patient(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Who is this, and what happened: the timeline, newest first."""
    found = patient_of(request, patient_id)
    if isinstance(found, HttpResponse):
        return found
    group = request.GET.get("show", "")
    hidden = set() if sees_answers(request.membership) else {FEEDBACK}
    kinds = [kind.name for kind in timeline.kinds() if kind.group not in hidden and group in {"", kind.group}]
    entries = TimelineEntry.objects.filter(patient=found, kind__in=kinds)
    page = _page(entries, NEWEST_FIRST, request, size=ENTRIES)
    context = head_of(request, found, "patient") | {
        "page": page,
        "days": _days(page.rows),
        "groups": [
            {"name": name, "label": label, "current": name == group} for name, label in GROUPS if name not in hidden
        ],
    }
    return render(request, "patients/timeline.html", context)


@require_GET
@staff_view("patients.view")
def episodes(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """The patient's episodes of care with their visits."""
    found = patient_of(request, patient_id)
    if isinstance(found, HttpResponse):
        return found
    return render(request, "patients/episodes.html", head_of(request, found, "patient_episodes"))


@require_GET
@staff_view("patients.view")
def consents(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """What may be sent to the patient, and every entry of the ledger."""
    found = patient_of(request, patient_id)
    if isinstance(found, HttpResponse):
        return found
    ledger = Consent.objects.filter(patient=found).select_related("by").order_by("-at", "-id")[:200]
    return render(request, "patients/consents.html", head_of(request, found, "patient_consents") | {"ledger": ledger})


def patient_of(request: HttpRequest, patient_id: UUID) -> Patient | HttpResponse:
    """The patient, or the way to the survivor of a merge. The reading is audited."""
    seen = Patient.objects.visible_to(request.membership)
    shown = sessions.with_ways_in(seen.prefetch_related(_episodes()), now=clock.now())
    found = get_object_or_404(shown, pk=patient_id)
    if found.merged_into_id and not seen.filter(pk=found.merged_into_id).exists():
        raise Http404
    record("patient.read", now=clock.now(), request=request, patient_id=found.pk)
    if found.merged_into_id:
        toast(request, "This record was merged into the one you see now")
        return redirect(reverse("patient", args=[request.practice.slug, found.merged_into_id]))
    return found


def head_of(request: HttpRequest, found: Patient, current: str) -> dict[str, Any]:
    """What the head and the tabs of every page about a patient show; `current` is the page's URL name."""
    now = clock.now()
    newest = consent.current(found)
    tabs = (
        ("Timeline", "patient"), ("Episodes", "patient_episodes"), ("Consents", "patient_consents"),
        ("Privacy", "patient_privacy"),
    )  # fmt: skip
    all_episodes = list(found.episodes.all())
    return {
        "patient": found,
        "sees_answers": sees_answers(request.membership),
        "age": found.age_on(timezone.localtime(now).date()),
        "episode": all_episodes[0] if all_episodes else None,
        "episodes": all_episodes,
        "next_visit": _next_visit(all_episodes, now),
        "may_let_in": may(request.membership, "inbox.work") and access.living(found),
        "may_text": bool(found.phone) and _granted(newest, Channel.SMS),
        "may": [
            ("E-mail", _granted(newest, Channel.EMAIL)),
            ("Texts", _granted(newest, Channel.SMS)),
            ("Marketing", _granted(newest, Channel.EMAIL, Purpose.MARKETING)),
        ],
        "tabs": [
            {"label": label, "url": reverse(name, args=[request.practice.slug, found.pk]), "current": name == current}
            for label, name in tabs
        ],
    }


def _granted(newest: dict[tuple[str, str], Consent], channel: str, purpose: str = Purpose.CARE) -> bool:
    row = newest.get((channel, purpose))
    return bool(row and row.granted)


def _row(found: Patient, now: datetime) -> dict[str, Any]:
    all_episodes = list(found.episodes.all())
    episode = all_episodes[0] if all_episodes else None
    return {
        "patient": found,
        "age": found.age_on(timezone.localtime(now).date()),
        "episode": episode,
        "next_visit": _next_visit(all_episodes, now),
    }


def _next_visit(all_episodes: list[Episode], now: datetime) -> Visit | None:
    coming = [
        visit
        for episode in all_episodes
        for visit in episode.visits.all()
        if visit.status == Visit.Status.BOOKED and visit.starts_at > now
    ]
    return min(coming, key=lambda visit: visit.starts_at, default=None)


def _episodes() -> Prefetch:
    """A patient's episodes, the newest first, with visits: two statements for any number of patients."""
    visits = Visit.objects.shown().select_related("therapist", "clinic").order_by("starts_at")
    shown = Episode.objects.shown().select_related("clinic", "therapist").order_by("-opened_at", "-id")
    return Prefetch("episodes", shown.prefetch_related(Prefetch("visits", visits)))


def _page(rows: QuerySet, order: tuple[str, ...], request: HttpRequest, **options: Any) -> Page:
    try:
        return keyset_page(rows, order, after=request.GET.get("after", ""), **options)
    except BadCursor:
        return keyset_page(rows, order, **options)


def _days(entries: list[TimelineEntry]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The entries by day in the practice's zone, as parts/timeline.html shows them."""
    today = timezone.localtime(clock.now()).date()

    def day_of(entry: TimelineEntry) -> date:
        return timezone.localtime(entry.at).date()

    return [
        ("Today" if day == today else words.day(day), [_entry(entry) for entry in of_day])
        for day, of_day in groupby(entries, key=day_of)
    ]


def _entry(entry: TimelineEntry) -> dict[str, Any]:
    kind = timeline.kind(entry.kind)
    return {
        "icon": kind.icon,
        "tone": kind.tone,
        "sentence": kind.sentence(entry.facts),
        "at": entry.at,
        "score": entry.facts.get("score") if entry.kind == "survey_answered" else None,
    }
