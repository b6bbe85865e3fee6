"""Mail to staff: what each kind says, that it is asked for once, and that its links are kept from everybody else."""

import json
import logging
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection, transaction
from django.utils import timezone

from accounts import notify
from accounts.models import Practice
from messaging.channels.preview.send import mailbox
from messaging.models import StaffMail
from messaging.staff_mail import deliver, queue, transport, wordings
from prm import clock, crypto
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db(transaction=True)

LINK = "https://prm.example/invite/abc/secret-token-of-the-link"
FACTS = {
    "inviter": "Olivia Grant", "role": "front_desk", "url": LINK, "factor": "passkey", "who": "Dana Kowalski",
    "by": "Marco Diaz", "reason": "The import stops", "left": 7,
}  # fmt: skip


def notice(kind="invitation", *, key="k", practice=None, language="en", **facts):
    end = clock.now() + timedelta(days=1)
    given = {**FACTS, "expires": end, "until": end, **facts}
    return notify.Notice(
        kind, "Dana@Harbor.example ", "Dana Kowalski", language, key, practice,
        {name: given[name] for name in wordings.FACTS.get(kind, ())},
    )  # fmt: skip


@pytest.fixture
def harbor():
    return PracticeFactory(name="Harbor & Quay", slug="harbor")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", sorted(notify.KINDS))
def test_each_kind_reads_well_in_both_languages_and_leads_to_its_page(harbor, kind, language):
    notify.send(notice(kind, practice=harbor, language=language))

    row = StaffMail.objects.get()
    body = deliver.render(row)

    assert row.language == language
    leads = "url" in wordings.FACTS.get(kind, ())
    assert (LINK in body.html, LINK in body.text) == (leads, leads)
    assert f'lang="{language}"' in body.html
    assert "Harbor &amp; Quay" in body.html
    assert "Harbor & Quay" in body.text
    for part in (body.subject, body.html, body.text):
        assert "{{" not in part
        assert "\n\n\n" not in part
    assert LINK not in body.subject
    assert len(body.subject) < 78
    say = wordings.WORDS[kind][language]
    assert say != wordings.WORDS[kind]["es" if language == "en" else "en"]
    if "role" in wordings.FACTS.get(kind, ()):
        assert {"en": "front desk", "es": "recepción"}[language] in body.text


def test_every_kind_of_notice_has_words_and_no_words_are_left_over():
    assert set(wordings.WORDS) == set(notify.KINDS)
    assert set(wordings.FACTS) <= set(notify.KINDS)


def test_a_person_without_a_practice_reads_the_products_name(harbor):
    notify.send(notice("password_reset"))
    body = deliver.render(StaffMail.objects.get())
    assert "at PRM." in body.text
    assert "UTC" in body.text


def test_a_moment_is_said_in_the_practices_zone(harbor):
    end = timezone.datetime(2026, 11, 30, 19, 0, tzinfo=timezone.get_fixed_timezone(0))
    notify.send(notice(practice=harbor, expires=end))
    assert "Mon, Nov 30, 2:00 pm (EST)" in deliver.render(StaffMail.objects.get()).text


def test_the_same_key_queues_once_and_a_rollback_queues_nothing(harbor):
    for _ in range(3):
        notify.send(notice(practice=harbor))
    with transaction.atomic():
        notify.send(notice(practice=harbor, key="other"))
        transaction.set_rollback(True)
    assert list(StaffMail.objects.values_list("dedupe_key", "address")) == [("k", "dana@harbor.example")]


@pytest.mark.parametrize(
    ("facts", "problem"),
    [({"url": ""}, "url"), ({"role": None}, "role"), ({"inviter": 7.5}, "inviter"), ({"expires": True}, "expires")],
)
def test_a_notice_without_its_facts_is_refused_by_name(harbor, facts, problem):
    with pytest.raises(queue.WrongNotice, match=f"'{problem}'"):
        notify.send(notice(practice=harbor, **facts))
    assert not StaffMail.objects.exists()


def test_an_address_that_would_add_a_header_is_refused(harbor):
    wrong = notify.Notice("password_changed", "a@b.example\nBcc: x@y.example", "A", "en", "k")
    with pytest.raises(ValidationError):
        notify.send(wrong)


