"""Where a practice's context ends: streams that would outlive it, and tasks that come without one."""

import pytest
from celery import Celery
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from accounts.models import Clinic
from prm.tenancy import NoPractice, use_practice
from prm.tenancy.requests import StreamedTenantData, answer_within
from prm.tenancy.tasks import HEADER, MissingPractice, PracticeTask
from tests.factories.accounts import ClinicFactory, PracticeFactory

pytestmark = pytest.mark.django_db(transaction=True)


class CountClinics(PracticeTask):
    name = "tests.count_clinics"

    def run(self, least):
        return Clinic.objects.count() >= least, list(Clinic.objects.values_list("name", flat=True))


@pytest.fixture
def task():
    """The task, as a worker of its own would run it."""
    return Celery("tests", set_as_current=False).register_task(CountClinics())


def test_a_stream_of_a_practices_rows_is_refused():
    practice = PracticeFactory()

    def view(request):
        return StreamingHttpResponse(str(one.pk) for one in Clinic.objects.iterator())

    with pytest.raises(StreamedTenantData):
        answer_within(practice.pk, RequestFactory().get("/harbor/"), view)


def test_a_stream_that_reads_no_rows_may_leave():
    practice = PracticeFactory()

    def view(request):
        answer = StreamingHttpResponse(iter([b"bytes"]))
        answer.reads_no_rows = True
        return answer

    answer = answer_within(practice.pk, RequestFactory().get("/harbor/"), view)
    assert b"".join(answer.streaming_content) == b"bytes"
    assert answer_within(practice.pk, RequestFactory().get("/harbor/"), lambda request: HttpResponse("x")).content


def test_a_practices_task_without_its_header_does_not_run(task):
    with pytest.raises(MissingPractice):
        task(0)


def test_a_practices_task_is_not_sent_from_outside_a_practice(task):
    with pytest.raises(NoPractice):
        task.apply_async([0])


def test_a_practices_task_sees_the_practice_of_its_header_and_no_other(task):
    practice, other = PracticeFactory(), PracticeFactory()
    with use_practice(practice.pk):
        ClinicFactory(name="Eastside")
    with use_practice(other.pk):
        ClinicFactory(name="Elsewhere")
    task.push_request(headers={HEADER: str(practice.pk)})
    try:
        assert task(1) == (True, ["Eastside"])
    finally:
        task.pop_request()
