"""Consent: a ledger that is only ever added to, and what follows from it (daily.md §1, messaging.md §5)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from patients.models import Channel, Consent, ConsentPolicy, Patient, Purpose

ADDRESS_FIELD: dict[str, str] = {
    Channel.EMAIL: "email",
    Channel.SMS: "phone",
}  # push has no address: the device says yes by itself
BATCH = 2_000
VERSION_OF = r"^policy version (\d+)"  # in the evidence of a row that a policy wrote


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What choosing a policy did: the version in force, rows granted to those already here, rows taken back."""

    policy: ConsentPolicy
    granted: int
    revoked: int


def policy(channel: str, purpose: str) -> ConsentPolicy | None:
    """The version in force: the newest of the channel and purpose."""
    return ConsentPolicy.objects.filter(channel=channel, purpose=purpose).order_by("-version").first()


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a policy; `given`: how many patients got their consent by it, whatever came later."""

    policy: ConsentPolicy
    given: int


def policy_versions(purpose: str = Purpose.CARE) -> dict[str, list[PolicyVersion]]:
    """Every version by channel, the newest first. Two statements, whatever their number."""
    by_version = dict(
        Consent.objects.filter(purpose=purpose, topic="", granted=True, how=Consent.How.POLICY)
        .annotate(of=Concat("channel", Value(" "), Func("evidence", Value(VERSION_OF), function="substring")))
        .values_list("of")
        .annotate(given=Count("patient", distinct=True))
    )
    found: dict[str, list[PolicyVersion]] = {}
    for one in ConsentPolicy.objects.filter(purpose=purpose).select_related("chosen_by").order_by("-version"):
        given = by_version.get(f"{one.channel} {one.version}", 0)
        found.setdefault(one.channel, []).append(PolicyVersion(one, given))
    return found


def choose_policy(
    channel: str, purpose: str, rule: str, *, by: User | None, now: datetime, wording: str = ""
) -> ConsentPolicy:
    """A new version of what an arriving address means. Marketing is *recorded only* and nothing else (TCPA, CAN-SPAM).

    The rule and wording in force are not chosen again. IntegrityError for marketing by policy; `check_choice` says it
    in words beforehand.
    """
    current = policy(channel, purpose)
    if current and (current.rule, current.wording) == (rule, wording):
        return current
    return ConsentPolicy.objects.create(
        channel=channel, purpose=purpose, rule=rule, wording=wording, chosen_by=by, created_at=now,
        version=current.version + 1 if current else 1,
    )  # fmt: skip


def check_choice(channel: str, purpose: str, rule: str, wording: str) -> None:
    """ValidationError, naming the field, for what the law does not let a policy give (daily.md §1)."""
    if rule != ConsentPolicy.Rule.ON_ARRIVAL:
        return
    if purpose != Purpose.CARE or channel not in ADDRESS_FIELD:
        raise ValidationError({"rule": _("Only consent to care, by e-mail or text, can come with an address.")})
    if channel == Channel.SMS and not wording.strip():
        raise ValidationError({"wording": _("Give the words of your intake form that say texts may come.")})


def change_policy(
    channel: str, rule: str, *, by: User | None, now: datetime, wording: str = "", also_here: bool = False
) -> PolicyChange:
    """Choose what an arriving address means for care, and do what follows.

    Turned on: grants for those who are here already, where `also_here`. Turned off: revocations of what it gave.
    ValidationError as `check_choice`.
    """
    check_choice(channel, Purpose.CARE, rule, wording)
    chosen = choose_policy(channel, Purpose.CARE, rule, by=by, now=now, wording=wording)
    on = chosen.rule == ConsentPolicy.Rule.ON_ARRIVAL
    return PolicyChange(
        chosen,
        granted=backfill(channel, now=now) if on and also_here else 0,
        revoked=0 if on else withdraw(channel, now=now),
    )


def arrive(patients: Iterable[Patient], *, now: datetime) -> int:
    """Consent on arrival for patients whose address just appeared; returns the rows written.

    A row `granted, how=policy` per channel whose policy says so and for which the ledger has no row at all for the
    patient (nor a revocation for the same address at anyone), so that no revocation is ever overwritten. Runs in the
    transaction that brings the address. Source: daily.md §1.
    """
    patients = list(patients)
    return sum(_grant_by_policy(channel, patients, now=now) for channel in ADDRESS_FIELD)


def backfill(channel: str, *, now: datetime) -> int:
    """Consent on arrival for everybody who is here already, asked for when a policy is turned on; the rows written."""
    return sum(_grant_by_policy(channel, batch, now=now, note=", backfill") for batch in _here(channel))


def waiting_for_backfill(channel: str) -> int:
    """How many living patients with an address of `channel` would get consent from `backfill`."""
    field = ADDRESS_FIELD[channel]
    rows = Consent.objects.filter(channel=channel, purpose=Purpose.CARE)
    refused = rows.filter(granted=False, address=OuterRef(field))
    here = Patient.objects.living().real().exclude(**{field: ""})
    return here.filter(~Exists(rows.filter(patient=OuterRef("pk"))), ~Exists(refused)).count()


def policy_grants(channel: str) -> QuerySet[Patient]:
    """Patients whose present consent to care by `channel` was given by a policy."""
    newest = (
        Consent.objects.filter(channel=channel, purpose=Purpose.CARE, topic="", patient=OuterRef("pk"))
        .order_by("-at", "-id")
        .annotate(by_policy=Q(granted=True, how=Consent.How.POLICY))
    )
    return Patient.objects.annotate(by_policy=Subquery(newest.values("by_policy")[:1])).filter(by_policy=True)


def withdraw(channel: str, *, now: datetime) -> int:
    """Turning a policy off: revocations for the consents that it gave, and for no other; the rows written."""
    field = ADDRESS_FIELD[channel]
    made = [
        Consent(
            patient=patient, address=getattr(patient, field), channel=channel, purpose=Purpose.CARE, granted=False,
            how=Consent.How.POLICY, evidence="policy turned off", at=now,
        )
        for patient in policy_grants(channel)
    ]  # fmt: skip
    Consent.objects.bulk_create(made, batch_size=BATCH)
    return len(made)


def _grant_by_policy(channel: str, patients: Sequence[Patient], *, now: datetime, note: str = "") -> int:
    current = policy(channel, Purpose.CARE)
    if current is None or current.rule != ConsentPolicy.Rule.ON_ARRIVAL:
        return 0
    made = [
        Consent(
            patient=patient, address=getattr(patient, ADDRESS_FIELD[channel]), channel=channel, purpose=Purpose.CARE,
            granted=True, how=Consent.How.POLICY, evidence=f"policy version {current.version}{note}", at=now,
        )
        for patient in _without_a_word(channel, patients)
    ]  # fmt: skip
    Consent.objects.bulk_create(made)
    return len(made)


def _without_a_word(channel: str, patients: Sequence[Patient]) -> list[Patient]:
    """Those with an address of whom, and of whose address, the ledger holds no word that speaks against a policy."""
    field = ADDRESS_FIELD[channel]
    candidates = {patient.pk: patient for patient in patients if getattr(patient, field)}
    rows = Consent.objects.filter(channel=channel, purpose=Purpose.CARE)
    known = set(rows.filter(patient__in=candidates).values_list("patient_id", flat=True))
    addresses = {getattr(patient, field) for patient in candidates.values()}
    refused = set(rows.filter(granted=False, address__in=addresses).values_list("address", flat=True))
    return [p for p in candidates.values() if p.pk not in known and getattr(p, field) not in refused]


def _here(channel: str) -> Iterator[list[Patient]]:
    """Living patients with an address of `channel`, in batches, each query bounded."""
    rows = Patient.objects.living().real().exclude(**{ADDRESS_FIELD[channel]: ""}).order_by("pk")
    last = None
    while batch := list((rows.filter(pk__gt=last) if last else rows)[:BATCH]):
        yield batch
        last = batch[-1].pk


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
