"""Asking for a message: once a key, decided at once."""

from datetime import timedelta

import pytest

from messaging.compose.fields import UnknownField
from messaging.models import OutboxMessage, SendPause, Suppression
from messaging.outbox import contexts
from messaging.outbox.queue import Draft, WrongMessage, enqueue, enqueue_many
from patients import consent
from tests.messaging.conftest import NOON, consenting


def survey(patient, version, key="k1", **changes):
    return {
        "patient": patient, "channel": "email", "purpose": "treatment", "topic": "surveys", "klass": "care",
        "template_version": version, "dedupe_key": key, "context": {"links.survey": "https://example.com/s"}, **changes,
    }  # fmt: skip


def test_a_message_is_queued_with_the_address_it_will_use(practice, patient, version):
    message = enqueue(practice, now=NOON, **survey(patient, version))

    assert (message.state, message.address, message.verdict, message.verdict_step) == (
        "queued", patient.email.lower(), "send", 10,
    )  # fmt: skip
    assert (message.not_before, message.expires_at) == (NOON, NOON + timedelta(hours=72))
    assert contexts.read_context(message) == {"fields": {"links.survey": "https://example.com/s"}}


def test_what_the_caller_gives_is_not_readable_in_the_table(practice, patient, version):
    message = enqueue(practice, now=NOON, **survey(patient, version))

    message.refresh_from_db()
    assert b"example.com" not in bytes(message.context)


def test_the_same_key_returns_the_old_row(practice, patient, version):
    first = enqueue(practice, now=NOON, **survey(patient, version))
    again = enqueue(practice, now=NOON + timedelta(days=1), **survey(patient, version))

    assert again == first
    assert OutboxMessage.objects.count() == 1


def test_many_are_queued_in_their_order_with_one_insert(practice, version, django_assert_num_queries):
    patients = [consenting() for _ in range(5)]
    drafts = [Draft(**survey(patient, version, f"k{n}")) for n, patient in enumerate(patients)]
    enqueue(practice, now=NOON, **survey(consenting(), version, "first"))  # makes the practice's data key

    with django_assert_num_queries(8):  # practice, patients, pauses, suppressions, consent, caps; insert; rows
        rows = enqueue_many(practice, [*drafts, drafts[0]], now=NOON)

    assert [row.patient_id for row in rows] == [patient.pk for patient in [*patients, patients[0]]]
    assert OutboxMessage.objects.count() == 6


def test_what_the_guard_drops_is_kept_with_its_reason(practice, patient, version):
    consent.state(patient, "email", "care", granted=False, how="patient", now=NOON)

    message = enqueue(practice, now=NOON, **survey(patient, version))

    assert (message.state, message.verdict_step, message.reason) == ("suppressed", 6, "no_consent")


def test_a_pause_makes_it_wait(practice, patient, version):
    until = NOON + timedelta(hours=2)
    SendPause.objects.create(why="manual", until=until)

    message = enqueue(practice, now=NOON, **survey(patient, version))

    assert (message.state, message.not_before, message.reason) == ("queued", until, "paused")


def test_a_suppressed_address_gets_nothing(practice, patient, version):
    Suppression.objects.create(channel="email", address=patient.email, kind="hard_bounce")

    message = enqueue(practice, now=NOON, **survey(patient, version))

    assert (message.state, message.reason, message.facts) == ("suppressed", "suppressed", {"kind": "hard_bounce"})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"context": {"patient.diagnosis": "knee"}}, "patient.diagnosis"),
        ({"template_version": None}, "template_version, body"),
        ({"dedupe_key": ""}, "dedupe_key"),
    ],
)
def test_a_wrong_argument_is_named(practice, patient, version, changes, named):
    with pytest.raises((WrongMessage, UnknownField), match=named):
        enqueue(practice, now=NOON, **survey(patient, version, **changes))
