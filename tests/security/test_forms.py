"""B8 for pages, and what A8 wants of every form: each form of each page is posted as it stands, and with more.

The fields come from the page itself, filled in as a person would; every post is undone.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import resolve

from accounts.models import Membership, Practice, User
from patients import sessions
from prm import clock
from prm.dev import pages
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory, UserFactory, sign_in
from tests.factories.patients import PatientFactory
from tests.security import catalogue, forms
from tests.ui import world

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "zqcanary"
FLAGS = ("is_platform_operator", "is_active", "is_superuser", "is_staff")
ROLE = {"is_platform_operator": "on", "is_superuser": "on", "is_staff": "on"}
# Not what a person did to the practice: the session's own clock, and the record itself.
BOOKKEEPING = {"accounts_session", "audit_auditevent"}
# Posts that change rows and leave no event, by URL name, each with its reason.
UNRECORDED = {
    "campaign_edit": "a draft reaches nobody; its publication is recorded",
    "campaign_new": "as campaign_edit",
    "first_day_later": "a step is put off: nobody's data, no setting",
    "mine_app": "a set-up begins; the factor is recorded when its first code is right",
    "portal_survey": "a patient opens the survey that was sent to him; his answer is recorded",
    "sign_up": "there is no practice yet whose record could hold it",
    "sign_up_confirm": "the record of the practice that it makes holds it, which this walk does not read",
    "signin": "a wrong guess is kept as a SignInAttempt, the lock is recorded",
    "signin_recover_link": "as signin",
    "signin_reset": "the answer is the same for an address that nobody has; the new password is recorded",
}


@dataclass(frozen=True)
class Stranger:
    """Rows that no form of the practice may name: of another practice, and a person of none."""

    practice: Practice
    user: User
    membership: Membership
    patient: Any

    def fields(self) -> dict[str, str]:
        """What a forger adds to a form: names of columns, with values that are found again."""
        rows = {
            self.practice.pk: ("practice", "practice_id"),
            self.user.pk: ("user", "user_id"),
            self.membership.pk: ("membership", "membership_id", "by", "by_id", "created_by", "owner"),
            self.patient.pk: ("patient", "patient_id", "id", "pk"),
        }
        ids = {name: pk for pk, names in rows.items() for name in names}
        words = dict.fromkeys(("slug", "public_id", "token", "token_hash", "state", "status", "created_at"), CANARY)
        moments = dict.fromkeys(("suspended_at", "ended_at", "archived_at", "finished_at"), "2001-02-03T04:05:06Z")
        return {**{name: str(value) for name, value in ids.items()}, **words, **moments, **ROLE, "role": "owner"}


@pytest.fixture
def stranger() -> Stranger:
    practice = PracticeFactory(slug="elsewhere")
    with use_practice(practice.pk):
        return Stranger(practice, UserFactory(), MembershipFactory(), PatientFactory())


def rows_of(*practices: UUID) -> Counter[tuple[str, str]]:
    """Every row that may be read, as (table, its JSON)."""
    tables = sorted(catalogue.tables() - catalogue.partitions() - {"django_migrations"})
    one = " UNION ALL ".join(f"SELECT '{table}', to_jsonb(t)::text FROM \"{table}\" t" for table in tables)
    found: Counter[tuple[str, str]] = Counter()
    for practice in practices:
        with use_practice(practice), connection.cursor() as cursor:
            cursor.execute(one)
            found |= Counter(cursor.fetchall())
    return found


@dataclass
class Posted:
    """What one post did."""

    status: int
    written: Counter[tuple[str, str]]  # rows that are there now and were not
    gone: Counter[tuple[str, str]]

    @property
    def tables(self) -> set[str]:
        """Those that it touched, bookkeeping apart."""
        return {table for table, _row in self.written + self.gone} - BOOKKEEPING

    def of(self, table: str) -> list[dict[str, Any]]:
        """Its new rows of a table."""
        return [json.loads(row) for name, row in self.written if name == table]


def post(
    client: Client, form: forms.Form, more: dict[str, Any], before: Counter, practices: tuple[UUID, ...]
) -> Posted:
    """Post, look, undo."""
    cookies = copy(client.cookies)
    with transaction.atomic():
        answer = client.post(form.action, {**more, **form.values})
        after = rows_of(*practices)
        transaction.set_rollback(True)
    client.cookies = cookies
    return Posted(answer.status_code, after - before, before - after)


def pages_of(practice: Practice, owner: User) -> Iterator[tuple[str, str, Client]]:
    """(name, path, client) of every page with its reader: the owner, an operator, a patient, nobody."""
    staff, operator, patient = Client(), Client(), Client()
    sign_in(staff, owner)
    sign_in(operator, UserFactory(is_platform_operator=True))
    with use_practice(practice.pk):
        person = pages._patient_with_most_to_see()
        assert person is not None
        _session, token = sessions.start(person, own_device=True, device="", now=clock.now())
    patient.cookies[sessions.COOKIE] = sessions.cookie_of(practice, token)
    readers = {
        pages.STAFF: staff, pages.SIGNED_IN: staff, pages.OPERATOR: operator, pages.PATIENT: patient,
        pages.PORTAL: Client(), pages.OPEN: Client(),
    }  # fmt: skip
    for visit in pages.visits(practice):
        if visit.side in readers and not visit.redirects:
            yield visit.name, visit.path, readers[visit.side]


def forms_of(practice: Practice, owner: User) -> Iterator[tuple[str, forms.Form, Client]]:
    """Every form that posts, once an address and set of fields."""
    seen = set()
    for name, path, client in pages_of(practice, owner):
        with transaction.atomic():  # what a page's own reading records is undone
            answer = client.get(path)
            transaction.set_rollback(True)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        for form in forms.posts_of(answer.content.decode(), path):
            if form.action.startswith("/") and form.action != "/signout":
                key = (form.action.partition("?")[0], frozenset(form.values))
                if key not in seen:
                    seen.add(key)
                    yield name, form, client


def forged(found: Posted, plain: Posted, stranger: Stranger) -> list[str]:
    """What the added fields changed, in words."""
    ids = (str(stranger.practice.pk), str(stranger.user.pk), str(stranger.membership.pk), str(stranger.patient.pk))
    wrong = [
        f"{table} holds {value}"
        for table, row in found.written
        for value in (*ids, CANARY, "2001-02-03")
        if value in row and table not in BOOKKEEPING
    ]
    for table, columns in (("accounts_user", FLAGS), ("accounts_membership", ("role",))):
        values = [
            sorted(str([row.get(column) for column in columns]) for row in one.of(table)) for one in (plain, found)
        ]
        if values[0] != values[1]:
            wrong.append(f"{table}: {values[1]}, expected {values[0]}")
    if plain.tables != found.tables:
        wrong.append(f"touches {sorted(found.tables)}, expected {sorted(plain.tables)}")
    return wrong


def test_b8_fields_that_are_not_a_forms_own_change_nothing_and_every_change_is_recorded(stranger, report):
    practice, owner = world.build()
    every = list(forms_of(practice, owner))
    both = (practice.pk, stranger.practice.pk)
    before = rows_of(*both)
    wrong, silent, took_effect = {}, set(), 0
    for name, form, client in every:
        plain = post(client, form, {}, before, both)
        assert plain.status < 500, (name, form)
        found = post(client, form, stranger.fields(), before, both)
        if plain.tables:
            took_effect += 1
            if not plain.of("audit_auditevent"):
                silent.add(resolve(form.action.partition("?")[0]).url_name)
        if problems := forged(found, plain, stranger):
            wrong[f"{name}: {form.action}"] = problems
    sys.stdout.write(json.dumps(wrong, indent=1))  # shown beside a failure
    assert took_effect > 50, "the examples fill in too few forms to prove anything"
    report(f"B8 changed by extra fields, of {took_effect} forms that take effect", len(wrong), 0, not wrong)
    unknown = sorted(silent - set(UNRECORDED))
    report(f"A8 silent changes {unknown or ''} of {took_effect} forms", len(unknown), 0, not unknown)
    assert set(UNRECORDED) - silent == set(), "recorded by now: strike them off UNRECORDED"
