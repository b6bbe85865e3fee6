"""P4, Referer: a page whose address holds a token tells the address to nobody (security.md section 2)."""

import pytest
from django.test import Client

from tests.factories.accounts import PracticeFactory, staff_client
from tests.security import urls

pytestmark = pytest.mark.django_db(transaction=True)

WITH_TOKEN = [one for one in urls.addresses() if any(name.endswith("token") for name in one.arguments)]


@pytest.mark.parametrize("address", WITH_TOKEN, ids=lambda one: one.name)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_behind_a_token_is_kept_by_nobody_and_named_to_nobody(address, method):
    practice = PracticeFactory()
    for client in (Client(), staff_client(practice)):
        answer = client.generic(method, urls.path(address, practice))
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer["X-Robots-Tag"]
        assert "no-store" in answer["Cache-Control"]


def test_the_pages_behind_a_token_are_found():
    assert {"signin_reset_link", "signin_recover_link", "sign_up_confirm", "portal_link", "invitation"} <= {
        address.name for address in WITH_TOKEN
    }


def test_a_form_behind_a_token_is_taken_from_a_page_that_hides_its_address():
    """Under `no-referrer` browsers write `Origin: null`: the token of the form is what counts."""
    client = Client(enforce_csrf_checks=True)
    client.get("/signin/")
    token = client.cookies["csrftoken"].value
    where = "/signin/reset/" + "x" * 43
    sent = {"csrfmiddlewaretoken": token}
    assert client.post(where, sent, headers={"Origin": "null"}).status_code == 404  # no such link
    assert client.post(where, {}, headers={"Origin": "null"}).status_code == 403
