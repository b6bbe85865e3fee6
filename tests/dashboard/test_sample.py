"""Sample data: what comes in, that nothing ever goes out to it, and that it leaves without a trace."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Therapist
from campaigns import evaluate, lifecycle
from campaigns.forms import new_document
from campaigns.models import Firing
from dashboard.sample import load, messages, people, remove
from integrations.models import Feed, RawMessage
from messaging.models import Klass, OutboxMessage
from messaging.outbox import queue
from messaging.outbox.deliver import deliver_due
from nps import reports
from nps.models import RecoveryCase, Response
from nps.reviews import add_site
from patients import consent
from patients.models import Consent, Episode, Patient, Visit, WorkItem
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory, staff_client
from tests.factories.nps import ResponseFactory
from tests.factories.patients import EpisodeFactory, PatientFactory, VisitFactory
from tests.security import catalogue
from tests.ui import world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def practice():
    made = PracticeFactory(slug="harbor")
    with use_practice(made.pk):
        MembershipFactory(role="manager")
        add_site(ClinicFactory(name="Eastside"), "google", "https://g.page/r/Eastside12345678/review", now=clock.now())
    return made


def loaded(practice) -> None:
    with use_practice(practice.pk):
        load.load(practice, now=clock.now())


def fingerprints() -> dict[str, set[str]]:
    """Every row of every table but sessions and the audit, as the role that sees all."""
    found = {}
    with connections["platform"].cursor() as cursor:
        for table in sorted(catalogue.tables() - catalogue.partitions() - {"django_session", "audit_auditevent"}):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found[table] = {row for (row,) in cursor.fetchall()}
    return found


def test_twelve_people_come_with_visits_answers_and_one_case(practice):
    loaded(practice)
    with use_practice(practice.pk):
        patients = list(Patient.objects.all())
        assert len(patients) == len(people.PEOPLE) == 12
        assert [p for p in patients if not p.is_sample] == []
        assert [p for p in patients if not p.full_name.endswith("(sample)")] == []
        assert [p for p in patients if not p.email.endswith("@example.com")] == []
        assert {p.language for p in patients} == {"en", "es"}
        assert {e.clinic.name for e in Episode.objects.select_related("clinic")} == {"Eastside"}
        statuses = set(Visit.objects.values_list("status", flat=True))
        assert statuses == {"completed", "no_show", "cancelled", "booked"}
        oldest = Visit.objects.order_by("starts_at").first().starts_at
        assert timedelta(days=53) < clock.now() - oldest < timedelta(days=60)
        assert sorted(Response.objects.values_list("score", flat=True)) == [4, 9, 9, 9, 9, 10, 10, 10, 10, 10]
        assert [case.response.score for case in RecoveryCase.objects.all()] == [4]
        assert list(WorkItem.objects.values_list("kind", "state")) == [("recovery", "open")]
        assert set(Episode.objects.values_list("status", flat=True)) >= {"active", "discharged"}
        assert set(RawMessage.objects.values_list("state", flat=True)) == {"applied"}
        assert Episode.objects.slipping().count() == 2


def test_they_have_no_consent_no_rule_decides_about_them_and_nobody_asks_for_a_review(practice):
    now = clock.now()
    with use_practice(practice.pk):
        consent.choose_policy("email", "care", "on_arrival", by=None, now=now)
        by = MembershipFactory()
        rule = lifecycle.create({**new_document(), "name": "After discharge"}, by=by, now=now)
        lifecycle.activate(rule, by=by, now=now, backlog_days=90)
    loaded(practice)
    with use_practice(practice.pk):
        consent.backfill("email", now=now)
        evaluate.tick(at=now + timedelta(minutes=5))
        assert Consent.objects.count() == 0
        assert consent.waiting_for_backfill("email") == 0
        assert Firing.objects.count() == 0
        assert OutboxMessage.objects.count() == 0


@pytest.mark.parametrize("klass", Klass.values)
def test_the_guard_lets_nothing_reach_a_sample_patient_whatever_it_is(practice, klass):
    loaded(practice)
    now = clock.now()
    with use_practice(practice.pk):
        alma = Patient.objects.get(first_name="Alma")
        for purpose in ("care", "marketing"):
            consent.state(alma, "email", purpose, granted=True, how="staff", now=now)
        message = queue.enqueue(
            practice, patient=alma, channel="email", klass=klass, purpose="treatment", topic="messages",
            dedupe_key=f"try:{klass}", body={"subject": "Hello", "text": "Hello"},
        )  # fmt: skip
        assert (message.state, message.reason, message.facts) == (
            "suppressed", "patient_inactive", {"why": "sample"},
        )  # fmt: skip


def test_the_guard_is_asked_again_when_a_message_leaves(practice):
    with use_practice(practice.pk):
        person = PatientFactory(email="real@example.com")
        consent.state(person, "email", "care", granted=True, how="staff", now=clock.now())
        message = queue.enqueue(
            practice, patient=person, channel="email", klass="care", purpose="treatment", topic="messages",
            dedupe_key="try", body={"subject": "Hello", "text": "Hello"},
        )  # fmt: skip
        assert message.state == "queued"
        Patient.objects.update(is_sample=True)
    deliver_due("email")
    with use_practice(practice.pk):
        assert list(OutboxMessage.objects.values_list("state", "attempts")) == [("suppressed", 0)]


def test_a_sample_feed_cannot_go_live(practice):
    loaded(practice)
    client = staff_client(practice)
    with use_practice(practice.pk):
        feed = Feed.objects.get()
    assert client.post(f"/harbor/settings/feeds/{feed.pk}/live/").status_code == 404
    assert client.get(f"/harbor/settings/feeds/{feed.pk}/").status_code == 404
    assert "Sample data (sample)" not in client.get("/harbor/settings/feeds/").content.decode()


def test_removal_takes_every_row_of_the_samples_and_no_other():
    practice, _owner = world.build()
    before = fingerprints()
    loaded(practice)
    with use_practice(practice.pk):
        ids = {str(pk) for pk in Patient.objects.filter(is_sample=True).values_list("pk", flat=True)}
        alma = Patient.objects.get(first_name="Alma", is_sample=True)
        consent.state(alma, "email", "care", granted=True, how="staff", now=clock.now())
        queue.enqueue(
            practice, patient=alma, channel="email", klass="care", purpose="treatment", topic="messages",
            dedupe_key="try", body={"subject": "Hello", "text": "Hello"},
        )  # fmt: skip
    with_samples = fingerprints()
    assert {table for table in with_samples if with_samples[table] != before[table]} >= {
        "patients_patient", "patients_episode", "patients_visit", "patients_timelineentry", "patients_workitem",
        "integrations_rawmessage", "integrations_rawmessagebody", "integrations_sourcerecord", "nps_response",
        "nps_recoverycase", "accounts_therapist", "messaging_outboxmessage", "patients_consent",
    }  # fmt: skip

    with use_practice(practice.pk):
        assert remove.remove(practice) == 12

    after = fingerprints()
    assert {table: (after[table] ^ before[table]) for table in after if after[table] != before[table]} == {}
    assert [row for rows in after.values() for row in rows for pk in ids if pk in row] == []
    with use_practice(practice.pk):
        assert remove.remove(practice) == 0


def test_another_practices_samples_stay(practice):
    other = PracticeFactory(slug="elsewhere")
    with use_practice(other.pk):
        ClinicFactory()
    loaded(practice)
    loaded(other)
    with use_practice(practice.pk):
        remove.remove(practice)
    with use_practice(other.pk):
        assert load.loaded() == 12


def test_a_sample_therapist_whom_a_real_visit_names_stays(practice):
    loaded(practice)
    with use_practice(practice.pk):
        kept = Therapist.objects.get(first_name="Jordan")
        VisitFactory(therapist=kept)
        remove.remove(practice)
        assert list(Therapist.objects.filter(last_name__endswith="(sample)")) == [kept]


def test_what_staff_did_about_a_sample_goes_with_it_and_the_audit_stays(practice):
    loaded(practice)
    client = staff_client(practice)
    with use_practice(practice.pk):
        item = WorkItem.objects.get()
    client.post(f"/harbor/inbox/{item.pk}/ownership/")
    client.post(f"/harbor/inbox/{item.pk}/contact/", {"medium": "phone", "result": "reached", "note": "Called."})
    with use_practice(practice.pk):
        seen = AuditEvent.objects.exclude(patient_id=None).count()
        assert seen > 0
        remove.remove(practice)
        assert (WorkItem.objects.count(), RecoveryCase.objects.count()) == (0, 0)
        assert AuditEvent.objects.exclude(patient_id=None).count() == seen


def test_loading_again_after_removal_brings_the_same_people(practice):
    loaded(practice)
    with use_practice(practice.pk):
        before = set(Patient.objects.values_list("first_name", "last_name", "birth_date"))
        remove.remove(practice)
        assert load.loaded() == 0
    loaded(practice)
    with use_practice(practice.pk):
        assert set(Patient.objects.values_list("first_name", "last_name", "birth_date")) == before


def test_twice_and_without_a_clinic_it_is_refused(practice):
    loaded(practice)
    with use_practice(practice.pk), pytest.raises(load.AlreadyLoaded):
        load.load(practice, now=clock.now())
    bare = PracticeFactory(slug="bare")
    with use_practice(bare.pk), pytest.raises(load.NoClinic):
        load.load(bare, now=clock.now())


def test_figures_count_samples_until_the_first_real_patient(practice):
    def figures() -> tuple[int, int, int]:
        now = clock.now()
        begin = now - timedelta(days=365)
        asked = reports.response_rate(begin, now)[0]
        return Response.objects.counted().count(), asked, reports.recovery(begin, now, now=now).opened

    loaded(practice)
    with use_practice(practice.pk):
        assert figures() == (10, 10, 1)
        ResponseFactory(score=9, invitation__episode=EpisodeFactory(patient=PatientFactory()))
        counted, _asked, opened = figures()
        assert (counted, opened) == (1, 0)


def test_the_page_loads_and_removes_and_the_report_says_whose_figures_they_are(practice):
    client = staff_client(practice, "manager")
    assert "Load sample data" in client.get("/harbor/settings/sample/").content.decode()
    client.post("/harbor/settings/sample/loading")
    page = client.get("/harbor/settings/sample/").content.decode()
    assert ("12 sample patients are here" in page, "Alma Reyes (sample)" in page) == (True, True)
    assert client.post("/harbor/settings/sample/loading").status_code == 409
    assert "These figures are of sample patients" in client.get("/harbor/nps/?period=year").content.decode()
    assert "12 sample patients are here" in client.get("/harbor/start/").content.decode()
    client.post("/harbor/settings/sample/removal")
    assert "Load sample data" in client.get("/harbor/settings/sample/").content.decode()
    assert "sample patients" not in client.get("/harbor/nps/?period=year").content.decode()
    with use_practice(practice.pk):
        told = set(AuditEvent.objects.filter(action__startswith="sample.").values_list("action", flat=True))
        assert told == {"sample.loaded", "sample.removed"}


@settings(max_examples=60, deadline=None)
@given(moment=st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2032, 1, 1)))  # noqa: DTZ001 -- wall time
def test_on_any_day_no_visit_is_on_a_weekend_and_answers_come_after_a_visit(moment):
    zone = ZoneInfo("America/New_York")
    now = moment.replace(tzinfo=zone)
    for person in people.PEOPLE:
        plan = messages.visits(person, now=now, zone=zone)
        assert all(visit.starts_at.astimezone(zone).weekday() < 5 for visit in plan)
        assert plan == sorted(plan, key=lambda visit: visit.starts_at)
        if person.answer:
            at = now - timedelta(days=person.answer[0])
            assert any(visit.outcome == "completed" and visit.starts_at < at for visit in plan)
