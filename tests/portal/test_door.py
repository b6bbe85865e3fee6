"""The public door, and “Send me a new link”: nothing there tells who is a patient (security.md section 2)."""

from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.models import Clinic
from messaging.models import OutboxMessage
from messaging.outbox.contexts import read_context
from patients import consent
from patients.models import PortalLink, WorkItem, WorkItemLine
from portal import requests, tasks
from portal.clinics import hours_in_words
from portal.models import LinkRequest
from prm import clock
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory
from tests.factories.patients import PatientFactory
from tests.portal.conftest import NOW, RIGHT, build_door, page_of, words_of

pytestmark = pytest.mark.django_db
HOURS = {day: [["08:00", "12:00"], ["13:00", "18:00"]] for day in ("Mon", "Tue", "Wed", "Thu")} | {
    "Fri": [["08:00", "12:00"]]
}


def door_path(door):
    return f"/portal/{door.practice.public_id}/"


def ask(door, address, client=None, **headers):
    return (client or Client()).post(f"{door_path(door)}link/", {"address": address}, **headers)


def answer(door):
    """What the task does a moment later; the messages that it queued."""
    with use_practice(door.practice.pk):
        requests.answer_waiting(door.practice, now=clock.now())
        return list(OutboxMessage.objects.order_by("created_at", "pk"))


def link_in(door, message):
    with use_practice(door.practice.pk):
        return urlsplit(read_context(message)["fields"]["links.portal"]).path


def may_text(door, patient=None):
    with use_practice(door.practice.pk):
        consent.state(patient or door.patient, "sms", "care", granted=True, how="patient", now=clock.now())


def test_the_door_shows_clinics_with_address_hours_phone_and_map(client, door):
    with use_practice(door.practice.pk):
        Clinic.objects.update(hours=HOURS)
        ClinicFactory(name="From a feed", named=False)
    said = words_of(client.get(door_path(door)))
    for shown in (
        "Harbor Physical Therapy", "Eastside", "12 Quay Street, Oakland, CA 94607", "(415) 555-0101", "Show on a map",
        "Monday to Thursday 8:00 am to 12:00 pm, 1:00 pm to 6:00 pm", "Saturday and Sunday closed", "Send me my link",
        "Privacy and accessibility",
    ):  # fmt: skip
        assert shown in said
    assert "From a feed" not in said
    assert "q=" not in door_path(door)
    assert "query=12%20Quay%20Street" in page_of(client.get(door_path(door)))


def test_the_door_speaks_spanish(client, door):
    with use_practice(door.practice.pk):
        Clinic.objects.update(hours=HOURS)
    said = words_of(client.get(f"{door_path(door)}?lang=es"))
    assert "De lunes a jueves de 8:00 a. m. a 12:00 p. m., de 1:00 p. m. a 6:00 p. m." in said
    assert "Envíeme mi enlace" in said


def test_a_door_without_hours_claims_none(client, door):
    assert "closed" not in words_of(client.get(door_path(door)))


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ({}, []),
        ({"Mon": []}, []),
        ({"Mon": [["09:00", "17:00"]]}, [("Monday", "9:00 am to 5:00 pm"), ("Tuesday to Sunday", "closed")]),
        ({"Sun": [["00:00", "24:00"]]}, [("Monday to Saturday", "closed"), ("Sunday", "12:00 am to 12:00 am")]),
        (
            {"Sat": [["13:00", "14:00"], ["09:00", "12:00"]]},
            [("Monday to Friday", "closed"), ("Saturday", "9:00 am to 12:00 pm, 1:00 pm to 2:00 pm"),
             ("Sunday", "closed")],
        ),
    ],
)  # fmt: skip
def test_hours_in_words(hours, said):
    with translation.override("en"):
        assert hours_in_words(hours) == said


def test_the_door_may_be_kept_a_while_and_is_not_indexed_unless_the_owner_says_so(client, door):
    found = client.get(door_path(door))
    assert found["Cache-Control"] == "public, max-age=300"
    assert found["X-Robots-Tag"] == "noindex"
    assert '<meta name="robots" content="noindex">' in page_of(found)
    assert {"Cookie", "Accept-Language"} <= {part.strip() for part in found["Vary"].split(",")}
    assert "set-cookie" not in found.headers
    assert client.get(f"{door_path(door)}link/")["Cache-Control"] == "no-store"


@pytest.mark.parametrize("page", ["", "privacy/"])
def test_a_page_that_sets_the_language_is_kept_by_no_cache_for_many(client, door, page):
    found = client.get(f"{door_path(door)}{page}?lang=es")
    assert (found["Cache-Control"], "prm_language" in found.cookies) == ("no-store", True)


def test_the_owner_may_let_search_engines_find_the_door_and_nothing_else(client, door):
    door.practice.door_indexable = True
    door.practice.save()
    for page, found in {"": True, "privacy/": True, "link/": False}.items():
        answer = client.get(door_path(door) + page)
        assert ("X-Robots-Tag" in answer, 'content="noindex"' in page_of(answer)) == (not found, not found)


