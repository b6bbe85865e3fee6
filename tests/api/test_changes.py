"""Opening, changing and closing: by the functions that the pages call, field by field, one effect a request."""

import json
import threading

import pytest
from django.db import connection

from accounts import tasks
from accounts.models import Clinic, Practice, SettingsChange
from prm import clock
from prm.api import idempotency
from prm.api.models import KeptAnswer
from prm.audit.models import AuditEvent
from prm.ids import uuid7
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, PracticeFactory
from tests.factories.api import Caller, caller, make_key

pytestmark = pytest.mark.django_db(transaction=True)

NEW = {"name": "Westside", "time_zone": "America/Denver", "hours": {"Mon": [["08:00", "12:00"], ["13:00", "17:00"]]}}


def clinics(practice):
    with use_practice(practice.pk):
        return sorted(Clinic.objects.values_list("name", flat=True))


def test_a_new_clinic_is_read_back_at_its_location(ours):
    client = caller(ours)
    made = client.send("post", "clinics", {**NEW, "phone": "415 555 0134", "holidays": ["2026-12-25"]})
    assert made.status_code == 201
    read = client.get(made["Location"])
    assert (read.json(), read["ETag"]) == (made.json(), made["ETag"])
    assert read.json() == {
        "id": read.json()["id"], "name": "Westside", "message_name": "", "time_zone": "America/Denver",
        "phone": "+14155550134", "address": "", "hours": NEW["hours"], "holidays": ["2026-12-25"], "booking_url": "",
        "named": True, "closed_at": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "where"),
    [("\u200b", "U+200B"), ("Prairie\x1b[31m", "U+001B"), ("\u202eriarP", "U+202E"), ("\u200d", "blank")],
)
def test_a_name_that_cannot_be_read_is_refused(ours, name, where):
    with use_practice(ours.pk):
        clinic = ClinicFactory()
    client = caller(ours)
    for path, fields in (("practice", ("name", "postal_address")), (f"clinics/{clinic.pk}", ("name", "address"))):
        for field in fields if where != "blank" else ("name",):
            answer = client.send("patch", path, {field: name})
            assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, f"#/{field}")
            assert where in answer.json()["detail"]


def test_a_name_of_joined_characters_is_kept(ours):
    family = "Famil\u200cy \U0001f468\u200d\U0001f469"
    assert caller(ours).send("patch", "practice", {"name": family}).json()["name"] == family


def test_a_change_writes_what_it_names_and_is_told_as_the_keys(ours):
    key, text = make_key(ours)
    with use_practice(ours.pk):
        clinic = ClinicFactory(name="Eastside", phone="")
    answer = Caller(text).send("patch", f"clinics/{clinic.pk}", {"name": "Eastside 2", "phone": "+14155550134"})
    assert (answer.status_code, answer.json()["name"], answer.json()["time_zone"]) == (
        200,
        "Eastside 2",
        clinic.time_zone,
    )
    with use_practice(ours.pk):
        [told] = SettingsChange.objects.all()
        assert (told.by, told.fields) == (None, {"name": ["Eastside", "Eastside 2"], "phone": ["", "+14155550134"]})
        [event] = AuditEvent.objects.all()
    assert (event.actor_kind, event.actor_id, event.action, event.object_id) == (
        "key",
        key.pk,
        "clinic.changed",
        clinic.pk,
    )


def test_the_practice_is_changed_by_its_own_function(ours):
    answer = caller(ours).send(
        "patch", "practice", {"name": "Harbor PT", "languages": ["es", "en"], "phone": "415 555 0134"}
    )
    assert answer.status_code == 200
    ours.refresh_from_db()
    assert (ours.name, ours.languages, ours.phone, ours.slug) == ("Harbor PT", ["es", "en"], "+14155550134", "harbor")


