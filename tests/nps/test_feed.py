"""The feed of answers and the list of cases: filters, totals, who may read."""

import pytest

from accounts.models import Membership
from nps import recovery
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests import statements
from tests.factories.accounts import MembershipFactory, PracticeFactory, sign_in, staff_client
from tests.factories.nps import ResponseFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice(now):
    made = PracticeFactory()
    with use_practice(made.pk):
        MembershipFactory(role="manager")
        for score, said in ((0, "Awful."), (7, ""), (8, "Fine."), (9, ""), (10, "Great.")):
            response = ResponseFactory(score=score, comment_text=said)
            recovery.open_case(response, now=now)
        ResponseFactory(score=1, status="test", comment_text="Test only")
    return made


def feed(practice, query=""):
    return f"/{practice.slug}/nps/responses/{query}"


def test_list_and_totals_share_the_filters(practice):
    client = staff_client(practice)
    for query, totals, shown in (
        ("", [5, 1, 2, 2], [10, 9, 8, 7, 0]),
        ("?bucket=detractor", [5, 1, 2, 2], [0]),
        ("?bucket=passive&words=1", [3, 1, 1, 1], [8]),
        ("?bucket=nonsense", [5, 1, 2, 2], [10, 9, 8, 7, 0]),
        ("?after=nonsense", [5, 1, 2, 2], [10, 9, 8, 7, 0]),
    ):
        page = client.get(feed(practice, query))
        assert sorted(r.score for r in page.context["page"].rows) == sorted(shown)
        assert [one["n"] for one in page.context["buckets"]] == totals
        assert "Test only" not in page.content.decode()


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("manager", 200), ("therapist", 403), ("front_desk", 403), ("read_only", 403)]
)
def test_who_reads_everybodys_words(practice, role, status):
    answer = staff_client(practice, role).get(feed(practice))
    assert answer.status_code == status
    assert ("Awful." in answer.content.decode()) is (status == 200)


def test_reading_is_audited(practice):
    staff_client(practice).get(feed(practice))
    with use_practice(practice.pk):
        assert [e.facts for e in AuditEvent.objects.filter(action="responses.read")] == [{"count": 5, "bucket": ""}]


def test_the_list_of_cases_is_by_due_time_and_the_front_desk_sees_its_own(practice, client):
    page = staff_client(practice).get(f"/{practice.slug}/nps/recovery/")
    dues = [row["case"].due_at for row in page.context["rows"]]
    assert (len(dues), dues) == (3, sorted(dues))
    with use_practice(practice.pk):
        desk = MembershipFactory(role=Membership.Role.FRONT_DESK)
    sign_in(client, desk.user)
    assert client.get(f"/{practice.slug}/nps/recovery/").context["rows"] == []
    case = page.context["rows"][0]["case"]
    assert client.get(f"/{practice.slug}/nps/recovery/{case.pk}/").status_code == 404
    with use_practice(practice.pk):
        recovery.assign(case, desk, by=desk, now=case.opened_at)
    assert [row["case"] for row in client.get(f"/{practice.slug}/nps/recovery/").context["rows"]] == [case]
    assert client.get(f"/{practice.slug}/nps/recovery/{case.pk}/")["Location"].startswith(f"/{practice.slug}/inbox/")


def test_statements_do_not_grow_with_the_rows(practice, now):
    client = staff_client(practice)
    paths = [feed(practice), f"/{practice.slug}/nps/recovery/"]

    def count():
        return [len(statements.of_get(client, path, savepoints=False)) for path in paths]

    few = count()
    with use_practice(practice.pk):
        for _ in range(8):
            recovery.open_case(ResponseFactory(score=4, comment_text="Hm"), now=now)
    assert count() == few
    assert max(few) <= 12
