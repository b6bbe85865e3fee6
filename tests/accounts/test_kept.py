"""Who was signed out meets his text again, in the form, for an hour, once; nobody else does, nothing is applied."""

import json
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Clinic, KeptText, Membership, Session
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import client_of, clinic, join
from tests.accounts.factor_rows import stale
from tests.factories.accounts import sign_in

pytestmark = pytest.mark.django_db
HOST = {"Origin": "http://testserver"}
TYPED = {"name": "Downtown <&> “by the sea”", "street": "1 Long Street", "password": "hunter2hunter2", "version": "1"}


@pytest.fixture
def desk(harbor):
    """(client, member, path of a clinic's form) of an owner who has the form open."""
    member = join(harbor, Membership.Role.OWNER)
    client = client_of(member)
    path = f"/harbor/settings/clinics/{clinic(harbor, 'Downtown').pk}/"
    assert client.get(path).status_code == 200
    return client, member, path


def send(client, path, typed=TYPED, **headers):
    return client.post(path, typed, headers=HOST | {"Referer": f"http://testserver{path}"} | headers)


def kept(practice):
    with use_practice(practice.pk):
        return list(KeptText.objects.all())


def next_of(answer):
    """Where one is led after signing in."""
    signin = Client()
    return signin.get(answer.url).context["query"].partition("next=")[2]


def unquoted(answer):
    from urllib.parse import unquote  # noqa: PLC0415  (this test alone)

    return unquote(next_of(answer))


def idle(client, member):
    session = client.session
    session["seen_at"] = (clock.now() - timedelta(hours=1)).timestamp()
    session.save()


def absolute(client, member):
    session = client.session
    session["signed_in_at"] = (clock.now() - timedelta(hours=13)).timestamp()
    session.save()


def revoked(client, member):
    Session.objects.filter(user=member.user).delete()


@pytest.mark.parametrize("ends", [idle, absolute, revoked])
def test_the_form_is_filled_after_signing_in_and_nothing_was_applied(harbor, desk, ends):
    client, member, path = desk
    ends(client, member)
    back = unquoted(send(client, path))
    sign_in(client, member.user)
    page = client.get(back)
    form = page.content.decode()
    assert "Your text is still here" in form
    assert 'value="Downtown &lt;&amp;&gt; “by the sea”"' in form
    assert 'value="1 Long Street"' in form
    assert "hunter2" not in form
    with use_practice(harbor.pk):
        assert Clinic.objects.get().name == "Downtown"
    assert kept(harbor) == []
    assert "Your text is still here" not in client.get(back).content.decode()


def test_another_person_who_signs_in_there_does_not_see_it(harbor, desk):
    client, member, path = desk
    idle(client, member)
    back = unquoted(send(client, path))
    sign_in(client, join(harbor, Membership.Role.OWNER).user)
    assert "Long Street" not in client.get(back).content.decode()
    assert len(kept(harbor)) == 1
    sign_in(client, member.user)
    assert "Long Street" in client.get(back).content.decode()


def test_it_is_gone_after_an_hour(harbor, desk):
    client, member, path = desk
    idle(client, member)
    back = unquoted(send(client, path))
    with clock.at(clock.now() + timedelta(minutes=61)):
        sign_in(client, member.user)
        assert "Long Street" not in client.get(back).content.decode()


def test_what_is_kept_is_encrypted_and_holds_no_secret_and_no_file(harbor, desk):
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415  (this test alone)

    client, member, path = desk
    idle(client, member)
    secrets = {"code": "123456", "api_key": "SG.x", "new-password": "p", "logo": SimpleUploadedFile("a.png", b"png")}
    send(client, path, TYPED | secrets | {"postal_code": "94607"})
    (row,) = kept(harbor)
    assert set(row.typed) == {"name", "street", "version", "postal_code"}
    assert b"Long Street" not in bytes(row.fields)


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Referer": "https://evil.example/harbor/"}]
)
def test_another_sites_form_is_not_kept(harbor, desk, headers):
    client, member, path = desk
    idle(client, member)
    send(client, path, **headers)
    assert kept(harbor) == []


def test_a_browser_that_nobody_used_and_a_forged_name_keep_nothing(harbor, desk):
    _client, member, path = desk
    stranger = Client()
    send(stranger, path)
    stranger.cookies["prm_person"] = f"{member.user.pk}.forged"
    send(stranger, path)
    assert kept(harbor) == []


def test_who_is_asked_for_a_second_factor_first_keeps_the_text(harbor, desk):
    client = desk[0]
    path = "/harbor/settings/api-keys/new/"
    stale(client)
    answer = send(client, path, {"name": "The night import"})
    assert answer.url.startswith("/signin/check/")
    (row,) = kept(harbor)
    assert (row.action, row.typed) == (path, {"name": ["The night import"]})


def test_a_page_that_was_open_too_long_leads_back_to_the_text(harbor, desk):
    client, _member, path = desk
    client.handler.enforce_csrf_checks = True
    answer = send(client, path)
    assert answer.status_code == 403
    back = answer.context["back"]
    assert f'href="{back}"' in answer.content.decode()
    assert 'value="1 Long Street"' in client.get(back).content.decode()


def test_a_form_on_another_page_finds_its_way(harbor, desk):
    """A page has several forms, each with an address of its own; where it is gone, the text is shown to be copied."""
    client, member, path = desk
    idle(client, member)
    answer = client.post(
        f"{path}closure/", {"note": "Two whole words"}, headers=HOST | {"Referer": f"http://testserver{path}"}
    )
    sign_in(client, member.user)
    with use_practice(harbor.pk):
        Clinic.objects.update(closed_at=clock.now())
    assert "Two whole words" in client.get(unquoted(answer)).content.decode()


def test_the_page_that_leaves_by_itself_keeps_its_draft(harbor, desk):
    client, member, path = desk
    idle(client, member)
    draft = {"name": "Half a name", "kept_page": path, "kept_action": path}
    answer = client.post("/harbor/_kept", draft, headers=HOST)
    back = json.loads(answer.content)["page"]
    sign_in(client, member.user)
    assert 'value="Half a name"' in client.get(back).content.decode()
    live = json.loads(client.post("/harbor/_kept", draft, headers=HOST).content)
    assert 'value="Half a name"' in client.get(live["page"]).content.decode()
    assert json.loads(client.post("/harbor/_kept", draft | {"kept_page": "//evil.example/"}, headers=HOST).content) == {
        "page": ""
    }
