"""From the queue to the providers: the real clients against the simulator, every outcome of messaging.md §2."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from messaging.channels import accounts
from messaging.compose import library, rendering
from messaging.models import DeliveryAttempt, OutboxMessage, SendPause, Suppression
from messaging.outbox import deliver, outcomes, queue
from patients import consent
from patients.models import TimelineEntry, WorkItem
from prm import clock
from prm.dev.providers import mailsend, simulator
from prm.tenancy import current_practice_id, use_practice
from tests.factories.accounts import PracticeFactory
from tests.messaging.conftest import consenting

pytestmark = pytest.mark.django_db(transaction=True)
State = OutboxMessage.State


@pytest.fixture
def practice(transactional_db):
    """A practice, closed: delivery opens it itself."""
    return PracticeFactory()


@pytest.fixture
def sim(settings):
    with simulator.running(keys={"SG.good"}, verified={"hello@harbor.example"}) as running:
        settings.SENDGRID_API_BASE = running.sendgrid.url
        settings.HTTP_READ_TIMEOUT = 2
        yield running


def carried_by(practice, provider, sim, **changes):
    options = {"host": "127.0.0.1", "port": sim.smtp.port, "security": "none"} if provider == "smtp" else {}
    secrets = {"api_key": changes.pop("api_key", "SG.good")} if provider == "sendgrid" else {}
    with use_practice(practice.pk):
        return accounts.save(
            "email", provider, sender_name=practice.name, reply_to="", options=options, credentials=secrets,
            now=clock.now(), **{"sender_address": "hello@harbor.example", **changes},
        )  # fmt: skip


def queue_mails(practice, count=1, *, patients=None, **changes):
    """Mails to `count` new patients; returns their ids."""
    with use_practice(practice.pk):
        version = library.version(practice, library.SURVEY)
        drafts = [
            queue.Draft(
                **{
                    "patient": patient, "channel": "email", "purpose": "treatment", "topic": "surveys", "klass": "care",
                    "template_version": version, "dedupe_key": f"k-{patient.pk}-{OutboxMessage.objects.count()}",
                    "context": {"links.survey": f"https://prm.example/portal/p/{patient.pk}"}, **changes,
                }
            )
            for patient in (patients or [consenting() for _ in range(count)])
        ]  # fmt: skip
        return [row.pk for row in queue.enqueue_many(practice, drafts)]


def states(practice):
    with use_practice(practice.pk):
        return Counter(OutboxMessage.objects.values_list("state", flat=True))


def attempts(practice):
    with use_practice(practice.pk):
        return list(DeliveryAttempt.objects.order_by("started_at", "number").values_list("result", "http", "code"))


def message(practice, pk):
    with use_practice(practice.pk):
        return OutboxMessage.objects.get(pk=pk)


@pytest.mark.parametrize("provider", ["sendgrid", "smtp"])
def test_each_mail_is_sent_once_with_its_own_link(practice, sim, provider):
    carried_by(practice, provider, sim)
    keys = queue_mails(practice, 3)

    assert deliver.deliver_due("email").sent == 3
    assert deliver.deliver_due("email").sent == 0

    assert sorted(row.id for row in sim.ledger.rows()) == sorted(str(key) for key in keys)
    assert states(practice) == {State.SENT: 3}
    with use_practice(practice.pk):
        for sent in OutboxMessage.objects.select_related("patient"):
            body = rendering.as_sent(sent)
            assert f"https://prm.example/portal/p/{sent.patient_id}?s=9" in body.read("html")
            assert (sent.context, sent.provider, sent.delivery) == (b"", provider, "accepted")
        assert TimelineEntry.objects.filter(kind="message_sent").count() == 3


def test_one_call_of_sendgrid_carries_a_whole_group(practice, sim):
    carried_by(practice, "sendgrid", sim)
    queue_mails(practice, 12)

    deliver.deliver_due("email")

    assert {row.call for row in sim.ledger.rows()} == {1}
    assert len(sim.ledger.rows()) == 12


def test_patients_who_share_an_address_get_one_mail_each_in_calls_of_their_own(practice, sim):
    carried_by(practice, "sendgrid", sim)
    with use_practice(practice.pk):
        couple = [consenting(email="us@example.com") for _ in range(3)]
    queue_mails(practice, patients=couple)

    deliver.deliver_due("email")

    assert [row.to for row in sim.ledger.rows()] == ["us@example.com"] * 3
    assert len({row.call for row in sim.ledger.rows()}) == 3
    assert states(practice) == {State.SENT: 3}


def test_two_mails_for_one_patient_go_one_after_the_other(practice, sim):
    carried_by(practice, "sendgrid", sim)
    with use_practice(practice.pk):
        patient = consenting()
    queue_mails(practice, patients=[patient])
    queue_mails(practice, patients=[patient], klass="direct")  # two of a rule's would not leave on one day

    deliver.deliver_due("email")

    assert len({row.call for row in sim.ledger.rows()}) == 2


@pytest.mark.parametrize(
    ("fault", "state", "attempt"),
    [
        ("429", State.QUEUED, ("no", 429, "http_429")),
        ("500", State.QUEUED, ("no", 500, "http_500")),
        ("503", State.QUEUED, ("no", 503, "http_503")),
        ("400", State.FAILED, ("never", 400, "http_400")),
        ("404", State.FAILED, ("never", 404, "http_404")),
        ("413", State.FAILED, ("never", 413, "http_413")),
        ("502", State.UNKNOWN, ("unknown", 502, "http_502")),
        ("504", State.UNKNOWN, ("unknown", 504, "http_504")),
        ("html", State.UNKNOWN, ("unknown", 502, "http_502")),
        ("lost", State.UNKNOWN, None),
        ("reset", State.UNKNOWN, None),
        ("truncated", State.UNKNOWN, None),
        ("garbage", State.UNKNOWN, None),
    ],
)
def test_what_sendgrid_answers_makes_the_state(practice, sim, fault, state, attempt):
    carried_by(practice, "sendgrid", sim)
    queue_mails(practice)
    sim.faults.replace([{"fault": fault, "times": 1}])

    deliver.deliver_due("email")

    assert states(practice) == {state: 1}
    found = attempts(practice)
    assert found == [attempt] if attempt else found[0][0] == "unknown"


def test_no_answer_in_time_is_unknown(practice, sim, settings):
    settings.HTTP_READ_TIMEOUT = 0.2
    carried_by(practice, "sendgrid", sim)
    queue_mails(practice)
    sim.faults.replace([{"fault": "slow", "times": 1, "seconds": 1}])

    deliver.deliver_due("email")

    assert (states(practice), attempts(practice)[0][2]) == ({State.UNKNOWN: 1}, "TimeoutError")


@pytest.mark.parametrize("provider", ["sendgrid", "smtp"])
def test_nobody_there_is_a_no(practice, sim, settings, provider):
    settings.SENDGRID_API_BASE = "http://127.0.0.1:1"
    found = carried_by(practice, provider, sim)
    if provider == "smtp":
        with use_practice(practice.pk):
            found.options["port"] = 1
            found.save()
    queue_mails(practice)

    deliver.deliver_due("email")

    assert (states(practice), attempts(practice)[0][0]) == ({State.QUEUED: 1}, "no")


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        ("450", State.QUEUED, "smtp_450"),
        ("550", State.FAILED, "smtp_550"),
        ("drop", State.UNKNOWN, "SMTPServerDisconnected"),
        ("lost", State.UNKNOWN, "SMTPServerDisconnected"),
    ],
)
def test_what_a_mail_server_answers_makes_the_state(practice, sim, fault, state, code):
    carried_by(practice, "smtp", sim)
    queue_mails(practice)
    sim.faults.replace([{"fault": fault, "times": 1}])

    deliver.deliver_due("email")

    assert (states(practice), attempts(practice)[0][2]) == ({state: 1}, code)


def test_an_address_that_a_server_does_not_know_is_suppressed_and_becomes_work(practice, sim):
    carried_by(practice, "smtp", sim)
    queue_mails(practice)
    sim.faults.replace([{"fault": "550", "times": 1}])

    deliver.deliver_due("email")

    with use_practice(practice.pk):
        assert list(Suppression.objects.values_list("kind", flat=True)) == ["hard_bounce"]
        assert list(WorkItem.objects.values_list("kind", flat=True)) == ["fix_contact_point"]


def test_a_refused_key_pauses_the_channel_and_a_new_key_sends_all(practice, sim):
    carried_by(practice, "sendgrid", sim, api_key="SG.old")
    queue_mails(practice, 3)

    deliver.deliver_due("email")

    assert states(practice) == {State.QUEUED: 3}
    with use_practice(practice.pk):
        assert list(SendPause.objects.values_list("why", "until")) == [("credentials", None)]
        assert list(WorkItem.objects.values_list("kind", flat=True)) == ["breaker"]

    carried_by(practice, "sendgrid", sim, api_key="SG.good")
    deliver.deliver_due("email")

    assert states(practice) == {State.SENT: 3}


def test_five_failures_in_a_row_rest_the_channel_for_a_minute(practice, sim):
    carried_by(practice, "sendgrid", sim)
    sim.faults.replace([{"fault": "503", "times": 5}])
    for _ in range(5):
        queue_mails(practice)
        deliver.deliver_due("email")
    queue_mails(practice)

    deliver.deliver_due("email")

    assert (len(sim.ledger.rows()), states(practice)) == (0, {State.QUEUED: 6})
    with use_practice(practice.pk), clock.at(clock.now() + timedelta(minutes=30)):
        OutboxMessage.objects.update(not_before=clock.now())
    with clock.at(clock.now() + timedelta(minutes=30)):
        deliver.deliver_due("email")
    assert states(practice) == {State.SENT: 6}


def test_a_bad_row_fails_alone_and_the_others_go_once(practice, sim, monkeypatch):
    carried_by(practice, "sendgrid", sim)
    keys = queue_mails(practice, 5)
    with use_practice(practice.pk):
        bad = OutboxMessage.objects.get(pk=keys[2])
    real = mailsend._limits

    def disliking(request):
        for index, person in enumerate(request["personalizations"]):
            if person["to"][0]["email"] == bad.address:
                return [
                    {"field": f"personalizations.{index}.to.0.email", "message": "Does not contain a valid address."}
                ]
        return real(request)

    monkeypatch.setattr(mailsend, "_limits", disliking)
    deliver.deliver_due("email")

    assert states(practice) == {State.FAILED: 1, State.SENT: 4}
    assert message(practice, bad.pk).state == State.FAILED
    assert Counter(row.id for row in sim.ledger.rows()) == {str(key): 1 for key in keys if key != bad.pk}


def test_a_refusal_without_an_index_halves_the_group(practice, sim):
    carried_by(practice, "sendgrid", sim)
    queue_mails(practice, 8)
    sim.faults.replace([{"fault": "400", "times": 1}])

    deliver.deliver_due("email")

    assert states(practice) == {State.SENT: 8}
    assert Counter(row.call for row in sim.ledger.rows()) == {1: 4, 2: 4}


def test_retries_wait_longer_and_end_after_eight(practice, sim):
    carried_by(practice, "sendgrid", sim)
    (key,) = queue_mails(practice, expires_at=clock.now() + timedelta(days=30))
    sim.faults.replace([{"fault": "429", "rate": 1.0}])

    with clock.at(clock.now()) as start:
        for attempt in range(8):
            with clock.at(start + timedelta(hours=2 * attempt)):
                deliver.deliver_due("email")
    found = message(practice, key)

    assert (found.state, found.reason, found.attempts) == (State.FAILED, "gave_up", 8)
    assert [result for result, _http, _code in attempts(practice)] == ["no"] * 8


def test_a_retry_never_passes_the_end(practice, sim):
    carried_by(practice, "sendgrid", sim)
    (key,) = queue_mails(practice, expires_at=clock.now() + timedelta(seconds=0.5))
    sim.faults.replace([{"fault": "429", "times": 1}])

    deliver.deliver_due("email")

    assert message(practice, key).state == State.EXPIRED


def test_a_retry_says_what_the_first_try_said(practice, sim):
    carried_by(practice, "sendgrid", sim)
    (key,) = queue_mails(practice)
    sim.faults.replace([{"fault": "503", "times": 1}])
    deliver.deliver_due("email")
    with use_practice(practice.pk):
        first = rendering.as_sent(OutboxMessage.objects.get(pk=key))
        patient = OutboxMessage.objects.get(pk=key).patient
        patient.first_name = "Changed"
        patient.save()

    with clock.at(clock.now() + timedelta(hours=1)):
        deliver.deliver_due("email")

    assert states(practice) == {State.SENT: 1}
    with use_practice(practice.pk):
        assert rendering.as_sent(OutboxMessage.objects.get(pk=key)) == first


def test_consent_is_asked_again_when_it_leaves(practice, sim):
    carried_by(practice, "sendgrid", sim)
    (key,) = queue_mails(practice)
    with use_practice(practice.pk):
        consent.state(message(practice, key).patient, "email", "care", granted=False, how="patient", now=clock.now())

    deliver.deliver_due("email")

    found = message(practice, key)
    assert (found.state, found.reason, sim.ledger.rows()) == (State.SUPPRESSED, "no_consent", [])


def test_no_transaction_is_open_while_the_provider_is_called(practice, sim, monkeypatch):
    seen = []

    def silent(call):
        seen.append(connection.in_atomic_block)
        return {}

    preview = replace(accounts.provider("preview"), send=silent)
    monkeypatch.setattr(accounts, "provider", lambda name: preview)
    queue_mails(practice)

    deliver.deliver_due("email")

    assert seen == [False]
    assert states(practice) == {State.UNKNOWN: 1}  # it answered for nobody


def test_inside_a_transaction_nothing_is_called(practice, sim):
    queue_mails(practice)

    with use_practice(practice.pk), pytest.raises(deliver.OpenTransaction):
        deliver.deliver_practice(practice.pk, "email")


def test_a_message_without_a_value_is_held_and_becomes_work(practice, sim):
    (key,) = queue_mails(practice, context={})

    deliver.deliver_due("email")

    found = message(practice, key)
    assert (found.state, found.reason, found.verdict_step) == (State.HELD, "missing_field:links.survey", 7)
    with use_practice(practice.pk):
        assert list(WorkItem.objects.values_list("kind", flat=True)) == ["template_broken"]


def test_preview_keeps_the_mail_and_calls_nobody(practice, sim):
    (key,) = queue_mails(practice)

    deliver.deliver_due("email")

    found = message(practice, key)
    assert (found.state, found.provider, sim.ledger.rows()) == (State.SENT, "preview", [])


def test_a_dead_worker_leaves_claimed_rows_to_others_and_started_ones_unknown(practice):
    claimed, started, proven = queue_mails(practice, 3)
    now = clock.now()
    with use_practice(practice.pk):
        lease = {"claim": practice.pk, "lease_until": now - timedelta(seconds=1)}
        OutboxMessage.objects.filter(pk=claimed).update(state=State.CLAIMED, **lease)
        OutboxMessage.objects.filter(pk=started).update(state=State.STARTED, **lease)
        OutboxMessage.objects.filter(pk=proven).update(state=State.STARTED, delivery="delivered", **lease)
        swept = outcomes.sweep(now=now)

    assert swept == (1, 1)
    assert [message(practice, key).state for key in (claimed, started, proven)] == ["queued", "unknown", "sent"]


def test_small_practices_do_not_wait_for_a_big_one(practice, sim, settings):
    small = [PracticeFactory() for _ in range(3)]
    for one in (practice, *small):
        carried_by(one, "smtp", sim)
    queue_mails(practice, 60)
    for one in small:
        queue_mails(one)

    deliver.deliver_due("email", budget=30)

    order = [row.subject for row in sim.ledger.rows()]
    last_small = max(order.index(f"One question from {one.name}") for one in small)
    assert last_small <= 52  # at most one claim of the big one (50) before each small one
    assert len(order) == 63


def test_a_message_that_cannot_be_opened_is_held_and_delays_nobody(practice, sim):
    carried_by(practice, "sendgrid", sim)
    poisoned, *fine = queue_mails(practice, 3)
    with use_practice(practice.pk):
        OutboxMessage.objects.filter(pk=poisoned).update(context=b"\x00 no ciphertext of ours")

    deliver.deliver_due("email")

    with use_practice(practice.pk):
        held = OutboxMessage.objects.get(pk=poisoned)
        assert (held.state, held.reason) == (State.HELD, "unreadable")
        assert set(OutboxMessage.objects.filter(pk__in=fine).values_list("state", flat=True)) == {State.SENT}


def test_a_practice_that_raises_delays_no_other(practice, sim, monkeypatch):
    other = PracticeFactory()
    for each in (practice, other):
        carried_by(each, "sendgrid", sim)
    queue_mails(practice)
    [waiting] = queue_mails(other)
    claim = deliver.claim

    def broken(*args, **kwargs):
        if current_practice_id() == practice.pk:
            raise RuntimeError("a fault of ours")
        return claim(*args, **kwargs)

    monkeypatch.setattr(deliver, "claim", broken)
    monkeypatch.setattr(deliver.random, "sample", lambda ids, _n: sorted(ids, key=lambda one: one != practice.pk))

    deliver.deliver_due("email")

    with use_practice(other.pk):
        assert OutboxMessage.objects.get(pk=waiting).state == State.SENT
