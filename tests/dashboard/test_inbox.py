"""The inbox: who sees what, taking, calling, closing, taking back, and what changes by itself."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Membership
from messaging.models import OutboxMessage
from messaging.outbox.contexts import read_context
from nps import answer, ask
from nps.models import ContactAttempt, RecoveryCase
from nps.setup import ensure_survey
from patients import consent, worklist
from patients.models import Channel, TimelineEntry, WorkItem
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests import statements
from tests.dashboard.conftest import make_desk
from tests.factories.accounts import MembershipFactory, TherapistFactory, sign_in
from tests.factories.nps import InvitationFactory
from tests.factories.patients import EpisodeFactory, PatientFactory, VisitFactory
from tests.nps.conftest import NOW

pytestmark = pytest.mark.django_db


def text(response):
    return response.content.decode()


def inbox(desk, view):
    return f"/{desk.practice.slug}/inbox/?view={view}"


def test_the_lead_finds_the_case_under_mine_with_the_patients_words_score_and_due_time(as_, desk):
    client = as_("lead")
    page = text(client.get(inbox(desk, "mine")))
    assert "Waited 40 minutes twice and nobody said sorry." in page
    assert "Marta Quiles" in page
    assert 'data-bucket="detractor"' in page
    beside = f"{desk.path()}?view=mine&amp;beside=1"
    assert f'hx-get="{beside}"' in page  # a wide screen asks for it at once, a phone never
    panes = text(client.get(beside.replace("&amp;", "&"), headers={"HX-Request": "true"}))
    assert "is due by 1:00 pm" in panes
    assert "agreed to be contacted by phone" in panes
    assert ("data-item" in panes, "data-focus" in panes) == (False, False)


def test_the_list_and_the_item_beside_it_are_audited(as_, desk):
    client = as_("owner")
    client.get(inbox(desk, "open"))
    client.get(f"{desk.path()}?beside=1", headers={"HX-Request": "true"})
    with use_practice(desk.practice.pk):
        events = AuditEvent.objects.order_by("at").values_list("action", "patient_id", "object_id", "patients")
        assert list(events) == [
            ("work.listed", None, None, [desk.case.patient_id]),
            ("work.read", desk.case.patient_id, desk.item.pk, []),
        ]


def test_the_person_beside_an_item_shows_plan_next_visit_scores_consent_and_what_else_is_open(as_, desk):
    with use_practice(desk.practice.pk):
        patient, episode = desk.case.patient, desk.response.episode
        episode.planned_visits = 4
        episode.save(update_fields=["planned_visits"])
        sees = TherapistFactory(first_name="Priya", last_name="Nair")
        for days, status in ((-1, "no_show"), (1, "booked")):  # besides the one kept and the one booked of the desk
            VisitFactory(episode=episode, starts_at=NOW + timedelta(days=days), status=status, therapist=sees)
        consent.state(patient, "email", "care", granted=True, how="staff", now=NOW)
        consent.state(patient, "email", "care", granted=False, how="patient", now=NOW)
        consent.state(patient, "email", "marketing", granted=True, how="patient", now=NOW)
        other = worklist.open_item("complaint", episode, now=NOW, due_at=NOW, patient=patient)
    seen = as_("owner").get(desk.path()).context["person"]
    assert seen.rail.label == "1 of 4 visits attended, 1 missed, 2 booked"
    assert (seen.next_visit.starts_at, seen.next_visit.therapist.short_name) == (NOW + timedelta(days=1), "Priya N.")
    assert seen.scores == [desk.response.score]
    assert (seen.allowances[0].label, seen.allowances[0].granted) == (f"{Channel.EMAIL.label}, care", False)
    assert [(one.pk, one.kind) for one in seen.also_open] == [(other.pk, "complaint")]


def test_views_count_what_they_hold(as_, desk):
    with use_practice(desk.practice.pk):
        other = EpisodeFactory(clinic=desk.case.clinic)
        answer.answer(InvitationFactory(episode=other), 7, now=NOW)
        loose = WorkItem.objects.exclude(pk=desk.item.pk).get()
        worklist.assign(loose, None, now=NOW, by=desk.people.lead)
        worklist.open_item("complaint", other, now=NOW, due_at=NOW, patient=other.patient)
    views = as_("owner").get(inbox(desk, "open")).context["views"]
    assert [(name, n) for name, _label, n in views] == [
        ("mine", 0), ("unassigned", 2), ("recovery", 2), ("open", 3), ("done", None),
    ]  # fmt: skip
    for view, expected in (("mine", 0), ("unassigned", 2), ("recovery", 2), ("open", 3), ("done", 0)):
        assert len(as_("owner").get(inbox(desk, view)).context["rows"]) == expected


@pytest.mark.parametrize(("who", "sees"), [("owner", True), ("manager", True), ("lead", True), ("therapist", False)])
def test_who_may_read_a_case(as_, desk, who, sees):
    """Owner and manager all, front desk and therapist what is theirs (nps.md sections 4 and 9)."""
    client = as_(who)
    assert client.get(desk.path()).status_code == (200 if sees else 404)
    assert ("nobody said sorry" in text(client.get(inbox(desk, "open")))) is sees


def test_a_front_desk_without_the_case_and_a_read_only_member_see_nothing_of_it(client, desk):
    for role in (Membership.Role.FRONT_DESK, Membership.Role.READ_ONLY):
        with use_practice(desk.practice.pk):
            member = MembershipFactory(role=role)
        sign_in(client, member.user)
        assert client.get(desk.path()).status_code == 404
        page = text(client.get(inbox(desk, "open")))
        assert "Quiles" not in page
        assert "nobody said sorry" not in page


def test_read_only_may_not_act(client, desk):
    with use_practice(desk.practice.pk):
        member = MembershipFactory(role=Membership.Role.READ_ONLY)
    sign_in(client, member.user)
    for what in ("ownership/", "contact/", "resolution/", "resolution/undo/", "closure/"):
        assert client.post(desk.path(what)).status_code == 403


def test_another_practices_item_is_the_404_of_a_missing_one(as_, desk):
    other = make_desk("Second Practice")
    client = as_("owner")
    wrong = client.get(f"/{desk.practice.slug}/inbox/{other.item.pk}/")
    missing = client.get(f"/{desk.practice.slug}/inbox/{desk.practice.pk}/")
    assert (wrong.status_code, missing.status_code) == (404, 404)
    assert client.get(f"/{other.practice.slug}/inbox/").status_code == 404
    assert client.post(f"/{desk.practice.slug}/inbox/{other.item.pk}/ownership/").status_code == 404


def test_nobody_gets_in_without_signing_in(desk):
    assert Client().get(desk.path()).status_code == 302
    assert Client().get(f"/{desk.practice.slug}/_pulse").status_code == 302


def test_get_changes_nothing_and_acts_are_posts(as_, desk):
    client = as_("lead")
    for what in ("ownership/", "contact/", "resolution/", "resolution/undo/", "closure/", "closure/undo/"):
        assert client.get(desk.path(what)).status_code == 405
    assert [row.state for row in desk.fresh()] == ["new", "open"]


def test_a_post_without_our_token_is_refused(desk):
    client = Client(enforce_csrf_checks=True)
    sign_in(client, desk.people.lead.user)
    assert client.post(desk.path("ownership/")).status_code == 403
    assert desk.fresh()[0].state == "new"


def test_taking_a_case_makes_it_mine(as_, desk):
    answer = as_("owner").post(desk.path("ownership/"), {"view": "open"})
    assert answer["Location"] == desk.path() + "?view=open"
    case, item = desk.fresh()
    assert (case.state, item.owner_id) == ("assigned", desk.people.owner.pk)


def test_a_logged_contact_is_kept_with_an_encrypted_note_and_stops_the_clock(as_, desk):
    client = as_("lead")
    client.post(desk.path("contact/"), {"medium": "phone", "result": "reached", "note": "She was upset."})
    case, _item = desk.fresh()
    assert (case.state, case.contacted_at) == ("contacted", NOW)
    with use_practice(desk.practice.pk):
        attempt = ContactAttempt.objects.get()
        assert (attempt.by_id, attempt.note_text) == (desk.people.lead.pk, "She was upset.")
        assert b"upset" not in bytes(attempt.note)
        assert TimelineEntry.objects.filter(kind="recovery_contact_logged").count() == 1
    page = text(client.get(desk.path()))
    assert "She was upset." in page
    assert "First contact" not in page


@pytest.mark.parametrize(
    ("result", "state"), [("left_word", "waiting"), ("no_answer", "assigned"), ("wrong_number", "assigned")]
)
def test_what_a_try_makes_of_the_case(as_, desk, result, state):
    as_("lead").post(desk.path("contact/"), {"medium": "phone", "result": result})
    assert desk.fresh()[0].state == state


def test_a_contact_without_result_is_said_at_the_field_and_keeps_the_note(as_, desk):
    answer = as_("lead").post(desk.path("contact/"), {"medium": "phone", "note": "Long story"})
    assert answer.status_code == 422
    assert "Long story</textarea>" in text(answer)
    assert "Result is missing" in text(answer)


def test_resolving_needs_cause_and_outcome_closes_the_item_and_can_be_undone(as_, desk):
    client = as_("lead")
    assert client.post(desk.path("resolution/"), {"cause": "waiting"}).status_code == 422
    assert client.post(desk.path("resolution/"), {"outcome": "helped"}).status_code == 422
    assert [row.state for row in desk.fresh()] == ["new", "open"]

    done = client.post(desk.path("resolution/"), {"cause": "waiting", "outcome": "apologised"}, follow=True)
    case, item = desk.fresh()
    assert (case.state, case.cause, case.outcome, item.state, item.outcome) == (
        "resolved", "waiting", "apologised", "done", "apologised",
    )  # fmt: skip
    assert f'action="{desk.path("resolution/undo/")}"' in text(done)

    client.post(desk.path("resolution/undo/"))
    case, item = desk.fresh()
    assert (case.state, case.outcome, item.state) == ("new", "", "open")


def test_a_resolution_cannot_be_undone_later(as_, desk):
    client = as_("lead")
    client.post(desk.path("resolution/"), {"cause": "waiting", "outcome": "helped"})
    with clock.at(NOW + timedelta(minutes=5)):
        assert client.post(desk.path("resolution/undo/")).status_code == 409
    assert desk.fresh()[0].state == "resolved"


def test_not_reached_needs_three_tries_on_three_days(as_, desk):
    client = as_("lead")
    for day in range(3):
        with clock.at(NOW + timedelta(days=day)):
            sign_in(client, desk.people.lead.user)
            refused = client.post(desk.path("resolution/"), {"cause": "other", "outcome": "not_reached"})
            assert refused.status_code == 422
            assert "needs tries on 3 days" in text(refused)
            for _twice in range(2):
                client.post(desk.path("contact/"), {"medium": "phone", "result": "no_answer"})
    with clock.at(NOW + timedelta(days=2, hours=1)):
        sign_in(client, desk.people.lead.user)
        assert client.post(desk.path("resolution/"), {"cause": "other", "outcome": "not_reached"}).status_code == 302
    assert desk.fresh()[0].outcome == "not_reached"


def test_who_closes_second_hears_who_was_first_and_changes_nothing(as_, desk):
    as_("lead").post(desk.path("resolution/"), {"cause": "waiting", "outcome": "helped"})
    client = as_("manager")
    for what, data in (
        ("resolution/", {"cause": "billing", "outcome": "declined"}),
        ("contact/", {"medium": "phone", "result": "reached"}),
        ("ownership/", {}),
    ):
        answer = client.post(desk.path(what), data)
        assert answer.status_code == 409
        assert "Dana K. closed it first" in text(answer)
    assert desk.fresh()[0].outcome == "helped"


def test_reading_and_acting_are_audited_without_words(as_, desk):
    client = as_("lead")
    client.get(desk.path())
    client.post(desk.path("contact/"), {"medium": "phone", "result": "reached", "note": "Secret"})
    client.post(desk.path("resolution/"), {"cause": "waiting", "outcome": "helped"})
    with use_practice(desk.practice.pk):
        events = list(AuditEvent.objects.values("action", "actor_id", "patient_id", "facts"))
    assert {event["action"] for event in events} == {"work.read", "recovery.contact_logged", "recovery.resolved"}
    assert {event["actor_id"] for event in events} == {desk.people.lead.user_id}
    assert {event["patient_id"] for event in events} == {desk.case.patient_id}
    assert "Secret" not in str(events)


def test_an_htmx_request_gets_the_split_alone(as_, desk):
    answer = as_("lead").get(desk.path(), headers={"HX-Request": "true"})
    assert text(answer).lstrip().startswith('<div class="split" id="split" data-open>')


def test_an_item_of_another_kind_closes_with_an_outcome_and_opens_again(as_, desk):
    with use_practice(desk.practice.pk):
        patient = PatientFactory()
        item = worklist.open_item("fix_contact_point", patient, now=NOW, due_at=NOW, patient=patient)
    client, base = as_("manager"), f"/{desk.practice.slug}/inbox/{item.pk}/"
    assert client.post(f"{base}closure/").status_code == 422
    client.post(f"{base}closure/", {"outcome": "corrected"})
    with use_practice(desk.practice.pk):
        item.refresh_from_db()
        assert (item.state, item.outcome) == ("done", "corrected")
    client.post(f"{base}closure/undo/")
    with use_practice(desk.practice.pk):
        item.refresh_from_db()
        assert item.state == "open"
    assert client.post(f"{base}resolution/", {"cause": "other", "outcome": "helped"}).status_code == 404
    assert client.post(desk.path("closure/"), {"outcome": "helped"}).status_code == 404


def test_the_pulse_is_quiet_until_a_case_opens_and_then_tells_the_count(as_, desk):
    client, pulse = as_("lead"), f"/{desk.practice.slug}/_pulse"
    first = client.get(pulse).json()
    assert first["counts"] == {"inbox": 1}
    assert client.get(pulse, {"since": first["since"]}).status_code == 204
    with use_practice(desk.practice.pk):
        answer.answer(InvitationFactory(episode=EpisodeFactory(clinic=desk.case.clinic)), 2, now=NOW)
    second = client.get(pulse, {"since": first["since"]})
    assert (second.status_code, second.json()["counts"]) == (200, {"inbox": 2})
    with use_practice(desk.practice.pk):
        worklist.assign(desk.item, desk.people.owner, now=NOW, by=desk.people.lead)
    third = client.get(pulse, {"since": second.json()["since"]})
    assert (third.status_code, third.json()["counts"]) == (200, {"inbox": 1})


def test_the_pulse_does_not_prolong_the_session(as_, desk):
    client = as_("lead")
    for minutes in range(5, 20, 5):
        with clock.at(NOW + timedelta(minutes=minutes)):
            status = client.get(f"/{desk.practice.slug}/_pulse").status_code
    assert status == 302


def test_the_count_stands_in_the_side_bar(as_, desk):
    page = text(as_("lead").get(inbox(desk, "mine")))
    assert 'data-count="inbox"><span data-n>1</span>' in page


def test_statements_do_not_grow_with_the_rows(as_, desk):
    client = as_("owner")

    def count(path):
        return len(statements.of_get(client, path, savepoints=False))

    few = {path: count(path) for path in (inbox(desk, "open"), desk.path())}
    with use_practice(desk.practice.pk):
        for score in range(7):
            answer.answer(InvitationFactory(episode=EpisodeFactory(clinic=desk.case.clinic)), score, now=NOW)
    assert {path: count(path) for path in few} == few
    assert max(few.values()) <= 12, few  # tests/ui/test_statements.py has the bar of every page


def test_no_page_of_staff_holds_a_survey_token(as_, desk):
    """Staff cannot answer for patients: tokens never appear in their pages."""
    with use_practice(desk.practice.pk):
        invitation = ask.invite(desk.response.episode, survey=ensure_survey(desk.practice), now=NOW)
        message = OutboxMessage.objects.get(pk=invitation.outbox_message)
        token = read_context(message)["fields"]["links.survey"].rpartition("/")[2]
        assert RecoveryCase.objects.exists()
    client = as_("owner")
    for path in (desk.path(), inbox(desk, "open"), inbox(desk, "done")):
        assert token not in text(client.get(path))
