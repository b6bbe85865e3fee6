"""A lost second factor: a second person confirms, never oneself; the link works for an hour, once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import IntegrityError, transaction
from django.test import Client

from accounts import factor_recovery, recovery_codes, totp
from accounts.models import FactorRecovery, Membership, RecoveryCodes, TotpDevice, User
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import audited, client_of, join
from tests.accounts.factor_rows import PASSWORD, after_password, is_in, person, signed_in, stale
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role
NOON = datetime(2026, 11, 24, 12, 0, 3, tzinfo=UTC)


@pytest.fixture
def dana(harbor):
    """A therapist who lost the phone; printed codes are with the finder."""
    member = person(harbor, Role.THERAPIST)
    totp.new_device(member.user, confirmed=True)
    recovery_codes.make(member.user, now=NOON)
    return member.user


def asks(user) -> FactorRecovery:
    """The request, made through the pages."""
    assert after_password(user).post("/signin/recover/request/").url == "/signin/recover/"
    return FactorRecovery.objects.get(user=user, state="asked")


def page(asked) -> str:
    return f"/harbor/settings/sign-in-security/recovery/{asked.pk}/"


def decide(client, asked, decision="confirm"):
    return client.post(page(asked), {"decision": decision})


def mailed(told) -> str:
    """The path of the link that was mailed last."""
    return next(facts for kind, _to, facts in reversed(told) if kind == "recovery_confirmed")["url"].partition(":8000")[
        2
    ]


def confirmed_link(harbor, user, told) -> str:
    decide(client_of(join(harbor, Role.OWNER)), asks(user))
    return mailed(told)


def set_up(client, link, user):
    """The link, the password, the new app's first code; gives the last answer."""
    assert client.post(link, {"email": user.email, "password": PASSWORD}).url == "/signin/factor/"
    device = totp.unconfirmed_device(user)
    return client.post("/signin/factor/", {"code": device.code_at(clock.now())})


# --- asking ---


def test_asking_writes_to_those_who_can_confirm_once(harbor, dana, told):
    owner, manager = join(harbor, Role.OWNER), join(harbor, Role.MANAGER)
    join(harbor, Role.FRONT_DESK)
    join(harbor, Role.THERAPIST)
    join(harbor, Role.OWNER, ended_at=clock.now())
    User.objects.create_user("ops@example.com", "Ops", PASSWORD, is_platform_operator=True)

    asked = asks(dana)
    asks(dana)

    assert {(kind, to, facts["who"]) for kind, to, facts in told} == {
        ("recovery_requested", owner.user.email, "Dana Kim"),
        ("recovery_requested", manager.user.email, "Dana Kim"),
    }
    assert len(told) == 2
    assert told[0][2]["url"].endswith(page(asked))
    assert audited(harbor, "factor.recovery_asked") == [{}]


def test_nobody_asks_without_the_password(client, dana):
    assert client.post("/signin/recover/request/").url == "/signin/"
    assert FactorRecovery.objects.count() == 0


def test_a_request_that_nobody_decided_for_three_days_is_over(harbor, dana, told):
    owner = join(harbor, Role.OWNER)
    with clock.at(NOON):
        first = asks(dana)
    with clock.at(NOON + timedelta(hours=73)):
        assert client_of(owner).get(page(first)).status_code == 404
        assert asks(dana).pk != first.pk


# --- deciding ---


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER])
def test_an_owner_and_a_manager_confirm_for_a_colleague(harbor, dana, told, role):
    second = join(harbor, role)
    asked = asks(dana)
    client = client_of(second)
    assert client.get(page(asked)).status_code == 200
    decide(client, asked)

    asked.refresh_from_db()
    assert (asked.state, asked.decided_by) == ("confirmed", second.user)
    assert told[-1][:2] == ("recovery_confirmed", dana.email)
    assert told[-1][2]["by"] == second.user.name
    assert audited(harbor, "factor.recovery_confirmed") == [{}]


@pytest.mark.parametrize("role", [Role.THERAPIST, Role.FRONT_DESK, Role.READ_ONLY])
def test_no_other_role_confirms(harbor, dana, told, role):
    asked = asks(dana)
    assert decide(client_of(join(harbor, role)), asked).status_code == 403
    asked.refresh_from_db()
    assert asked.state == "asked"


def test_a_factor_is_asked_for_before_the_decision(harbor, dana, told):
    owner = join(harbor, Role.OWNER)
    asked = asks(dana)
    client = stale(client_of(owner))
    assert client.get(page(asked)).url.startswith("/signin/check/?next=%2Fharbor%2Fsettings")
    assert decide(client, asked).url.startswith("/signin/check/")
    asked.refresh_from_db()
    assert asked.state == "asked"


