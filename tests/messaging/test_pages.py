"""The outbox, one message, its frame, the settings of e-mail, counted links, the demo's mailbox."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import Membership
from messaging import history, links
from messaging.channels import accounts
from messaging.channels.preview.send import mailbox
from messaging.compose import library
from messaging.models import ChannelSettings, LinkClick, OutboxMessage, SendPause
from messaging.outbox import deliver, queue
from patients import consent, timeline, worklist
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from prm.ui.templatetags import ui
from tests import statements
from tests.factories.accounts import MembershipFactory, PracticeFactory, sign_in
from tests.messaging.conftest import consenting

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "T0kenT0kenT0kenT0kenT0kenT0kenT0ken"


@pytest.fixture
def practice(transactional_db):
    return PracticeFactory()


@pytest.fixture
def owner(practice, client):
    return as_role(practice, client, "owner")


def as_role(practice, client, role):
    with use_practice(practice.pk):
        member = MembershipFactory(role=Membership.Role(role))
        user = member.user
    sign_in(client, user)
    return user


def mail(practice, *, deliver_now=True, revoked=False, **fields):
    with use_practice(practice.pk):
        patient = consenting(**fields)
        if revoked:
            consent.state(patient, "email", "care", granted=False, how="patient", now=clock.now())
        message = queue.enqueue(
            practice, patient=patient, channel="email", purpose="treatment", topic="surveys", klass="care",
            template_version=library.version(practice, library.SURVEY), dedupe_key=f"k{patient.pk}",
            context={"links.survey": f"http://127.0.0.1:8000/portal/{practice.public_id}/{TOKEN}"},
        )  # fmt: skip
    if deliver_now:
        deliver.deliver_due("email")
    return message


def url(practice, name, *args):
    return reverse(name, args=[practice.slug, *args])


def names_in(page):
    return re.findall(r'<span class="name">([^<]+)</span>', page.content.decode())


def test_the_log_says_what_left_and_what_did_not(client, practice, owner):
    mail(practice, first_name="Ruth", last_name="Sent")
    mail(practice, first_name="Hugh", last_name="Refused", revoked=True)
    mail(practice, deliver_now=False, first_name="Ana", last_name="Waits")

    page = client.get(url(practice, "outbox"))

    assert names_in(page) == ["Ana Waits", "Hugh Refused", "Ruth Sent"]
    text = page.content.decode()
    assert "Not sent: the patient has not agreed to it" in text
    assert "Kept here as a preview; nothing left" in text
    shown = {
        state: names_in(client.get(url(practice, "outbox"), {"state": state}))
        for state in ("waiting", "sent", "not_sent", "held", "unknown")
    }
    assert shown == {
        "waiting": ["Ana Waits"], "sent": ["Ruth Sent"], "not_sent": ["Hugh Refused"], "held": [], "unknown": [],
    }  # fmt: skip


@pytest.mark.parametrize("asked", ["sent", "SENT RU", "ruth0@example.com", "Survey by e-mail"])
def test_a_search_finds_by_name_address_or_template(client, practice, owner, asked):
    mail(practice, first_name="Ruth", last_name="Sent", email="ruth0@example.com")

    assert names_in(client.get(url(practice, "outbox"), {"q": asked})) == ["Ruth Sent"]
    assert names_in(client.get(url(practice, "outbox"), {"q": "nobody"})) == []


def test_the_log_asks_the_database_the_same_whatever_it_shows(client, practice, owner):
    for _ in range(12):
        mail(practice, deliver_now=False)

    assert len(statements.of_get(client, url(practice, "outbox"), savepoints=False)) <= 12


def test_a_message_is_shown_as_it_was_sent_and_without_a_token(client, practice, owner):
    message = mail(practice, first_name="Ruth")
    pages = [
        client.get(url(practice, "outbox_message", message.pk)),
        client.get(url(practice, "outbox_message", message.pk), {"show": "text"}),
        client.get(url(practice, "message_html", message.pk)),
    ]

    assert [page.status_code for page in pages] == [200, 200, 200]
    shown = [page.content.decode() for page in pages]
    assert not [text for text in shown if TOKEN in text]
    assert url(practice, "message_html", message.pk) in shown[0]
    assert "Hello Ruth," in shown[1]
    assert "Hello Ruth," in shown[2]
    assert "href" not in shown[2]
    assert "Exactly what was sent." in shown[0]
    with use_practice(practice.pk):
        reads = AuditEvent.objects.filter(action="message.read").values_list("patient_id", flat=True)
        assert set(reads) == {message.patient_id}


def test_the_frame_runs_nothing_and_is_framed_by_us_alone(client, practice, owner):
    answer = client.get(url(practice, "message_html", mail(practice).pk))

    assert answer["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox; frame-ancestors 'self'"
    )
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_everything_that_happened_is_told_in_order(client, practice, owner):
    text = client.get(url(practice, "outbox_message", mail(practice).pk)).content.decode()

    assert text.index("Queued") < text.index("Preview took it")


def test_a_message_that_waits_shows_what_would_be_sent(client, practice, owner):
    message = mail(practice, deliver_now=False)

    assert "What would be sent now." in client.get(url(practice, "outbox_message", message.pk)).content.decode()


@pytest.mark.parametrize("name", ["outbox_message", "message_html"])
def test_another_practices_message_is_a_404_like_a_missing_one(client, practice, owner, name):
    other = PracticeFactory()
    message = mail(other)
    missing = OutboxMessage().pk

    answers = [client.get(url(practice, name, pk)) for pk in (message.pk, missing)]
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize(("role", "log", "settings"), [
    ("owner", 200, 200), ("manager", 200, 200), ("front_desk", 200, 403), ("therapist", 403, 403),
    ("read_only", 403, 403),
])  # fmt: skip
def test_who_may_see_the_log_and_the_settings(client, practice, role, log, settings):
    as_role(practice, client, role)

    answers = [client.get(url(practice, name)).status_code for name in ("outbox", "channel_settings")]
    assert answers == [log, settings]


SMTP = {
    "provider": "smtp", "sender_name": "Harbor", "sender_address": "hello@harbor.example", "host": "mail.example",
    "port": "587", "security": "starttls", "user": "us", "password": "secret-word",
}  # fmt: skip


def test_a_secret_is_written_encrypted_and_never_shown(client, practice, owner):
    assert client.post(url(practice, "channel_settings"), SMTP).status_code == 302
    client.post(url(practice, "channel_settings"), {**SMTP, "password": "", "port": "2525"})

    with use_practice(practice.pk):
        row = ChannelSettings.objects.get()
        assert (row.provider, row.options["port"]) == ("smtp", 2525)
        assert accounts.open_credentials(row) == {"password": "secret-word"}
        assert b"secret-word" not in bytes(row.credentials)
    assert b"secret-word" not in client.get(url(practice, "channel_settings")).content


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sender_address": "nobody"}, "sender_address"),
        ({"port": "99999"}, "port"),
        ({"security": "none"}, "security"),
        ({"host": ""}, "host"),
        ({"provider": "sendgrid", "api_key": ""}, "api_key"),
        ({"provider": "sendgrid", "api_key": "k", "webhook_key": "no key"}, "webhook_key"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_changes(client, practice, owner, change, named):
    answer = client.post(url(practice, "channel_settings"), {**SMTP, **change})

    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {named})
    with use_practice(practice.pk):
        assert ChannelSettings.objects.count() == 0


def test_saving_ends_the_pause_of_a_refused_key(client, practice, owner):
    with use_practice(practice.pk):
        SendPause.objects.create(channel="email", why="credentials")
    assert "refuses our key" in client.get(url(practice, "channel_settings")).content.decode()

    client.post(url(practice, "channel_settings"), SMTP)

    with use_practice(practice.pk):
        assert SendPause.objects.filter(ended_at=None).count() == 0


def test_a_test_mail_goes_to_oneself_by_the_usual_way(client, practice, owner):
    answer = client.post(url(practice, "channel_test"))
    deliver.deliver_due("email")

    with use_practice(practice.pk):
        message = OutboxMessage.objects.get()
    assert (answer.status_code, answer.url) == (302, url(practice, "outbox_message", message.pk))
    assert (message.state, message.address, message.klass) == ("sent", owner.email, "direct")
    assert "patients can be reached" in client.get(answer.url).content.decode()
    assert client.get(url(practice, "channel_test")).status_code == 405


def test_a_counted_link_leads_on_and_counts(client, practice):
    with use_practice(practice.pk):
        link = links.make("https://g.page/r/abc/review", label="review:google", now=clock.now())
    path = f"/r/{links.signed_id(practice, link.pk)}"

    answer = client.get(path)
    client.head(path)

    assert (answer.status_code, answer.url) == (302, "https://g.page/r/abc/review")
    with use_practice(practice.pk):
        assert sorted(LinkClick.objects.values_list("by", flat=True)) == ["machine", "person"]
    assert client.post(path).status_code == 405


def test_a_link_that_we_did_not_sign_leads_nowhere(client, practice):
    other = PracticeFactory()
    with use_practice(practice.pk):
        link = links.make("https://example.com/", now=clock.now())
    good = links.signed_id(practice, link.pk)
    public_id, identifier, signature = good.split(".")

    forged = [
        f"{other.public_id}.{identifier}.{signature}", f"{public_id}.{identifier}.{'A' * 22}",
        f"{public_id}.{identifier}",
        f"{public_id}.{identifier[:-1]}.{signature}", "x", "..", f"{good}.{good}",
    ]  # fmt: skip
    assert {client.get(f"/r/{one}").status_code for one in forged} == {404}
    with use_practice(practice.pk):
        assert LinkClick.objects.count() == 0


def test_a_link_with_a_token_is_not_stored(practice, settings):
    with use_practice(practice.pk), pytest.raises(links.TokenInLink):
        links.make(f"{settings.SITE_URL}/portal/{practice.public_id}/{TOKEN}", now=clock.now())


def test_the_demos_mailbox_has_links_that_work_and_exists_in_development_only(client, practice, settings, tmp_path):
    settings.STATE_DIR, settings.DEVELOPMENT = tmp_path, True
    message = mail(practice, first_name="Ruth")

    (path,) = mailbox().glob(f"*.{message.pk}.json")
    assert json.loads(path.read_text())["to"] == message.address
    html = client.get(reverse("dev_mail_html", args=[message.pk])).content.decode()
    assert f"/portal/{practice.public_id}/{TOKEN}?s=9" in html
    assert message.address in client.get(reverse("dev_mail")).content.decode()

    settings.DEVELOPMENT = False
    assert client.get(reverse("dev_mail_html", args=[message.pk])).status_code == 404
    assert message.address not in client.get(reverse("dev_mail")).content.decode()
    mail(practice)
    assert list(mailbox().glob("*.json")) == [path]


def test_a_past_that_is_played_now_does_not_push_todays_mail_out_of_the_mailbox(client, practice, settings, tmp_path):
    settings.STATE_DIR, settings.DEVELOPMENT = tmp_path, True
    today = mail(practice)
    with clock.at(clock.now() - timedelta(days=700)):
        mail(practice)
    listed = client.get(reverse("dev_mail")).content.decode()
    assert listed.count("<li>") == 2
    assert listed.index(str(today.pk)) < listed.index("<li>", listed.index("<li>") + 1)
    assert client.get(reverse("dev_mail"), {"to": "nobody@example.com"}).content.decode().count("<li>") == 0


def test_every_icon_of_messages_exists(practice):
    names = {icon for icon, _tone, _text in (*history.ATTEMPT.values(), *history.EVENT.values())}
    names |= {kind.icon for kind in timeline.kinds() if kind.name.startswith("message_")}
    names |= {worklist.kind(name).icon for name in ("fix_contact_point", "complaint", "template_broken", "breaker")}

    assert [name for name in sorted(names) if "<svg" not in ui.icon(name)] == []
