"""SendGrid's webhook: who may tell us something, and that order, repeats and lateness change nothing."""

import base64
import json
import random
import time
from itertools import permutations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from messaging.channels import accounts
from messaging.channels.sendgrid import events as sendgrid
from messaging.models import OutboxMessage, ProviderEvent, ProviderEventKey, Suppression
from messaging.outbox import deliver, queue
from messaging.tasks import read_events
from patients.models import Consent, TimelineEntry, WorkItem
from prm import clock
from prm.dev.providers import simulator
from prm.dev.providers.callbacks import Callbacks
from prm.dev.providers.faults import Faults
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.messaging.conftest import consenting, make_version

VECTORS = Path("/work/shared/data/providers/signatures/sendgrid_signatures.json")
SAMPLES = Path("/work/shared/data/providers/sendgrid_events")
transactional = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def signer():
    callbacks = Callbacks(Faults())
    yield callbacks
    callbacks.stop()


@pytest.fixture
def practice(transactional_db, signer):
    """A practice with SendGrid's key, closed."""
    practice = PracticeFactory()
    with use_practice(practice.pk):
        accounts.save(
            "email", "sendgrid", sender_name="Us", sender_address="us@example.com", reply_to="",
            options={"webhook_key": signer.public_key}, credentials={"api_key": "k"}, now=clock.now(),
        )  # fmt: skip
    return practice


def sent_mail(practice, **fields):
    """A message that SendGrid has taken."""
    with use_practice(practice.pk):
        message = queue.enqueue(
            practice, patient=consenting(**fields), channel="email", purpose="treatment", topic="surveys", klass="care",
            template_version=make_version(), dedupe_key=f"k{time.monotonic_ns()}", context={"links.survey": "https://x.example"},
        )  # fmt: skip
        OutboxMessage.objects.filter(pk=message.pk).update(state="sent", delivery="accepted", attempts=1)
    return message.pk


def event(message_id, kind="delivered", at=0, **fields):
    return {"email": "x@example.com", "event": kind, "timestamp": 1_790_000_000 + at, "prm": str(message_id), **fields}


def post(client, practice, signer, rows, *, timestamp=None, signature=None, body=None):
    body = body if body is not None else json.dumps(rows).encode() + b"\r\n"
    timestamp = timestamp or str(int(time.time()))
    return client.post(
        f"/hooks/sendgrid/{practice.public_id}/events", data=body, content_type="application/json",
        headers={sendgrid.SIGNATURE: signature or signer.sign(body, timestamp), sendgrid.TIMESTAMP: timestamp},
    )  # fmt: skip


def found(practice, message_id):
    with use_practice(practice.pk):
        return OutboxMessage.objects.get(pk=message_id)


def stored(practice):
    with use_practice(practice.pk):
        return list(ProviderEvent.objects.order_by("at").values_list("state", "stale", "problem"))


@transactional
def test_a_signed_post_is_kept_at_once_and_worked_in_afterwards(client, practice, signer):
    message_id = sent_mail(practice)

    assert post(client, practice, signer, [event(message_id)]).status_code == 204
    assert (stored(practice), found(practice, message_id).delivery) == ([("stored", False, "")], "accepted")
    read_events()

    assert (stored(practice), found(practice, message_id).delivery) == ([("done", False, "")], "delivered")
    with use_practice(practice.pk):
        assert TimelineEntry.objects.filter(kind="message_delivered", object_id=message_id).count() == 1


@transactional
def test_addresses_in_a_kept_post_are_not_readable(client, practice, signer):
    post(client, practice, signer, [event(sent_mail(practice))])

    with use_practice(practice.pk):
        row = ProviderEvent.objects.get()
        assert b"example.com" not in bytes(row.body)


@transactional
@pytest.mark.parametrize("wrong", ["body", "signature", "timestamp", "other practice", "no key"])
def test_what_sendgrid_did_not_sign_is_refused(client, practice, signer, wrong):
    rows = [event(sent_mail(practice))]
    body, now = json.dumps(rows).encode(), str(int(time.time()))
    target, signature = practice, signer.sign(body, now)
    if wrong == "body":
        body = body.replace(b"delivered", b"bounce")
    elif wrong == "signature":
        signature = base64.b64encode(b"0" * 70).decode()
    elif wrong == "timestamp":
        now = str(int(now) + 1)
    elif wrong == "other practice":
        target = PracticeFactory()
    else:
        with use_practice(practice.pk):
            settings = accounts.chosen("email")
            settings.options = {}
            settings.save()

    answer = post(client, target, signer, rows, timestamp=now, signature=signature, body=body)

    assert (answer.status_code, stored(practice)) == (403, [])


