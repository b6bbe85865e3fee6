"""Who may change whom, and what a changed role, a leaving and a return do."""

import threading
from datetime import timedelta
from itertools import product

import pytest
from django.db import connection

from accounts import access, invitations, people, role_words
from accounts.models import Clinic, Invitation, Membership
from patients import worklist
from patients.models import WorkItem
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import audited, client_of, clinic, fresh, join, path, seen
from tests.factories.accounts import ClinicFactory, PracticeFactory, TherapistFactory
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db(transaction=True)
Role = Membership.Role


# --- who may change whom ---


def test_an_owner_changes_everybody_else_a_manager_everybody_but_owners_nobody_else_anybody(harbor):
    actors, others = ({role: join(harbor, role) for role in Role.values} for _ in range(2))
    with use_practice(harbor.pk):
        may = {
            (one, other)
            for one, other in product(Role.values, repeat=2)
            if people.may_change(actors[one], others[other])
        }
        assert not any(people.may_change(one, one) for one in actors.values())
    everybody = set(Role.values)
    assert may == {("owner", role) for role in everybody} | {("manager", role) for role in everybody - {"owner"}}


def test_a_manager_of_some_clinics_changes_members_of_those_only(harbor):
    east, west = clinic(harbor, "East"), clinic(harbor, "West")
    manager = join(harbor, Role.MANAGER, clinics=[east])
    limits = {"east": [east], "west": [west], "both": [east, west], "all": []}
    members = {name: join(harbor, Role.FRONT_DESK, clinics=clinics) for name, clinics in limits.items()}
    with use_practice(harbor.pk):
        assert {name for name, one in members.items() if people.may_change(manager, one)} == {"east"}
        assert [one.name for one in people.clinics_to_give(manager)] == ["East"]
    page = client_of(manager)
    for name, member in members.items():
        answer = page.post(path(member, "departure/"))
        assert answer.status_code == (302 if name == "east" else 403), name


def test_the_posts_of_members_who_may_not_change_nothing(harbor, told):
    members = {role: join(harbor, role) for role in Role.values}
    target = {role: join(harbor, Role.OWNER) for role in Role.values}
    for role, member in members.items():
        for what in ("access/", "departure/", "departure/undo/"):
            answer = client_of(member).post(path(target[role], what), {"role": "read_only", "seen": seen(target[role])})
            if role != "owner":
                assert answer.status_code == 403
            own = client_of(member).post(path(member, what), {"role": "owner", "seen": seen(member)})
            assert own.status_code == 403
        if role != "owner":
            assert (fresh(target[role]).role, fresh(target[role]).ended_at) == ("owner", None)
        assert (fresh(member).role, fresh(member).ended_at) == (role, None)


def test_a_manager_cannot_give_what_only_an_owner_has(harbor):
    manager, desk = join(harbor, Role.MANAGER), join(harbor, Role.FRONT_DESK)
    answer = client_of(manager).post(path(desk, "access/"), {"role": "owner", "seen": seen(desk)})
    assert answer.status_code == 422
    assert fresh(desk).role == "front_desk"
    answer = client_of(manager).post("/harbor/settings/people/invite/", {"email": "x@y.example", "role": "owner"})
    assert answer.status_code == 422
    with use_practice(harbor.pk):
        assert not Invitation.objects.exists()


# --- roles ---


def test_a_new_role_is_told_recorded_and_gives_back_what_it_may_not_own(harbor, told):
    owner, desk = join(harbor, Role.OWNER), join(harbor, Role.FRONT_DESK)
    with use_practice(harbor.pk):
        item = worklist.open_item("complaint", PatientFactory(), now=clock.now(), due_at=None, owner=desk)
        Invitation.objects.create(
            email="a@b.example", role="front_desk", invited_by=desk, token_hash="x", expires_at=clock.now()
        )  # fmt: skip

    answer = client_of(owner).post(path(desk, "access/"), {"role": "read_only", "seen": seen(desk)}, follow=True)

    assert f"Saved the access of {desk.user.name}" in answer.text
    assert told == [("role_changed", desk.user.email, {"role": "read_only"})]
    assert audited(harbor, "permission.changed") == [{"old_role": "front_desk", "new_role": "read_only"}]
    with use_practice(harbor.pk):
        assert WorkItem.objects.get(pk=item.pk).owner is None
        assert Invitation.objects.get().state == "withdrawn"  # what he could not offer any more


