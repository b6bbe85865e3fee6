"""May this leave, now? One function decides it for a batch, step by step, each with its reason (messaging.md §5).

`decide` is asked when a message is queued and again in the transaction that claims it. The first stop wins.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q

from accounts.models import Membership, Practice
from messaging.models import Klass, MessagePurpose, OutboxMessage, SendPause, Suppression, TemplateVersion
from messaging.outbox import caps, quiet
from patients import consent
from patients.models import Channel, Patient, Purpose
from prm import clock
from prm.tenancy import current_practice_id

Outcome, State = OutboxMessage.Outcome, OutboxMessage.State
ASK_AGAIN = timedelta(minutes=15)  # where a pause has no end of its own
LINK_ENDED = "link_ended"  # why a message is stale: the link that it carries opens nothing any more


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided at which step. `until`: of a deferral. `void`: the occasion is gone, so the row is cancelled."""

    step: int
    outcome: str
    reason: str = ""
    until: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    void: bool = False


Check = Callable[[Sequence[OutboxMessage], datetime], Mapping[UUID, Verdict]]
OCCURRENCE, FATIGUE = 1, 9
_checks: dict[str, tuple[int, Check]] = {}


def register(name: str, *, step: int, check: Check) -> None:
    """Add a check of an upper app: step 1 (is the occasion void?) or 9 (fatigue).

    `check(messages, at)` gets the batch as far as it has passed and returns verdicts for those that it stops, by id.
    ValueError for another step or a name that is taken.
    """
    if step not in (OCCURRENCE, FATIGUE) or name in _checks:
        raise ValueError(f"guard check {name!r} at step {step}: expected a new name and step 1 or 9")
    _checks[name] = (step, check)


def stale(**facts: Any) -> Verdict:
    """For checks of step 1: the occasion is void, the message is cancelled."""
    return Verdict(OCCURRENCE, Outcome.DROP, "stale", facts=facts, void=True)


def defer(reason: str, until: datetime, **facts: Any) -> Verdict:
    """For checks of step 9: not before `until`."""
    return Verdict(FATIGUE, Outcome.DEFER, reason, until=until, facts=facts)


def drop(reason: str, **facts: Any) -> Verdict:
    """For checks of step 9: not at all."""
    return Verdict(FATIGUE, Outcome.DROP, reason, facts=facts)


@dataclass(slots=True)
class _Case:
    """One message on its way through the steps: whose it is, who gets it, at which address."""

    message: OutboxMessage
    practice: Practice
    patient: Patient | None = None
    address: str = ""


def decide(messages: Iterable[OutboxMessage], at: datetime) -> dict[UUID, Verdict]:
    """A verdict for each message (saved or not), by id, as of `at` (aware).

    Sets `patient` to the survivor of a merge and `address` to the one to use, on the objects only. Asks the database a
    few times a batch, whatever its size. Inside the practice's context.
    """
    batch = list(messages)
    verdicts: dict[UUID, Verdict] = {}
    people = _patients(batch)
    practice = Practice.objects.get(pk=current_practice_id()) if batch else Practice()
    open_cases = [
        _Case(message, practice, people.get(message.patient_id) if message.patient_id else None) for message in batch
    ]
    for step in _STEPS:
        found = step(open_cases, at)
        for case in open_cases:
            if (verdict := found.get(case.message.pk)) is not None:
                verdicts[case.message.pk] = _in_time(case.message, verdict)
        open_cases = [case for case in open_cases if case.message.pk not in found]
    verdicts |= {case.message.pk: Verdict(10, Outcome.SEND) for case in open_cases}
    return verdicts


def apply(message: OutboxMessage, verdict: Verdict, *, at: datetime) -> None:
    """Write a verdict onto the object: state, reason, facts, the new time of a deferral. Saves nothing."""
    message.verdict, message.verdict_step = verdict.outcome, verdict.step
    message.reason, message.facts = verdict.reason, dict(verdict.facts)
    state = state_after(verdict)
    if state != message.state:
        message.state, message.state_at = state, at
    if verdict.outcome == Outcome.DEFER and verdict.until is not None:
        message.not_before = max(message.not_before, verdict.until)  # never earlier than it was planned


def state_after(verdict: Verdict) -> str:
    """The state that a verdict makes (messaging.md §5)."""
    if verdict.outcome == Outcome.DROP:
        if verdict.void:
            return State.CANCELLED
        return State.EXPIRED if verdict.reason == "expired" else State.SUPPRESSED
    return State.HELD if verdict.outcome == Outcome.HOLD else State.QUEUED


def _in_time(message: OutboxMessage, verdict: Verdict) -> Verdict:
    """A deferral that would pass the message's end is a drop at once, with the same reason."""
    if verdict.outcome == Outcome.DEFER and verdict.until is not None and verdict.until >= message.expires_at:
        return Verdict(verdict.step, Outcome.DROP, verdict.reason, facts=verdict.facts)
    return verdict


