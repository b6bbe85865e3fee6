"""Access links, birth dates and devices of patients (security.md section 2)."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Practice
from patients import sessions
from patients.models import BirthDateTry, PortalLink, PortalSession, WorkItem, WorkItemLine
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import closing as closing_of
from prm.tenancy import use_practice
from tests.factories.patients import PatientFactory
from tests.portal.conftest import NOW, RIGHT, WRONG, build_door, page_of, words_of

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
pytestmark = pytest.mark.django_db


def try_dates(client, path, times):
    return [client.post(path, {**WRONG, "day": str(n + 6)}).status_code for n in range(times)]


def home(client):
    """How the patient's page answers: 200, or where it leads."""
    answer = client.get("/portal/")
    return answer.status_code if answer.status_code != 302 else answer["Location"]


def test_a_link_asks_for_the_birth_date_and_names_practice_and_phone_and_nothing_of_the_patient(client, door):
    answer = client.get(door.link())
    said = words_of(answer)
    assert answer.status_code == 200
    for shown in ("Harbor Physical Therapy", "(415) 555-0100", "What is your birth date?", "Continue"):
        assert shown in said
    for private in ("Ruth", "Abara", "ruth@example.com", "1955", "Eastside"):
        assert private not in page_of(answer)


def test_the_right_date_signs_in_and_leads_to_an_address_without_a_token(client, door):
    answer = client.post(door.link(), RIGHT)
    assert (answer.status_code, answer["Location"]) == (302, "/portal/")
    assert "Ruth" in words_of(client.get("/portal/"))
    assert door.rows(PortalLink, "used_at") == [(NOW,)]
    [(kind, actor)] = [row[1:] for row in door.rows(AuditEvent, "action", "actor_kind", "actor_id")
                       if row[0] == "portal.signed_in"]  # fmt: skip
    assert (kind, actor) == ("patient", door.patient.pk)


def test_the_cookie_is_for_this_host_and_the_portal_alone_and_no_script_reads_it(client, door):
    client.post(door.link(), RIGHT)
    cookie = client.cookies[sessions.COOKIE]
    assert (cookie["domain"], cookie["path"], cookie["samesite"]) == ("", "/portal/", "Lax")
    assert cookie["httponly"]
    assert bool(cookie["secure"]) is settings.SESSION_COOKIE_SECURE
    assert cookie["max-age"] == ""
    token = cookie.value.partition(".")[2]
    assert len(token) == 43  # 256 bits
    assert token not in str(door.rows(PortalSession, "token_hash"))


def test_the_cookie_of_an_own_phone_outlives_the_browser(door):
    assert door.signed_in(own_device="on").cookies[sessions.COOKIE]["max-age"] == 365 * 86400


def test_an_own_phone_that_is_forgotten_still_knows_who_sends_a_new_link(door):
    phone = door.signed_in(own_device="on")
    with clock.at(NOW + timedelta(days=31)):
        answer = phone.get("/portal/")
    assert (answer.status_code, answer["Location"]) == (302, f"/portal/{door.practice.public_id}/link/?why=idle")
    assert "ask for a new link" in words_of(Client().get("/portal/"))


def test_after_five_wrong_dates_the_link_is_dead_and_staff_are_told_once(client, door):
    path = door.link()
    said = [words_of(client.post(path, {**WRONG, "day": str(n + 6)})) for n in range(4)]
    for left, text in zip(("4 tries", "3 tries", "2 tries", "1 try"), said, strict=True):
        assert f"You have {left} left." in text
    locked = client.post(path, WRONG)
    assert locked.status_code == 403
    assert "This link is closed" in words_of(locked)
    assert (client.get(path).status_code, client.post(path, RIGHT).status_code) == (404, 404)
    assert door.rows(WorkItem, "kind", "patient", "state") == [("call", door.patient.pk, "open")]
    assert ("link locked by wrong birth dates",) in door.rows(WorkItemLine, "detail")
    with use_practice(door.practice.pk), timezone.override(door.practice.zone):
        due = WorkItem.objects.get().due_at
    assert due == NOW + 8 * HOUR - HOUR + 16 * HOUR + HOUR  # 7 hours are left today, the eighth is 10 am tomorrow


