"""B11 and P4: words that patients and secrets hold stand in no dump, no broker and no log (security.md §6)."""

import logging
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connections

from accounts import totp
from accounts.models import TotpDevice
from integrations import replay
from integrations.models import RawMessage, RawMessageBody
from messaging.channels import accounts as channels
from messaging.compose import library, rendering
from messaging.models import OutboxMessage
from messaging.outbox import events, queue
from nps import answer, recovery
from nps.models import Response
from patients import access, consent, rights
from patients.models import PortalLink
from prm import clock, crypto
from prm.dev.postgres import Postgres
from prm.logs import JsonFormatter
from prm.tenancy import encrypted, use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory, UserFactory
from tests.factories.nps import InvitationFactory, ResponseFactory
from tests.factories.patients import EpisodeFactory, PatientFactory
from tests.security import rows

pytestmark = pytest.mark.django_db(transaction=True)

WORD = "canaryword"


def canary(name: str) -> str:
    return f"{WORD}{name}zq"


def write_all(practice) -> set[str]:
    """Secret and private words through the functions of the product; returns the tokens that were handed out."""
    now = clock.now()
    with use_practice(practice.pk):
        by = MembershipFactory()
        patient = PatientFactory()
        response = answer.answer(
            InvitationFactory(episode=EpisodeFactory(patient=patient)), 3, comment=canary("answer"), now=now
        )
        assert isinstance(response, Response)
        recovery.log_contact(response.case, by=by, medium="phone", result="reached", note=canary("note"), now=now)
        channels.save(
            "email", "sendgrid", sender_name="Harbor", sender_address="a@example.com", reply_to="", options={},
            credentials={"api_key": canary("credential")}, now=now,
        )  # fmt: skip
        events.store("sendgrid", canary("event").encode(), now=now, stale=False)
        message: Any = rows.make(RawMessage)
        body = RawMessageBody(id=message.pk, practice_id=practice.pk, at=now)
        body.seal(canary("emr").encode())
        body.save(force_insert=True)
        consent.state(patient, "email", "care", granted=True, how="patient", now=now)
        mail = queue.enqueue(
            practice, patient=patient, channel="email", purpose="treatment", topic="surveys", klass="care",
            template_version=library.version(practice, library.SURVEY), dedupe_key="canary",
            context={"links.survey": f"https://example.com/{canary('link')}"},
        )  # fmt: skip
        sent = OutboxMessage.objects.get(pk=mail.pk)
        for row in rendering.sealed_bodies([sent], {sent.pk: rendering.Rendered(text=canary("body"))}):
            row.save(force_insert=True)
        _link, token = access.issue_link(
            patient, PortalLink.LinkPurpose.SURVEY, now=now, lasts=access.SURVEY_LASTS, source=None
        )
        ResponseFactory(comment_text=canary("factory"))
        told = {"recipient": canary("recipient"), "what": canary("what"), "purpose": canary("purpose")}
        rights.record_export(**told, by=None, now=now, patients=[patient.pk])
        rights.ask_amendment(patient, canary("amendment"), by=by.user, now=now)
        letter: Any = rows.make(RawMessage, state="dead")
        replay.ignore(letter, note=canary("rest"), by=by.user)
    device = totp.new_device(UserFactory(), confirmed=True)
    device.key = canary("totp").encode()
    device.save()
    return {token}


def fill_the_rest(practice) -> None:
    """A canary in every encrypted column that no function above has filled, so that a new column is in by itself."""
    with use_practice(practice.pk):
        for column in encrypted.encrypted_columns():
            if not column.is_practices:
                continue
            row: Any = rows.make(column.model)
            place = {"practice_id": practice.pk, "table": column.table, "row": row.pk, "column": column.name}
            sealed = crypto.encrypt(canary(column.table).encode(), **place)
            column.model.objects.filter(pk=row.pk).update(**{column.name: sealed})  # type: ignore[attr-defined]


def dumped() -> str:
    """The test database as prm_backup dumps it."""
    name = connections["default"].settings_dict["NAME"]
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    command = [_pg_dump(), "--role=prm_backup", "--inserts", "--dbname", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


def _pg_dump() -> str:
    return Postgres(Path(), "").binary("pg_dump")


def forms(word: str) -> set[str]:
    """The word as a dump may show it: as text, and as the hexadecimal of a bytea."""
    return {word, word.encode().hex()}


def test_no_word_that_we_promise_to_encrypt_and_no_token_is_in_a_dump_or_a_log(caplog):
    practice = PracticeFactory(slug="harbor", name="Visible Harbor")
    caplog.set_level(logging.DEBUG)
    tokens = write_all(practice)
    fill_the_rest(PracticeFactory())

    text = dumped().lower()

    assert "visible harbor" in text  # the dump is of this database, with its rows
    assert f"'{TotpDevice._meta.db_table}'" in text or TotpDevice._meta.db_table in text
    leaked = {form for word in {WORD, *tokens} for form in forms(word) if form.lower() in text}
    assert leaked == set()
    lines = " ".join(JsonFormatter().format(record) for record in caplog.records).lower()
    assert [word for word in {WORD, *tokens} if word.lower() in lines] == []


def test_the_search_would_find_a_word_that_lies_open():
    practice = PracticeFactory(slug="harbor", name="Harbor")
    with use_practice(practice.pk):
        open_text: Any = rows.make(next(c for c in encrypted.encrypted_columns() if c.is_practices).model)
        column = next(c for c in encrypted.encrypted_columns() if c.is_practices)
        type(open_text).objects.filter(pk=open_text.pk).update(**{column.name: canary("open").encode()})
    text = dumped().lower()
    assert any(form in text for form in forms(WORD))
