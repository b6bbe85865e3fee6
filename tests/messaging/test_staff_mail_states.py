"""Mail to staff from state to state: each answer of a real server, and a worker that dies between any two steps."""

from datetime import timedelta

import pytest
from django.db import transaction

from messaging.channels import Answer, Result
from messaging.models import StaffMail
from messaging.outbox.deliver import OpenTransaction
from messaging.staff_mail import deliver, transport
from prm import clock
from prm.dev.providers import simulator
from tests.factories.accounts import PracticeFactory
from tests.messaging.test_staff_mail import notice, notify

pytestmark = pytest.mark.django_db(transaction=True)
State = StaffMail.State


@pytest.fixture
def sim(settings):
    with simulator.running() as running:
        settings.SMTP_URL = f"smtp://127.0.0.1:{running.smtp.port}"
        settings.MAIL_FROM = "PRM <hello@prm.example>"
        settings.HTTP_READ_TIMEOUT = 2
        yield running


@pytest.fixture
def mails(transactional_db):
    """Three queued mails."""
    practice = PracticeFactory()
    for number in range(3):
        notify.send(notice(practice=practice, key=f"k{number}"))
    return list(StaffMail.objects.order_by("pk"))


def states():
    return sorted(StaffMail.objects.values_list("state", flat=True))


def let_time_pass():
    """Leases end, waits are over; then the sweeper comes."""
    now = clock.now()
    StaffMail.objects.filter(state__in=("claimed", "started")).update(lease_until=now - timedelta(seconds=1))
    deliver.sweep(now=now)
    StaffMail.objects.filter(state="queued").update(not_before=now)


def test_each_mail_arrives_once(sim, mails):
    assert deliver.deliver_due().sent == 3
    assert deliver.deliver_due().sent == 0
    assert sorted(row.id for row in sim.ledger.rows()) == sorted(str(mail.pk) for mail in mails)
    assert states() == [State.SENT] * 3


class Killed(BaseException):
    """The worker is gone: nothing below this line of it ever runs."""


STEPS = {
    "before the claim": ("_claim", State.QUEUED, 3, 0),
    "after the claim": ("_deliver", State.CLAIMED, 3, 0),
    "with its words made": ("ask", State.STARTED, 2, 1),  # started, and nobody knows whether the call began
    "with the answer in hand": ("_record", State.STARTED, 3, 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_at_any_step_loses_nothing_and_sends_nothing_twice(sim, mails, monkeypatch, step):
    function, left, sent, unknown = STEPS[step]

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(deliver, function, die)
        with pytest.raises(Killed):
            deliver.deliver_due()
    assert left in states()

    for _ in range(3):
        let_time_pass()
        deliver.deliver_due()

    taken = [row.id for row in sim.ledger.rows()]
    assert len(taken) == len(set(taken)) == sent
    assert states() == sorted([State.SENT] * (3 - unknown) + [State.UNKNOWN] * unknown)
    assert set(taken) >= {str(pk) for pk in StaffMail.objects.filter(state="sent").values_list("pk", flat=True)}
    assert not StaffMail.objects.exclude(sealed=b"").exists()


def test_a_worker_whose_lease_ended_writes_no_outcome(sim, mails, monkeypatch):
    """The sweeper was quicker: what it wrote stands."""
    real = deliver.ask

    def slow(provider, call):
        let_time_pass()
        return real(provider, call)

    monkeypatch.setattr(deliver, "ask", slow)
    deliver.deliver_due()
    assert State.UNKNOWN in states()
    assert len({row.id for row in sim.ledger.rows()}) == len(sim.ledger.rows())


@pytest.mark.parametrize(
    ("answer", "state", "attempts"),
    [
        (Answer(Result.YES, provider_id="x"), State.SENT, 1),
        (Answer(Result.NO, code="smtp_451"), State.QUEUED, 1),
        (Answer(Result.NO, code="smtp_535", pause=True), State.QUEUED, 0),
        (Answer(Result.NEVER, code="smtp_550"), State.FAILED, 1),
        (Answer(Result.UNKNOWN, code="timeout"), State.UNKNOWN, 1),
    ],
)
def test_each_answer_leads_to_its_state(sim, mails, monkeypatch, answer, state, attempts):
    monkeypatch.setattr(deliver, "ask", lambda provider, call: {call.parcels[0].message_id: answer})
    deliver.deliver_due()
    assert states() == [state] * 3
    first = StaffMail.objects.first()
    assert (first.attempts, bool(first.sealed)) == (attempts, state == State.QUEUED)
    assert state != State.QUEUED or first.not_before > clock.now()


def test_after_eight_tries_it_is_given_up(sim, mails, monkeypatch):
    monkeypatch.setattr(deliver, "ask", lambda provider, call: {call.parcels[0].message_id: Answer(Result.NO)})
    for _ in range(9):
        let_time_pass()
        deliver.deliver_due()
    assert set(StaffMail.objects.values_list("state", "reason", "attempts")) == {(State.FAILED, "gave_up", 8)}


def test_no_call_is_made_inside_a_transaction(sim, mails):
    with pytest.raises(OpenTransaction), transaction.atomic():
        deliver.deliver_due()
    assert sim.ledger.rows() == []
    assert states() == [State.QUEUED] * 3


def test_two_workers_share_the_queue_without_sharing_a_mail(sim, mails):
    provider, _sender = transport.account()
    first = deliver._claim(provider, at=clock.now())
    assert deliver._claim(provider, at=clock.now()) == []
    assert {row.pk for row in first} == {mail.pk for mail in mails}


def test_a_worker_told_to_stop_gives_back_what_it_has_not_begun(sim, mails):
    tally = deliver.deliver_due(stopping=lambda: True)
    assert tally.more
    assert states() == [State.QUEUED] * 3


def test_what_is_too_late_is_told_no_more_and_what_is_old_is_forgotten(sim, mails):
    with clock.at(clock.now() + timedelta(days=2)):
        assert deliver.deliver_due().sent == 0
    assert states() == [State.EXPIRED] * 3
    deliver.sweep(now=clock.now() + timedelta(days=93))
    assert not StaffMail.objects.exists()
