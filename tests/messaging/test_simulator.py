"""The simulated providers refuse what the real ones refuse, and tell what they took."""

import json
import smtplib
import urllib.error
import urllib.request

import pytest

from prm.dev.providers import simulator


@pytest.fixture
def sim():
    with simulator.running(keys={"good"}, verified={"us@example.com"}) as running:
        yield running


TAG = "-{t:patient.first_name}-"


def mail(**changes):
    return {
        "from": {"email": "us@example.com", "name": "Us"},
        "subject": f"Hi {TAG}",
        "content": [{"type": "text/plain", "value": "hello"}],
        "personalizations": [
            {"to": [{"email": f"{n}@example.com"}], "custom_args": {"prm": n}, "substitutions": {TAG: n}}
            for n in ("a", "b")
        ],
        **changes,
    }  # fmt: skip


def post(sim, path, body, key="good"):
    request = urllib.request.Request(
        sim.sendgrid.url + path, data=json.dumps(body).encode(), method="POST",
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, dict(response.headers)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


def test_what_is_taken_stands_in_the_ledger_with_our_ids(sim):
    status, headers = post(sim, "/v3/mail/send", mail())

    assert (status, bool(headers["X-Message-Id"])) == (202, True)
    with urllib.request.urlopen(sim.sendgrid.url + "/_sim/ledger", timeout=5) as response:
        rows = json.load(response)
    assert [(row["id"], row["to"], row["subject"], row["call"]) for row in rows] == [
        ("a", "a@example.com", "Hi a", 1), ("b", "b@example.com", "Hi b", 1),
    ]  # fmt: skip


TWICE = [{"to": [{"email": "a@example.com"}]}, {"to": [{"email": "A@example.com"}]}]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"personalizations": TWICE}, 400, "personalizations"),
        ({"personalizations": [{"to": [{"email": "nobody"}]}]}, 400, "personalizations.0.to.0.email"),
        ({"from": {"email": "other@example.com"}}, 403, "from"),
        ({"subject": 7}, 400, "subject"),
        ({"personalizations": "all"}, 400, "personalizations"),
        ({"content": [{"type": "text/plain", "value": ""}]}, 400, "content.0.value"),
    ],
)
def test_what_sendgrid_refuses_is_refused_as_a_whole(sim, change, status, field):
    code, answer = post(sim, "/v3/mail/send", mail(**change))

    assert (code, answer["errors"][0]["field"]) == (status, field)
    assert sim.ledger.rows() == []


def test_a_wrong_key_is_401_and_an_unknown_fault_is_named(sim):
    assert post(sim, "/v3/mail/send", mail(), key="bad")[0] == 401
    code, answer = post(sim, "/_sim/faults", [{"fault": "flood", "times": 1}])
    assert (code, "flood" in answer["errors"][0]["message"]) == (400, True)


def test_a_lost_answer_was_taken_and_a_503_was_not(sim):
    sim.faults.replace([{"fault": "lost", "times": 1}, {"fault": "503", "times": 1}])

    with pytest.raises(OSError):  # noqa: PT011  (reset or closed, as the kernel likes)
        post(sim, "/v3/mail/send", mail())
    assert [row.answered for row in sim.ledger.rows()] == [False, False]
    assert post(sim, "/v3/mail/send", mail())[0] == 503
    assert len(sim.ledger.rows()) == 2


def test_the_mail_server_keeps_what_it_takes(sim):
    text = "Subject: Hi\r\nX-PRM-Id: x1\r\n\r\nhello"
    with smtplib.SMTP("127.0.0.1", sim.smtp.port, timeout=5) as server:
        server.sendmail("us@example.com", ["a@example.com"], text)
        sim.faults.replace([{"fault": "550", "times": 1}])
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            server.sendmail("us@example.com", ["b@example.com"], text)

    assert [(row.via, row.id, row.to) for row in sim.ledger.rows()] == [("smtp", "x1", "a@example.com")]