def test_names_cannot_add_headers_or_markup(harbor):
    notify.send(notice(practice=harbor, inviter="Eve <b>\r\nBcc: x@y.example"))
    body = deliver.render(StaffMail.objects.get())
    assert "Eve &lt;b&gt; Bcc:" in body.html
    assert "\n" not in body.subject


def test_links_are_sealed_in_the_row_and_gone_after_sending(harbor, settings, tmp_path, caplog):
    settings.STATE_DIR, settings.DEVELOPMENT = tmp_path, True
    caplog.set_level(logging.DEBUG)
    notify.send(notice(practice=harbor))
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(m)::text, encode(sealed, 'escape') FROM messaging_staffmail AS m")
        stored = "".join(cursor.fetchone())
    assert [hidden for hidden in ("secret-token", "Olivia", "Harbor") if hidden in stored] == []

    assert deliver.deliver_due().sent == 1
    assert deliver.deliver_due().sent == 0

    sent = StaffMail.objects.get()
    assert (sent.state, bytes(sent.sealed), sent.provider) == ("sent", b"", "preview")
    [kept] = mailbox().glob(f"*.{sent.pk}.json")
    mail = json.loads(kept.read_text())
    assert (mail["to"], mail["subject"]) == ("dana@harbor.example", "Join Harbor & Quay")
    assert LINK in mail["html"]
    assert "secret-token" not in caplog.text
    assert "dana@" not in caplog.text


def test_a_row_moved_onto_another_cannot_be_read_and_fails_alone(harbor, settings, tmp_path):
    settings.STATE_DIR, settings.DEVELOPMENT = tmp_path, True
    notify.send(notice(practice=harbor, key="a"))
    notify.send(notice(practice=harbor, key="b"))
    first, second = StaffMail.objects.order_by("dedupe_key")
    StaffMail.objects.filter(pk=first.pk).update(sealed=second.sealed)
    with pytest.raises(crypto.CannotDecrypt):
        queue.values_of(StaffMail.objects.get(pk=first.pk))

    assert deliver.deliver_due().sent == 1

    assert list(StaffMail.objects.order_by("dedupe_key").values_list("state", "reason")) == [
        ("failed", "CannotDecrypt"), ("sent", ""),
    ]  # fmt: skip


def test_without_a_server_outside_development_mail_waits(harbor, settings):
    settings.DEVELOPMENT, settings.SMTP_URL = False, ""
    notify.send(notice(practice=harbor))
    assert deliver.deliver_due().sent == 0
    assert StaffMail.objects.get().state == "queued"
    assert [found.id for found in transport.check()] == ["messaging.W001"]


@pytest.mark.parametrize(
    ("url", "options", "password"),
    [
        ("smtp://mail.example.com", {"port": 587, "security": "starttls", "user": ""}, ""),
        ("smtps://me%40x:p%2Fw@mail.example.com", {"port": 465, "security": "tls", "user": "me@x"}, "p/w"),
        ("smtp://127.0.0.1:1025", {"host": "127.0.0.1", "port": 1025, "security": "none"}, ""),
    ],
)
def test_the_platforms_server_is_read_from_one_address(url, options, password):
    found, secret = transport.server(url)
    assert {**found, **options} == found
    assert secret == password


@pytest.mark.parametrize("url", ["mail.example.com", "http://x:secret@mail", "smtp://x:secret@mail:port", "smtp://"])
def test_a_wrong_address_names_the_variable_and_no_password(url, settings):
    with pytest.raises(ImproperlyConfigured, match="SMTP_URL") as problem:
        transport.server(url)
    assert "secret" not in str(problem.value)
    settings.SMTP_URL, settings.MAIL_FROM = url, "nobody"
    assert [found.id for found in transport.check()] == ["messaging.E001", "messaging.E002"]


def test_a_practice_is_not_needed_to_send(harbor, settings, tmp_path):
    settings.STATE_DIR, settings.DEVELOPMENT = tmp_path, True
    Practice.objects.update(suspended_at=clock.now())
    notify.send(notice("password_changed"))
    assert deliver.deliver_due().sent == 1
