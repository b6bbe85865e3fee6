"""Starting a practice by oneself: nothing exists before the link is confirmed, and the answer tells nobody anything."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts import agreements, notify, signup
from accounts.models import Agreement, Clinic, Membership, Practice, SignUp, TotpDevice, User
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory, UserFactory, sign_in

pytestmark = pytest.mark.django_db

FORM = {
    "practice_name": "Cove Physical Therapy", "time_zone": "America/Chicago", "name": "Noa Newcomer",
    "email": "Noa@Cove.example", "agreed": "on", "version": agreements.CURRENT,
}  # fmt: skip
PASSWORD = "seven quiet rivers"


@pytest.fixture
def mails(monkeypatch) -> list[notify.Notice]:
    found: list[notify.Notice] = []
    monkeypatch.setattr(notify, "_senders", [found.append])
    return found


def path_in(mail: notify.Notice) -> str:
    return "/" + mail.facts["url"].split("/", 3)[3]


def asked(client: Client, mails: list[notify.Notice], **changes: str) -> str:
    """The path of the link that a request mails."""
    assert client.post("/signup/", FORM | changes).status_code == 302
    return path_in(mails[-1])


def test_a_request_makes_no_row_of_a_practice_and_reading_the_link_makes_none_either(client, mails):
    path = asked(client, mails)
    for _ in range(3):
        page = client.get(path)
    assert (page.status_code, "cove-physical-therapy" in page.content.decode()) == (200, True)
    assert [Practice.objects.count(), User.objects.count()] == [0, 0]
    assert {(mail.kind, mail.email) for mail in mails} == {("sign_up", "noa@cove.example")}


def test_names_are_kept_as_one_line_that_can_be_read(client, mails):
    asked(client, mails, practice_name="Cove\r\nBcc: x@y.example", name="Noa\r\nX-Evil: 1")
    kept = SignUp.objects.get()
    assert (kept.practice_name, kept.name) == ("Cove Bcc: x@y.example", "Noa X-Evil: 1")
    for unseen in ("\u202eevoC", "\u200b", "\u200d"):
        assert client.post("/signup/", FORM | {"practice_name": unseen}).status_code == 422
    assert SignUp.objects.count() == 1


def test_confirming_makes_practice_clinic_owner_agreement_and_leads_to_the_second_factor(client, mails):
    path = asked(client, mails)
    answer = client.post(path, {"slug": "cove", "password": PASSWORD})

    assert (answer.status_code, answer.url) == (302, "/signin/factor/")
    practice = Practice.objects.get()
    assert (practice.slug, practice.name, practice.time_zone) == ("cove", "Cove Physical Therapy", "America/Chicago")
    with use_practice(practice.pk):
        assert [(c.name, c.time_zone) for c in Clinic.objects.all()] == [("Cove Physical Therapy", "America/Chicago")]
        (member,) = Membership.objects.all()
        assert (member.role, member.user.email, member.user.name) == ("owner", "noa@cove.example", "Noa Newcomer")
        assert member.user.check_password(PASSWORD)
        (agreement,) = Agreement.objects.all()
        assert (agreement.party, agreement.version, agreement.signatory) == (
            "operator", agreements.CURRENT, "Noa Newcomer",
        )  # fmt: skip
        told = set(AuditEvent.objects.values_list("action", "actor_kind", "actor_id"))
        assert told == {(act, "staff", member.user_id) for act in ("practice.created", "agreement.signed")}


def test_the_new_owner_lands_on_the_checklist_after_the_second_factor(client, mails):
    client.post(asked(client, mails), {"slug": "cove", "password": PASSWORD})
    device = TotpDevice.objects.get()
    codes = client.post("/signin/factor/", {"code": device.code_at(clock.now())})
    assert codes.context["leads_to"] == "/cove/start/"
    assert client.get(codes.context["leads_to"]).status_code == 200
    with use_practice(Practice.objects.get().pk):  # whatever he did before he was signed in, it was he
        assert set(AuditEvent.objects.values_list("actor_kind", "actor_id")) == {("staff", device.user_id)}


def test_nobody_signs_up_without_the_agreement(client, mails):
    answer = client.post("/signup/", {key: value for key, value in FORM.items() if key != "agreed"})
    assert (answer.status_code, SignUp.objects.count(), mails) == (422, 0, [])
    assert "Tick this to sign the agreement" in answer.content.decode()
    assert "Noa@Cove.example" in answer.content.decode()  # nothing typed is lost


def test_a_changed_agreement_is_read_again_before_it_is_signed(client, mails):
    answer = client.post("/signup/", FORM | {"version": "2020-01"})
    assert (answer.status_code, SignUp.objects.count()) == (422, 0)
    assert "has changed" in answer.content.decode()


def test_known_and_unknown_addresses_are_answered_alike(mails):
    UserFactory(email="noa@cove.example")
    known = Client().post("/signup/", FORM)
    unknown = Client().post("/signup/", FORM | {"email": "else@cove.example"})
    assert (known.status_code, known.url, known.content) == (unknown.status_code, unknown.url, unknown.content)
    assert [(mail.kind, set(mail.facts)) for mail in mails] == [("sign_up", {"url", "expires"})] * 2


def test_who_has_a_way_in_keeps_his_password_and_signs_in_with_it(client, mails):
    user = User.objects.create_user("noa@cove.example", "Noa N.", "another password here")
    path = asked(client, mails)
    assert "Password" not in client.get(path).content.decode()
    answer = client.post(path, {"slug": "cove", "password": PASSWORD})
    assert answer.url == "/signin/?next=%2Fcove%2Fstart%2F"
    user.refresh_from_db()
    assert user.check_password("another password here")
    assert user.name == "Noa N."


def test_who_is_signed_in_goes_straight_to_the_new_practice(client, mails):
    user = User.objects.create_user("noa@cove.example", "Noa N.", "another password here")
    sign_in(client, user)
    assert client.post(asked(client, mails), {"slug": "cove"}).url == "/cove/start/"


def test_a_link_works_once_and_for_24_hours(client, mails):
    path = asked(client, mails)
    started = clock.now()
    with clock.at(started + timedelta(hours=24, seconds=1)):
        assert client.post(path, {"slug": "cove", "password": PASSWORD}).status_code == 404
    assert client.post(path, {"slug": "cove", "password": PASSWORD}).status_code == 302
    assert Client().post(path, {"slug": "cove-again", "password": PASSWORD}).status_code == 404
    assert Practice.objects.count() == 1


@pytest.mark.parametrize(("slug", "free"), [("harbor", "harbor-2"), ("signin", "signin-2"), ("Harbor", "harbor-2")])
def test_a_slug_that_is_taken_or_reserved_offers_the_next_free_one(client, mails, slug, free):
    PracticeFactory(slug="harbor")
    answer = client.post(asked(client, mails), {"slug": slug, "password": PASSWORD})
    page = answer.content.decode()
    assert (answer.status_code, Practice.objects.count()) == (422, 1)
    assert f'value="{free}"' in page
    assert f"“{free}” is free" in page


def test_the_first_offer_is_free_already(client, mails):
    PracticeFactory(slug="cove-physical-therapy")
    assert 'value="cove-physical-therapy-2"' in client.get(asked(client, mails)).content.decode()
    assert signup.free_slug("Help") == "help-2"
    assert signup.free_slug("¿?") == "practice"


def test_a_weak_password_makes_nothing(client, mails):
    path = asked(client, mails)
    for weak in ("short", "password1234", "noa@cove.example"):
        assert client.post(path, {"slug": "cove", "password": weak}).status_code == 422
    assert [Practice.objects.count(), User.objects.count()] == [0, 0]


def test_a_network_address_has_five_requests_an_hour(client, mails):
    answers = [client.post("/signup/", FORM | {"email": f"n{n}@cove.example"}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert 3590 <= int(answers[-1]["Retry-After"]) <= 3600
    with clock.at(clock.now() + timedelta(hours=1, seconds=1)):
        assert client.post("/signup/", FORM).status_code == 302


def test_a_mailbox_gets_five_mails_an_hour_and_the_answer_does_not_tell(mails):
    answers = [Client(REMOTE_ADDR=f"192.0.2.{n}").post("/signup/", FORM) for n in range(7)]
    assert {(answer.status_code, answer.url) for answer in answers} == {(302, "/signup/sent/")}
    assert len(mails) == 5


def test_the_token_is_stored_as_its_hash_alone(client, mails):
    token = asked(client, mails).rpartition("/")[2]
    stored = SignUp.objects.get()
    assert token not in {str(value) for value in vars(stored).values()}


def test_switched_off_it_is_a_404_and_no_page_links_to_it(client, mails, settings):
    path = asked(client, mails)
    settings.SIGN_UP = False
    found = {where: client.get(where).status_code for where in ("/signup/", "/signup/sent/", path)}
    assert found == {"/signup/": 404, "/signup/sent/": 404, path: 404}
    assert "/signup/" not in client.get("/signin/").content.decode()
    settings.SIGN_UP = True
    assert "/signup/" in client.get("/signin/").content.decode()


@pytest.mark.parametrize("slug", ["-x-", "bright_PATH", "AB c", "a--b", "é", "cove-"])
def test_an_address_that_its_hint_does_not_allow_is_refused_in_the_hints_words(client, mails, slug):
    answer = client.post(asked(client, mails), {"slug": slug, "password": PASSWORD})
    assert (answer.status_code, Practice.objects.count()) == (422, 0)
    (told,) = answer.context["form"].errors["slug"]
    assert "Use small letters, digits and single hyphens, such as harbor-pt." in told
    assert slug in answer.content.decode()  # nothing typed is lost
    assert "valid" not in told