def test_nobody_confirms_his_own_request(harbor, told):
    owner = person(harbor, Role.OWNER)
    totp.new_device(owner.user, confirmed=True)
    asked = asks(owner.user)
    assert decide(signed_in(owner.user), asked).status_code == 404
    assert factor_recovery.confirm(asked, by=owner.user, now=clock.now(), request=None) is False
    with pytest.raises(IntegrityError), transaction.atomic():
        FactorRecovery.objects.filter(pk=asked.pk).update(
            state="confirmed", decided_by=owner.user, decided_at=clock.now()
        )
    asked.refresh_from_db()
    assert asked.state == "asked"


def test_a_manager_does_not_confirm_for_an_owner(harbor, told):
    owner, manager, other = person(harbor, Role.OWNER), join(harbor, Role.MANAGER), join(harbor, Role.OWNER)
    totp.new_device(owner.user, confirmed=True)
    asked = asks(owner.user)
    assert decide(client_of(manager), asked).status_code == 404
    assert [to for _kind, to, _facts in told] == [other.user.email]
    decide(client_of(other), asked)
    asked.refresh_from_db()
    assert asked.state == "confirmed"


def test_another_practices_owner_sees_no_such_request(harbor, dana, told):
    quay = PracticeFactory(slug="quay")
    asked = asks(dana)
    answer = client_of(join(quay, Role.OWNER)).post(page(asked).replace("harbor", "quay"), {"decision": "confirm"})
    assert answer.status_code == 404


def test_a_sole_owner_is_confirmed_by_an_operator_and_by_no_other_way(harbor, told):
    owner = person(harbor, Role.OWNER)
    totp.new_device(owner.user, confirmed=True)
    join(harbor, Role.MANAGER)
    operator = User.objects.create_user("ops@example.com", "Ops", PASSWORD, is_platform_operator=True)
    asked = asks(owner.user)
    path = f"/platform/recovery/{asked.pk}/"
    assert [(kind, to) for kind, to, _facts in told] == [("recovery_requested", operator.email)]
    assert told[0][2]["url"].endswith(path)

    assert signed_in(owner.user).post(path, {"decision": "confirm"}).status_code == 404
    assert stale(signed_in(operator)).post(path, {"decision": "confirm"}).url.startswith("/signin/check/")
    assert signed_in(operator).get(path).status_code == 200
    signed_in(operator).post(path, {"decision": "confirm"})

    asked.refresh_from_db()
    assert (asked.state, asked.decided_by) == ("confirmed", operator)


def test_an_operator_has_no_say_where_the_practice_has_a_second_person(harbor, dana, told):
    join(harbor, Role.MANAGER)
    operator = User.objects.create_user("ops@example.com", "Ops", PASSWORD, is_platform_operator=True)
    asked = asks(dana)
    answer = signed_in(operator).post(f"/platform/recovery/{asked.pk}/", {"decision": "confirm"})
    assert answer.status_code == 404


def test_a_decision_is_made_once(harbor, dana, told):
    asked = asks(dana)
    one, two = join(harbor, Role.OWNER), join(harbor, Role.MANAGER)
    assert factor_recovery.refuse(asked, by=one.user, now=clock.now(), request=None) is True
    assert factor_recovery.confirm(asked, by=two.user, now=clock.now(), request=None) is False
    assert decide(client_of(two), asked).status_code == 404


def test_a_refusal_is_told_and_leaves_everything(harbor, dana, told):
    owner = join(harbor, Role.OWNER)
    decide(client_of(owner), asks(dana), "refuse")
    assert told[-1] == ("recovery_refused", dana.email, {"by": owner.user.name})
    assert audited(harbor, "factor.recovery_refused") == [{}]
    assert TotpDevice.objects.filter(user=dana, confirmed=True).count() == 1
    assert after_password(dana).get("/signin/recover/").context["asked"].state == "refused"


# --- the link ---


def test_the_link_sets_up_a_new_factor_and_the_old_ones_and_all_sessions_go(client, harbor, dana, told):
    old = totp.confirmed_device(dana)
    finder = signed_in(dana)
    link = confirmed_link(harbor, dana, told)
    assert is_in(finder)

    answer = set_up(client, link, dana)

    assert (answer.status_code, len(answer.context["codes"])) == (200, 10)
    assert is_in(client)
    assert not is_in(finder)
    new = totp.confirmed_device(dana)
    assert list(TotpDevice.objects.filter(user=dana)) == [new]
    assert new.pk != old.pk
    assert new.key != old.key
    assert recovery_codes.left(dana) == 10
    assert RecoveryCodes.objects.get(user=dana).made_at > NOON
    assert audited(harbor, "factor.recovered") == [{}]
    assert ("factor_added", dana.email, {"factor": "totp"}) in told


