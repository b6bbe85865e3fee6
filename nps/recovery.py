"""Private recovery: who looks after an unhappy patient, by when, and what was done (nps.md section 6)."""

from datetime import datetime, timedelta

from django.db.models import Q

from accounts.access import may
from accounts.models import Membership
from nps.models import ContactAttempt, RecoveryCase, Response
from nps.score import Bucket
from patients import timeline, worklist
from patients.models import WorkItem
from prm import clock, crypto

KIND = "recovery"
FIRST_CONTACT = {Bucket.DETRACTOR: 4 * 60, Bucket.PASSIVE: 16 * 60}  # minutes of the clinic's opening time
TRIES_BEFORE_NOT_REACHED = 3  # on as many days
UNDO_WITHIN = timedelta(seconds=60)  # the toast shows for 10 s, longer while somebody reads it
LONGEST_NOTE = 2000  # characters

State = RecoveryCase.State
Result = ContactAttempt.Result


class NotTriedEnough(ValueError):
    """“Not reached” before three tries on three days."""


class AlreadyResolved(RuntimeError):
    """A colleague resolved the case first; his outcome stands."""


class TooLateToUndo(RuntimeError):
    """The resolution is older than the time in which it can be taken back."""


def open_case(response: Response, *, now: datetime) -> RecoveryCase | None:
    """Start private recovery for a passive or detractor (score 0-8); None for a promoter (9-10).

    A patient has one open case: a second answer joins it, a worse answer reopens its own. First contact is due 4
    (detractor) or 16 (passive) clinic hours after `now` (aware), never later than it was. Idempotent per response. Runs
    in the caller's transaction, which holds the patient's row (nps.answer does).
    """
    if response.bucket == Bucket.PROMOTER:
        return None
    due_at = first_contact_due(response, now=now)
    case = RecoveryCase.objects.open().filter(patient=response.patient_id).first()
    if case is None and response.case is not None:
        return _reopen(response.case, response, due_at, now=now)
    if case is not None:
        return _join(case, response, due_at, now=now)
    case = RecoveryCase.objects.create(
        response=response, patient_id=response.patient_id, clinic=response.clinic, opened_at=now, due_at=due_at
    )
    _belongs(response, case)
    timeline.record(response.patient, "recovery_opened", case, at=now, score=response.score)
    _open_item(case, response, now=now)
    return case


def first_contact_due(response: Response, *, now: datetime) -> datetime:
    """When the first contact is due, in the clinic's opening hours (without a clinic: Mon-Fri 9-17)."""
    minutes = FIRST_CONTACT[response.bucket]
    if response.clinic is None:
        return clock.add_business_time(now, minutes, clock.NINE_TO_FIVE, [], response.practice.zone)
    return response.clinic.business_time(now, minutes)


def first_owner(response: Response) -> Membership | None:
    """The clinic's recovery lead, else a manager, else an owner; never the therapist who was rated. None: the queue."""
    clinic = response.clinic
    lead = clinic.recovery_lead if clinic else None
    if lead and lead.ended_at is None and may(lead, "nps.recover") and not _rated(lead, response):
        return lead
    members = Membership.objects.filter(ended_at=None, role__in=[Membership.Role.MANAGER, Membership.Role.OWNER])
    if response.therapist_id:
        members = members.exclude(therapist=response.therapist_id)
    if clinic:
        members = members.filter(Q(clinics=clinic) | Q(clinics=None)).distinct()
    # "manager" sorts before "owner"; the longest-serving one, so that the choice is the same every time
    return members.order_by("role", "id").first()


def take(case: RecoveryCase, *, by: Membership, now: datetime) -> None:
    """The member makes the case his own. AlreadyResolved where it is closed."""
    assign(case, by, by=by, now=now)


def assign(case: RecoveryCase, owner: Membership, *, by: Membership, now: datetime) -> None:
    """Give the case to a member. AlreadyResolved where it is closed."""
    item = _item_of(case)
    try:
        worklist.assign(item, owner, now=now, by=by)
    except worklist.AlreadyClosed:
        raise AlreadyResolved(str(case.pk)) from None
    RecoveryCase.objects.filter(pk=case.pk, state__in=[State.NEW, State.REOPENED]).update(state=State.ASSIGNED)
    case.refresh_from_db()
    timeline.record(case.patient, "recovery_taken", case, at=now, owner=owner.user.short_name)


def log_contact(
    case: RecoveryCase, *, by: Membership, medium: str, result: str, note: str, now: datetime
) -> ContactAttempt:
    """Write down one try to reach the patient. The first that reached him or left word counts as the first contact.

    AlreadyResolved where the case is closed. The note is kept encrypted.
    """
    locked = RecoveryCase.objects.select_for_update().get(pk=case.pk)
    if locked.state == State.RESOLVED:
        raise AlreadyResolved(str(case.pk))
    attempt = ContactAttempt(case=locked, by=by, medium=medium, result=result, at=now)
    crypto.seal_text(attempt, "note", note.strip())
    attempt.save()
    locked.state = {Result.REACHED: State.CONTACTED, Result.LEFT_WORD: State.WAITING}.get(
        Result(result), State.ASSIGNED if locked.state in {State.NEW, State.REOPENED} else State(locked.state)
    )
    if result in {Result.REACHED, Result.LEFT_WORD} and locked.contacted_at is None:
        locked.contacted_at = now
    locked.save(update_fields=["state", "contacted_at"])
    case.refresh_from_db()
    timeline.record(
        case.patient, "recovery_contact_logged", attempt, at=now, medium=medium, result=result, by=by.user.short_name
    )
    return attempt


