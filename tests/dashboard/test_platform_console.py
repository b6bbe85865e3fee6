"""The operators' console: for them alone, over all practices, without anybody's data."""

import csv
import io
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from accounts.models import Practice
from dashboard import platform_console as console
from integrations.models import Feed
from messaging.models import OutboxMessage, StaffMail
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory, UserFactory, sign_in, staff_client
from tests.factories.patients import PatientFactory
from tests.security import rows

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ["/platform/", "/platform/service/", "/platform/usage/", "/platform/usage/?as=csv"]
CANARY = "Zebulon"


@pytest.fixture
def practice() -> Practice:
    return PracticeFactory(slug="harbor", name="Harbor")


@pytest.fixture
def client() -> Client:
    client = Client()
    sign_in(client, UserFactory(is_platform_operator=True))
    return client


def sent(practice: Practice, at: datetime, **given) -> None:
    with use_practice(practice.pk):
        rows.make(
            OutboxMessage, patient=PatientFactory(first_name=CANARY, last_name=CANARY), channel="email", state="sent",
            state_at=at, attempts=1, address=f"{CANARY}@example.com", **given,
        )  # fmt: skip


def test_nobody_else_finds_it(practice):
    owner = staff_client(practice)
    for path in [*PAGES, f"/platform/{practice.pk}/"]:
        assert owner.get(path).status_code == 404, path
        assert Client().get(path).url.startswith("/signin/"), path
    for path in ["suspension", "resumption"]:
        assert owner.post(f"/platform/{practice.pk}/{path}/", {"reason": "r"}).status_code == 404
    assert Practice.objects.get().suspended_at is None


def test_no_page_shows_a_persons_data(practice, client):
    sent(practice, clock.now())
    with use_practice(practice.pk):
        Feed.objects.create(name=CANARY, kind="fhir", time_zone="UTC")
    for path in [*PAGES, f"/platform/{practice.pk}/"]:
        page = client.get(path)
        assert (path, page.status_code, CANARY in page.content.decode()) == (path, 200, False)


def test_a_practice_says_what_needs_a_look(practice):
    now = clock.now()
    quiet = PracticeFactory(name="Quiet")
    with use_practice(practice.pk):
        person = PatientFactory()
        rows.make(OutboxMessage, patient=person, state="queued", not_before=now - timedelta(minutes=6))
        rows.make(OutboxMessage, patient=person, state="unknown")
        Feed.objects.create(
            name="Clinic", kind="hl7v2", time_zone="UTC", state="live", live_at=now,
            last_received_at=now - timedelta(hours=25),
        )  # fmt: skip
    found = {line.facts["id"]: line.worries for line in console.practices(now)}
    assert found == {practice.pk: ["messages are late", "1 unknown", "feed is silent"], quiet.pk: []}


def test_usage_counts_a_message_in_the_month_of_its_sending_by_utc(practice, client):
    last_of_october = datetime(2026, 10, 31, 18, 59, tzinfo=ZoneInfo("America/Chicago"))  # 23:59 UTC
    sent(practice, last_of_october)
    sent(practice, last_of_october + timedelta(minutes=2))
    with clock.at(datetime(2026, 11, 24, 12, tzinfo=ZoneInfo("UTC"))):
        found = {month: usage_file(client, month) for month in ["2026-10", "2026-11"]}
    assert found == {"2026-10": [("harbor", "email", "1")], "2026-11": [("harbor", "email", "1")]}


def usage_file(client: Client, month: str) -> list[tuple[str, str, str]]:
    text = client.get(f"/platform/usage/?as=csv&month={month}").content.decode()
    return [(row["slug"], row["channel"], row["messages"]) for row in csv.DictReader(io.StringIO(text))]


def test_a_practice_whose_name_is_a_formula_stays_text_in_the_file(client):
    sent(PracticeFactory(name="=cmd|' /C calc'!A0"), clock.now())
    (row,) = csv.DictReader(io.StringIO(client.get("/platform/usage/?as=csv").content.decode()))
    assert row["practice"].startswith("'=")


@pytest.mark.parametrize(("start", "end"), [((2026, 1), (2026, 2)), ((2026, 12), (2027, 1)), ((2028, 2), (2028, 3))])
def test_a_month_ends_where_the_next_begins(start, end):
    utc = ZoneInfo("UTC")
    assert console.end_of_month(datetime(*start, 1, tzinfo=utc)) == datetime(*end, 1, tzinfo=utc)


def test_a_suspended_practice_can_be_read_and_not_changed_until_it_resumes(practice, client):
    owner = staff_client(practice)

    client.post(f"/platform/{practice.pk}/suspension/", {"reason": "Unpaid since June"})

    page = owner.get("/harbor/patients/")
    assert page.status_code == 200
    assert "Unpaid since June" in page.content.decode()
    refused = owner.post("/harbor/settings/consent/", {})
    assert (refused.status_code, "suspended" in refused.content.decode()) == (403, True)
    assert owner.get(f"/portal/{practice.public_id}/{'x' * 43}").status_code == 503  # it says so, and whom to call

    client.post(f"/platform/{practice.pk}/resumption/")
    assert owner.post("/harbor/settings/consent/", {}).status_code == 200
    with use_practice(practice.pk):
        acts = AuditEvent.objects.filter(action__startswith="practice.").order_by("at")
        assert list(acts.values_list("action", flat=True)) == ["practice.suspended", "practice.resumed"]


def test_a_reason_is_wanted(practice, client):
    answer = client.post(f"/platform/{practice.pk}/suspension/", {"reason": ""})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["reason"])
    assert Practice.objects.get().suspended_at is None


def test_a_provider_of_a_suspended_practice_still_reports(practice):
    Practice.objects.update(suspended_at=clock.now())
    answer = Client().post(f"/hooks/sendgrid/{practice.public_id}/events", "[]", content_type="application/json")
    assert answer.status_code == 403  # asked for its signature, not told that nobody is there


def test_mail_to_staff_of_unknown_fate_is_counted_and_nobody_named(client):
    StaffMail.objects.create(
        kind="invitation", address=f"{CANARY}@example.com", dedupe_key="one", state="unknown", not_before=clock.now(),
        expires_at=clock.now(),
    )  # fmt: skip
    page = client.get("/platform/service/")
    assert page.context["staff_mail"] == {"queued": 0, "claimed": 0, "started": 0, "unknown": 1}
    assert ("Some unknown" in page.content.decode(), CANARY in page.content.decode()) == (True, False)
