"""Twenty answers at once, and a crash between any two steps."""

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from nps import answer as answers
from nps import recovery, reviews
from nps.models import RecoveryCase, Response, ResponseVersion, ReviewRequest
from patients import timeline, worklist
from patients.models import TimelineEntry, WorkItem
from prm.tenancy import use_practice
from tests.nps.conftest import send_survey

pytestmark = pytest.mark.django_db(transaction=True)


def test_twenty_racing_posts_make_one_answer_with_twenty_versions_and_one_case(now):
    sent = send_survey("Harbor Physical Therapy", now)
    barrier = threading.Barrier(20)

    def post(score):
        try:
            client = Client()
            barrier.wait(timeout=30)
            return client.post(sent.path, {"score": str(score % 7)}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        contexts = [contextvars.copy_context() for _ in range(20)]  # where the clock stands still
        codes = list(pool.map(lambda score: contexts[score].run(post, score), range(20)))

    assert codes == [302] * 20
    with use_practice(sent.practice.pk):
        counts = {
            model.__name__: model.objects.count() for model in (Response, ResponseVersion, RecoveryCase, WorkItem)
        }
        assert counts == {"Response": 1, "ResponseVersion": 20, "RecoveryCase": 1, "WorkItem": 1}


STEPS = [
    (answers, "_version"), (answers, "_project"), (timeline, "record"), (recovery, "open_case"),
    (worklist, "open_item"), (reviews, "ask"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), STEPS, ids=lambda value: getattr(value, "__name__", value))
def test_a_crash_after_any_step_leaves_nothing_of_the_answer(now, monkeypatch, module, name):
    sent = send_survey("Harbor Physical Therapy", now)
    whole = getattr(module, name)

    def does_it_and_dies(*args, **kwargs):
        whole(*args, **kwargs)
        raise SystemError("power cut")

    monkeypatch.setattr(module, name, does_it_and_dies)
    client = Client(raise_request_exception=False)
    assert client.post(sent.path, {"score": "2", "comment": "Bad"}).status_code == 500
    with use_practice(sent.practice.pk):
        models = (Response, ResponseVersion, RecoveryCase, WorkItem, ReviewRequest)
        assert [model.objects.count() for model in models] == [0] * 5
        assert set(TimelineEntry.objects.values_list("kind", flat=True)) == {"survey_asked"}
    monkeypatch.undo()
    assert client.post(sent.path, {"score": "2"}).status_code == 302