def test_clinics_and_profile_change_without_a_word_to_the_person(harbor, told):
    east, west = clinic(harbor, "East"), clinic(harbor, "West")
    owner, priya = join(harbor, Role.OWNER), join(harbor, Role.THERAPIST, clinics=[west])
    with use_practice(harbor.pk):
        profile = TherapistFactory()
    given = {"role": "therapist", "clinics": [str(east.pk)], "therapist": str(profile.pk), "seen": seen(priya)}

    client_of(owner).post(path(priya, "access/"), given)

    with use_practice(harbor.pk):
        assert people.clinics_of(fresh(priya)) == {east.pk}
    assert fresh(priya).therapist_id == profile.pk
    assert told == []
    assert audited(harbor, "permission.changed") == [
        {"old_clinics": [str(west.pk)], "new_clinics": [str(east.pk)], "therapist": str(profile.pk)}
    ]


def test_the_same_access_again_changes_and_records_nothing(harbor, told):
    owner, desk = join(harbor, Role.OWNER), join(harbor, Role.FRONT_DESK)
    answer = client_of(owner).post(path(desk, "access/"), {"role": "front_desk", "seen": seen(desk)}, follow=True)
    assert "Nothing was changed" in answer.text
    assert (told, audited(harbor, "permission.changed")) == ([], [])


def test_an_edit_over_a_newer_one_is_a_conflict(harbor, told):
    owner, desk = join(harbor, Role.OWNER), join(harbor, Role.FRONT_DESK)
    old = seen(desk)
    client_of(owner).post(path(desk, "access/"), {"role": "manager", "seen": old})
    answer = client_of(owner).post(path(desk, "access/"), {"role": "read_only", "seen": old})
    assert answer.status_code == 409
    assert fresh(desk).role == "manager"


def test_a_profile_belongs_to_one_member(harbor):
    with use_practice(harbor.pk):
        profile = TherapistFactory()
    owner = join(harbor, Role.OWNER)
    join(harbor, Role.THERAPIST, therapist=profile)
    other = join(harbor, Role.THERAPIST)
    given = {"role": "therapist", "therapist": str(profile.pk), "seen": seen(other)}
    assert client_of(owner).post(path(other, "access/"), given).status_code == 422


# --- the last owner ---


def test_two_owners_who_demote_each_other_leave_one(harbor, told):
    """Both requests race; each locks the owners first, so that the second sees what the first has done."""
    one, two = join(harbor, Role.OWNER), join(harbor, Role.OWNER)
    start, outcomes = threading.Barrier(2), []

    def demote(target):
        start.wait()
        try:
            with use_practice(harbor.pk):
                people.change(
                    harbor, Membership.objects.get(pk=target.pk), role="manager", clinics=[], therapist=None,
                    now=clock.now(),
                )  # fmt: skip
            outcomes.append("done")
        except people.LastOwner:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=[target]) for target in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused"]
    assert sorted([fresh(one).role, fresh(two).role]) == ["manager", "owner"]


def test_the_last_owner_neither_leaves_nor_is_demoted(harbor, told):
    owner = join(harbor, Role.OWNER)
    join(harbor, Role.OWNER, ended_at=clock.now())
    with use_practice(harbor.pk):
        for role in set(Role.values) - {"owner"}:
            with pytest.raises(people.LastOwner):
                people.change(harbor, owner, role=role, clinics=[], therapist=None, now=clock.now())
        with pytest.raises(people.LastOwner):
            people.leave(harbor, owner, cover=None, now=clock.now())
    assert (fresh(owner).role, fresh(owner).ended_at) == ("owner", None)


# --- leaving and coming back ---


def test_who_leaves_is_out_at_the_next_request_and_his_work_goes_to_the_cover(harbor, told):
    owner, desk, cover = join(harbor, Role.OWNER), join(harbor, Role.FRONT_DESK), join(harbor, Role.FRONT_DESK)
    his = client_of(desk)
    assert his.get("/harbor/").status_code == 200
    with use_practice(harbor.pk):
        item = worklist.open_item("complaint", PatientFactory(), now=clock.now(), due_at=None, owner=desk)
        led = ClinicFactory(recovery_lead=desk)

    answer = client_of(owner).post(path(desk, "departure/"), {"cover": str(cover.pk)}, follow=True)

    assert f"{desk.user.name} has no access any more" in answer.text
    assert his.get("/harbor/").status_code in {302, 404}  # signed out, or a practice that he does not know
    assert told == [("membership_ended", desk.user.email, {})]
    assert audited(harbor, "permission.changed") == [{"old_role": "front_desk", "new_role": "", "moved": 1}]
    with use_practice(harbor.pk):
        assert WorkItem.objects.get(pk=item.pk).owner == cover
        assert Clinic.objects.get(pk=led.pk).recovery_lead == cover
        assert Membership.objects.get(pk=desk.pk).user.name == desk.user.name


