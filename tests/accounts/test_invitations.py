"""Invitations: one link, one person, one membership; a GET changes nothing."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from accounts import invitations, notify, people
from accounts.models import Invitation, Membership, TotpDevice, User
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import audited, client_of, clinic, join
from tests.factories.accounts import PracticeFactory, UserFactory, sign_in
from tests.security.test_urls import state

pytestmark = pytest.mark.django_db(transaction=True)
Role = Membership.Role
EMAIL = "sam.lee@example.com"
PASSWORD = "a quiet harbor at dawn"


@pytest.fixture
def mailed(monkeypatch):
    """The notices as they were sent; the last link is `mailed.link()`."""

    class Mailed(list):
        def link(self):
            return self[-1].facts["url"].partition("8000")[2]

    sent = Mailed()
    monkeypatch.setattr(notify, "_senders", [sent.append])
    return sent


@pytest.fixture
def owner(harbor):
    return join(harbor, Role.OWNER, user__name="Olivia Grant")


def invite(harbor, by, *, email=EMAIL, role=Role.FRONT_DESK, clinics=()):
    with use_practice(harbor.pk):
        return invitations.invite(harbor, email, role, by=by, clinics=clinics, now=clock.now())


def members(practice):
    with use_practice(practice.pk):
        return {one.user.email: one.role for one in Membership.objects.filter(ended_at=None).select_related("user")}


def states(practice):
    with use_practice(practice.pk):
        return dict(Invitation.objects.values_list("email", "state"))


# --- from the page to the door ---


def test_a_new_person_chooses_a_password_and_a_second_step_and_joins(harbor, owner, mailed):
    east = clinic(harbor, "Eastside")
    clinic(harbor, "Westside")
    sent = client_of(owner).post(
        "/harbor/settings/people/invite/",
        {"email": " Sam.Lee@Example.com", "role": "front_desk", "clinics": [str(east.pk)]},
    )
    assert sent.status_code == 302
    [notice] = mailed
    assert (notice.kind, notice.email, notice.facts["inviter"], notice.facts["role"]) == (
        "invitation", EMAIL, "Olivia Grant", "front_desk",
    )  # fmt: skip

    visitor = Client()
    page = visitor.get(mailed.link())
    for text in ("Olivia Grant", EMAIL, "front desk", "Eastside", "Join Harbor"):
        assert text in page.text
    answer = visitor.post(mailed.link(), {"name": "Sam Lee", "password": PASSWORD})
    assert answer.url == "/signin/factor/"
    user = User.objects.get(email=EMAIL)
    assert (user.name, user.check_password(PASSWORD)) == ("Sam Lee", True)
    assert EMAIL not in members(harbor)  # nobody joins without a second step

    TotpDevice.objects.filter(user=user).update(confirmed=True)
    sign_in(visitor, user)
    join_page = f"/invite/join/{harbor.public_id}/"
    assert "Join</button>" in visitor.get(join_page).text
    assert EMAIL not in members(harbor)
    assert visitor.post(join_page).url == "/harbor/"
    assert visitor.get("/harbor/").status_code == 200
    assert members(harbor)[EMAIL] == "front_desk"
    with use_practice(harbor.pk):
        assert people.clinics_of(Membership.objects.get(user=user)) == {east.pk}
    assert audited(harbor, "permission.changed") == [{"old_role": "", "new_role": "front_desk"}]
    assert audited(harbor, "invitation.sent") == [{"role": "front_desk"}]


def test_the_second_step_leads_back_to_the_invitation_and_its_token_is_in_no_session(harbor, owner, mailed):
    invite(harbor, owner)
    visitor = Client()
    visitor.post(mailed.link(), {"name": "Sam Lee", "password": PASSWORD})
    token = mailed.link().rsplit("/", 1)[1]
    assert token not in str(dict(visitor.session))
    assert dict(visitor.session)["signin"]["next"] == f"/invite/join/{harbor.public_id}/"


def test_an_existing_person_signs_in_and_joins_with_one_click(harbor, owner, mailed):
    known = UserFactory(email=EMAIL)
    known.set_password(PASSWORD)
    known.save()
    invite(harbor, owner)
    visitor = Client()
    page = visitor.get(mailed.link()).text
    where = re.search(r'href="(/signin/\?next=[^"]+)"', page)[1]
    assert "password" not in page
    assert visitor.post(mailed.link(), {"name": "Evil", "password": PASSWORD}).url == where

    sign_in(visitor, known)
    assert visitor.get(mailed.link()).url == f"/invite/join/{harbor.public_id}/"
    visitor.post(f"/invite/join/{harbor.public_id}/")
    assert members(harbor)[EMAIL] == "front_desk"
    assert User.objects.get(pk=known.pk).name == known.name


def test_somebody_else_who_is_signed_in_cannot_use_it(harbor, owner, mailed):
    invite(harbor, owner)
    elsewhere = PracticeFactory(slug="elsewhere")
    other = client_of(join(elsewhere, Role.OWNER))
    assert "for another address" in other.get(mailed.link()).text
    assert other.post(mailed.link(), {"name": "X", "password": PASSWORD}).status_code == 409
    assert other.post(f"/invite/join/{harbor.public_id}/").status_code == 410
    assert states(harbor) == {EMAIL: "open"}
    assert not User.objects.filter(email=EMAIL).exists()


@pytest.mark.parametrize("password", ["a1b2c3", "password1234", "sam.lee@example.com"])
def test_a_password_that_a_stranger_would_guess_makes_nobody(harbor, owner, mailed, password):
    invite(harbor, owner)
    answer = Client().post(mailed.link(), {"name": "Sam Lee", "password": password})
    assert answer.status_code == 422
    assert password not in answer.text or password == EMAIL
    assert not User.objects.filter(email=EMAIL).exists()


# --- what a link is worth ---


def test_a_thousand_scanner_reads_change_no_row(harbor, owner, mailed):
    invite(harbor, owner)
    before = state()
    for number in range(1000):
        Client().generic(("GET", "HEAD")[number % 2], mailed.link())
    assert state() == before


def test_twenty_racing_posts_make_one_account(harbor, owner, mailed):
    invite(harbor, owner)
    link = mailed.link()
    answers = race(lambda: Client().post(link, {"name": "Sam Lee", "password": PASSWORD}))
    assert {answer.status_code for answer in answers} == {302}
    assert sorted(answer.url == "/signin/factor/" for answer in answers).count(True) == 1
    assert User.objects.filter(email=EMAIL).count() == 1
    assert TotpDevice.objects.filter(user__email=EMAIL).count() == 1


def test_twenty_racing_joins_make_one_membership(harbor, owner, mailed):
    invite(harbor, owner)
    user = UserFactory(email=EMAIL)
    clients = []
    for _ in range(20):
        clients.append(Client())
        sign_in(clients[-1], user)
    answers = race(lambda: clients.pop().post(f"/invite/join/{harbor.public_id}/"))
    assert {(answer.status_code, answer.url) for answer in answers} == {(302, "/harbor/")}
    with use_practice(harbor.pk):
        assert Membership.objects.filter(user=user).count() == 1
    assert len(audited(harbor, "permission.changed")) == 1


def race(act, racers=20):
    start, answers = threading.Barrier(racers), []

    def run():
        start.wait()
        try:
            answers.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == racers
    return answers


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("expired", 410, "Olivia Grant can send you a new one"),
        ("accepted", 410, "This invitation was used"),
        ("withdrawn", 410, "This invitation was withdrawn"),
        ("replaced", 404, "a newer one was sent"),
        ("unknown", 404, "This invitation does not work"),
    ],
)
def test_a_dead_link_says_who_can_help(harbor, owner, mailed, what, status, said):
    asked = invite(harbor, owner)
    link = mailed.link()
    with use_practice(harbor.pk):
        if what == "accepted":
            invitations.accept(asked, UserFactory(email=EMAIL), now=clock.now())
        elif what == "withdrawn":
            invitations.withdraw(asked, now=clock.now())
        elif what == "replaced":
            invitations.renew(harbor, asked, by=owner, now=clock.now())
    if what == "unknown":
        link = link.rsplit("/", 1)[0] + "/" + "x" * 43
    later = timedelta(days=7) if what == "expired" else timedelta()
    with clock.at(clock.now() + later):
        for answer in (Client().get(link), Client().post(link, {"name": "Sam", "password": PASSWORD})):
            assert (answer.status_code, said in answer.text) == (status, True)


def test_headers_keep_the_link_to_itself(harbor, owner, mailed):
    invite(harbor, owner)
    answer = Client().get(mailed.link())
    assert (answer["Referrer-Policy"], answer["Cache-Control"], answer["X-Robots-Tag"]) == (
        "no-referrer", "no-store", "noindex",
    )  # fmt: skip


# --- again, withdrawn, refused ---


def test_inviting_again_sends_a_new_link_and_kills_the_old(harbor, owner, mailed):
    asked = invite(harbor, owner)
    old = mailed.link()
    client_of(owner).post(f"/harbor/settings/people/invitations/{asked.pk}/renewal/")
    assert len({notice.dedupe_key for notice in mailed}) == 2
    assert (Client().get(old).status_code, Client().get(mailed.link()).status_code) == (404, 200)
    assert "sent 2 times" in client_of(owner).get("/harbor/settings/people/").text


def test_an_address_is_invited_once_and_a_member_never(harbor, owner, mailed):
    desk = join(harbor, Role.FRONT_DESK)
    invite(harbor, owner)
    page = client_of(owner)
    for email, said in ((EMAIL.upper(), "is invited already"), (desk.user.email, "works here already")):
        answer = page.post("/harbor/settings/people/invite/", {"email": email, "role": "therapist"})
        assert (answer.status_code, said in answer.text) == (422, True)
    with use_practice(harbor.pk):
        with pytest.raises(invitations.AlreadyInvited):
            invitations.invite(harbor, EMAIL, "therapist", by=owner, now=clock.now())
        with pytest.raises(invitations.AlreadyHere):
            invitations.invite(harbor, desk.user.email, "therapist", by=owner, now=clock.now())
    assert len(mailed) == 1


def test_withdrawn_can_be_invited_anew(harbor, owner, mailed):
    asked = invite(harbor, owner)
    client_of(owner).post(f"/harbor/settings/people/invitations/{asked.pk}/withdrawal/")
    assert states(harbor) == {EMAIL: "withdrawn"}
    assert audited(harbor, "invitation.withdrawn") == [{"role": "front_desk"}]
    invite(harbor, owner)


def test_a_manager_answers_for_invitations_that_he_could_have_sent(harbor, owner, mailed):
    east, west = clinic(harbor, "East"), clinic(harbor, "West")
    manager = client_of(join(harbor, Role.MANAGER, clinics=[east]))
    asked = {
        "owner": invite(harbor, owner, email="o@x.example", role=Role.OWNER),
        "all": invite(harbor, owner, email="a@x.example"),
        "west": invite(harbor, owner, email="w@x.example", clinics=[west]),
        "east": invite(harbor, owner, email="e@x.example", clinics=[east]),
    }
    for name, one in asked.items():
        for what in ("renewal", "withdrawal"):
            answer = manager.post(f"/harbor/settings/people/invitations/{one.pk}/{what}/")
            assert answer.status_code == (302 if name == "east" else 403), (name, what)


@pytest.mark.parametrize(
    ("role", "clinics", "status"),
    [("therapist", ["East"], 302), ("therapist", [], 422), ("therapist", ["West"], 422), ("owner", ["East"], 422)],
)
def test_a_manager_of_one_clinic_invites_into_that_one(harbor, mailed, role, clinics, status):
    known = {name: clinic(harbor, name) for name in ("East", "West")}
    manager = client_of(join(harbor, Role.MANAGER, clinics=[known["East"]]))
    given = {"email": EMAIL, "role": role, "clinics": [str(known[name].pk) for name in clinics]}
    assert manager.post("/harbor/settings/people/invite/", given).status_code == status
    assert len(mailed) == (status == 302)


def test_who_is_a_member_already_stays_what_he_is(harbor, owner, mailed):
    asked = invite(harbor, owner, role=Role.READ_ONLY)
    member = join(harbor, Role.MANAGER, user__email=EMAIL)
    with use_practice(harbor.pk):
        assert invitations.accept(asked, member.user, now=clock.now()) == (member, True)
        assert invitations.accept(asked, member.user, now=clock.now()) == (member, False)
        assert Membership.objects.get(pk=member.pk).role == "manager"
        with pytest.raises(invitations.NotOpen):
            invitations.accept(asked, UserFactory(), now=clock.now())