@pytest.mark.parametrize("page", ["", "link/", "privacy/"])
def test_an_unknown_practice_is_a_404(client, door, page):
    assert client.get(f"/portal/aaaaaaaaaa/{page}").status_code == 404


@pytest.mark.parametrize("typed", ["ruth@example.com", " Ruth@Example.com ", "415 555 0134", "+1 (415) 555-0134"])
def test_who_asks_gets_a_link_that_signs_in(door, typed):
    may_text(door)
    assert ask(door, typed)["Location"].endswith("/link/?sent=1")
    [message] = answer(door)
    assert (message.klass, message.state, message.channel) == (
        "security", "queued", "email" if "@" in typed else "sms",
    )  # fmt: skip
    assert Client().post(link_in(door, message), RIGHT).status_code == 302


def test_known_and_unknown_addresses_get_the_same_answer_and_the_same_row(door):
    found = {}
    for address in ("ruth@example.com", "nobody@example.com"):
        reply = ask(door, address)
        page = Client().get(reply["Location"])
        row = door.rows(LinkRequest, "channel", "answered_at", "at")[-1]
        found[address] = (reply.status_code, reply["Location"], words_of(page), row)
    assert len(set(found.values())) == 1
    assert door.rows(PortalLink, "pk") == []  # nothing is looked up while the browser waits
    assert len(answer(door)) == 1


def test_asking_sends_the_same_statements_whoever_asks(door):
    ask(door, "first@example.com")  # the practice's data key is made with the first
    asked = []
    for address in ("ruth@example.com", "nobody@example.com"):
        with CaptureQueriesContext(connection) as captured:
            ask(door, address)
        asked.append([query["sql"][:60] for query in captured if "SAVEPOINT" not in query["sql"]])
    assert asked[0] == asked[1]
    assert not any("patients_patient" in query["sql"] for query in captured)


def test_the_address_is_kept_sealed_and_only_until_the_answer(door):
    ask(door, "ruth@example.com")
    [(sealed,)] = door.rows(LinkRequest, "address")
    assert b"ruth" not in bytes(sealed)
    answer(door)
    [(kept, at)] = door.rows(LinkRequest, "address", "answered_at")
    assert (bytes(kept), at) == (b"", NOW)


def test_a_new_link_ends_the_earlier_ones_of_that_patient_alone(door):
    earlier = door.link()
    with use_practice(door.practice.pk):
        twin = PatientFactory(email="other@example.com")
    twins = door.link(twin)
    ask(door, "ruth@example.com")
    answer(door)
    assert (Client().get(earlier).status_code, Client().get(twins).status_code) == (404, 200)


def test_several_people_on_one_number_get_a_text_each_with_the_first_name(door):
    with use_practice(door.practice.pk):
        luis = PatientFactory(first_name="Luis", phone=door.patient.phone, birth_date=door.patient.birth_date)
    may_text(door)
    may_text(door, luis)
    ask(door, "4155550134")
    messages = answer(door)
    assert [m.template_version_id for m in messages] == [messages[0].template_version_id] * 2
    with use_practice(door.practice.pk):
        assert messages[0].template_version.template.key == "access_text_named"
        assert {m.patient.first_name for m in OutboxMessage.objects.select_related("patient")} == {"Ruth", "Luis"}


def test_a_text_to_one_person_names_nobody(door):
    may_text(door)
    ask(door, "4155550134")
    [message] = answer(door)
    with use_practice(door.practice.pk):
        wording = message.template_version.compiled["en"]["text"]
    assert "patient" not in wording


def test_a_text_that_the_patient_did_not_agree_to_does_not_leave_and_its_link_is_dead(door):
    ask(door, "4155550134")
    [message] = answer(door)
    assert (message.state, message.reason) == ("suppressed", "no_consent")
    assert door.rows(PortalLink, "ended_at") == [(NOW,)]


def test_a_mail_needs_no_consent_since_the_patient_asks_for_it(door):
    with use_practice(door.practice.pk):
        consent.state(door.patient, "email", "care", granted=False, how="patient", now=NOW)
    ask(door, "ruth@example.com")
    assert [message.state for message in answer(door)] == ["queued"]


def test_who_has_no_birth_date_gets_a_call_instead(door):
    door.change(birth_date=None)
    ask(door, "ruth@example.com")
    assert answer(door) == []
    assert door.rows(WorkItem, "kind", "patient") == [("call", door.patient.pk)]
    assert ("asked for a link, has no birth date",) in door.rows(WorkItemLine, "detail")


@pytest.mark.parametrize("change", [{"deceased_at": NOW}, {"archived_at": NOW}, {"test_name": True}])
def test_nobody_is_written_to_who_is_no_longer_here(door, change):
    door.change(**change)
    ask(door, "ruth@example.com")
    assert answer(door) == []


