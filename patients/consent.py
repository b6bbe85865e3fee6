"""Consent: a ledger that is only ever added to, and what follows from it (daily.md §1, messaging.md §5)."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Subquery

from accounts.models import User
from patients.models import Channel, Consent, ConsentPolicy, Patient, Purpose


def policy(channel: str, purpose: str) -> ConsentPolicy | None:
    """The version in force: the newest of the channel and purpose."""
    return ConsentPolicy.objects.filter(channel=channel, purpose=purpose).order_by("-version").first()


def choose_policy(
    channel: str, purpose: str, rule: str, *, by: User | None, now: datetime, wording: str = ""
) -> ConsentPolicy:
    """A new version of what an arriving address means; marketing is *recorded only* (TCPA, CAN-SPAM)."""
    current = policy(channel, purpose)
    return ConsentPolicy.objects.create(
        channel=channel, purpose=purpose, rule=rule, wording=wording, chosen_by=by, created_at=now,
        version=current.version + 1 if current else 1,
    )  # fmt: skip


def arrive(patients: Iterable[Patient], *, now: datetime) -> int:
    """Consent on arrival for patients whose address just appeared; returns the rows written.

    A row `granted, how=policy` per channel whose policy says so and for which the ledger has no row at all for the
    patient (nor a revocation for the same address at anyone), so that no revocation is ever overwritten. Runs in the
    transaction that brings the address. Source: daily.md §1.
    """
    addressed = [patient for patient in patients if patient.email or patient.phone]
    made: list[Consent] = []
    for channel, field in ((Channel.EMAIL, "email"), (Channel.SMS, "phone")):
        current = policy(channel, Purpose.CARE)
        if current is None or current.rule != ConsentPolicy.Rule.ON_ARRIVAL:
            continue
        candidates = {patient.pk: patient for patient in addressed if getattr(patient, field)}
        rows = Consent.objects.filter(channel=channel, purpose=Purpose.CARE)
        known = set(rows.filter(patient__in=candidates).values_list("patient_id", flat=True))
        refused = set(
            rows.filter(granted=False, address__in={getattr(p, field) for p in candidates.values()}).values_list(
                "address", flat=True
            )
        )
        made += [
            Consent(
                patient=patient, address=getattr(patient, field), channel=channel, purpose=Purpose.CARE, granted=True,
                how=Consent.How.POLICY, evidence=f"policy version {current.version}", at=now,
            )
            for patient in candidates.values()
            if patient.pk not in known and getattr(patient, field) not in refused
        ]  # fmt: skip
    Consent.objects.bulk_create(made)
    return len(made)


def state(
    patient: Patient, channel: str, purpose: str, *, granted: bool, how: str, now: datetime,
    evidence: str = "", topic: str = "", by: User | None = None,
) -> Consent:  # fmt: skip
    """Write one row of the ledger: a grant or a revocation for the patient's address of that channel."""
    address = patient.email if channel == Channel.EMAIL else patient.phone if channel == Channel.SMS else ""
    return Consent.objects.create(
        patient=patient, address=address, channel=channel, purpose=purpose, topic=topic, granted=granted, how=how,
        evidence=evidence, by=by, at=now,
    )  # fmt: skip


def allowed(patient_ids: Iterable, channel: str, purpose: str, topic: str) -> set:
    """Ids of those who may be sent to: the newest row without topic grants, and the newest of the topic if any."""
    newest = Consent.objects.filter(channel=channel, purpose=purpose, patient=OuterRef("pk")).order_by("-at", "-id")
    rows = (
        Patient.objects.filter(pk__in=list(patient_ids))
        .annotate(
            general=Subquery(newest.filter(topic="").values("granted")[:1]),
            particular=Subquery(newest.filter(topic=topic).values("granted")[:1])
            if topic
            else Subquery(newest.none().values("granted")),
        )
        .values_list("pk", "general", "particular")
    )
    return {pk for pk, general, particular in rows if general is True and particular is not False}


def current(patient: Patient) -> dict[tuple[str, str], Consent]:
    """The newest row without topic of each (channel, purpose), for the patient's page."""
    rows = Consent.objects.filter(patient=patient, topic="").order_by("at", "id")
    return {(row.channel, row.purpose): row for row in rows}