def test_five_tries_an_hour_count_over_all_links_of_a_patient(client, door):
    first, second = door.link(), door.link()
    assert try_dates(client, first, 3) == [422] * 3
    assert try_dates(client, second, 2) == [422, 403]
    third = door.link()
    assert client.post(third, RIGHT).status_code == 403  # not even the right one is looked at
    assert door.rows(PortalSession, "pk") == []
    with clock.at(NOW + HOUR):
        assert client.post(door.link(), RIGHT).status_code == 302


def test_tries_at_one_patient_cost_another_nothing(client, door):
    try_dates(client, door.link(), 5)
    with use_practice(door.practice.pk):
        twin = PatientFactory(birth_date=door.patient.birth_date)
    assert client.post(door.link(twin), RIGHT).status_code == 302


@pytest.mark.parametrize(
    "form",
    [{}, {"month": "3"}, {**RIGHT, "month": "13"}, {**RIGHT, "day": "x"}, {"month": "2", "day": "30", "year": "1955"},
     {**RIGHT, "year": "55"}, {**RIGHT, "year": "99999999999"}, {**RIGHT, "year": "2999"}],
)  # fmt: skip
def test_what_is_no_date_is_said_and_is_no_try(client, door, form):
    answer = client.post(door.link(), form)
    assert answer.status_code == 422
    assert "Enter your birth date, such as 3 5 1955" in words_of(answer)
    assert f'value="{form.get("day", "")}"' in page_of(answer)
    assert door.rows(BirthDateTry, "pk") == []


def test_a_patient_without_a_birth_date_is_answered_as_one_who_mistyped_it(client, door):
    path = door.link()
    with_one = page_of(client.post(path, WRONG))
    door.change(birth_date=None)
    other = door.link()
    BirthDateTry_before = len(door.rows(BirthDateTry, "pk"))
    without = page_of(client.post(other, WRONG))
    assert BirthDateTry_before == 1
    assert "Check your birth date. You have 4 tries left." in with_one
    assert "Check your birth date. You have 3 tries left." in without


def test_unknown_expired_ended_used_and_foreign_links_are_one_and_the_same_page(client, door):
    other = build_door()
    expired, ended = door.link(expires_at=NOW), door.link(ended_at=NOW)
    unknown = door.link()[:-43] + "Z" * 43
    foreign = other.link().replace(other.practice.public_id, door.practice.public_id)
    used = door.link()
    Client().post(used, RIGHT)
    dead = {"expired": expired, "ended": ended, "unknown": unknown, "foreign": foreign, "used": used}
    pages = {}
    for name, path in dead.items():
        for method in ("get", "post"):
            answer = getattr(client, method)(path, RIGHT if method == "post" else None)
            pages[name, method] = (answer.status_code, page_of(answer))
    assert len(set(pages.values())) == 1
    status, page = next(iter(pages.values()))
    assert status == 404
    assert f'href="/portal/{door.practice.public_id}/link/"' in page
    assert "(415) 555-0100" in page


def test_a_link_lasts_72_hours(client, door):
    path = door.link()
    with clock.at(NOW + timedelta(hours=72) - MINUTE):
        assert client.get(path).status_code == 200
    with clock.at(NOW + timedelta(hours=72)):
        assert client.get(path).status_code == 404


def test_tapping_a_used_link_again_on_the_same_phone_leads_to_the_page(client, door):
    path = door.link()
    client.post(path, RIGHT)
    assert client.get(path)["Location"] == "/portal/"
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("change", [{"archived_at": NOW}, {"deceased_at": NOW}])
def test_links_and_devices_of_one_who_is_no_longer_here_open_nothing(client, door, change):
    path, phone = door.link(), door.signed_in(own_device="on")
    door.change(**change)
    assert client.post(path, RIGHT).status_code == 404
    assert home(phone) != 200
    assert door.rows(PortalSession, "ended_why") == [("not_living",)]


def test_a_merge_ends_links_and_devices_of_the_record_that_is_gone(client, door):
    path, phone = door.link(), door.signed_in()
    with use_practice(door.practice.pk):
        survivor = PatientFactory()
    door.change(merged_into=survivor)
    assert client.post(path, RIGHT).status_code == 404
    assert home(phone) != 200