def resolve(case: RecoveryCase, *, by: Membership, cause: str, outcome: str, now: datetime) -> None:
    """Close the case with what caused it and how it ended.

    NotTriedEnough for “not reached” before three tries on three days (clinic's days); AlreadyResolved where a colleague
    was first. ValueError for a cause or outcome that is none.
    """
    RecoveryCase.Cause(cause)
    if RecoveryCase.Outcome(outcome) == RecoveryCase.Outcome.NOT_REACHED:
        _check_tries(case)
    locked = RecoveryCase.objects.select_for_update().get(pk=case.pk)
    if locked.state == State.RESOLVED:
        raise AlreadyResolved(str(case.pk))
    worklist.close_item(_item_of(case), now=now, by=by, outcome=outcome)
    RecoveryCase.objects.filter(pk=case.pk).update(
        state=State.RESOLVED, state_before=locked.state, resolved_at=now, resolved_by=by, cause=cause, outcome=outcome
    )
    case.refresh_from_db()
    timeline.record(
        case.patient, "recovery_resolved", case, at=now, cause=cause, outcome=outcome, by=by.user.short_name
    )


def undo_resolution(case: RecoveryCase, *, by: Membership, now: datetime) -> None:
    """Take a resolution back, just after it. TooLateToUndo afterwards; nothing where the case is open."""
    locked = RecoveryCase.objects.select_for_update().get(pk=case.pk)
    if locked.state != State.RESOLVED or locked.resolved_at is None:
        return
    if now - locked.resolved_at > UNDO_WITHIN:
        raise TooLateToUndo(str(case.pk))
    worklist.undo_close(_item_of(case), now=now, by=by)
    RecoveryCase.objects.filter(pk=case.pk).update(
        state=locked.state_before or State.ASSIGNED, resolved_at=None, resolved_by=None, cause="", outcome=""
    )
    case.refresh_from_db()
    timeline.record(case.patient, "recovery_resolution_undone", case, at=now, by=by.user.short_name)


def improved(response: Response, *, now: datetime) -> None:
    """The patient's newer answer is of a better bucket: said on the case, if any, which stays as it is."""
    if response.case is None:
        return
    timeline.record(response.patient, "recovery_improved", response.case, at=now, score=response.score)


def attempts_of(case: RecoveryCase) -> list[ContactAttempt]:
    """The contact log, oldest first, with who made the entries."""
    return list(case.attempts.select_related("by__user").order_by("at", "id"))


def _rated(member: Membership, response: Response) -> bool:
    return response.therapist_id is not None and member.therapist_id == response.therapist_id


def _join(case: RecoveryCase, response: Response, due_at: datetime, *, now: datetime) -> RecoveryCase:
    already = response.case_id == case.pk
    _belongs(response, case)
    if case.contacted_at is None and due_at < case.due_at:
        case.due_at = due_at
        case.save(update_fields=["due_at"])
        WorkItem.objects.filter(kind=KIND, subject_id=case.pk, state=WorkItem.State.OPEN).update(due_at=due_at)
    timeline.record(response.patient, "recovery_joined", case, at=now, score=response.score, again=already)
    _open_item(case, response, now=now)
    return case


def _reopen(case: RecoveryCase, response: Response, due_at: datetime, *, now: datetime) -> RecoveryCase:
    case.state, case.due_at = State.REOPENED, due_at
    case.resolved_at = case.resolved_by = None
    case.outcome = ""
    case.save(update_fields=["state", "due_at", "resolved_at", "resolved_by", "outcome"])
    timeline.record(response.patient, "recovery_reopened", case, at=now, score=response.score)
    _open_item(case, response, now=now)
    return case


def _belongs(response: Response, case: RecoveryCase) -> None:
    response.case = case
    response.save(update_fields=["case"])


def _open_item(case: RecoveryCase, response: Response, *, now: datetime) -> WorkItem:
    return worklist.open_item(
        KIND, case, now=now, due_at=case.due_at, patient=response.patient, clinic=case.clinic,
        owner=first_owner(response), line=f"score {response.score}",
    )  # fmt: skip


def _item_of(case: RecoveryCase) -> WorkItem:
    item = worklist.find(KIND, case.pk)
    if item is None:
        raise WorkItem.DoesNotExist(f"recovery case {case.pk} has no work item")
    return item


def _check_tries(case: RecoveryCase) -> None:
    zone = case.clinic.zone if case.clinic else case.practice.zone
    days = {at.astimezone(zone).date() for at in case.attempts.values_list("at", flat=True)}
    if len(days) < TRIES_BEFORE_NOT_REACHED:
        raise NotTriedEnough(f"{len(days)} of {TRIES_BEFORE_NOT_REACHED} days with a try")
