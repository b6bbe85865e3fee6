"""Every address of the resolver against the people who must not get in, and against requests that must not act."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import resolve

from accounts.models import RESERVED_WORDS, Practice
from patients.urls import TOKEN
from prm.ids import uuid7
from prm.tenancy import data_keys, use_practice
from tests.factories.accounts import PracticeFactory, staff_client
from tests.security import catalogue, urls

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = urls.addresses()
STAFF = [address for address in EVERY if address.is_staff]
API = {address.name for address in EVERY if address.name.startswith("api:")}  # asks for a key: tests/api/test_matrix.py
OPEN = {
    "api_docs", "api_missing", "api_schema",  # the reference says nothing about any practice
    "appearance", "csp_report", "livez", "metrics", "readyz", "signin", "signin_verify", "signout",
    "start",
    "invitation", "invitation_join",  # a token is the key; then signing in and an invitation to that person
    "logo",  # a practice's, in mails and on the portal
    "follow_link", "sendgrid_events",  # a patient's signed link; a provider's signed call
    "signin_factor", "signin_factor_passkey", "signin_factor_passkey_options",
    "signin_passkey", "signin_passkey_options", "signin_verify_passkey", "signin_verify_passkey_options",
    "signin_recover", "signin_recover_request", "signin_recover_link", "signin_reset", "signin_reset_link",
    "sign_up", "sign_up_sent", "sign_up_confirm",  # starting a practice: rate limited, then behind a mailed link
    "survey_sample",  # keeps nothing
}  # fmt: skip
WITHOUT_CSRF_TOKEN = {
    "api_missing",  # a 404 below /api/, where no cookie counts
    "csp_report",  # sent by browsers; counts
    "sendgrid_events",  # signed by the provider
}
ANY = {"GET", "POST"}
REFUSED = {400, 404, 405}  # 400: the form lacks what is asked before any row is looked for


@pytest.fixture
def practice() -> Practice:
    return PracticeFactory(slug="harbor")


@pytest.fixture
def other() -> Practice:
    return PracticeFactory(slug="elsewhere")


def test_what_is_open_to_everybody_is_this_list():
    of_development = {address.name for address in EVERY if address.pattern.startswith("dev/")}
    assert {address.name for address in EVERY if address.is_open} - OPEN - API - of_development == set()


def test_every_staff_address_names_its_permission():
    assert [address.name for address in STAFF if not getattr(address.view, "permission", None)] == []


def test_every_post_wants_a_csrf_token(practice):
    client = staff_client(practice)
    client.handler.enforce_csrf_checks = True
    taken = set()
    for address in EVERY:
        answer = client.post(urls.path(address, practice))
        if answer.status_code != 403:
            taken.add(address.name)
    assert taken - WITHOUT_CSRF_TOKEN - API == set()


def state() -> dict[str, Any]:
    """A fingerprint of every table, as the role that sees all rows; sessions and the record of reads may grow."""
    found = {}
    with connections["platform"].cursor() as cursor:
        for table in sorted(catalogue.tables() - catalogue.partitions() - {"accounts_session", "audit_auditevent"}):
            cursor.execute(
                f"SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM \"{table}\" t"
            )
            found[table] = cursor.fetchone()
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_changes_no_row(practice, method):
    client = staff_client(practice)
    paths = {address.name: urls.path(address, practice) for address in EVERY}
    with use_practice(practice.pk):
        data_keys.of_practice(practice.pk)  # made with the first thing that is encrypted: here the account of an export
    before = state()
    for name, where in paths.items():
        answer = client.generic(method, where)
        assert answer.status_code < 500, name
    after = state()
    accounted = {"patients_disclosure"}  # exports are accounted for as they are fetched, like the record of reads
    assert {table: after[table] for table in after if after[table] != before[table] and table not in accounted} == {}


def test_i8_another_practices_addresses_are_those_of_one_that_does_not_exist(practice, other):
    client = staff_client(practice)
    different = {}
    for address in STAFF:
        rows = urls.make_rows(address, other)
        theirs = urls.path(address, other, ids=rows)
        nowhere = theirs.replace(f"/{other.slug}/", "/no-such-practice/", 1)
        for method in ANY:
            one, two = client.generic(method, theirs), client.generic(method, nowhere)
            if (one.status_code, one.content) != (404, two.content):
                different[address.name, method] = (one.status_code, two.status_code)
    assert different == {}


def test_i8_another_practices_row_is_answered_as_one_that_does_not_exist(practice, other):
    client = staff_client(practice)
    different = {}
    for address in STAFF:
        if not address.names_a_row:
            continue
        foreign = urls.make_rows(address, other)
        missing = {name: _nobodys(value) if name.endswith("_id") else value for name, value in foreign.items()}
        for method in ANY:
            one = client.generic(method, urls.path(address, practice, ids=foreign))
            two = client.generic(method, urls.path(address, practice, ids=missing))
            if (one.status_code, one.content) != (two.status_code, two.content) or one.status_code not in REFUSED:
                different[address.name, method] = (one.status_code, two.status_code)
    assert different == {}


def _nobodys(value: Any) -> Any:
    """An id of the same kind that no row has."""
    return 2**31 - 1 if isinstance(value, int) else uuid7()


def test_an_unknown_public_id_is_a_404(practice, other):
    client = Client()
    for address in EVERY:
        if "practice_public_id" in address.arguments:
            where = urls.path(address, practice).replace(practice.public_id, "aaaaaaaaaa")
            found = {client.generic(method, where).status_code for method in ANY}
            assert found <= {404, 405}, address.name


def test_a_link_of_one_practice_opens_nothing_under_another(practice, other):
    client = Client()
    for address in EVERY:
        if "token" in address.arguments:
            where = urls.path(address, other).replace(other.public_id, practice.public_id)
            unknown = where.replace(urls_token(where), "x" * 43)
            one, two = client.get(where), client.get(unknown)
            assert (one.status_code, one.content) == (two.status_code, two.content), address.name


def urls_token(where: str) -> str:
    """The token in a portal address."""
    return where.split("/")[3]


WORDS_OF_PAGES_TO_COME = {
    "checkin",
    "exercises",
    "help",
    "hep",
    "hooks",
    "join",
    "media",
    "messages",
    "people",
    "preferences",
    "r",
    "read",
    "visit",
}  # daily.md section 4: no practice may take a word that a page will want


def test_the_first_words_of_our_addresses_are_reserved():
    first = {address.pattern.split("/")[0] for address in EVERY if not address.is_staff} - {""}
    assert first | words_of_the_portal() | WORDS_OF_PAGES_TO_COME | {"static"} == RESERVED_WORDS


def words_of_the_portal() -> set[str]:
    """Fixed words right under /portal/ and right under /portal/<practice>/."""
    words = {word for one in EVERY if one.is_portal for word in one.pattern.split("/")[1:3]}
    return {word for word in words if "<" not in word} - {""}


def test_no_fixed_page_of_the_portal_is_taken_for_a_practice_or_a_link(practice):
    """`/portal/<practice>/<token>` matches none of them, and no public id can be one of our words (daily.md §4)."""
    portal = [one for one in EVERY if one.pattern.startswith("portal/")]
    wrong = {}
    for address in portal:
        found = resolve(urls.path(address, practice))
        if found.view_name != address.name:
            wrong[address.name] = found.view_name
    assert wrong == {}
    public_id = re.compile(r"[a-z2-7]{10}")
    assert {word for word in words_of_the_portal() if public_id.fullmatch(word) or re.match(TOKEN, word)} == set()


def test_no_session_cookie_is_readable_by_scripts():
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.CSRF_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
