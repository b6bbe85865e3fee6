"""The figures of the NPS report (reports.md R2): read from answers, invitations and cases; nothing is stored.

The period rule of nps.md 5: valid answers of a survey to the standard question, not taken by staff, answered in the
period, of the scope; then each person's latest (tie: the higher id). Parts may add up to more than the whole, since one
person may have answered in two clinics. A merged patient counts as the survivor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import Clinic, Therapist
from accounts.scope import WHOLE, clinics_of
from accounts.scope import Scope as Sight
from messaging.models import OutboxMessage
from nps import score
from nps.models import RecoveryCase, Response, Stage, SurveyInvitation
from nps.models.responses import not_counted
from nps.score import Tally
from patients.scope import counts_for
from prm import stats
from prm.ui.metrics import Figure
from prm.ui.period import Period, add_months

ANSWERED_WITHIN = timedelta(days=14)  # of the asking, for the response rate
TREND_MONTHS = 12
JUDGED_MONTHS = 3  # months are never judged one by one
NEWEST_COMMENTS = 10
UNDELIVERED = (OutboxMessage.Delivery.BLOCKED, OutboxMessage.Delivery.BOUNCED, OutboxMessage.Delivery.DROPPED)
DELIVERED = (SurveyInvitation.State.SENT, SurveyInvitation.State.ANSWERED, SurveyInvitation.State.EXPIRED)

# What a scope's answers may be split by: SQL over the counted rows. Constants only; values travel as parameters.
SPLITS = {
    "whole": "''",
    "month": "to_char(answered_at AT TIME ZONE %(zone)s, 'YYYY-MM')",
    "clinic": "clinic_id::text",
    "therapist": "therapist_id::text",
    "stage": "stage",
    "channel": "channel",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose answers: filters that the page's URL names, within what the reader may see; none: the whole practice."""

    clinic: Clinic | None = None
    therapist: Therapist | None = None
    stage: str = ""
    seen: Sight = WHOLE

    def of(self, rows: QuerySet[Any], prefix: str = "") -> QuerySet[Any]:
        """Narrow rows that carry clinic, therapist and stage, directly or behind `prefix` ("response__")."""
        wanted = {"clinic": self.clinic, "therapist": self.therapist, "stage": self.stage}
        chosen = {f"{prefix}{name}": value for name, value in wanted.items() if value}
        return rows.filter(counts_for(self.seen, prefix), **chosen)

    @property
    def words(self) -> str:
        """The filters in words; "all clinics" where there is none."""
        chosen = [str(self.clinic) if self.clinic else "all clinics" if self.seen.is_whole else "your clinics"]
        chosen += [str(self.therapist)] if self.therapist else []
        chosen += [str(Stage(self.stage).label).lower()] if self.stage else []
        return ", ".join(chosen)


class Part(NamedTuple):
    """One count to make: `name` in the result, what to split by, from `start` (in) to `end` (out), aware."""

    name: str
    split: str
    start: datetime
    end: datetime


Scores = Counter[int]


def count(parts: Iterable[Part], *, zone: ZoneInfo, scope: Scope | None = None) -> dict[str, dict[str, Scores]]:
    """How often each score was given, for each part and each value that it splits by ("" where there is none).

    One statement for all parts, over one read of the answers from the first start to the last end.
    """
    wanted = list(parts)
    rows = (
        (scope or Scope())
        .of(Response.objects.counted())
        .filter(answered_at__gte=min(part.start for part in wanted), answered_at__lt=max(part.end for part in wanted))
    )
    rows = rows.annotate(person=Coalesce("patient__merged_into_id", "patient_id")).values(
        "id", "person", "clinic_id", "therapist_id", "stage", "channel", "score", "answered_at"
    )
    with connection.cursor() as cursor:
        inner = cursor.mogrify(*rows.query.sql_with_params()).decode()
        statements = [
            cursor.mogrify(_latest(part.split), {**part._asdict(), "zone": str(zone)}).decode() for part in wanted
        ]
        cursor.execute(f"WITH counted AS ({inner}) {' UNION ALL '.join(statements)}")
        found: dict[str, dict[str, Scores]] = {part.name: {} for part in wanted}
        for name, value, given, many in cursor.fetchall():
            found[name].setdefault(value or "", Counter())[given] = many
    return found


def _latest(split: str) -> str:
    return f"""
        SELECT %(name)s, split, score, count(*) FROM (
            SELECT DISTINCT ON (split, person) split, score
            FROM (SELECT *, {SPLITS[split]} AS split FROM counted) AS rows
            WHERE answered_at >= %(start)s AND answered_at < %(end)s
            ORDER BY split, person, answered_at DESC, id DESC
        ) AS latest GROUP BY split, score
    """  # noqa: S608 -- SPLITS are constants


def tally(found: dict[str, Scores], value: str = "") -> Tally:
    """The tally of one value of a part; an empty one where nobody answered."""
    return score.from_distribution(found.get(value, Counter()))


