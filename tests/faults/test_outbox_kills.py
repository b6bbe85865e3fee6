"""F1: a worker that is killed in the middle, again and again, loses nothing and doubles nothing (security.md §4).

The oracle is the simulator's ledger: what a provider took, by our ids. Time that must pass (leases, backoff) is made to
pass by the test, since nobody else works on these rows.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from messaging.channels import accounts
from messaging.compose import library
from messaging.models import OutboxMessage
from messaging.outbox import deliver, outcomes, queue
from prm import clock
from prm.dev.providers import simulator
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.messaging.conftest import consenting

pytestmark = pytest.mark.django_db(transaction=True)
MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"
GROUP = 5
State = OutboxMessage.State


@pytest.fixture
def sim():
    with simulator.running(keys={"SG.good"}) as running:
        yield running


def start_worker(sim):
    """`manage.py deliver --loop`, a process of its own, against the simulator."""
    return subprocess.Popen(
        [sys.executable, str(MANAGE), "deliver", "--loop", "0.05"],
        env={**os.environ, "SENDGRID_API_BASE": sim.sendgrid.url, "PRM_LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def set_up(sim, provider, count):
    practice = PracticeFactory()
    with use_practice(practice.pk):
        accounts.save(
            "email", provider, sender_name="Us", sender_address="us@example.com", reply_to="",
            options={"host": "127.0.0.1", "port": sim.smtp.port, "security": "none", "group": GROUP},
            credentials={"api_key": "SG.good"}, now=clock.now(),
        )  # fmt: skip
        version = library.version(practice, library.SURVEY)
        queue.enqueue_many(
            practice,
            [
                queue.Draft(
                    patient=consenting(), channel="email", purpose="treatment", topic="surveys", klass="care",
                    template_version=version, dedupe_key=f"k{n}", context={"links.survey": f"https://x.example/{n}"},
                )
                for n in range(count)
            ],
        )  # fmt: skip
    return practice


def let_time_pass(practice):
    """Leases end and waiting is over; then the sweeper comes."""
    now = clock.now()
    with use_practice(practice.pk):
        OutboxMessage.objects.filter(state__in=("claimed", "started")).update(lease_until=now)
        outcomes.sweep(now=clock.now())
        OutboxMessage.objects.filter(state="queued").update(not_before=now)


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.01)


def drill(sim, provider, *, count, kills, seed):
    """Send `count` messages while killing `kills` workers; returns (practice, how many kills hit)."""
    dice = random.Random(seed)
    practice = set_up(sim, provider, count)
    killed = 0
    for _ in range(kills):
        before = sim.ledger.calls
        worker = start_worker(sim)
        wait_for(lambda before=before: sim.ledger.calls > before or waiting(practice) == 0)
        if waiting(practice):
            time.sleep(dice.random() * 0.1)
            killed += 1
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        let_time_pass(practice)
    sim.faults.replace([])
    while waiting(practice):
        deliver.deliver_due("email", budget=30)
        let_time_pass(practice)
    return practice, killed


def waiting(practice):
    with use_practice(practice.pk):
        return OutboxMessage.objects.filter(state__in=("queued", "claimed", "started")).count()


def judge(practice, sim):
    """(duplicates, lost, falsely sent, unknown)."""
    taken = Counter(row.id for row in sim.ledger.rows())
    with use_practice(practice.pk):
        state = {str(pk): value for pk, value in OutboxMessage.objects.values_list("pk", "state")}
    unknown = {pk for pk, value in state.items() if value == State.UNKNOWN}
    return (
        sum(times - 1 for times in taken.values()),
        len([pk for pk in state if pk not in taken and pk not in unknown]),
        len([pk for pk, value in state.items() if value == State.SENT and pk not in taken]),
        len(unknown),
    )


FAULTS = [
    {"fault": "429", "rate": 0.05, "seed": 11, "match": {"via": "sendgrid"}},
    {"fault": "503", "rate": 0.03, "match": {"via": "sendgrid"}},
    {"fault": "450", "rate": 0.05, "match": {"via": "smtp"}},
    {"fault": "lost", "rate": 0.02},
    {"fault": "slow", "rate": 0.9, "seconds": 0.05},
]


@pytest.mark.parametrize("provider", ["sendgrid", "smtp"])
def test_killed_workers_lose_nothing_and_double_nothing(sim, settings, provider):
    settings.SENDGRID_API_BASE = sim.sendgrid.url
    sim.faults.replace(FAULTS)
    practice, killed = drill(sim, provider, count=60, kills=2, seed=1)

    duplicates, lost, falsely_sent, unknown = judge(practice, sim)

    lost_answers = len([row for row in sim.ledger.rows() if not row.answered])
    assert (duplicates, lost, falsely_sent) == (0, 0, 0)
    assert killed >= 1
    assert unknown <= GROUP * killed + GROUP * max(lost_answers, 0)


@pytest.mark.drill
@pytest.mark.parametrize("provider", ["sendgrid", "smtp"])
def test_a_hundred_kills(sim, settings, provider, capsys):
    settings.SENDGRID_API_BASE = sim.sendgrid.url
    sim.faults.replace(FAULTS)
    practice, killed = drill(sim, provider, count=3000, kills=110, seed=2)

    duplicates, lost, falsely_sent, unknown = judge(practice, sim)

    lost_answers = len([row for row in sim.ledger.rows() if not row.answered])
    bar = GROUP * killed + GROUP * lost_answers
    with capsys.disabled():
        told = f"F1 {provider} kills {killed} duplicates {duplicates} lost {lost} unknown {unknown} of {bar}"
        sys.stdout.write(f"\n{told}\n")
    assert killed >= 100
    assert (duplicates, lost, falsely_sent) == (0, 0, 0)
    assert unknown <= bar


def test_a_worker_that_is_asked_to_stop_finishes_its_call_and_records_it(sim, settings):
    settings.SENDGRID_API_BASE = sim.sendgrid.url
    practice = set_up(sim, "sendgrid", 40)
    sim.faults.replace([{"fault": "slow", "rate": 1.0, "seconds": 0.5}])
    worker = start_worker(sim)
    wait_for(lambda: sim.ledger.calls > 0)

    worker.send_signal(signal.SIGTERM)
    said, _errors = worker.communicate(timeout=30)

    with use_practice(practice.pk):
        states = Counter(OutboxMessage.objects.values_list("state", flat=True))
    taken = {row.id for row in sim.ledger.rows()}
    assert worker.returncode == 0
    assert states == {State.SENT: len(taken), State.QUEUED: 40 - len(taken)}
    assert f"sent {len(taken)}, again 0, refused 0, unknown 0" in said
    connection.close()