def test_a_clinic_is_closed_and_opened_again_but_not_the_last_one(ours):
    client = caller(ours)
    with use_practice(ours.pk):
        clinic, other = ClinicFactory(), ClinicFactory()
    closed = [client.send("put", f"clinics/{clinic.pk}/closure") for _ in range(2)]
    assert [answer.status_code for answer in closed] == [200, 200]
    assert closed[0].json() == closed[1].json()
    assert closed[0].json()["closed_at"]
    last = client.send("put", f"clinics/{other.pk}/closure")
    assert (last.status_code, last.json()["errors"][0]["where"]) == (422, "#")
    listed = {row["id"] for row in client.send("get", "clinics?open=true").json()["data"]}
    assert listed == {str(other.pk)}
    assert client.send("delete", f"clinics/{clinic.pk}/closure").json()["closed_at"] is None


BAD = [
    ({"name": ""}, "#/name", '""', "text of 1 to 120 characters"),
    ({"name": "x" * 121}, "#/name", '"xxx', "text of 1 to 120 characters"),
    ({"name": 5}, "#/name", "5", "text of 1 to 120 characters"),
    ({"name": None}, "#/name", "null", "text of 1 to 120 characters"),
    ({"name": "\ud800"}, "#/name", '"\\ud800"', "text of 1 to 120 characters"),
    ({"name": "a\x00b"}, "#/name", '"a\x00b"', "text of 1 to 120 characters"),
    ({"time_zone": "Atlantis"}, "#/time_zone", '"Atlantis"', "an IANA name, such as"),
    ({"phone": "12"}, "#/phone", '"12"', "phone number with 10 digits"),
    ({"booking_url": "http://example.com"}, "#/booking_url", '"http://example.com"', "https://"),
    ({"hours": {"Mon": [["09:00"]]}}, "#/hours/Mon/0", '["09:00"]', "a list"),
    ({"hours": {"Monday": []}}, "#/hours", '{"Monday": []}', "is no weekday"),
    ({"hours": {"Mon": [["17:00", "09:00"]]}}, "#/hours", '{"Mon": [["17:00", "09:00"]]}', "ends before it begins"),
    ({"hours": []}, "#/hours", "[]", "opening hours such as"),
    ({"holidays": ["25.12."]}, "#/holidays/0", '"25.12."', "a date, such as 2026-11-24"),
    ({"a/b~c": 1}, "#/a~1b~0c", "1", "one of address, booking_url"),
    ([], "#", "[]", "an object"),
]


@pytest.mark.parametrize(("body", "where", "found", "expected"), BAD, ids=lambda value: str(value)[:30])
def test_each_wrong_field_is_named_with_what_was_found_and_expected(ours, body, where, found, expected):
    client = caller(ours)
    with use_practice(ours.pk):
        clinic = ClinicFactory(name="Eastside")
    answer = client.send("patch", f"clinics/{clinic.pk}", body)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["where"] == where
    assert error["found"].startswith(found)
    assert expected in error["expected"]
    assert clinics(ours) == ["Eastside"]


def test_a_body_that_is_no_json_is_told_apart(ours):
    client = caller(ours)
    kinds = {}
    for body, media in (
        ("{", "application/json"),
        ("{}", "text/plain"),
        ('{"name": NaN}', "application/json"),
        (b"\xff", "application/json"),
    ):
        answer = client.post("/api/v1/clinics", body, content_type=media)
        kinds[body] = (answer.status_code, answer.json()["type"].partition("#")[2])
    assert kinds == {
        "{": (400, "malformed"), "{}": (415, "not-json"),
        '{"name": NaN}': (400, "malformed"), b"\xff": (400, "malformed"),
    }  # fmt: skip


def test_a_change_over_a_newer_state_is_refused(ours):
    client = caller(ours)
    with use_practice(ours.pk):
        clinic = ClinicFactory(name="Eastside")
    path = f"clinics/{clinic.pk}"
    seen = client.send("get", path)["ETag"]
    assert client.send("patch", path, {"name": "Second"}, **{"If-Match": f'"else", {seen}'}).status_code == 200
    stale = client.send("patch", path, {"name": "Third"}, **{"If-Match": seen})
    assert (stale.status_code, stale.json()["type"]) == (412, "/api/v1/docs#changed")
    assert client.send("patch", path, {"name": "Fourth"}, **{"If-Match": "*"}).status_code == 200
    assert client.send("put", f"{path}/closure", **{"If-Match": seen}).status_code == 412
    assert clinics(ours) == ["Fourth"]