@dataclass(frozen=True, slots=True)
class Row:
    """One clinic, therapist, stage or channel with its tally."""

    key: str
    name: str
    tally: Tally

    @property
    def figure(self) -> Figure:
        """Its score as the page prints it."""
        return nps_figure(self.tally)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of the cases that were opened in the period."""

    opened: int
    contacted_in_time: int
    contact_due: int  # contacted, or due by now: what "in time" is a share of
    resolved: int
    overdue: int  # open, not contacted, past due

    @property
    def in_time(self) -> Figure:
        """Share of first contacts that came in time."""
        return _rate("recovery_in_time", self.contacted_in_time, self.contact_due)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page and its PDF print, read once."""

    period: Period
    scope: Scope
    as_of: datetime
    scores: Scores
    now: Tally
    before: Tally | None
    by_clinic: list[Row]
    by_therapist: list[Row]
    by_stage: list[Row]
    by_channel: list[Row]
    months: list[tuple[date, Tally]]
    recent: Tally
    earlier: Tally
    delivered: int
    answered: int
    recovery: Recovery
    clinics: list[Clinic] = field(default_factory=list)
    therapists: list[Therapist] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, Figure]:
        """The head's numbers, by metric."""
        counts = {
            "nps_answers": self.now.n,
            "nps_promoters": self.now.promoters,
            "nps_passives": self.now.passives,
            "nps_detractors": self.now.detractors,
            "surveys_delivered": self.delivered,
            "recovery_opened": self.recovery.opened,
            "recovery_resolved": self.recovery.resolved,
            "recovery_overdue": self.recovery.overdue,
            "recovery_contacted": self.recovery.contacted_in_time,
            "recovery_contact_due": self.recovery.contact_due,
        }
        change = self.change
        moved = change.difference if change and change.verdict in score.MOVED else None
        return {
            "nps": nps_figure(self.now),
            **({} if moved is None else {"nps_change": Figure("nps_change", abs(moved))}),
            "response_rate": _rate("response_rate", self.answered, self.delivered),
            "recovery_in_time": self.recovery.in_time,
            **{key: Figure(key, value) for key, value in counts.items()},
        }

    @property
    def change(self) -> score.Change | None:
        """The period against the one that it is compared with."""
        return None if self.before is None else score.change(self.before, self.now)

    @property
    def trend(self) -> score.Change:
        """The last three full months against the three before."""
        return score.change(self.earlier, self.recent)


def report(period: Period, scope: Scope, *, now: datetime) -> Report:
    """Read the whole report of the open practice, as of `now` (aware)."""
    months = trend_months(period)
    turn = add_months(months[-1], 1 - JUDGED_MONTHS)
    edges = [_midnight(day, period.zone) for day in (months[0], add_months(turn, -JUDGED_MONTHS), turn)]
    beyond = _midnight(add_months(months[-1], 1), period.zone)
    parts = [
        Part(split, split, period.start, period.end) for split in ("whole", "clinic", "therapist", "stage", "channel")
    ]
    parts += [Part("before", "whole", *period.before)] if period.before else []
    parts += [
        Part("months", "month", edges[0], beyond),
        Part("earlier", "whole", edges[1], edges[2]),
        Part("recent", "whole", edges[2], beyond),
    ]
    found = count(parts, zone=period.zone, scope=scope)
    clinics, therapists = places(scope)
    delivered, answered = response_rate(period.start, period.end, scope)
    return Report(
        period=period,
        scope=scope,
        as_of=now,
        scores=found["whole"].get("", Counter()),
        now=tally(found["whole"]),
        before=tally(found["before"]) if period.before else None,
        by_clinic=_ranked(found["clinic"], {str(clinic.pk): str(clinic) for clinic in clinics}, "No clinic"),
        by_therapist=_ranked(found["therapist"], {str(one.pk): str(one) for one in therapists}, "No therapist"),
        by_stage=_in_order(found["stage"], Stage.choices),
        by_channel=_in_order(found["channel"], Response.Channel.choices),
        months=[(month, tally(found["months"], f"{month:%Y-%m}")) for month in months],
        recent=tally(found["recent"]),
        earlier=tally(found["earlier"]),
        delivered=delivered,
        answered=answered,
        recovery=recovery(period.start, period.end, scope, now=now),
        clinics=clinics,
        therapists=therapists,
    )


def places(chosen: Scope) -> tuple[list[Clinic], list[Therapist]]:
    """The clinics in sight and the therapists by name, for filters and rows: id and name only, one statement."""
    clinics = clinics_of(chosen.seen).order_by().values_list(Value(True), "pk", "name", Value(""))
    therapists = Therapist.objects.order_by().values_list(Value(False), "pk", "last_name", "first_name")
    rows = sorted(clinics.union(therapists, all=True), key=lambda row: (row[2], row[3], row[1]))
    return (
        [Clinic(pk=key, name=name) for is_clinic, key, name, _ in rows if is_clinic],
        [Therapist(pk=key, last_name=last, first_name=first) for is_clinic, key, last, first in rows if not is_clinic],
    )


