"""Sessions: listed, ended, and what ends them; the practice's idle time. A4 and A5: tests/security/test_sign_in.py."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client

from accounts import people, sessions, totp
from accounts.models import Membership, Practice, Session
from accounts.session_store import SEEN_AT
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import audited, client_of, clinic, join
from tests.accounts.factor_rows import NEW_PASSWORD, PASSWORD, is_in, person, signed_in, stale
from tests.factories.accounts import PracticeFactory, sign_in

pytestmark = pytest.mark.django_db

Role = Membership.Role
NOON = datetime(2026, 11, 24, 12, 0, 3, tzinfo=UTC)
MINE = "/harbor/settings/my-sign-in/"
END = f"{MINE}sessions/end/"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def dana(harbor):
    member = person(harbor)
    totp.new_device(member.user, confirmed=True)
    return member.user


def through_the_pages(user, agent, address, moment):
    """A browser that gave password and code at `moment`."""
    client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)
    with clock.at(moment):
        client.post("/signin/", {"email": user.email, "password": PASSWORD})
        client.post("/signin/verify/", {"code": totp.confirmed_device(user).code_at(moment)})
    return client


def shown(client):
    return client.get(MINE).context["sessions"]


def test_the_list_tells_device_address_and_times_and_which_is_this_one(dana):
    here = through_the_pages(dana, WINDOWS, "192.0.2.1", NOON)
    through_the_pages(dana, IPHONE, "192.0.2.2", NOON + timedelta(minutes=1))
    with clock.at(NOON + timedelta(minutes=2)):
        listed = shown(here)
    assert [(one.device, one.address, one.signed_in_at, one.is_this) for one in listed] == [
        ("Chrome on Windows", "192.0.2.1", NOON, True),
        ("Safari on iPhone", "192.0.2.2", NOON + timedelta(minutes=1), False),
    ]


def test_the_list_holds_nobody_elses_and_no_cookie(harbor, dana):
    other = client_of(join(harbor, Role.OWNER))
    here = signed_in(dana)
    assert len(shown(here)) == 1
    page = here.get(MINE).content.decode()
    assert here.session.session_key not in page
    assert other.session.session_key not in page
    assert not Session.objects.filter(pk__in=[here.session.session_key, other.session.session_key]).exists()


def test_one_is_ended_and_the_others_go_on(harbor, dana):
    here, second, third = (signed_in(dana) for _n in range(3))
    wanted = next(one.id for one in sessions.sessions_of(dana, this_key=second.session.session_key) if one.is_this)
    here.post(END, {"session": wanted})
    assert [is_in(one) for one in (here, second, third)] == [True, False, True]
    assert audited(harbor, "session.ended") == [{"count": 1}]


def test_all_others_are_ended_at_once(harbor, dana):
    here, second, third = (signed_in(dana) for _n in range(3))
    stranger = client_of(join(harbor, Role.OWNER))
    here.post(END, {"session": "others"})
    assert [is_in(one) for one in (here, second, third, stranger)] == [True, False, False, True]
    assert audited(harbor, "session.ended") == [{"count": 2}]


@pytest.mark.parametrize("named", ["", "%", "0", "zz" * 8, "A" * 16, "_" * 16])
def test_a_session_that_is_none_ends_nothing(dana, named):
    here, second = signed_in(dana), signed_in(dana)
    assert here.post(END, {"session": named}).status_code == 302
    assert [is_in(one) for one in (here, second)] == [True, True]


def test_another_persons_session_is_not_ended_by_its_name(harbor, dana):
    stranger = join(harbor, Role.FRONT_DESK)
    theirs = client_of(stranger)
    [named] = sessions.sessions_of(stranger.user)
    signed_in(dana).post(END, {"session": named.id})
    assert is_in(theirs)


def test_an_ended_session_cannot_come_back_by_a_request_that_was_running(dana):
    here = signed_in(dana)
    running = here.session
    assert running[SEEN_AT]  # it has read its row
    sessions.end_sessions(dana)
    running["late"] = 1
    with pytest.raises(UpdateError):
        running.save()
    assert not is_in(here)
    assert Session.objects.filter(user=dana).count() == 0


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER])
def test_who_manages_people_signs_a_colleague_out_everywhere(harbor, dana, role):
    desk = join(harbor, Role.FRONT_DESK)
    laptop, phone = client_of(desk), client_of(desk)
    boss = client_of(join(harbor, role))
    assert desk.user.name in boss.get("/harbor/settings/sign-in-security/").content.decode()
    answer = boss.post(f"/harbor/settings/sign-in-security/{desk.pk}/sessions/end/")
    assert answer.url == "/harbor/settings/sign-in-security/"
    assert [is_in(one) for one in (laptop, phone, boss, signed_in(dana))] == [False, False, True, True]
    assert audited(harbor, "session.ended") == [{"count": 2}]


def test_a_colleague_is_signed_out_after_a_recent_factor_only(harbor, dana):
    desk = join(harbor, Role.FRONT_DESK)
    theirs = client_of(desk)
    stale(signed_in(dana)).post(f"/harbor/settings/sign-in-security/{desk.pk}/sessions/end/")
    assert is_in(theirs)


def member_page(member):
    return f"/harbor/settings/people/{member.pk}/"


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER])
def test_one_session_of_a_colleague_is_ended_from_the_colleagues_page(harbor, role):
    desk = join(harbor, Role.FRONT_DESK)
    laptop, phone = client_of(desk), client_of(desk)
    boss = client_of(join(harbor, role))
    listed = boss.get(member_page(desk)).context["sessions"]
    assert {one.id for one in listed} == {one.id for one in sessions.sessions_of(desk.user)}
    lost = next(o.id for o in sessions.sessions_of(desk.user, this_key=phone.session.session_key) if o.is_this)
    answer = boss.post(
        f"/harbor/settings/sign-in-security/{desk.pk}/sessions/end/", {"session": lost, "back": "member"}
    )
    assert answer.url == member_page(desk)
    assert [is_in(one) for one in (laptop, phone, boss)] == [True, False, True]
    assert audited(harbor, "session.ended") == [{"count": 1}]


@pytest.mark.parametrize("given", [{}, {"back": "member"}])
def test_a_manager_neither_sees_nor_ends_the_sessions_of_an_owner(harbor, dana, given):
    theirs, manager = signed_in(dana), client_of(join(harbor, Role.MANAGER))
    with use_practice(harbor.pk):
        owner = Membership.objects.get(user=dana)
    [named] = sessions.sessions_of(dana)
    path = f"/harbor/settings/sign-in-security/{owner.pk}/sessions/end/"
    assert [manager.post(path, given).status_code, manager.post(path, {"session": named.id}).status_code] == [403, 403]
    assert is_in(theirs)
    page = manager.get(member_page(owner))
    assert (page.status_code, "sessions" in page.context, named.id in page.content.decode()) == (200, False, False)
    assert dana.name not in manager.get("/harbor/settings/sign-in-security/").content.decode()
    assert audited(harbor, "session.ended") == []


def test_a_manager_of_one_clinic_ends_no_sessions_of_another(harbor):
    east, west = clinic(harbor, "Eastside"), clinic(harbor, "Westside")
    desk = join(harbor, Role.FRONT_DESK, clinics=[west])
    theirs, manager = client_of(desk), client_of(join(harbor, Role.MANAGER, clinics=[east]))
    assert manager.post(f"/harbor/settings/sign-in-security/{desk.pk}/sessions/end/").status_code == 403
    assert is_in(theirs)


def test_a_name_of_another_persons_session_ends_nothing(harbor, dana):
    desk = join(harbor, Role.FRONT_DESK)
    theirs, mine = client_of(desk), signed_in(dana)
    [own] = sessions.sessions_of(dana)
    mine.post(f"/harbor/settings/sign-in-security/{desk.pk}/sessions/end/", {"session": own.id})
    assert [is_in(theirs), is_in(mine)] == [True, True]


@pytest.mark.parametrize("role", [Role.THERAPIST, Role.FRONT_DESK, Role.READ_ONLY])
def test_no_other_role_signs_anybody_out(harbor, dana, role):
    theirs = signed_in(dana)
    with use_practice(harbor.pk):
        owner = Membership.objects.get(user=dana)
    answer = client_of(join(harbor, role)).post(f"/harbor/settings/sign-in-security/{owner.pk}/sessions/end/")
    assert answer.status_code == 403
    assert is_in(theirs)


def test_another_practices_owner_signs_nobody_out(harbor, dana):
    quay = PracticeFactory(slug="quay")
    theirs = signed_in(dana)
    with use_practice(harbor.pk):
        member = Membership.objects.get(user=dana)
    answer = client_of(join(quay, Role.OWNER)).post(f"/quay/settings/sign-in-security/{member.pk}/sessions/end/")
    assert answer.status_code == 404
    assert is_in(theirs)


# --- what ends the others ---


def test_a_new_password_ends_the_others(dana):
    here, other = signed_in(dana), signed_in(dana)
    here.post(f"{MINE}password/", {"password": NEW_PASSWORD})
    assert [is_in(here), is_in(other)] == [True, False]


def test_a_new_factor_ends_the_others(dana):
    here, other = signed_in(dana), signed_in(dana)
    here.post(f"{MINE}app/", {"begin": "1"})
    here.post(f"{MINE}app/", {"code": totp.unconfirmed_device(dana).code_at(clock.now())})
    assert [is_in(here), is_in(other)] == [True, False]


def test_another_role_ends_all_of_them(harbor, dana, told):
    desk = join(harbor, Role.FRONT_DESK)
    theirs = client_of(desk)
    with use_practice(harbor.pk):
        member = Membership.objects.get(pk=desk.pk)
        people.change(harbor, member, role="manager", clinics=[], therapist=None, now=clock.now())
    assert not is_in(theirs)


# --- idle time of the practice ---


def idle(client, minutes, path="/harbor/"):
    with clock.at(NOON + timedelta(minutes=minutes)):
        return client.get(path)


@pytest.mark.parametrize("allowed", [5, 15, 30])
def test_the_practice_says_after_how_many_minutes_without_use_one_is_out(harbor, dana, allowed):
    Practice.objects.filter(pk=harbor.pk).update(idle_minutes=allowed)
    client = Client()
    with clock.at(NOON):
        sign_in(client, dana)
        assert client.get("/harbor/").status_code == 200
    still = idle(client, allowed - 0.2)
    assert still.status_code == 200
    assert idle(client, 2 * allowed).url == "/signin/?next=%2Fharbor%2F&why=idle"
    with clock.at(NOON + timedelta(minutes=2 * allowed)):
        assert not is_in(client)


def test_a_practice_that_allows_less_is_not_entered_after_longer_idleness_in_another(harbor, dana):
    quay = PracticeFactory(slug="quay", idle_minutes=30)
    join(quay, Role.OWNER, user=dana)
    Practice.objects.filter(pk=harbor.pk).update(idle_minutes=10)
    client = Client()
    with clock.at(NOON):
        sign_in(client, dana)
        client.get("/quay/")
    assert idle(client, 12, "/harbor/").url == "/signin/?next=%2Fharbor%2F&why=idle"


def test_a_page_left_open_is_not_a_person(harbor, dana):
    client = Client()
    with clock.at(NOON):
        sign_in(client, dana)
    for minute in range(1, 15):
        idle(client, minute, "/harbor/_pulse")
    assert idle(client, 15.1).url.startswith("/signin/?")


@pytest.mark.parametrize(
    ("minutes", "status"), [("4", 422), ("5", 302), ("30", 302), ("31", 422), ("", 422), ("x", 422)]
)
def test_the_idle_time_is_five_to_thirty_minutes(harbor, dana, minutes, status):
    before = harbor.idle_minutes
    answer = signed_in(dana).post("/harbor/settings/sign-in-security/", {"idle_minutes": minutes})
    assert answer.status_code == status
    harbor.refresh_from_db()
    assert harbor.idle_minutes == (int(minutes) if status == 302 else before)
    assert audited(harbor, "signin.idle_changed") == ([{"minutes": int(minutes)}] if status == 302 else [])


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (WINDOWS, "Chrome on Windows"),
        (WINDOWS + " Edg/140.0", "Edge on Windows"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("curl/8", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_a_device_is_told_in_words(agent, words):
    assert sessions.device_in_words(agent) == words
