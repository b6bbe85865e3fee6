"""The start checklist: what each step says follows from what is there, and opens again when that breaks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts import agreements
from accounts.models import Agreement, Clinic, Practice
from campaigns import lifecycle
from campaigns.forms import new_document
from dashboard import start
from dashboard.models import StartStep
from dashboard.start import Facts, Feedline, Said, Upload
from integrations import feeds
from messaging.models import OutboxMessage
from messaging.outbox.deliver import deliver_due
from patients import consent
from patients.models import Patient
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests import statements
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory, staff_client
from tests.factories.integrations import FeedFactory
from tests.factories.nps import InvitationFactory
from tests.factories.patients import PatientFactory

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
NOTHING = Facts()
EVERYTHING = Facts(
    phone=True, postal_address=True, agreement="2026-11", signed_by="Olivia Grant", signed_at=NOW, clinics=2,
    clinics_ready=2, members=3, policy="on_arrival", policy_by="Olivia Grant", policy_at=NOW,
    feed=Feedline("EMR", "live", NOW), patients=40, rules_on=1, surveyed=True,
    said={"opt_outs": Said(done_at=NOW, done_by="Marco Reyes")},
)  # fmt: skip


def done(facts: Facts) -> set[str]:
    return {step.code for step in start.steps(facts) if step.done}


def test_a_new_practice_has_nothing_done_and_begins_at_the_first_step():
    steps = start.steps(NOTHING)
    assert [step.code for step in steps] == StartStep.Step.values
    assert (start.finished(steps), [step.code for step in steps if step.current]) == (0, ["practice"])


def test_everything_there_is_everything_done():
    steps = start.steps(EVERYTHING)
    assert (start.finished(steps), [step for step in steps if step.current]) == (9, [])
    assert {step.code: step.by for step in steps if step.by} == {
        "practice": "Olivia Grant", "consent": "Olivia Grant", "opt_outs": "Marco Reyes",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "opens"),
    [
        ({"agreement": ""}, "practice"),
        ({"phone": False}, "practice"),
        ({"postal_address": False}, "practice"),
        ({"clinics_ready": 1}, "clinic"),
        ({"clinics_unnamed": 1}, "clinic"),
        ({"clinics": 0, "clinics_ready": 0}, "clinic"),
        ({"members": 1}, "people"),
        ({"policy": ""}, "consent"),
        ({"feed": Feedline("EMR", "paused", NOW)}, "emr"),
        ({"feed": None}, "emr"),
        ({"patients": 0}, "import"),
        ({"upload": Upload("1", "2", "all.hl7", True, NOW, "Olivia")}, "import"),
        ({"said": {}}, "opt_outs"),
        ({"rules_on": 0}, "rule"),
        ({"surveyed": False}, "survey"),
    ],
)
def test_a_step_opens_again_when_its_fact_breaks(broken, opens):
    assert done(EVERYTHING) - done(replace(EVERYTHING, **broken)) == {opens}


def test_an_invitation_that_still_works_is_enough_for_people():
    assert "people" in done(replace(NOTHING, members=1, invited=1))


def test_what_is_missing_is_named():
    (first, *_rest) = start.steps(replace(NOTHING, phone=True))
    assert first.line == "Missing: the agreement and postal address for e-mail."


def test_a_step_put_off_is_passed_over_and_counts_as_open():
    steps = start.steps(replace(NOTHING, said={"practice": Said(later=True), "clinic": Said(later=True)}))
    assert [step.code for step in steps if step.later] == ["practice", "clinic"]
    assert [step.code for step in steps if step.current] == ["people"]
    assert start.finished(steps) == 0


def test_a_step_that_was_put_off_and_is_done_is_done():
    steps = start.steps(replace(EVERYTHING, said={"people": Said(later=True), **EVERYTHING.said}))
    assert [step.code for step in steps if step.later] == []


def test_no_emr_link_can_be_stated_and_a_feed_wins_over_it():
    stated = replace(NOTHING, said={"emr": Said(done_at=NOW, done_by="Olivia")})
    assert "emr" in done(stated)
    assert "emr" not in done(replace(stated, feed=Feedline("EMR", "testing", None)))


def test_the_survey_is_done_by_a_patients_or_by_ones_own():
    assert "survey" in done(replace(NOTHING, said={"survey": Said(done_at=NOW, done_by="Olivia")}))
    assert "survey" in done(replace(NOTHING, surveyed=True))


# --- the page ---

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def practice() -> Practice:
    return PracticeFactory(slug="harbor", phone="", postal_address="")


@pytest.fixture
def owner(practice) -> Client:
    return staff_client(practice)


def states(client: Client) -> dict[str, str]:
    """Code to what the page says of the step: done, later, current or open."""
    rows = client.get("/harbor/start/").context["rows"]
    return {
        row["step"].code: "done" if row["step"].done else "later" if row["step"].later
        else "current" if row["step"].current else "open"
        for row in rows
    }  # fmt: skip


def test_the_facts_of_a_practice_are_read_as_they_are(owner, practice):
    assert set(states(owner).values()) == {"current", "open"}
    now = clock.now()
    Practice.objects.filter(pk=practice.pk).update(phone="+14155550100", postal_address="12 Quay Street")
    with use_practice(practice.pk):
        by = MembershipFactory(role="manager")
        agreements.agree(signatory="Olivia Grant", by=by.user, now=now, practice=practice)
        consent.choose_policy("email", "care", "on_arrival", by=by.user, now=now)
        feeds.go_live(FeedFactory(), at=now)
        InvitationFactory(state="sent", patient=PatientFactory())
        document = {**new_document(), "name": "After discharge"}
        lifecycle.activate(lifecycle.create(document, by=by, now=now), by=by, now=now)
        start.say_done("opt_outs", by=by, now=now)
        Clinic.objects.update(address="12 Quay Street")
    assert set(states(owner).values()) == {"done"}
    page = owner.get("/harbor/start/").content.decode()
    assert "9 of 9 done" in page
    assert by.user.name in page


def test_a_clinic_without_an_address_and_a_paused_feed_open_their_steps(owner, practice):
    with use_practice(practice.pk):
        clinic, feed = ClinicFactory(address="12 Quay Street"), FeedFactory()
        feeds.go_live(feed, at=clock.now())
    before = states(owner)
    with use_practice(practice.pk):
        Clinic.objects.filter(pk=clinic.pk).update(address="")
        feeds.pause(feed)
    after = states(owner)
    assert [(before[code], after[code]) for code in ("clinic", "emr")] == [("done", "open")] * 2


def test_sample_patients_and_their_feed_count_for_nothing(owner, practice):
    with use_practice(practice.pk):
        FeedFactory(name="Sample data", state="testing", live_at=None, is_sample=True)
        InvitationFactory(state="answered")
        Patient.objects.update(is_sample=True)
    assert {code for code, state in states(owner).items() if state == "done"} == set()


def test_later_and_back_are_kept_and_reading_changes_nothing(owner, practice):
    owner.post("/harbor/start/practice/later/")
    assert (states(owner)["practice"], states(owner)["clinic"]) == ("later", "current")
    owner.post("/harbor/start/practice/later/", {"undo": "1"})
    assert states(owner)["practice"] == "current"


def test_statements_are_kept_with_the_person_and_audited(owner, practice):
    owner.post("/harbor/start/opt_outs/statement/")
    owner.post("/harbor/start/emr/statement/")
    assert {code for code, state in states(owner).items() if state == "done"} == {"opt_outs", "emr"}
    assert owner.get("/harbor/start/").content.decode().count("Take back") == 2
    owner.post("/harbor/start/emr/statement/", {"undo": "1"})
    assert states(owner)["emr"] == "open"
    with use_practice(practice.pk):
        told = list(AuditEvent.objects.order_by("at").values_list("action", "facts"))
    assert told == [
        ("start.no_opt_outs", {"taken_back": False}), ("start.no_emr", {"taken_back": False}),
        ("start.no_emr", {"taken_back": True}),
    ]  # fmt: skip


def test_only_two_steps_can_be_stated_and_no_others_exist(owner):
    assert owner.post("/harbor/start/rule/statement/").status_code == 404
    assert owner.post("/harbor/start/nonsense/later/").status_code == 404


def test_the_survey_to_oneself_leaves_by_the_usual_way_and_touches_no_patient(owner, practice):
    owner.post("/harbor/start/survey/")
    deliver_due("email")
    with use_practice(practice.pk):
        message = OutboxMessage.objects.get()
        assert (message.state, message.patient_id, message.klass) == ("sent", None, "direct")
        assert message.member.role == "owner"
        assert Patient.objects.count() == 0
        assert StartStep.objects.get().object_id == message.pk
    assert states(owner)["survey"] == "done"


def test_the_sample_of_the_survey_keeps_nothing_and_checks_as_the_real_one(practice):
    address = f"/portal/{practice.public_id}/sample"
    client = Client()
    page = client.get(f"{address}?s=9").content.decode()
    assert "Nothing that you send here is kept" in page
    assert 'value="9" checked' in page
    assert client.post(address, {}).status_code == 400
    assert client.post(address, {"score": "9", "comment": "Good"}).url == f"{address}?sent=1"
    assert "was not kept" in client.get(f"{address}?sent=1").content.decode()
    assert "No guardamos nada" in client.get(f"{address}?lang=es").content.decode()


def test_therapists_and_the_desk_have_no_checklist(practice):
    found = {role: staff_client(practice, role).get("/harbor/start/").status_code
             for role in ("owner", "manager", "therapist", "front_desk", "read_only")}  # fmt: skip
    assert found == {"owner": 200, "manager": 200, "therapist": 403, "front_desk": 403, "read_only": 403}


def test_the_page_asks_the_database_twelve_times_at_most(owner, practice):
    with use_practice(practice.pk):
        PatientFactory()
        FeedFactory()
        start.put_off("people", by=MembershipFactory(), now=clock.now() - timedelta(days=1))
    assert len(statements.of_get(owner, "/harbor/start/")) <= 12


def test_today_shows_what_is_left_to_those_who_set_up_and_to_nobody_once_it_is_done(owner, practice, monkeypatch):
    page = owner.get("/harbor/").content.decode()
    assert "Setting up: 0 of 9 done" in page
    assert "Next: Practice and agreement, about 5 min" in page
    assert "Setting up" not in staff_client(practice, "therapist").get("/harbor/").content.decode()
    monkeypatch.setattr(start, "left", lambda facts: None)
    assert "Setting up" not in owner.get("/harbor/").content.decode()


def test_nothing_is_left_of_a_list_that_is_done_and_later_is_still_left():
    assert start.left(EVERYTHING) is None
    put_off = {code: Said(later=True) for code in StartStep.Step.values}
    found = start.left(replace(NOTHING, said=put_off))
    assert (found.done, found.total, found.following.code) == (0, 9, "practice")


def test_the_channels_page_says_where_no_agreement_stands_and_who_took_note(owner, practice):
    page = "/harbor/settings/channels/?provider=sendgrid"
    assert "An owner has not taken note of that yet" in owner.get(page).content.decode()
    owner.post("/harbor/settings/agreements/new/?party=sendgrid", {"status": "none", "acknowledged": "on"})
    assert "took note of that on" in owner.get(page).content.decode()
    with use_practice(practice.pk):
        row = Agreement.objects.get()
    signed = {"status": "signed", "signed_on": "2026-11-02", "seen": row.recorded_at.isoformat()}
    owner.post(f"/harbor/settings/agreements/{row.pk}/", signed)
    shown = owner.get(page).content.decode()
    assert ("no health information may pass" in shown, "signed on" in shown) == (False, True)