def test_a_session_ends_after_twenty_idle_minutes_and_tells_why(door):
    phone = door.signed_in()
    with clock.at(NOW + 19 * MINUTE):
        assert home(phone) == 200
    with clock.at(NOW + 38 * MINUTE):
        assert home(phone) == 200
    with clock.at(NOW + 58 * MINUTE):
        assert home(phone) == f"/portal/{door.practice.public_id}/link/?why=idle"
        assert "You were signed out" in words_of(phone.get(f"/portal/{door.practice.public_id}/link/?why=idle"))


def test_a_session_ends_after_eight_hours_however_busy(door):
    phone = door.signed_in()
    busy = [NOW + n * 15 * MINUTE for n in range(1, 33)]
    answers = []
    for moment in busy:
        with clock.at(moment):
            answers.append(home(phone) == 200)
    assert answers == [True] * 31 + [False]


def test_an_own_phone_asks_for_the_birthday_after_idling_for_thirty_days(door):
    phone = door.signed_in(own_device="on")
    for moment in (NOW + 20 * MINUTE, NOW + 30 * DAY - MINUTE):
        with clock.at(moment):
            assert home(phone) == "/portal/check/"
            assert "When is your birthday?" in words_of(phone.get("/portal/check/"))
            assert phone.post("/portal/check/", {"month": "3", "day": "5"})["Location"] == "/portal/"
            assert home(phone) == 200
    with clock.at(NOW + 30 * DAY):
        assert home(phone) == f"/portal/{door.practice.public_id}/link/?why=idle"


def test_a_forgotten_cookie_age_helps_nobody(door):
    """The server counts: a thief who keeps the cookie of a session has nothing after its time."""
    phone = door.signed_in()
    stolen = phone.cookies[sessions.COOKIE].value
    with clock.at(NOW + 9 * HOUR):
        thief = Client()
        thief.cookies[sessions.COOKIE] = stolen
        assert home(thief) != 200


def test_five_wrong_birthdays_end_the_device_and_tell_staff(door):
    phone = door.signed_in(own_device="on")
    with clock.at(NOW + HOUR):
        answers = [phone.post("/portal/check/", {"month": "4", "day": str(n)}) for n in range(1, 6)]
        assert [answer.status_code for answer in answers] == [422] * 4 + [302]
        assert answers[-1]["Location"].endswith("why=locked")
        assert home(phone) != 200
    assert door.rows(PortalSession, "ended_why") == [("locked",)]
    assert ("phone locked by wrong birth dates",) in door.rows(WorkItemLine, "detail")


@pytest.mark.parametrize("form", [{}, {"month": "2", "day": "30"}, {"month": "13", "day": "1"}, {"month": "x"}])
def test_what_is_no_birthday_is_said_and_is_no_try(door, form):
    phone = door.signed_in(own_device="on")
    with clock.at(NOW + HOUR):
        answer = phone.post("/portal/check/", form)
        assert answer.status_code == 422
        assert "Enter the month and the day" in words_of(answer)
    assert door.rows(BirthDateTry, "right") == [(True,)]


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(door):
    phone = door.signed_in(own_device="on")
    copy = Client()
    copy.cookies[sessions.COOKIE] = phone.cookies[sessions.COOKIE].value
    answer = phone.post("/portal/sign-out/")
    assert answer["Location"].endswith("why=signed_out")
    assert phone.cookies[sessions.COOKIE]["max-age"] == 0
    assert home(copy) != 200
    assert door.rows(PortalSession, "ended_why") == [("signed_out",)]


def test_a_session_holds_one_person_and_the_next_replaces_it(door):
    with use_practice(door.practice.pk):
        partner = PatientFactory(first_name="Luis", birth_date=door.patient.birth_date)
    phone = door.signed_in(own_device="on")
    phone.post(door.link(partner), RIGHT)
    assert "Luis" in words_of(phone.get("/portal/"))
    assert door.rows(PortalSession, "patient__first_name", "ended_why") == [("Ruth", "replaced"), ("Luis", "")]


def test_the_patient_sees_his_devices_and_ends_one(door):
    phone, tablet = door.signed_in(own_device="on"), door.signed_in()
    said = words_of(phone.get("/portal/help/"))
    assert said.count("Sign out") == 2
    [(first,), (second,)] = door.rows(PortalSession, "pk")
    assert phone.post(f"/portal/devices/{second}/end/", follow=True).status_code == 200
    assert (home(phone), home(tablet) == 200) == (200, False)
    phone.post(f"/portal/devices/{first}/end/")
    assert home(phone) != 200
    assert door.rows(PortalSession, "ended_why") == [("signed_out",), ("by_patient",)]