def test_five_an_hour_for_one_address_and_the_sixth_is_told_when(door):
    answers = [ask(door, "ruth@example.com").status_code for _ in range(6)]
    assert answers == [302] * 5 + [429]
    assert ask(door, "ruth@EXAMPLE.com").status_code == 429
    assert ask(door, "other@example.com").status_code == 302
    with clock.at(NOW + timedelta(hours=1)):
        assert ask(door, "ruth@example.com").status_code == 302


def test_thirty_an_hour_from_one_caller(door):
    answers = Counter(ask(door, f"p{n}@example.com").status_code for n in range(31))
    assert answers == {302: 30, 429: 1}
    assert ask(door, "q@example.com", REMOTE_ADDR="192.0.2.7").status_code == 302


def test_the_limits_are_the_same_for_unknown_addresses(door):
    found = {
        address: [ask(door, address).status_code for _ in range(6)]
        for address in ("ruth@example.com", "nobody@example.com")
    }
    assert found["ruth@example.com"] == found["nobody@example.com"]


@pytest.mark.parametrize("typed", ["", "ruth", "ruth@", "12345", "555-0134", "x" * 300, "a@b@c.com"])
def test_what_is_no_address_is_said_and_kept_in_the_field(door, typed):
    found = ask(door, typed)
    assert found.status_code == 422
    assert "Enter an e-mail address, or a phone number like 415 555 0134" in words_of(found)
    assert f'value="{typed}"' in page_of(found)
    assert door.rows(LinkRequest, "pk") == []


def test_a_request_that_nobody_answered_for_an_hour_is_let_go_and_days_old_ones_are_deleted(door):
    ask(door, "ruth@example.com")
    with clock.at(NOW + timedelta(hours=2)):
        assert answer(door) == []
    with clock.at(NOW + timedelta(days=2)):
        answer(door)
    assert door.rows(LinkRequest, "pk") == []


@pytest.mark.django_db(transaction=True)
def test_the_task_answers_every_practice_and_does_nothing_the_second_time(now):
    doors = [build_door(), build_door()]
    for one in doors:
        ask(one, "ruth@example.com")
    for _ in range(2):
        tasks.answer_link_requests()
    assert [len(one.rows(OutboxMessage, "pk")) for one in doors] == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_asking_rings_for_the_task_with_nothing_in_its_hands(now, monkeypatch):
    rung = []
    monkeypatch.setattr(
        tasks.answer_link_requests, "apply_async", lambda *args, **options: rung.append((args, options))
    )
    ask(build_door(), "ruth@example.com")
    assert rung == [((), {"queue": "deliver", "retry": False})]


def test_a_practice_that_is_no_more_leads_no_patient_to_where_staff_sign_in(client, db):
    page = client.get("/portal/abcdefghij/")
    assert (page.status_code, 'href="/"' in page_of(page)) == (404, False)


OURS = ("Harbor Physical Therapy", "(415) 555-0100", "Send me a new link")


@pytest.mark.parametrize("path", ["nosuch/at/all/", "link/nosuch/"])
@pytest.mark.parametrize(("language", "other"), [("en", "Español"), ("es", "English")])
def test_a_page_that_is_not_there_keeps_the_patient_with_his_clinic(client, door, path, language, other):
    found = client.get(f"{door_path(door)}{path}?lang={language}")
    said = words_of(found)
    assert (found.status_code, found["Referrer-Policy"], found["Cache-Control"]) == (404, "no-referrer", "no-store")
    assert [shown for shown in (*OURS[:2], other) if shown not in said] == []
    assert f'href="{door_path(door)}link/"' in page_of(found)
    assert 'href="/"' not in page_of(found)


def test_an_address_that_names_no_practice_goes_by_the_phones_own(door):
    phone = door.signed_in()
    for path in ("/portal/messages/", "/portal/nothing/here/", "/portal/abcdefghij/"):
        found = phone.get(path)
        assert (found.status_code, [shown for shown in OURS if shown not in words_of(found)]) == (404, []), path


def test_too_many_tries_and_an_expired_form_keep_the_patient_with_his_clinic(door):
    for _ in range(6):
        often = ask(door, "ruth@example.com")
    stranger = ask(door, "x@example.com", client=Client(enforce_csrf_checks=True))
    assert (often.status_code, stranger.status_code) == (429, 403)
    for found in (often, stranger):
        assert [shown for shown in OURS if shown not in words_of(found)] == []
        assert 'href="/"' not in page_of(found)


def test_the_moment_of_the_next_try_ends_with_one_full_stop(door):
    for _ in range(6):
        often = ask(door, "ruth@example.com", client=Client(headers={"accept-language": "es"}))
    said = words_of(often)
    assert "Puede intentar otra vez: martes 24 de noviembre a las 11:00 a. m." in said
    assert ".." not in said
