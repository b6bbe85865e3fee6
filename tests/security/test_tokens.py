"""P4: tokens are in the message that carries them and in the patient's cookie, and nowhere else."""

import logging
import re

import pytest
from django.db import connections
from django.test import Client

from messaging.models import OutboxMessage
from messaging.outbox import deliver
from messaging.outbox.contexts import read_context
from patients import sessions
from portal import tasks
from prm.logs import JsonFormatter
from prm.tenancy import use_practice
from tests.accounts.conftest import client_of, join
from tests.factories.accounts import PracticeFactory
from tests.portal.conftest import RIGHT, WRONG, build_door
from tests.security import catalogue
from tests.security.test_mailed_links import staff_links  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db(transaction=True)


CARRY_A_TOKEN = {"invitation", "password_reset", "recovery_confirmed", "sign_up"}


def dump() -> str:
    """Every row of every table as text, as the role that sees all; binary columns as their characters too."""
    found = []
    with connections["platform"].cursor() as cursor:
        for table in sorted(catalogue.tables() - catalogue.partitions()):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found)


def hexed(text: str) -> str:
    return text.encode().hex()


def test_p4_no_token_and_no_address_is_in_logs_tables_or_the_broker(caplog, monkeypatch, report):
    sent_to_broker = []
    monkeypatch.setattr(
        tasks.answer_link_requests, "apply_async", lambda *args, **options: sent_to_broker.append((args, options))
    )
    door, phone = build_door(), Client()
    phone.raise_request_exception = False
    with caplog.at_level(logging.DEBUG):
        phone.post(f"/portal/{door.practice.public_id}/link/", {"address": "ruth@example.com"})
        waiting = dump()
        tasks.answer_link_requests()
        with use_practice(door.practice.pk):
            link = read_context(OutboxMessage.objects.get())["fields"]["links.portal"]
        path, token = link[link.index("/portal/") :], link.rpartition("/")[2]
        deliver.deliver_due("email")
        phone.get(path)
        phone.post(path, WRONG)
        signed_in = phone.post(path, {**RIGHT, "own_device": "on"})
        cookie = phone.cookies[sessions.COOKIE].value.partition(".")[2]
        phone.get("/portal/")
        phone.get(path.replace(door.practice.public_id, "aaaaaaaaaa"))

        def breaks(*args, **kwargs):
            raise RuntimeError(f"{token} {cookie}")

        monkeypatch.setattr("portal.views.home.home_of", breaks)
        assert phone.get("/portal/").status_code == 500

    lines = "\n".join(
        JsonFormatter().format(record) for record in caplog.records if record.name != "django.db.backends"
    )
    rows = dump()
    assert len(token) == len(cookie) == 43
    assert "RuntimeError" in lines
    places = {"log": [lines], "dump": [rows], "broker": [repr(sent_to_broker)]}
    for place, texts in places.items():
        found = sum(
            text.count(form) for text in texts for secret in (token, cookie) for form in (secret, hexed(secret))
        )
        report(f"P4 tokens in {place}", found, 0, found == 0)
    assert "ruth@example.com" not in lines
    request_rows = [row for row in waiting.splitlines() if hexed("ruth@example.com") in row]
    assert request_rows == []
    assert token not in signed_in["Location"]


def test_p4_no_page_with_a_token_tells_anybody_where_it_was(staff_links, report):  # noqa: F811  (the fixture)
    door = build_door()
    base = f"/portal/{door.practice.public_id}/"
    asked = {"link": door.link(), "door": base, "new": f"{base}link/", "dead": base + "Z" * 43}
    told = {
        name: answer["Referrer-Policy"]
        for name, answer in {name: Client().get(path) for name, path in asked.items()}.items()
    } | {"home": door.signed_in().get("/portal/")["Referrer-Policy"]}
    told |= {kind: Client().get(path)["Referrer-Policy"] for kind, path in staff_links.items() if kind in CARRY_A_TOKEN}
    telling = sorted(name for name, policy in told.items() if policy != "no-referrer")
    report(f"P4 pages of {len(told)} that send a Referer", len(telling), 0, not telling)


@pytest.mark.parametrize("kind", sorted(CARRY_A_TOKEN))
def test_the_forms_of_a_page_that_sends_no_referer_are_heard(staff_links, kind):  # noqa: F811  (the fixture)
    """A browser posts them with `Origin: null`; only the token of cookie and form says that they are ours."""
    for origin in ("null", "http://testserver", "https://elsewhere.example"):
        browser = Client(enforce_csrf_checks=True, headers={"origin": origin})
        page = browser.get(staff_links[kind]).text
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
        ours = origin != "https://elsewhere.example"
        assert browser.post(staff_links[kind]).status_code == 403
        answer = browser.post(staff_links[kind], {"csrfmiddlewaretoken": token})
        assert answer.status_code == (422 if ours else 403), (kind, origin)


def test_whom_an_invitation_does_not_mean_can_sign_out_there(staff_links):  # noqa: F811  (the fixture)
    browser = client_of(join(PracticeFactory(slug="cove"), "front_desk"))
    browser.handler.enforce_csrf_checks = True
    page = browser.get(staff_links["invitation"], headers={"origin": "null"}).text
    action, token = re.search(
        r'<form method="post" action="(/signout)">.*?name="csrfmiddlewaretoken" value="(\w+)"', page
    ).groups()
    assert browser.post(action, headers={"origin": "null"}).status_code == 403
    assert browser.post(action, {"csrfmiddlewaretoken": token}, headers={"origin": "null"}).status_code == 302
