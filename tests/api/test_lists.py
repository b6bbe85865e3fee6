"""Pages by cursor."""

from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import api
from accounts.models import Clinic, Practice
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory
from tests.factories.api import caller
from tests.statements import of_get

pytestmark = pytest.mark.django_db(transaction=True)


def pages(client, path):
    """Every page of a list, in order, as names."""
    found, cursor = [], ""
    while cursor is not None:
        body = client.send("get", path + cursor).json()
        found.append([row["name"] for row in body["data"]])
        cursor = body["next_cursor"] and f"&cursor={body['next_cursor']}"
    return found


def test_pages_hold_each_row_once_whatever_comes_in_meanwhile(ours):
    client = caller(ours)
    with use_practice(ours.pk):
        names = [ClinicFactory().name for _ in range(5)]
    first = client.send("get", "clinics?limit=2").json()
    with use_practice(ours.pk):
        late = ClinicFactory().name
        Clinic.objects.filter(name=names[0]).update(name="Renamed")
    second = client.send("get", f"clinics?limit=2&cursor={first['next_cursor']}").json()
    third = client.send("get", f"clinics?limit=2&cursor={second['next_cursor']}").json()
    read = [row["name"] for page in (first, second, third) for row in page["data"]]
    assert read == [*names, late]
    assert third["next_cursor"] is None


@pytest.mark.parametrize("ordering", [("name",), ("-name",), ("-time_zone", "-name"), ("time_zone", "name")])
def test_any_order_is_total(ours, monkeypatch, ordering):
    monkeypatch.setattr(api.ClinicEndpoint, "ordering", ordering)
    with use_practice(ours.pk):
        for name in "bbaacc":
            ClinicFactory(name=name)
        ClinicFactory(name="b", time_zone="America/Chicago")
        wanted = [one.name for one in Clinic.objects.order_by(*ordering, "-id" if ordering[0][0] == "-" else "id")]
    client = caller(ours)
    for limit in (1, 2, 3, 7):
        assert list(chain(*pages(client, f"clinics?limit={limit}"))) == wanted


def test_a_cursor_of_another_list_practice_or_filter_is_refused(ours):
    other = PracticeFactory()
    for practice in (ours, other):
        with use_practice(practice.pk):
            [ClinicFactory() for _ in range(3)]
    cursor = caller(ours).send("get", "clinics?limit=1").json()["next_cursor"]
    for practice, path in (
        (other, "clinics?limit=1"), (ours, "therapists?limit=1"), (ours, "clinics?named=true"), (ours, "staff?limit=1"),
    ):  # fmt: skip
        answer = caller(practice).send("get", f"{path}&cursor={cursor}")
        assert answer.status_code == 400, path
        assert answer.json()["errors"][0]["where"] == "cursor"
    assert caller(ours).send("get", f"clinics?limit=3&cursor={cursor}").status_code == 200


@given(st.text(max_size=60))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_for_a_cursor_breaks_anything(text):
    ours = Practice.objects.filter(slug="cursors").first() or PracticeFactory(slug="cursors")
    answer = caller(ours).get("/api/v1/clinics", {"cursor": text})
    assert answer.status_code == 400


def test_statements_do_not_grow_with_rows(ours):
    client = caller(ours)
    with use_practice(ours.pk):
        MembershipFactory()
    client.send("get", "staff")  # notes the key's use
    few = len(of_get(client, "/api/v1/staff"))
    with use_practice(ours.pk):
        [MembershipFactory() for _ in range(10)]
    assert len(of_get(client, "/api/v1/staff")) == few
