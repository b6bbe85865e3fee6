"""The pages of rules, as staff use them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import evaluate, lifecycle
from campaigns.models import Firing, Rule
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.campaigns.conftest import rule_document
from tests.factories.accounts import MembershipFactory, PracticeFactory, staff_client
from tests.factories.patients import EpisodeFactory, PatientFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)
SLOTS = {
    "name": "After discharge", "n": "14", "unit": "days", "at": "10:00", "zone": "clinic", "survey": "nps",
    "reentry": "each", "gap_days": "", "max_late_hours": "72", "purpose": "treatment",
}  # fmt: skip


@pytest.fixture(autouse=True)
def frozen():
    with clock.at(NOON):
        yield


@pytest.fixture
def practice(surveys):
    return PracticeFactory()


@pytest.fixture
def page(practice):
    """Names of our pages as addresses in the practice."""
    return lambda name, *args: reverse(name, args=[practice.slug, *args])


def discharged(days_ago: float, **fields):
    return EpisodeFactory(status="discharged", discharged_at=NOON - timedelta(days=days_ago), discharge_seq=1, **fields)


def only_rule(practice) -> Rule:
    with use_practice(practice.pk):
        return Rule.objects.select_related("version").get()


def test_a_rule_is_written_turned_on_and_fires_in_the_browser(practice, page):
    client = staff_client(practice)
    with use_practice(practice.pk):
        due = discharged(13.4, patient=PatientFactory(first_name="Carol", last_name="Whitman"))
        discharged(20)

    answer = client.post(page("campaign_new"), SLOTS)
    rule = only_rule(practice)
    assert (answer.status_code, answer.url) == (302, page("campaign_edit", rule.pk))
    assert rule.draft == rule_document()

    form = client.get(answer.url)
    assert form.context["preview"].soon == 1
    assert [str(one.patient) for one in form.context["preview"].people] == ["Carol Whitman"]
    assert "Reach back 7 days: 1 patient at once" in form.content.decode()

    assert client.post(page("campaign_activation", rule.pk), {"backlog_days": "0"}).status_code == 302
    with clock.at(NOON + timedelta(days=1)), use_practice(practice.pk):
        evaluate.tick(at=clock.now())
        fired = Firing.objects.get()
    assert (fired.patient_id, fired.outcome) == (due.patient_id, "fired")

    shown = client.get(page("campaign", rule.pk)).content.decode()
    assert "Carol Whitman" in shown
    why = client.get(page("campaign_explain", rule.pk), {"patient": str(due.patient_id)}).content.decode()
    assert "Decided" in why
    listed = client.get(page("campaigns")).content.decode()
    assert "When a patient is discharged, wait 14 days, then at 10:00 in the clinic&#x27;s time zone" in listed


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"n": ""}, "n", "How long to wait is missing"),
        ({"n": "731"}, "n", "730"),
        ({"at": ""}, "at", "from 06:00 to 21:00"),
        ({"at": "22:30"}, "at", "from 06:00 to 21:00"),
        ({"at": "noon"}, "at", "from 06:00 to 21:00"),
        ({"survey": "csat"}, "survey", "csat"),
        ({"reentry": "gap"}, "gap_days", "from 1 to 730"),
        ({"name": ""}, "name", "missing"),
    ],
)
def test_a_wrong_slot_says_what_is_expected_and_keeps_the_others(practice, page, changes, field, message):
    answer = staff_client(practice).post(page("campaign_new"), SLOTS | {"zone": "patient"} | changes)

    assert answer.status_code == 422
    form = answer.context["form"]
    assert set(form.errors) == {field}
    assert message in " ".join(form[field].problems)
    assert form["zone"].value() == "patient"
    with use_practice(practice.pk):
        assert not Rule.objects.exists()


def test_a_rule_opened_and_saved_unchanged_is_the_same_document(practice, page):
    document = rule_document(
        zone="patient", stop_on=["visited", "booked"], reentry={"gap_days": 30}, max_late_hours=24, priority=2,
        steps=[
            {"id": "ask", "do": "survey", "channel": ["email"], "survey": "nps"},
            {"id": "again", "do": "survey", "channel": ["email"], "survey": "nps", "delay": {"n": 3, "unit": "days"}},
        ],
    )  # fmt: skip
    client = staff_client(practice)
    with use_practice(practice.pk):
        rule = lifecycle.create(document, by=MembershipFactory(), now=NOON)
    form = client.get(page("campaign_edit", rule.pk)).context["form"]
    sent = {bound.name: bound.value() for bound in form}
    assert (
        client.post(page("campaign_edit", rule.pk), {k: v for k, v in sent.items() if v is not None}).status_code == 302
    )
    assert only_rule(practice).draft == document


def test_an_edit_of_a_running_rule_waits_until_it_is_published(practice, page):
    client = staff_client(practice)
    client.post(page("campaign_new"), SLOTS)
    rule = only_rule(practice)
    client.post(page("campaign_activation", rule.pk), {"backlog_days": "0"})
    client.post(page("campaign_edit", rule.pk), SLOTS | {"n": "7"})
    assert only_rule(practice).version.document["trigger"]["after"]["n"] == 14

    client.post(page("campaign_publication", rule.pk), {"backlog_days": "0"})

    rule = only_rule(practice)
    assert (rule.version.number, rule.version.document["trigger"]["after"]["n"], rule.draft) == (2, 7, None)


def test_pause_resume_and_archive_from_the_page(practice, page):
    client = staff_client(practice)
    client.post(page("campaign_new"), SLOTS)
    rule = only_rule(practice)
    client.post(page("campaign_activation", rule.pk), {"backlog_days": "0"})
    states = []
    for name, data in [
        ("campaign_pause", {}), ("campaign_resumption", {"catch_up": "no"}), ("campaign_archive", {}),
    ]:  # fmt: skip
        assert client.post(page(name, rule.pk), data).status_code == 302
        states.append(only_rule(practice).state)
    assert states == ["paused", "active", "archived"]
    assert client.post(page("campaign_pause", rule.pk)).status_code == 409
    assert client.get(page("campaign_edit", rule.pk)).status_code == 409


@pytest.mark.parametrize(("role", "runs", "drafts"), [
    ("owner", True, True), ("manager", True, True), ("therapist", False, True), ("front_desk", False, True),
    ("read_only", False, False),
])  # fmt: skip
def test_who_may_draft_pause_and_run(practice, page, role, runs, drafts):
    owner, client = staff_client(practice), staff_client(practice, role)
    owner.post(page("campaign_new"), SLOTS)
    rule = only_rule(practice)
    ran = client.post(page("campaign_activation", rule.pk), {"backlog_days": "0"}).status_code
    owner.post(page("campaign_activation", rule.pk), {"backlog_days": "0"})
    drafted = client.post(page("campaign_new"), SLOTS).status_code
    paused = client.post(page("campaign_pause", rule.pk)).status_code
    resumed = client.post(page("campaign_resumption", rule.pk), {"catch_up": "no"}).status_code
    assert (ran, resumed) == ((302, 302) if runs else (403, 403))
    assert (drafted, paused) == ((302, 302) if drafts else (403, 403))


def test_a_get_never_changes_a_rule(practice, page):
    client = staff_client(practice)
    client.post(page("campaign_new"), SLOTS)
    rule = only_rule(practice)
    for name in ("activation", "publication", "pause", "resumption", "archive", "discarding"):
        assert client.get(page(f"campaign_{name}", rule.pk)).status_code == 405
    assert only_rule(practice).state == "draft"


def test_another_practices_rule_is_a_404_like_a_missing_one(practice, page):
    other = PracticeFactory()
    with use_practice(other.pk):
        theirs = lifecycle.create(rule_document(), by=MembershipFactory(), now=NOON)
        stranger = PatientFactory()
    client = staff_client(practice)
    client.post(page("campaign_new"), SLOTS)
    rule = only_rule(practice)

    assert client.get(page("campaign", theirs.pk)).status_code == 404
    assert client.post(page("campaign_activation", theirs.pk), {"backlog_days": "0"}).status_code == 404
    assert client.get(page("campaign_explain", rule.pk), {"patient": str(stranger.pk)}).status_code == 404
    assert client.get(page("campaign_explain", rule.pk), {"patient": "x"}).status_code == 400


def test_names_in_the_preview_and_explanations_are_audited(practice, page):
    client = staff_client(practice)
    client.post(page("campaign_new"), SLOTS)
    rule = only_rule(practice)
    with use_practice(practice.pk):
        patient = discharged(13.4).patient
    client.get(page("campaign_edit", rule.pk))
    client.get(page("campaign_explain", rule.pk), {"patient": str(patient.pk)})
    with use_practice(practice.pk):
        read = set(AuditEvent.objects.filter(patient_id=patient.pk).values_list("action", flat=True))
    assert read == {"patient.listed", "patient.read"}


def test_the_statements_of_the_pages_do_not_grow_with_decisions(practice, page):
    client = staff_client(practice)
    client.post(page("campaign_new"), SLOTS)
    rule = only_rule(practice)
    client.post(page("campaign_activation", rule.pk), {"backlog_days": "0"})

    def statements(name: str, *args: object) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page(name, *args)).status_code == 200
        return len(captured)

    def decide(count: int, at: datetime) -> None:
        with clock.at(at), use_practice(practice.pk):
            for _patient in range(count):
                EpisodeFactory(status="discharged", discharged_at=at - timedelta(days=14, hours=3), discharge_seq=1)
            evaluate.tick(at=at)

    decide(2, NOON + timedelta(days=1))
    few = statements("campaigns"), statements("campaign", rule.pk)
    decide(15, NOON + timedelta(days=2))
    many = statements("campaigns"), statements("campaign", rule.pk)

    with use_practice(practice.pk):
        assert Firing.objects.filter(outcome="fired").count() == 17
    assert many == few
