"""A suspended or closing practice reads everything, takes access away, exports all data, and changes nothing else."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts import api_keys, support
from accounts.models import Absence, ApiKey, Membership, Practice, Session, SupportGrant, User
from prm import clock
from prm.tenancy import closing, use_practice
from prm.tenancy.models import PracticeExport
from tests.accounts.conftest import client_of, fresh, join, path, seen
from tests.factories.accounts import UserFactory, sign_in
from tests.security import urls

pytestmark = pytest.mark.django_db(transaction=True)

# What goes through while it is suspended: it takes access away, copies all data, or is about one's own sign-in.
GOES_THROUGH = {
    "api_key_revocation", "data_export", "departure", "departure_undo", "factor_recovery", "invitation_withdrawal",
    "member_access", "member_sessions_end", "support_end",
    "mine", "mine_app", "mine_app_name", "mine_app_removal", "mine_codes", "mine_passkey", "mine_passkey_name",
    "mine_passkey_options", "mine_passkey_removal", "mine_password", "mine_session_end", "mine_sign_in",
}  # fmt: skip


@pytest.fixture(params=["suspended", "closing"])
def stopped(request, harbor) -> Practice:
    if request.param == "closing":
        closing.ask(harbor, by="Olivia Grant", now=clock.now())
    else:
        Practice.objects.filter(pk=harbor.pk).update(suspended_at=clock.now())
    return Practice.objects.get(pk=harbor.pk)


def in_by_support(practice: Practice) -> tuple[Client, SupportGrant]:
    operator = UserFactory(email="operator@example.com", is_platform_operator=True)
    with use_practice(practice.pk):
        given = support.grant(
            practice, by=join(practice, "owner").user, reason="The feed", hours=4, sees_as="manager", now=clock.now()
        )
    client = Client()
    sign_in(client, operator)
    return client, given


def test_what_goes_through_is_this_list():
    found = {one.name for one in urls.addresses() if one.is_staff and getattr(one.view, "while_suspended", False)}
    assert found == GOES_THROUGH


def test_every_other_change_is_refused_with_the_reason(harbor):
    owner = client_of(join(harbor, "owner"))
    Practice.objects.filter(pk=harbor.pk).update(suspended_at=clock.now())
    gone_through = set()
    for address in urls.addresses():
        if address.is_staff and address.name not in GOES_THROUGH:
            answer = owner.post(urls.path(address, harbor))
            if answer.status_code != 403 or "suspended" not in answer.content.decode():
                gone_through.add(address.name)
    assert gone_through == set()


def test_an_owner_ends_supports_access(stopped):
    support_client, given = in_by_support(stopped)
    assert support_client.get("/harbor/").status_code == 200

    answer = client_of(join(stopped, "owner")).post(f"/harbor/settings/support/{given.pk}/end/")

    assert answer.status_code == 302
    assert support_client.get("/harbor/").status_code == 404


def test_support_still_changes_nothing(stopped):
    support_client, given = in_by_support(stopped)
    assert support_client.post(f"/harbor/settings/support/{given.pk}/end/").status_code == 403


def test_an_owner_ends_a_colleagues_sessions_and_access(stopped):
    owner, dana = client_of(join(stopped, "owner")), join(stopped, "front_desk")
    hers = client_of(dana)
    assert hers.get("/harbor/").status_code == 200

    ended = owner.post(f"/harbor/settings/sign-in-security/{dana.pk}/sessions/end/")
    left = owner.post(path(dana, "departure/"), {"cover": ""})

    assert (ended.status_code, left.status_code) == (302, 302)
    assert not Session.objects.filter(user=dana.user).exists()
    assert fresh(dana).ended_at is not None


def test_an_owner_lowers_what_a_colleague_may(stopped):
    owner, marco = client_of(join(stopped, "owner")), join(stopped, "manager")
    answer = owner.post(path(marco, "access/"), {"role": "read_only", "seen": seen(marco), "therapist": ""})
    assert answer.status_code == 302
    assert fresh(marco).role == Membership.Role.READ_ONLY


def test_an_owner_revokes_a_key(stopped):
    owner = join(stopped, "owner")
    with use_practice(stopped.pk):
        key, _text = api_keys.make(
            stopped, "Warehouse", ["clinics:read"], by=owner.user, now=clock.now(), lasts=timedelta(days=30)
        )

    answer = client_of(owner).post(f"/harbor/settings/api-keys/{key.pk}/revocation/", {"name": "Warehouse"})

    assert answer.status_code == 302
    with use_practice(stopped.pk):
        assert ApiKey.objects.get(pk=key.pk).revoked_at is not None


def test_an_owner_exports_all_data(stopped):
    answer = client_of(join(stopped, "owner")).post("/harbor/settings/export/")
    assert answer.status_code == 302
    with use_practice(stopped.pk):
        assert PracticeExport.objects.count() == 1


def test_nobody_plans_or_calls_off_an_absence(stopped):
    dana = join(stopped, "front_desk")
    with use_practice(stopped.pk):
        planned = Absence.objects.create(membership=dana, starts_on="2027-02-01", ends_on="2027-02-02")
    client = client_of(dana)

    answers = [
        client.post("/harbor/settings/absence/", {"starts_on": "2027-03-01", "ends_on": "2027-03-02", "cover": ""}),
        client.post(f"/harbor/settings/absence/{planned.pk}/end/"),
    ]

    assert [one.status_code for one in answers] == [403, 403]
    with use_practice(stopped.pk):
        assert list(Absence.objects.all()) == [planned]


def test_ones_own_settings_still_change(stopped):
    dana = join(stopped, "front_desk")
    client = client_of(dana)
    page = client.get("/harbor/settings/mine/")
    given = {name: value for name, value in page.context["form"].initial.items() if value} | {"name": "Dana Kay"}
    assert client.post("/harbor/settings/mine/", given).status_code == 302
    assert User.objects.get(pk=dana.user_id).name == "Dana Kay"


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("owner", "read everything, export all data, end access and change your own settings"),
        ("manager", "read everything, end access and change your own settings"),
        ("front_desk", "read everything and change your own settings"),
    ],
)
def test_the_banner_says_what_still_works(stopped, role, words):
    page = client_of(join(stopped, role)).get("/harbor/settings/mine/").content.decode()
    assert f"You can {words}. Nothing else is changed, and nothing is sent." in page


def test_closing_asks_for_an_export_first(harbor):
    owner = join(harbor, "owner")
    client, where = client_of(owner), "/harbor/settings/closing/"

    refused = client.post(where, {"name": "Harbor"})

    assert refused.status_code == 422
    assert "Make an export of all data first, or tick that you need none." in refused.content.decode()
    assert Practice.objects.get().suspended_at is None
    now = clock.now()
    with use_practice(harbor.pk):
        made = PracticeExport.objects.create(
            asked_by=owner.user_id, asked_at=now, label="", total=0, sealed_key=b"x", finished_at=now,
            expires_at=now + timedelta(days=7),
        )  # fmt: skip
    assert "All data was exported" in client.get(where).content.decode()
    with use_practice(harbor.pk):
        PracticeExport.objects.filter(pk=made.pk).update(expires_at=now - timedelta(days=1))
    assert client.post(where, {"name": "Harbor"}).status_code == 422  # it can no longer be fetched
    with use_practice(harbor.pk):
        PracticeExport.objects.filter(pk=made.pk).update(expires_at=now + timedelta(days=7))
    assert client.post(where, {"name": "Harbor"}).status_code == 302
    assert Practice.objects.get().suspended_at is not None


def test_a_practice_may_close_without_an_export_where_the_owner_says_so(harbor):
    client = client_of(join(harbor, "owner"))
    answer = client.post("/harbor/settings/closing/", {"name": "Harbor", "without_export": "on"})
    assert answer.status_code == 302
    assert "export all data" in client.get("/harbor/settings/closing/").content.decode()