def test_nobody_ends_the_device_of_another_patient(door):
    phone = door.signed_in()
    with use_practice(door.practice.pk):
        stranger = PatientFactory()
        other, _token = sessions.start(stranger, own_device=True, device="", now=NOW)
    assert phone.post(f"/portal/devices/{other.pk}/end/").status_code == 404
    assert door.rows(PortalSession, "ended_why")[1] == ("",)


FIXED = ["/portal/", "/portal/help/", "/portal/check/"]


def test_without_a_device_no_page_of_the_portal_opens(client, door):
    answers = {path: client.get(path) for path in FIXED}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(FIXED, 403)
    assert "You are signed out" in words_of(answers["/portal/"])
    assert client.post("/portal/survey/").status_code == 403


@pytest.mark.parametrize("value", ["", "x", "aaaaaaaaaa." + "A" * 43, "../.." + "A" * 43, "aaaaaaaaaa.short", "é" * 54])
def test_a_cookie_that_makes_no_sense_opens_nothing(client, door, value):
    client.cookies[sessions.COOKIE] = value
    assert client.get("/portal/").status_code == 403


def test_a_token_of_one_practice_opens_nothing_in_another(client, door):
    other = build_door()
    phone = door.signed_in()
    token = phone.cookies[sessions.COOKIE].value.partition(".")[2]
    client.cookies[sessions.COOKIE] = f"{other.practice.public_id}.{token}"
    assert home(client) == f"/portal/{other.practice.public_id}/link/?why=idle"


@pytest.mark.parametrize(
    ("language", "closing", "status", "words"),
    [
        ("en", False, 503, "These pages are closed for now"),
        ("es", False, 503, "Estas páginas están cerradas por ahora"),
        ("en", True, 410, "Harbor Physical Therapy does not use them any more."),
        ("es", True, 410, "Harbor Physical Therapy ya no las usa."),
    ],
)  # fmt: skip
def test_every_page_of_a_suspended_practice_says_so_and_whom_to_call(door, language, closing, status, words):
    phone, link = door.signed_in(), door.link()
    if closing:
        with clock.at(NOW):
            closing_of.ask(door.practice, by="Olivia", now=NOW)
    else:
        Practice.objects.filter(pk=door.practice.pk).update(suspended_at=NOW)
    before = door.rows(AuditEvent, "pk")
    for path in ("/portal/", "/portal/help/", link, f"/portal/{door.practice.public_id}/"):
        for answer in (phone.get(path, {"lang": language}), phone.post(f"{path}?lang={language}", RIGHT)):
            said = words_of(answer)
            assert (answer.status_code, words in said, "(415) 555-0100" in said) == (status, True, True), (path, said)
            assert "Ruth" not in said
    assert door.rows(AuditEvent, "pk") == before


@pytest.mark.parametrize("path", ["/portal/", "/portal/help/"])
def test_the_patients_pages_are_neither_kept_nor_indexed_nor_referred(door, path):
    answer = door.signed_in().get(path)
    assert (answer["Referrer-Policy"], answer["Cache-Control"], answer["X-Robots-Tag"]) == (
        "no-referrer", "no-store", "noindex",
    )  # fmt: skip


def test_a_form_of_a_stranger_signs_nobody_in(door):
    client = Client(enforce_csrf_checks=True)
    path = door.link()
    client.get(path)
    assert client.post(path, RIGHT).status_code == 403
    assert door.rows(BirthDateTry, "pk") == []


def test_the_page_speaks_the_language_of_the_mail_until_the_reader_chooses(client, door):
    door.change(language="es")
    path = door.link()
    answer = client.get(path, headers={"accept-language": "en-US"})
    assert "¿Cuál es su fecha de nacimiento?" in words_of(answer)
    assert answer["Content-Language"] == "es"
    assert "Revise su fecha de nacimiento. Le quedan 4 intentos." in words_of(client.post(path, WRONG))
    assert "What is your birth date?" in words_of(client.get(f"{path}?lang=en"))


def test_the_connection_of_these_tests_is_the_applications():
    assert connection.settings_dict["USER"] == "prm_app"