@transactional
def test_an_unknown_practice_is_404_a_get_405_and_too_much_413(client, practice, signer):
    assert post(client, PracticeFactory.build(), signer, []).status_code == 404
    assert client.get(f"/hooks/sendgrid/{practice.public_id}/events").status_code == 405
    assert post(client, practice, signer, [], body=b"[" + b" " * (5 * 2**20) + b"]").status_code == 413


@transactional
def test_an_old_signature_is_kept_and_only_makes_stricter(client, practice, signer):
    message_id = sent_mail(practice)

    post(client, practice, signer, [event(message_id, "bounce", type="bounce", status="5.1.1")], timestamp="1600000000")
    read_events()

    assert stored(practice) == [("done", True, "")]
    with use_practice(practice.pk):
        assert list(Suppression.objects.values_list("kind", flat=True)) == ["hard_bounce"]


NOBODYS = "0192f0c4-0000-7000-8000-000000000000"
STORY = [
    ("processed", 0, {}),
    ("deferred", 1, {"response": "451 later", "attempt": "1"}),
    ("delivered", 2, {}),
    ("bounce", 3, {"type": "bounce", "status": "5.1.1", "bounce_classification": "Invalid Address"}),
]


@transactional
@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_any_order_and_number_of_tellings_ends_the_same(client, practice, signer, order):
    message_id = sent_mail(practice)
    told = [event(message_id, *STORY[index][:2], **STORY[index][2]) for index in order]
    for row in told:
        for _ in range(2):
            post(client, practice, signer, [{**row, "sg_event_id": str(random.random())}])
    post(client, practice, signer, told)
    read_events()

    message = found(practice, message_id)
    assert (message.state, message.delivery) == ("sent", "bounced")
    with use_practice(practice.pk):
        assert ProviderEventKey.objects.count() == 4
        assert list(Suppression.objects.values_list("kind", flat=True)) == ["hard_bounce"]
        assert [item.kind for item in WorkItem.objects.all()] == ["fix_contact_point"]
        assert TimelineEntry.objects.filter(kind="message_bounced").count() == 1


@transactional
def test_an_event_settles_what_was_unknown(client, practice, signer):
    message_id = sent_mail(practice)
    with use_practice(practice.pk):
        OutboxMessage.objects.filter(pk=message_id).update(state="unknown", reason="worker_died", delivery="none")

    post(client, practice, signer, [event(message_id, "processed")])
    read_events()

    message = found(practice, message_id)
    assert (message.state, message.delivery, message.reason) == ("sent", "accepted", "")


@transactional
def test_three_soft_bounces_in_30_days_suppress_for_30_days(client, practice, signer):
    ids = [sent_mail(practice, email="full@example.com") for _ in range(3)]
    counts = []
    for index, message_id in enumerate(ids):
        row = event(
            message_id,
            "bounce",
            index * 86400,
            type="bounce",
            status="5.2.2",
            bounce_classification="Mailbox Unavailable",
        )
        post(client, practice, signer, [row])
        read_events()
        with use_practice(practice.pk):
            counts.append(Suppression.objects.filter(kind="soft_bounce", until__isnull=False).count())

    assert counts == [0, 0, 1]


@transactional
def test_a_complaint_suppresses_revokes_marketing_and_becomes_work(client, practice, signer):
    message_id = sent_mail(practice)

    post(client, practice, signer, [event(message_id, "spamreport")])
    read_events()

    with use_practice(practice.pk):
        assert list(Suppression.objects.values_list("kind", flat=True)) == ["complaint"]
        assert [item.kind for item in WorkItem.objects.all()] == ["complaint"]
        revoked = Consent.objects.filter(how="provider").values_list("purpose", "granted")
        assert list(revoked) == [("marketing", False)]


@transactional
@pytest.mark.parametrize(
    ("row", "delivery", "kinds"),
    [
        ({"type": "blocked", "bounce_classification": "Reputation"}, "blocked", []),
        ({"type": "bounce", "bounce_classification": "Content", "status": "5.7.1"}, "blocked", []),
        ({"type": "bounce", "status": "5.1.2"}, "bounced", ["hard_bounce"]),
        ({"type": "bounce", "status": "5.2.2"}, "bounced", []),
    ],
)
def test_only_a_wrong_address_is_a_hard_bounce(client, practice, signer, row, delivery, kinds):
    message_id = sent_mail(practice)

    post(client, practice, signer, [event(message_id, "bounce", **row)])
    read_events()

    with use_practice(practice.pk):
        assert list(Suppression.objects.values_list("kind", flat=True)) == kinds
    assert found(practice, message_id).delivery == delivery


