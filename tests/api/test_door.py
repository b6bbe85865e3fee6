"""What every request meets: the key, the size, the type, the method; every error a problem document."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts import api, api_keys
from accounts.models import ApiKey
from prm import clock
from prm.api import limits
from prm.api.limits import Limit
from prm.audit.models import AuditEvent
from prm.audit.record import record
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory
from tests.factories.api import Caller, caller, make_key

pytestmark = pytest.mark.django_db(transaction=True)


def told(answer):
    """(status, kind) of a problem document, whose members are checked on the way."""
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "status", "detail", "request_id"} <= body.keys()
    assert body["request_id"] == answer["X-Request-Id"]
    return answer.status_code, body["type"].removeprefix("/api/v1/docs#")


def test_the_key_is_stored_as_a_hash_and_shows_its_prefix(ours):
    key, text = make_key(ours)
    with connection.cursor() as cursor, use_practice(ours.pk):
        cursor.execute("SELECT k::text FROM accounts_apikey k")
        [[row]] = cursor.fetchall()
    secret = text.rpartition("_")[2]
    assert secret not in row
    assert key.prefix in row
    assert text.startswith(f"prm_{ours.public_id}_{key.prefix}_")


def test_no_cookie_and_no_csrf_token_is_asked_for(ours):
    client = caller(ours)
    client.handler.enforce_csrf_checks = True
    body = {"name": "Westside", "time_zone": "America/Denver"}
    assert client.send("post", "clinics", body).status_code == 201
    assert told(client.patch("/api/v1/nothing")) == (404, "not-found")


@pytest.mark.parametrize(
    "text", ["", "prm", "prm_aaaaaaaaaa", "Basic x", "prm_aaaaaaaaaa_bbbbbbbbbb_" + "c" * 51, "prm_a_b_c\n", "é" * 20]
)
def test_what_is_no_key_is_taken_apart_into_nothing(text):
    assert api_keys.take_apart(text) is None


def test_an_address_that_does_not_exist_is_a_problem_too(ours):
    for client in (Caller(), caller(ours)):
        assert told(client.get("/api/v1/nothing")) == (404, "not-found")
        assert told(client.get("/api/settings/")) == (404, "not-found")
        assert told(client.patch("/api/v1/clinics/no-uuid")) == (404, "not-found")
        assert told(client.get("/api/v1/clinics/no-uuid")) == (404, "not-found")


def test_methods_types_and_sizes_that_are_not_taken(ours):
    client = caller(ours)
    answer = client.send("delete", "practice")
    assert (told(answer), answer["Allow"]) == ((405, "wrong-method"), "GET, HEAD, PATCH")
    assert told(client.options("/api/v1/practice")) == (405, "wrong-method")
    assert told(client.send("get", "practice", accept="text/html")) == (406, "not-acceptable")
    too_large = client.post("/api/v1/clinics", b"x" * (2**20 + 1), content_type="application/json")
    assert told(too_large) == (413, "too-large")


def test_a_parameter_that_is_not_known_is_named(ours):
    answer = caller(ours).send("get", "staff?role=boss&clinik=1&active=true&active=false&limit=0")
    assert told(answer) == (400, "bad-parameter")
    assert answer.json()["errors"] == [
        {"where": "active", "found": '["true", "false"]', "expected": "the parameter once"},
        {"where": "role", "found": '"boss"', "expected": "one of owner, manager, therapist, front_desk, read_only"},
        {"where": "limit", "found": '"0"', "expected": "a whole number from 1 to 200"},
        {"where": "clinik", "found": '"1"', "expected": "one of active, cursor, limit, role"},
    ]


def test_a_bug_is_a_500_that_undoes_everything(ours, monkeypatch):
    def broken(self, request):
        ClinicFactory(name="Must not stay")
        raise RuntimeError("Ruth Abara")

    monkeypatch.setattr(api.PracticeEndpoint, "retrieve", broken)
    client = caller(ours)
    answer = client.send("get", "practice")
    assert told(answer) == (500, "broken")
    assert b"Ruth" not in answer.content
    with use_practice(ours.pk):
        assert not api.Clinic.objects.exists()
        assert ApiKey.objects.get().last_used_at is None


def test_a_problem_undoes_what_the_handler_wrote(ours, monkeypatch):
    def refused(self, request):
        ClinicFactory(name="Must not stay")
        raise ValidationError({"name": "Choose another name."})

    monkeypatch.setattr(api.PracticeEndpoint, "retrieve", refused)
    answer = caller(ours).send("get", "practice")
    assert told(answer) == (422, "fields")
    assert answer.json()["errors"] == [{"where": "#/name", "found": "", "expected": "Choose another name."}]
    with use_practice(ours.pk):
        assert not api.Clinic.objects.exists()


def test_use_is_noted_once_a_minute(ours):
    key, text = make_key(ours)
    start = clock.now()

    def used(moment):
        with clock.at(moment):
            Caller(text).send("get", "practice")
        with use_practice(ours.pk):
            return ApiKey.objects.get(pk=key.pk).last_used_at

    assert used(start) == start
    assert used(start + timedelta(seconds=59)) == start
    assert used(start + timedelta(seconds=61)) == start + timedelta(seconds=61)


def test_the_audit_names_the_key(ours, monkeypatch):
    def act(self, request):
        record("clinic.created", now=clock.now(), request=request)
        return self.answer(self.one())

    monkeypatch.setattr(api.PracticeEndpoint, "retrieve", act)
    key, text = make_key(ours)
    Caller(text).send("get", "practice")
    with use_practice(ours.pk):
        assert list(AuditEvent.objects.values_list("actor_kind", "actor_id")) == [("key", key.pk)]


def test_past_the_limit_a_key_waits_and_another_does_not(ours, monkeypatch):
    monkeypatch.setattr(limits, "PER_KEY", Limit("key", size=3, seconds=60))
    client, other = caller(ours), caller(ours)
    with clock.at(clock.now()) as start:
        answers = [client.send("get", "practice") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer["RateLimit"] for answer in answers] == [
            f'"key";r={n};t={t}' for n, t in ((2, 0), (1, 0), (0, 20), (0, 20))
        ]
        assert answers[3]["Retry-After"] == "20"
        assert told(answers[3]) == (429, "too-many")
        assert other.send("get", "practice").status_code == 200
    with clock.at(start + timedelta(seconds=20)):
        assert client.send("get", "practice").status_code == 200


def test_an_address_that_tries_bad_keys_is_slowed_down_while_good_keys_work(ours, monkeypatch):
    monkeypatch.setattr(limits, "BAD_KEYS", Limit("bad-keys", size=2, seconds=60))
    good = caller(ours)
    guesses = [
        Caller(f"prm_{ours.public_id}_{'a' * 10}_{'a' * 52}").get("/api/v1/practice", REMOTE_ADDR="192.0.2.77")
        for _ in range(3)
    ]
    assert [guess.status_code for guess in guesses] == [401, 401, 429]
    assert good.get("/api/v1/practice", REMOTE_ADDR="192.0.2.77").status_code == 200


def test_without_a_broker_limits_hold_in_the_process(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    limit = Limit("lonely", size=2, seconds=2)
    now = clock.now()
    assert [limits.take(limit, "x", now=now).allowed for _ in range(3)] == [True, True, False]
    assert limits.take(limit, "x", now=now + timedelta(seconds=1)).allowed
    assert limits.take(limit, "y", now=now, wanted=0).left == 2


@pytest.fixture(autouse=True)
def _broker_is_asked_again(monkeypatch):
    monkeypatch.setattr(limits, "_away_until", 0.0)
    limits._broker.cache_clear()
    yield
    limits._broker.cache_clear()