def test_leaving_is_undone_for_ten_minutes(harbor, told):
    owner, desk = join(harbor, Role.OWNER), join(harbor, Role.FRONT_DESK)
    client_of(owner).post(path(desk, "departure/"))
    client_of(owner).post(path(desk, "departure/undo/"))
    assert fresh(desk).ended_at is None

    client_of(owner).post(path(desk, "departure/"))
    with clock.at(clock.now() + timedelta(minutes=10, seconds=1)):
        assert client_of(owner).post(path(desk, "departure/undo/")).status_code == 409
    assert fresh(desk).ended_at is not None


def test_who_has_left_comes_back_by_an_invitation_as_what_he_is_invited_as(harbor, told):
    owner, desk = join(harbor, Role.OWNER), join(harbor, Role.FRONT_DESK)
    east = clinic(harbor, "East")
    with use_practice(harbor.pk):
        people.leave(harbor, desk, cover=None, now=clock.now())
        asked = invitations.invite(harbor, desk.user.email, "manager", by=owner, clinics=[east], now=clock.now())
        back, _joined = invitations.accept(asked, desk.user, now=clock.now())
        assert (back.pk, back.role, back.ended_at, people.clinics_of(back)) == (desk.pk, "manager", None, {east.pk})


def test_what_a_leaver_has_offered_works_no_more(harbor, told):
    owner, other = join(harbor, Role.OWNER), join(harbor, Role.OWNER)
    with use_practice(harbor.pk):
        asked = invitations.invite(harbor, "friend@x.example", "owner", by=other, now=clock.now())
        people.leave(harbor, other, cover=owner, now=clock.now())
        assert Invitation.objects.get(pk=asked.pk).state == "withdrawn"


# --- pages and words ---


def test_every_permission_is_a_sentence_and_the_page_says_what_the_roles_may(harbor):
    assert set(role_words.SENTENCES) == set(access.PERMISSIONS)
    assert set(role_words.ROLE_LINES) == set(Role)
    owner = join(harbor, Role.OWNER)
    page = client_of(owner).get("/harbor/settings/people/roles/").text
    for name, sentence in role_words.SENTENCES.items():
        row = page[page.index(sentence) :].partition("</tr>")[0]
        may = [">yes<" in cell for cell in row.split("<td>")[1:]]
        assert may == [role in access.PERMISSIONS[name] for role in Role.values], name


def test_the_list_says_who_works_here_where_and_who_is_away(harbor):
    east = clinic(harbor, "Eastside")
    owner = join(harbor, Role.OWNER, user__name="Olivia Grant")
    join(harbor, Role.FRONT_DESK, clinics=[east], user__name="Dana Kowalski")
    gone = join(harbor, Role.MANAGER, user__name="Gus Gone", ended_at=clock.now())
    page = client_of(owner).get("/harbor/settings/people/").text
    here, _heading, left = page.partition("Have left")
    assert [name in here for name in ("Olivia Grant", "Dana Kowalski", "Eastside", "Gus Gone")] == [True] * 3 + [False]
    assert gone.user.name in left


def test_a_person_of_two_practices_is_somebody_else_in_each(harbor):
    elsewhere = PracticeFactory(slug="elsewhere", name="Elsewhere")
    member = join(harbor, Role.OWNER)
    join(elsewhere, Role.READ_ONLY, user=member.user)
    client = client_of(member)

    assert client.get("/harbor/settings/people/").status_code == 200
    assert client.get("/elsewhere/settings/people/").status_code == 403
    here, there = client.get("/harbor/").text, client.get("/elsewhere/").text
    assert 'href="/elsewhere/"' in here
    assert 'href="/harbor/"' in there
    assert 'href="/harbor/settings/"' in here
    assert "/elsewhere/settings/people/" not in there
    assert client.get("/").url == "/elsewhere/"  # the one used last

    with use_practice(harbor.pk):
        Membership.objects.filter(pk=member.pk).update(ended_at=clock.now())
    assert client.get("/harbor/").status_code == 404
    assert client.get("/elsewhere/").status_code == 200


@pytest.mark.parametrize("page", ["agreements", "retention", "support", "closing", "export"])
def test_an_owners_page_tells_a_manager_of_all_clinics_nothing_of_clinics(harbor, page):
    text = client_of(join(harbor, Role.MANAGER)).get(f"/harbor/settings/{page}/").content.decode()
    assert "It is open to an owner. Ask one of them." in text
    assert "clinics" not in text


def test_an_owner_of_one_clinic_is_told_that_it_takes_all_of_them(harbor):
    limited = client_of(join(harbor, Role.OWNER, clinics=[clinic(harbor, "East")]))
    answer = limited.get("/harbor/settings/retention/")
    assert answer.status_code == 403
    assert "only who works in all clinics may open it" in answer.content.decode()


def test_the_matrix_names_what_only_an_owner_chooses():
    owners = {line.sentence for line in role_words.matrix() if line.may == (True, False, False, False, False)}
    assert any("retention" in sentence and "whom therapists see" in sentence for sentence in owners)