def trend_months(period: Period) -> list[date]:
    """Full months up to the end of the period, oldest first: twelve, or as many as the period holds."""
    last = add_months(period.beyond.replace(day=1), -1)
    many = max(TREND_MONTHS, len([month for month in period.months() if month <= last]))
    return [add_months(last, step - many + 1) for step in range(many)]


def _ranked(found: dict[str, Scores], names: dict[str, str], unknown: str) -> list[Row]:
    """Enough answers first, by score; then by name: 10 to 29 are shown without rank, fewer without score."""
    rows = [Row(key, names.get(key, unknown), tally(found, key)) for key in found]
    firm = [row for row in rows if row.tally.standing == score.Standing.FIRM]
    rest = [row for row in rows if row.tally.standing != score.Standing.FIRM]
    firm.sort(key=lambda row: (-(row.tally.nps or 0), row.name, row.key))
    rest.sort(key=lambda row: (row.tally.n < score.FEWEST, row.name, row.key))
    return [*firm, *rest]


def _in_order(found: dict[str, Scores], choices: Iterable[tuple[str, Any]]) -> list[Row]:
    return [Row(key, str(label), tally(found, key)) for key, label in choices if key in found]


def nps_figure(counted: Tally) -> Figure:
    """A tally as the figure `nps`, with its interval."""
    low, high = counted.interval or (None, None)
    return Figure("nps", counted.nps, counted.n, low, high)


def _rate(key: str, numerator: int, denominator: int) -> Figure:
    found = stats.wilson(numerator, denominator)
    if found is None:
        return Figure(key, None, 0)
    return Figure(key, Fraction(numerator, denominator), denominator, found[1], found[2])


def response_rate(start: datetime, end: datetime, scope: Scope | None = None) -> tuple[int, int]:
    """Of the surveys asked in the period: how many were delivered, and how many of those answered within 14 days.

    A reminder and the first asking are one. Not counted: what bounced, tests, withdrawn answers, answers by staff and
    resurveys.
    """
    bounced = OutboxMessage.objects.filter(delivery__in=UNDELIVERED)
    asked = (
        (scope or Scope())
        .of(SurveyInvitation.objects.filter(~not_counted(), state__in=DELIVERED))
        .annotate(first=Coalesce("reminder_of_id", "id"), first_at=Coalesce("reminder_of__asked_at", "asked_at"))
    )
    in_time = Q(
        responses__kind=Response.Kind.SURVEY,
        responses__status=Response.Status.VALID,
        responses__answered_at__lte=F("first_at") + ANSWERED_WITHIN,
    ) & ~Q(responses__channel=Response.Channel.STAFF)
    tests = Q(responses__status=Response.Status.TEST)
    found = (
        asked.filter(first_at__gte=start, first_at__lt=end)
        .exclude(pk__in=asked.filter(tests).values("pk"))
        .exclude(outbox_message__in=bounced.values("pk"))
        .aggregate(delivered=Count("first", distinct=True), answered=Count("first", distinct=True, filter=in_time))
    )
    return found["delivered"], found["answered"]


def recovery(start: datetime, end: datetime, scope: Scope | None = None, *, now: datetime) -> Recovery:
    """The cases opened in the period; `now` (aware) decides what is due."""
    opened = RecoveryCase.objects.filter(~not_counted(), opened_at__gte=start, opened_at__lt=end)
    cases = (scope or Scope()).of(opened, "response__")
    return Recovery(**cases.aggregate(
        opened=Count("pk"),
        contacted_in_time=Count("pk", filter=Q(contacted_at__lte=F("due_at"))),
        contact_due=Count("pk", filter=Q(contacted_at__isnull=False) | Q(due_at__lt=now)),
        resolved=Count("pk", filter=Q(state=RecoveryCase.State.RESOLVED)),
        overdue=Count("pk", filter=Q(contacted_at=None, due_at__lt=now) & ~Q(state=RecoveryCase.State.RESOLVED)),
    ))  # fmt: skip


def comments(
    start: datetime, end: datetime, scope: Scope | None = None, *, bucket: str = "", limit: int = NEWEST_COMMENTS
) -> list[Response]:
    """The newest answers with words of the period, patient and clinic beside them; `bucket` narrows to one.

    For owners and managers only (nps.md 4, names): the caller has checked the role.
    """
    counted = Response.objects.counted().in_bucket(bucket) if bucket else Response.objects.counted()
    rows = (scope or Scope()).of(counted).filter(answered_at__gte=start, answered_at__lt=end)
    return list(
        rows.exclude(comment=b"").select_related("patient", "clinic", "case").order_by("-answered_at", "-pk")[:limit]
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, datetime.min.time(), zone)