@transactional
@pytest.mark.parametrize(
    "rows",
    [
        [{"event": "delivered", "timestamp": 1}],
        [{"event": "surprise", "prm": "x"}],
        ["text"],
        [{"event": "open"}],
        "no list",
        [{"event": "delivered", "prm": NOBODYS, "timestamp": 99999999999}],
        [{"event": "delivered", "prm": NOBODYS, "timestamp": "soon"}],
        [{"event": "delivered", "prm": NOBODYS, "timestamp": 1790000000}],
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_a_dead_letter_and_never_an_error(client, practice, signer, rows):
    body = json.dumps(rows).encode()
    body = body if body.startswith(b"[") else b"[" + body  # a body that is no list is not SendGrid's

    assert post(client, practice, signer, rows, body=body).status_code == 204
    read_events()

    ((state, _stale, problem),) = stored(practice)
    assert (state, problem != "") == ("dead", True)


@transactional
def test_the_good_events_of_a_post_count_beside_the_bad_ones(client, practice, signer):
    message_id = sent_mail(practice)

    post(client, practice, signer, [{"event": "surprise"}, event(message_id)])
    read_events()

    assert (stored(practice)[0][0], found(practice, message_id).delivery) == ("dead", "delivered")


@transactional
def test_another_practices_message_is_out_of_reach(client, practice, signer):
    other = PracticeFactory()
    message_id = sent_mail(other)

    post(client, practice, signer, [event(message_id, "bounce", type="bounce", status="5.1.1")])
    read_events()

    assert (stored(practice)[0][0], found(other, message_id).delivery) == ("dead", "accepted")


@pytest.mark.skipif(not VECTORS.exists(), reason="the samples of shared/data lie beside the checkout only")
@pytest.mark.parametrize(
    "case", json.loads(VECTORS.read_text()) if VECTORS.exists() else [], ids=lambda case: case["id"]
)
def test_the_official_signature_vectors(case):
    body = case["body"].encode()

    assert sendgrid.verify(body, case["signature"], case["timestamp"], [case["public_key"]]) == (
        case["expect"] == "accept"
    )


@given(data=st.data())
def test_no_mutation_of_a_signed_post_is_accepted(signer, data):
    body, timestamp = b'[{"event":"delivered","timestamp":1790000000}]\r\n', "1790000000"
    signature = signer.sign(body, timestamp)
    assert sendgrid.verify(body, signature, timestamp, [signer.public_key])
    place = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != body[place]))
    moved = data.draw(st.integers(1, 9))

    mutated = body[:place] + bytes([byte]) + body[place + 1 :]
    assert not sendgrid.verify(mutated, signature, timestamp, [signer.public_key])
    assert not sendgrid.verify(timestamp[-moved:].encode() + body, signature, timestamp[:-moved], [signer.public_key])


@given(signature=st.text(), timestamp=st.text(), key=st.text(), body=st.binary())
def test_nonsense_is_false_and_never_an_exception(signature, timestamp, key, body):
    assert sendgrid.verify(body, signature, timestamp, [key]) is False


def test_either_of_two_keys_is_enough(signer):
    other = ec.generate_private_key(ec.SECP256R1())
    old = Callbacks(Faults(), key=other)
    body, now = b"[]", "1790000000"

    assert sendgrid.verify(body, signer.sign(body, now), now, [old.public_key, signer.public_key])
    assert not sendgrid.verify(body, signer.sign(body, now), now, [old.public_key])
    old.stop()


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples of shared/data lie beside the checkout only")
def test_the_sample_events_are_understood_but_for_our_id():
    for path in sorted(SAMPLES.glob("*.json")):
        rows = json.loads(path.read_text())
        rows = rows if isinstance(rows, list) else [rows]
        with_ids = [{**row, "prm": NOBODYS} for row in rows]

        events, problems = sendgrid.parse(json.dumps(with_ids).encode(), now=clock.now())

        assert (len(events), problems) == (len(rows), []), path.name


@transactional
def test_the_simulators_callbacks_reach_us_signed(practice, live_server, settings):
    with simulator.running(site=live_server.url) as sim:
        settings.SENDGRID_API_BASE = sim.sendgrid.url
        with use_practice(practice.pk):
            row = accounts.chosen("email")
            row.options = {"webhook_key": sim.callbacks.public_key}
            row.save()
            message = queue.enqueue(
                practice, patient=consenting(email="bounce@example.com"), channel="email", purpose="treatment",
                topic="surveys", klass="care", template_version=make_version(), dedupe_key="k",
                context={"links.survey": "https://x.example"},
            )  # fmt: skip
        deliver.deliver_due("email")
        sim.callbacks.wait()
        assert sim.callbacks.posts == [204]
    read_events()

    assert found(practice, message.pk).delivery == "bounced"
