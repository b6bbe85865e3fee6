"""What the start checklist is decided from, asked in the one statement in which the side bar's figures are asked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import JSONObject
from django.http import HttpRequest

from accounts.models import Agreement, Clinic, Invitation, Membership, Practice
from campaigns.models import Rule
from dashboard import start
from dashboard.models import StartStep
from integrations.models import Feed, ImportBatch
from nps.models import SurveyInvitation
from patients.models import Channel, ConsentPolicy, Patient
from prm import clock
from prm.ui import navigation

ASKED = (SurveyInvitation.State.SENT, SurveyInvitation.State.ANSWERED)
RUNNING = (ImportBatch.State.WAITING, ImportBatch.State.RUNNING)


def facts_of(request: HttpRequest, **further: QuerySet[Any]) -> start.Facts:
    """What there is in the open practice, asked in one statement with the side bar's figures and `further`."""
    practice: Practice = request.practice  # type: ignore[attr-defined]
    found = navigation.figures(request, **_questions(), **further)
    agreement, policy = found.get("start_agreement") or {}, found.get("start_policy") or {}
    feed, upload, clinics = found.get("start_feed"), found.get("start_upload"), found["start_clinics"]
    return start.Facts(
        phone=bool(practice.phone), postal_address=bool(practice.postal_address),
        agreement=agreement.get("version", ""), signed_by=agreement.get("by", ""), signed_at=_at(agreement.get("at")),
        clinics=clinics["named"], clinics_ready=clinics["ready"], clinics_unnamed=clinics["unnamed"],
        members=found["start_members"], invited=found["start_invited"],
        policy=policy.get("rule", ""), policy_by=policy.get("by") or "",
        policy_at=_at(policy.get("at")),
        feed=start.Feedline(feed["name"], feed["state"], _at(feed["last"])) if feed else None,
        patients=found["start_patients"], samples=found["start_samples"],
        upload=start.Upload(
            upload["id"], upload["feed"], upload["name"], upload["state"] in RUNNING, _at(upload["at"]),  # type: ignore[arg-type]
            upload["by"] or "",
        ) if upload else None,
        rules_on=found["start_rules"]["on"], rules_drafted=found["start_rules"]["drafted"],
        surveyed=found["start_surveys"] > 0, said=_said(found["start_said"] or []),
    )  # fmt: skip


def _questions() -> dict[str, QuerySet[Any]]:
    """One row with one JSON value each, for `navigation.figures`."""
    platform = Agreement.objects.filter(party=Agreement.Party.OPERATOR)
    ready = Q(named=True) & ~Q(address="") & ~Q(phone="")
    real = Patient.objects.real()
    return {
        "start_agreement": _newest(
            platform, "-recorded_at", version=F("version"), by=F("signatory"), at=F("recorded_at")
        ),
        "start_clinics": navigation.summary(
            Clinic.objects.filter(closed_at=None),
            JSONObject(
                named=Count("pk", filter=Q(named=True)), unnamed=Count("pk", filter=Q(named=False)),
                ready=Count("pk", filter=ready),
            ),
        ),
        "start_members": navigation.figure(Membership.objects.filter(ended_at=None)),
        "start_invited": navigation.figure(
            Invitation.objects.filter(state=Invitation.State.OPEN, expires_at__gt=clock.now())
        ),
        "start_policy": _newest(
            ConsentPolicy.objects.filter(channel=Channel.EMAIL, purpose="care"), "-version", rule=F("rule"),
            by=F("chosen_by__name"), at=F("created_at"),
        ),
        "start_feed": _newest(
            Feed.objects.filter(is_sample=False), "state", "-created_at", name=F("name"), state=F("state"),
            last=F("last_received_at"),
        ),
        "start_patients": navigation.figure(Patient.objects.filter(pk__in=real.values("pk")[: start.COUNTED + 1])),
        "start_samples": navigation.figure(Patient.objects.filter(is_sample=True)),
        "start_upload": _newest(
            ImportBatch.objects.filter(feed__is_sample=False), "-created_at", id=F("pk"), feed=F("feed_id"),
            name=F("name"), state=F("state"), at=F("created_at"), by=F("started_by__name"),
        ),
        "start_rules": navigation.summary(
            Rule.objects.all(),
            JSONObject(
                on=Count("pk", filter=Q(state=Rule.State.ACTIVE)), drafted=Count("pk", filter=Q(state=Rule.State.DRAFT))
            ),
        ),
        "start_surveys": navigation.figure(
            SurveyInvitation.objects.filter(
                pk__in=SurveyInvitation.objects.filter(state__in=ASKED, patient__is_sample=False).values("pk")[:1]
            )
        ),
        "start_said": navigation.summary(
            StartStep.objects.all(),
            JSONBAgg(
                JSONObject(
                    step=F("step"), later=F("later_at"), done_at=F("done_at"), by=F("done_by__user__name"),
                    object_id=F("object_id"),
                ),
                default=None,
            ),
        ),
    }  # fmt: skip


def _newest(rows: QuerySet[Any], *order: str, **values: Any) -> QuerySet[Any]:
    """The first row in that order as one JSON value; none where there is none."""
    return rows.order_by(*order).annotate(figure=JSONObject(**values))[:1]


def _said(rows: Sequence[Mapping[str, Any]]) -> dict[str, start.Said]:
    return {
        row["step"]: start.Said(row["later"] is not None, _at(row["done_at"]), row["by"] or "", row["object_id"] or "")
        for row in rows
    }


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
