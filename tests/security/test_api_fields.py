"""B8 for the API: a caller who names a field that is not his to write is told so, and nothing is written."""

import pytest

from accounts.models import Practice
from prm.tenancy import use_practice
from tests.api.test_changes import NEW, clinics
from tests.factories.accounts import ClinicFactory, PracticeFactory
from tests.factories.api import caller

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "body",
    [
        {"practice": "x"},
        {"practice_id": "x"},
        {"id": "x"},
        {"version": 9},
        {"named": False},
        {"closed_at": None},
        {"recovery_lead": None},
    ],
)
def test_b8_fields_that_are_not_a_callers_are_refused_and_nothing_is_written(body):
    ours = PracticeFactory(slug="harbor")
    other = PracticeFactory()
    with use_practice(ours.pk):
        clinic = ClinicFactory(name="Eastside")
    for method, path, whole in (
        ("post", "clinics", {**NEW, **body}),
        ("patch", f"clinics/{clinic.pk}", {"name": "New", **body}),
    ):
        answer = caller(ours).send(method, path, whole)
        assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, f"#/{next(iter(body))}")
    for field, value in {"slug": "new", "suspended_at": None, "public_id": "x", "review_mode": "off"}.items():
        assert caller(ours).send("patch", "practice", {"name": "New", field: value}).status_code == 422
    assert (clinics(ours), clinics(other)) == (["Eastside"], [])
    assert Practice.objects.get(pk=ours.pk).name != "New"
