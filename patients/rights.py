"""A patient's rights over the record: no contact, amendments, who was told (daily.md section 13)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from patients import timeline
from patients.models import Amendment, Disclosure, Patient
from prm.ui.problems import Conflict

ACCOUNTED_FOR = timedelta(days=6 * 366)  # six years, leap days granted: 45 CFR 164.528(a)(1)
NAMED_APART = 2_000  # patients of one export


def restrict(patient: Patient, *, now: datetime) -> bool:
    """Contact the patient no more, but for security notices; False where that holds already."""
    changed = Patient.objects.filter(pk=patient.pk, restricted_at=None).update(restricted_at=now)
    if changed:
        timeline.record(patient, "contact_stopped", patient, at=now)
    return bool(changed)


def lift_restriction(patient: Patient, *, now: datetime) -> bool:
    """The patient may be contacted again, where consent allows it; False where nothing was restricted."""
    changed = Patient.objects.filter(pk=patient.pk).exclude(restricted_at=None).update(restricted_at=None)
    if changed:
        timeline.record(patient, "contact_allowed", patient, at=now)
    return bool(changed)


def ask_amendment(patient: Patient, text: str, *, by: User, now: datetime) -> Amendment:
    """Keep what the patient says is wrong; the practice has sixty days to answer."""
    asked = Amendment(patient=patient, entered_by=by, asked_at=now)
    asked.seal("request", text)
    asked.save(force_insert=True)
    timeline.record(patient, "amendment_asked", asked, at=now)
    return asked


def decide_amendment(asked: Amendment, decision: str, answer: str, *, by: User, now: datetime) -> None:
    """Accept or deny, in words that the patient gets. Conflict where somebody decided before."""
    asked.seal("answer", answer)
    changed = Amendment.objects.filter(pk=asked.pk, decision=Amendment.Decision.OPEN).update(
        decision=decision, answer=asked.answer, decided_at=now, decided_by=by
    )
    if not changed:
        raise Conflict("Somebody has decided this request meanwhile. Open the page again to see how.")
    timeline.record(asked.patient, "amendment_decided", asked, at=now, decision=decision)


def disclosures(patient: Patient, *, now: datetime) -> QuerySet[Disclosure]:
    """Who was told about the patient in the last six years, the newest first; exports of everybody's data too.

    An export counts for whoever was a patient when it was made.
    """
    everybodys = Q(patient=None, at__gte=patient.created_at)
    return (
        Disclosure.objects.filter(Q(patient=patient) | everybodys, at__gt=now - ACCOUNTED_FOR)
        .select_related("by")
        .order_by("-at", "-id")
    )


def record_export(
    *, recipient: str, what: str, purpose: str, by: User | None, now: datetime, patients: Iterable[UUID] | None = None
) -> None:
    """Account for an export with patients' rows: one entry a patient in it, or one for everybody.

    `patients` None: the export holds everybody's data. From NAMED_APART patients on it is accounted for once, for
    everybody too: who was not in it then reads that he may have been. Patients who are no longer kept are left out.
    """
    wanted = None if patients is None else set(patients)
    kept: list[UUID | None] = [None]
    if wanted is not None and len(wanted) <= NAMED_APART:
        kept = list(Patient.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    told = {"recipient": recipient[:160], "what": what, "purpose": purpose}
    Disclosure.objects.bulk_create(
        Disclosure(patient_id=pk, at=now, by=by, how=Disclosure.How.EXPORT).say(**told) for pk in kept
    )


def archive_fetched(by: User, now: datetime) -> None:
    """Account for the archive of all of the practice's data, for `accounts.disclosing`."""
    record_export(
        recipient=named(by), what="The archive of all data that the practice keeps", purpose="Export by an owner",
        by=by, now=now,
    )  # fmt: skip


def named(user: User) -> str:
    """Who got an export: name and address of the account, as 45 CFR 164.528(b)(2)(ii) asks."""
    return f"{user.name} ({user.email})"