def test_looking_at_the_link_changes_nothing(client, harbor, dana, told):
    link = confirmed_link(harbor, dana, told)
    assert [client.get(link).status_code for _n in range(3)] == [200] * 3
    assert FactorRecovery.objects.get().state == "confirmed"
    assert TotpDevice.objects.filter(user=dana).count() == 1


def test_the_old_factor_counts_until_the_new_one_stands(client, harbor, dana, told):
    link = confirmed_link(harbor, dana, told)
    client.post(link, {"email": dana.email, "password": PASSWORD})
    assert client.get("/signin/factor/").status_code == 200
    again = after_password(dana)
    assert again.post("/signin/verify/", {"code": totp.confirmed_device(dana).code_at(clock.now())}).status_code == 302
    assert is_in(again)


def test_the_link_works_once(client, harbor, dana, told):
    link = confirmed_link(harbor, dana, told)
    other = Client()
    other.post(link, {"email": dana.email, "password": PASSWORD})  # a second browser got as far as the QR code
    set_up(client, link, dana)
    assert Client().get(link).status_code == 404
    assert other.get("/signin/factor/").url == "/signin/verify/"
    assert TotpDevice.objects.filter(user=dana).count() == 1


@pytest.mark.parametrize(("minutes", "status"), [(59, 200), (61, 404)])
def test_the_link_works_for_an_hour(client, harbor, dana, told, minutes, status):
    with clock.at(NOON):
        link = confirmed_link(harbor, dana, told)
    with clock.at(NOON + timedelta(minutes=minutes)):
        assert client.get(link).status_code == status


def test_an_hour_that_ends_at_the_qr_code_ends_there(client, harbor, dana, told):
    with clock.at(NOON):
        link = confirmed_link(harbor, dana, told)
    with clock.at(NOON + timedelta(minutes=58)):
        client.post(link, {"email": dana.email, "password": PASSWORD})
        device = totp.unconfirmed_device(dana)
    with clock.at(NOON + timedelta(minutes=61)):
        answer = client.post("/signin/factor/", {"code": device.code_at(clock.now())})
    assert answer.url == "/signin/verify/"
    assert totp.confirmed_device(dana).pk != device.pk


def test_used_once_every_other_live_link_of_the_person_is_dead(client, harbor, dana, told):
    first = confirmed_link(harbor, dana, told)
    second = confirmed_link(harbor, dana, told)
    set_up(client, second, dana)
    assert Client().get(first).status_code == 404


def test_the_link_alone_opens_nothing(client, harbor, dana, told):
    link = confirmed_link(harbor, dana, told)
    eve = person(harbor, Role.THERAPIST, "eve@example.com", "Eve")
    for given in (
        {"email": dana.email, "password": "wrong"},
        {"email": "eve@example.com", "password": PASSWORD},
    ):
        assert client.post(link, given).status_code == 422
    assert client.get("/signin/factor/").url == "/signin/"
    assert SESSION_KEY not in client.session
    assert not TotpDevice.objects.filter(user=eve.user).exists()


def test_a_password_alone_sets_up_no_new_factor_while_a_link_is_out(harbor, dana, told):
    confirmed_link(harbor, dana, told)
    thief = after_password(dana)
    assert thief.get("/signin/factor/").url == "/signin/verify/"


def test_the_table_holds_no_token(harbor, dana, told):
    token = confirmed_link(harbor, dana, told).rpartition("/")[2]
    assert token not in FactorRecovery.objects.get().link_hash


def test_every_practice_of_the_person_keeps_the_events(client, harbor, dana, told, django_capture_on_commit_callbacks):
    quay = PracticeFactory(slug="quay")
    join(quay, Role.THERAPIST, user=dana)
    owner = client_of(join(harbor, Role.OWNER))
    asked = asks(dana)
    with django_capture_on_commit_callbacks(execute=True):
        decide(owner, asked)
    set_up(client, mailed(told), dana)
    for practice in (harbor, quay):
        with use_practice(practice.pk):
            kept = [
                len(audited(practice, f"factor.{what}"))
                for what in ("recovery_asked", "recovery_confirmed", "recovered")
            ]
        assert kept == [1, 1, 1]
