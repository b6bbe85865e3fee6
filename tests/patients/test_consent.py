"""Consent on arrival: a policy grants once, and never over a revocation (daily.md §1)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patients import consent
from patients.models import Consent
from tests.factories.patients import PatientFactory

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)


def ledger(patient) -> list[tuple[str, str, bool, str]]:
    rows = Consent.objects.filter(patient=patient).order_by("at", "id")
    return list(rows.values_list("channel", "purpose", "granted", "how"))


def test_an_address_that_arrives_under_no_policy_grants_nothing(practice):
    patient = PatientFactory()
    assert consent.arrive([patient], now=NOON) == 0
    assert consent.allowed([patient.pk], "email", "care", "surveys") == set()


def test_the_policy_grants_once_with_its_version_as_evidence(practice):
    consent.choose_policy("email", "care", "recorded_only", by=None, now=NOON)
    consent.choose_policy("email", "care", "on_arrival", by=None, now=NOON)
    patient = PatientFactory()
    assert [consent.arrive([patient], now=NOON) for _ in range(3)] == [1, 0, 0]
    assert list(Consent.objects.values_list("evidence", flat=True)) == ["policy version 2"]
    assert consent.allowed([patient.pk], "email", "care", "surveys") == {patient.pk}
    assert consent.allowed([patient.pk], "email", "marketing", "news") == set()


def test_a_revocation_for_the_address_is_not_overwritten_by_a_new_patient_with_it(practice):
    consent.choose_policy("sms", "care", "on_arrival", by=None, now=NOON)
    first = PatientFactory(phone="+14155550134")
    consent.state(first, "sms", "care", granted=False, how=Consent.How.PATIENT, now=NOON)
    second = PatientFactory(phone="+14155550134")
    assert consent.arrive([second], now=NOON) == 0
    assert ledger(second) == []


def test_a_topic_turned_off_stops_that_topic_only(practice):
    patient = PatientFactory()
    consent.state(patient, "email", "care", granted=True, how=Consent.How.STAFF, now=NOON)
    consent.state(patient, "email", "care", granted=False, how=Consent.How.PATIENT, topic="surveys", now=NOON)
    assert consent.allowed([patient.pk], "email", "care", "surveys") == set()
    assert consent.allowed([patient.pk], "email", "care", "visits") == {patient.pk}


def test_marketing_is_never_granted_by_policy(practice):
    with pytest.raises(IntegrityError), transaction.atomic():
        consent.choose_policy("email", "marketing", "on_arrival", by=None, now=NOON)


steps = st.lists(st.sampled_from(["arrive", "revoke", "on_arrival", "recorded_only"]), max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_in_any_order_of_policies_arrivals_and_revocations_nothing_is_granted_after_a_revocation(practice, steps):
    patient, revoked = PatientFactory(), False
    for minute, step in enumerate(steps):
        now = NOON + timedelta(minutes=minute)
        if step == "arrive":
            consent.arrive([patient], now=now)
        elif step == "revoke":
            consent.state(patient, "email", "care", granted=False, how=Consent.How.PATIENT, now=now)
            revoked = True
        else:
            consent.choose_policy("email", "care", step, by=None, now=now)
        if revoked:
            assert consent.allowed([patient.pk], "email", "care", "") == set()
    assert not [row for row in ledger(patient) if row[1] == "marketing"]