def _patients(batch: Sequence[OutboxMessage]) -> dict[UUID, Patient]:
    """The batch's patients by id, with the survivors of merges and the clinics that tell their zone."""
    wanted = {message.patient_id for message in batch if message.patient_id}
    if not wanted:
        return {}
    rows = Patient.objects.filter(pk__in=wanted).select_related("home_clinic", "merged_into__home_clinic")
    return {patient.pk: patient for patient in rows}


def _expired(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 1, our part: its time has run out."""
    return {
        case.message.pk: Verdict(1, Outcome.DROP, "expired", facts={"expires_at": case.message.expires_at.isoformat()})
        for case in cases
        if case.message.expires_at <= at
    }


def _registered(step: int) -> Callable[[Sequence[_Case], datetime], dict[UUID, Verdict]]:
    """The checks of upper apps at one step."""

    def ask(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
        left = [case.message for case in cases if case.message.member_id is None]
        if step == FATIGUE:
            left = [message for message in left if message.klass not in (Klass.SECURITY, Klass.DIRECT)]
        found: dict[UUID, Verdict] = {}
        for own_step, check in list(_checks.values()):
            if own_step == step and left:
                found |= check(left, at)
                left = [message for message in left if message.pk not in found]
        return found

    return ask


def _inactive(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 2: deceased, archived, sample, test patients, those not to be contacted; a merged one is followed once."""
    found = {}
    for case in cases:
        patient = case.patient
        if patient is None:
            if case.message.patient_id:
                found[case.message.pk] = _gone("erased")
            continue
        if patient.merged_into is not None:
            patient = case.patient = patient.merged_into
            case.message.patient = patient
        why = (
            "merged_again" if patient.merged_into_id
            else "deceased" if patient.deceased_at
            else "archived" if patient.archived_at
            else "sample" if patient.is_sample
            else "test_patient" if patient.test_name
            else "do_not_contact" if patient.restricted_at and case.message.klass != Klass.SECURITY
            else ""
        )  # fmt: skip
        if why:
            found[case.message.pk] = _gone(why)
    return found


def _gone(why: str) -> Verdict:
    return Verdict(2, Outcome.DROP, "patient_inactive", facts={"why": why})


def _paused(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 3: the practice, a channel or a campaign is paused."""
    if not cases:
        return {}
    pauses = list(SendPause.objects.filter(Q(until=None) | Q(until__gt=at), ended_at=None).order_by("at"))
    found = {}
    for case in cases:
        message = case.message
        for pause in pauses:
            if (
                pause.channel in ("", message.channel)
                and pause.campaign in (None, message.campaign)
                and (not pause.marketing_only or message.klass == Klass.MARKETING)
            ):
                until = pause.until or at + ASK_AGAIN
                found[message.pk] = Verdict(3, Outcome.DEFER, "paused", until=until, facts={"why": pause.why})
                break
    return found


def _unaddressed(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 4: there is no valid address of that channel."""
    members = {case.message.member_id for case in cases if case.message.member_id}
    rows = Membership.objects.select_related("user").filter(pk__in=members) if members else ()
    staff = {row.pk: row.user.email for row in rows}
    found = {}
    for case in cases:
        message = case.message
        case.address = staff.get(message.member_id, "") if message.member_id else _own_address(case)
        message.address = case.address
        if not case.address:
            found[message.pk] = Verdict(4, Outcome.DROP, "no_address")
    return found


def _own_address(case: _Case) -> str:
    """The patient's e-mail in lower case or his number; empty where it is none."""
    if case.patient is None:
        return case.message.address
    if case.message.channel == Channel.SMS:
        return case.patient.phone
    address = case.patient.email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address


def _suppressed(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 5: the address is suppressed."""
    addresses = {case.address for case in cases}
    if not addresses:
        return {}
    rows = Suppression.objects.filter(Q(until=None) | Q(until__gt=at), lifted_at=None, address__in=addresses)
    kinds = {(row.channel, row.address): row.kind for row in rows.order_by("at")}
    return {
        case.message.pk: Verdict(5, Outcome.DROP, "suppressed", facts={"kind": kind})
        for case in cases
        if (kind := kinds.get((case.message.channel, case.address)))
    }


def _unconsented(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 6: consent for channel and purpose; marketing for a third party needs a signed authorisation."""
    found = {}
    groups: dict[tuple[str, str, str], list[_Case]] = {}
    for case in cases:
        message = case.message
        if case.patient is None or (
            message.channel == Channel.EMAIL and message.klass in (Klass.SECURITY, Klass.DIRECT)
        ):
            continue
        if message.purpose == MessagePurpose.AUTHORISED_MARKETING:
            # No authorisation can be recorded yet (45 CFR 164.508), so none is live.
            found[message.pk] = Verdict(6, Outcome.DROP, "no_authorisation")
            continue
        purpose = Purpose.CARE if message.purpose == MessagePurpose.TREATMENT else Purpose.MARKETING
        groups.setdefault((message.channel, purpose, message.topic), []).append(case)
    for (channel, wanted, topic), members in groups.items():
        ids = {case.patient.pk for case in members if case.patient}
        allowed = consent.allowed(ids, channel, wanted, topic)
        for case in members:
            if case.patient and case.patient.pk not in allowed:
                found[case.message.pk] = Verdict(6, Outcome.DROP, "no_consent", facts={"purpose": str(wanted)})
    return found


def _unlawful_content(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 7: marketing without unsubscribe link or postal address is held until a person mends it (CAN-SPAM)."""
    marketing = [case for case in cases if case.message.klass == Klass.MARKETING]
    if not marketing:
        return {}
    postal = marketing[0].practice.postal_address
    fields = dict(
        TemplateVersion.objects.filter(pk__in={case.message.template_version_id for case in marketing}).values_list(
            "pk", "fields"
        )
    )
    found = {}
    for case in marketing:
        own = fields.get(case.message.template_version_id, [])
        missing = "postal_address" if not postal else "unsubscribe" if "links.unsubscribe" not in own else ""
        if missing and case.message.channel == Channel.EMAIL:
            found[case.message.pk] = Verdict(7, Outcome.HOLD, "content", facts={"missing": missing})
    return found


def _quiet(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 8: no text at night, in the zones of the patient and of his number's area; e-mail as the practice says."""
    timed = [case for case in cases if case.message.member_id is None and case.message.klass != Klass.SECURITY]
    found = {}
    for case in timed:
        moment = _planned(case, at)
        until = _next_window(case, moment)
        if until > moment:
            own, area = _zone(case), _area(case)
            facts = {"zones": sorted({zone.key for zone in (own, *area)})}
            found[case.message.pk] = Verdict(8, Outcome.DEFER, "quiet_hours", until=until, facts=facts)
    return found


def _capped(cases: Sequence[_Case], at: datetime) -> dict[UUID, Verdict]:
    """Step 9, our part: so many a day and a week to one patient and one address, over all rules."""
    counted = [case for case in cases if case.patient is not None and case.message.klass in caps.CAPPED]
    if not counted:
        return {}
    practice = counted[0].practice
    batch = [
        caps.Wanted(case.message, case.address, _zone(case), _planned(case, at)) for case in counted
    ]  # fmt: skip
    days = caps.first_days(batch, at, day=practice.cap_day, week=practice.cap_week)
    found = {}
    for case, wanted in zip(counted, batch, strict=True):
        day, local = days[case.message.pk], wanted.moment.astimezone(wanted.zone)
        if day > local.date():
            until = _next_window(case, clock.local_moment(day, time(), wanted.zone))
            if _window(case) is None:  # none: at the hour for which it was planned
                until = clock.local_moment(day, local.time(), wanted.zone)
            found[case.message.pk] = defer("cap", until, day=practice.cap_day, week=practice.cap_week)
    return found


def _planned(case: _Case, at: datetime) -> datetime:
    """When the message would leave: now, or at the later time for which it is queued."""
    return max(at, case.message.not_before)


def _zone(case: _Case) -> ZoneInfo:
    """The patient's zone, else his clinic's, else the practice's."""
    if case.patient is None:
        return case.practice.zone
    home = case.patient.home_clinic
    return case.patient.zone(home.zone if home else case.practice.zone)


def _area(case: _Case) -> list[ZoneInfo]:
    return quiet.area_zones(case.address) if case.message.channel == Channel.SMS else []


def _window(case: _Case) -> tuple[time, time] | None:
    """Opening and closing of the message's channel; None where it may leave at any hour."""
    practice = case.practice
    if case.message.channel == Channel.SMS:
        return practice.texts_open, practice.texts_close
    if case.message.channel == Channel.PUSH:
        return quiet.OPENS, quiet.PUSH_CLOSES
    if practice.emails_open is None or practice.emails_close is None or case.message.klass not in caps.CAPPED:
        return None  # the window of e-mail is the practice's own wish: what a person writes does not wait for it
    return practice.emails_open, practice.emails_close


def _next_window(case: _Case, moment: datetime) -> datetime:
    window = _window(case)
    if window is None:
        return moment
    return quiet.next_allowed(moment, _zone(case), _area(case), opens=window[0], closes=window[1])


_STEPS: tuple[Callable[[Sequence[_Case], datetime], dict[UUID, Verdict]], ...] = (
    _expired, _registered(OCCURRENCE), _inactive, _paused, _unaddressed, _suppressed, _unconsented, _unlawful_content,
    _quiet, _capped, _registered(FATIGUE),
)  # fmt: skip