def test_the_same_post_again_has_one_effect_and_one_answer(ours):
    client = caller(ours)
    first, second = (client.send("post", "clinics", NEW, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert (second.status_code, second.json()) == (201, first.json())
    assert (second["Location"], second["ETag"]) == (first["Location"], first["ETag"])
    assert (first.has_header("Idempotency-Replayed"), second["Idempotency-Replayed"]) == (False, "true")
    assert clinics(ours) == ["Westside"]


def test_another_body_under_the_same_key_is_refused(ours):
    client = caller(ours)
    client.send("post", "clinics", NEW, **{"Idempotency-Key": "one"})
    answer = client.send("post", "clinics", {**NEW, "name": "Other"}, **{"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/api/v1/docs#key-reused")
    assert clinics(ours) == ["Westside"]


def test_an_idempotency_key_is_the_api_keys_own(ours):
    other = PracticeFactory()
    callers = [caller(ours), caller(ours), caller(other)]
    statuses = [one.send("post", "clinics", NEW, **{"Idempotency-Key": "one"}).status_code for one in callers]
    assert (statuses, clinics(ours), clinics(other)) == ([201] * 3, ["Westside"] * 2, ["Westside"])


def test_a_refused_post_can_be_mended_under_the_same_key(ours):
    client = caller(ours)
    assert client.send("post", "clinics", {"name": "Westside"}, **{"Idempotency-Key": "one"}).status_code == 422
    assert client.send("post", "clinics", NEW, **{"Idempotency-Key": "one"}).status_code == 201


@pytest.mark.parametrize("token", ["", " ", "x" * 129, "a b", "é"])
def test_what_is_no_idempotency_key_is_named(ours, token):
    answer = caller(ours).send("post", "clinics", NEW, **{"Idempotency-Key": token})
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (400, "Idempotency-Key")
    assert clinics(ours) == []


def test_an_answer_is_kept_for_a_day_encrypted_and_then_removed(ours):
    client = caller(ours)
    start = clock.now()
    client.send("post", "clinics", NEW, **{"Idempotency-Key": "one"})
    with use_practice(ours.pk):
        [kept] = KeptAnswer.objects.all()
    assert b"Westside" not in bytes(kept.sealed_body)
    with clock.at(start + KeptAnswer.LASTS + clock.timedelta(minutes=1)):
        assert client.send("post", "clinics", NEW, **{"Idempotency-Key": "one"}).status_code == 201
    assert clinics(ours) == ["Westside", "Westside"]
    with use_practice(ours.pk):
        assert KeptAnswer.objects.count() == 1


def test_answers_past_their_day_go_also_where_nobody_asks_any_more(ours):
    """More of them than one slice takes, in a practice that is suspended, beside one whose day is not over."""
    now, other = clock.now(), PracticeFactory()
    ages = [KeptAnswer.LASTS + clock.timedelta(minutes=1)] * (idempotency.SWEPT + 5) + [clock.timedelta(hours=23)]
    for practice in (ours, other):
        with use_practice(practice.pk):
            KeptAnswer.objects.bulk_create(
                KeptAnswer(key_id=uuid7(), token=str(n), fingerprint="f", created_at=now - age)
                for n, age in enumerate(ages)
            )
    with use_practice(other.pk):
        Practice.objects.filter(pk=other.pk).update(suspended_at=now)
    for _twice in range(2):
        tasks.forget_answers()
        for practice in (ours, other):
            with use_practice(practice.pk):
                assert [kept.created_at for kept in KeptAnswer.objects.all()] == [now - clock.timedelta(hours=23)]


def test_racing_twins_have_one_effect(ours):
    _key, text = make_key(ours)
    answers, start = [], threading.Barrier(6)

    def post():
        try:
            start.wait()
            answer = Caller(text).send("post", "clinics", NEW, **{"Idempotency-Key": "race"})
            answers.append((answer.status_code, json.loads(answer.content)["id"]))
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert len(set(answers)) == 1
    assert clinics(ours) == ["Westside"]
