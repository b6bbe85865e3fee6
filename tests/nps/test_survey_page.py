"""The patient's pages: a GET changes nothing, a POST answers, strangers and staff get nowhere."""

import logging
import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Practice
from nps.models import RecoveryCase, Response, ResponseVersion, SurveyInvitation
from patients.models import Consent, PortalLink
from prm import clock
from prm.logs import JsonFormatter
from prm.tenancy import use_practice
from tests.factories.accounts import UserFactory, sign_in
from tests.nps.conftest import NOW, send_survey

pytestmark = pytest.mark.django_db


def everything(sent):
    """Every tenant row of the practice."""
    models = [m for m in apps.get_models() if any(f.name == "practice" for f in m._meta.fields) and m._meta.managed]
    return sent.rows(*models)


def page_of(response):
    return response.content.decode()


def chosen_score(response):
    return re.findall(r'value="(\d+)" checked', page_of(response))


def test_the_page_shows_the_locked_question_and_the_score_of_the_link(client, sent):
    response = client.get(f"{sent.path}?s=9&lang=en")
    assert response.status_code == 200
    assert (
        "On a scale of 0 to 10, with 10 being most likely and 0 being not at all likely, how likely are you to "
        "recommend Harbor Physical Therapy to a friend or family member?"
    ) in page_of(response)
    assert chosen_score(response) == ["9"]


def test_the_page_speaks_spanish_when_asked_and_keeps_to_it(client, sent):
    response = client.get(f"{sent.path}?s=0&lang=es")
    assert "¿qué tan probable es que recomiende Harbor Physical Therapy a un amigo o familiar?" in page_of(response)
    assert '<html lang="es"' in page_of(response)
    assert chosen_score(response) == ["0"]
    assert '<html lang="es"' in page_of(client.get(sent.path))
    client.post(sent.path, {"score": "7"})
    with use_practice(sent.practice.pk):
        assert Response.objects.get().language == "es"


def test_without_a_choice_the_page_speaks_the_language_of_the_mail(client, now):
    sent = send_survey("Puerto", now, language="es")
    response = client.get(sent.path, headers={"accept-language": "en-US"})
    assert '<html lang="es"' in page_of(response)
    assert response["Content-Language"] == "es"


def language_link(response):
    (href,) = re.findall(r'class="lang" href="([^"]+)"', page_of(response))
    return href.replace("&amp;", "&")


def test_a_change_of_language_keeps_the_score_of_the_link_and_the_thanks(client, sent):
    assert chosen_score(client.get(sent.path + language_link(client.get(f"{sent.path}?s=9&lang=en")))) == ["9"]
    client.post(sent.path, {"score": "3"})
    thanks = client.get(sent.path + language_link(client.get(f"{sent.path}?sent=1&lang=en")))
    assert "Usted nos dio un 3." in page_of(thanks)


def test_a_change_of_language_brings_along_what_was_typed_and_saves_nothing(client, sent):
    before = everything(sent)
    typed = {"score": "2", "comment": "I waited <long>", "switch": "es"}
    response = client.post(f"{sent.path}?s=9&lang=es", typed)
    assert response.status_code == 200
    assert '<html lang="es"' in page_of(response)
    assert chosen_score(response) == ["2"]
    assert "I waited &lt;long&gt;</textarea>" in page_of(response)
    assert "Hay un problema" not in page_of(response)
    assert everything(sent) == before


@pytest.mark.parametrize("part", ["comment", "contact", "drivers"])
def test_a_reload_of_a_follow_up_leads_back_to_the_thanks(client, sent, part):
    assert client.get(f"{sent.path}/{part}")["Location"] == sent.path
    client.post(sent.path, {"score": "3"})
    assert client.get(f"{sent.path}/{part}?lang=es")["Location"] == f"{sent.path}?sent=1"


@pytest.mark.parametrize("asked", ["11", "-1", "x", "", "9.5", "٩", "1e1"])
def test_a_link_with_a_senseless_score_has_nothing_chosen(client, sent, asked):
    assert chosen_score(client.get(sent.path, {"s": asked})) == []


def test_a_thousand_scans_of_all_eleven_links_change_no_row(sent):
    """Mail scanners follow every link, with GET and HEAD, many times."""
    before = everything(sent)
    client = Client()
    for scan in range(1000):
        method = client.get if scan % 2 else client.head
        suffix = ("", "/stop")[scan % 50 == 0]
        assert method(f"{sent.path}{suffix}?s={scan % 11}").status_code == 200
    assert everything(sent) == before


def test_a_score_is_recorded_and_leads_to_thanks_with_what_may_follow(client, sent):
    answer = client.post(sent.path, {"score": "3", "comment": "Waited."})
    assert (answer.status_code, answer["Location"]) == (302, f"{sent.path}?sent=1")
    thanks = page_of(client.get(answer["Location"]))
    assert "You gave us a 3." in thanks
    assert "May we contact you about this?" in thanks
    assert "What went wrong" not in thanks  # he said it already
    with use_practice(sent.practice.pk):
        assert [(r.score, r.comment_text, r.channel) for r in Response.objects.all()] == [(3, "Waited.", "email")]


@pytest.mark.parametrize(
    ("score", "question", "contact"),
    [
        ("10", "What did we do best?", False),
        ("8", "What is one thing we could do better?", True),
        ("0", "What went wrong, and how can we make it right?", True),
    ],
)
def test_what_follows_depends_on_the_bucket(client, sent, score, question, contact):
    thanks = page_of(client.post(sent.path, {"score": score}, follow=True))
    assert question in thanks
    assert ("May we contact you" in thanks) is contact


def test_each_follow_up_is_saved_by_its_own_post(client, sent):
    client.post(sent.path, {"score": "5"})
    client.post(f"{sent.path}/comment", {"comment": "The bill."})
    client.post(f"{sent.path}/drivers", {"drivers": ["billing", "else"]})
    last = client.post(f"{sent.path}/contact", {"contact": "call"})
    assert last["Location"] == f"{sent.path}?sent=1"
    with use_practice(sent.practice.pk):
        response = Response.objects.get()
        assert (response.comment_text, response.drivers, response.contact_ok) == (
            "The bill.",
            ["billing", "else"],
            "call",
        )


def test_a_follow_up_that_makes_no_sense_is_said_in_the_page_and_saves_nothing(client, sent):
    client.post(sent.path, {"score": "5"})
    answer = client.post(f"{sent.path}/contact", {"contact": "fax"})
    assert answer.status_code == 400
    assert "Choose one answer" in page_of(answer)
    with use_practice(sent.practice.pk):
        assert Response.objects.get().contact_ok == ""


def test_a_follow_up_before_the_score_goes_back_to_the_question(client, sent):
    assert client.post(f"{sent.path}/comment", {"comment": "Hi"})["Location"] == sent.path
    assert client.get(f"{sent.path}?sent=1").context["question"]


@pytest.mark.parametrize(
    "given", [{}, {"score": ""}, {"score": "11"}, {"score": "x"}, {"score": "-1"}, {"score": "7.5"}]
)
def test_a_missing_or_bad_score_is_said_in_the_page_and_the_words_are_kept(client, sent, given):
    answer = client.post(sent.path, {**given, "comment": "Long story"})
    assert answer.status_code == 400
    assert "Choose a number from 0 to 10" in page_of(answer)
    assert "Long story</textarea>" in page_of(answer)
    with use_practice(sent.practice.pk):
        assert not Response.objects.exists()


def test_a_bad_score_is_said_in_spanish_too(client, sent):
    answer = client.post(f"{sent.path}?lang=es", {})
    assert "Elija un número del 0 al 10" in page_of(answer)


def test_the_answer_can_be_changed_until_the_link_expires(client, sent):
    client.post(sent.path, {"score": "10"})
    assert chosen_score(client.get(sent.path)) == ["10"]
    client.post(sent.path, {"score": "4"})
    with clock.at(NOW + timedelta(days=30)):
        late = client.post(sent.path, {"score": "9"})
        assert (late.status_code, client.get(sent.path).status_code) == (404, 404)
        assert "This link does not work" in page_of(late)
        assert "(415) 555-0100" in page_of(late)
    with use_practice(sent.practice.pk):
        assert Response.objects.get().score == 4
        assert sorted(ResponseVersion.objects.values_list("score", flat=True)) == [4, 10]


def test_another_practices_link_a_tampered_and_an_unknown_one_are_the_same_dead_page(client, sent, now):
    other = send_survey("Second Practice", now)
    wrong = sent.path.replace(sent.practice.public_id, other.practice.public_id)
    tampered = sent.path[:-1] + ("A" if sent.path[-1] != "A" else "B")
    unknown = sent.path.replace(sent.token, "Z" * 43)
    for path in (wrong, tampered, unknown):
        for answer in (
            client.get(path),
            client.post(path, {"score": "1"}),
            client.post(f"{path}/comment", {"comment": "x"}),
        ):
            assert answer.status_code == 404
            assert "This link does not work" in page_of(answer)
    for practice in (sent.practice, other.practice):
        with use_practice(practice.pk):
            assert not Response.objects.exists()


def test_an_unknown_practice_is_a_404(client, sent):
    assert client.get(sent.path.replace(sent.practice.public_id, "aaaaaaaaaa")).status_code == 404


def test_a_link_for_something_else_answers_no_survey(client, sent):
    with use_practice(sent.practice.pk):
        PortalLink.objects.update(purpose="access")
    assert client.post(sent.path, {"score": "9"}).status_code == 422  # it asks for the birth date
    assert client.post(f"{sent.path}/comment", {"comment": "x"}).status_code == 404
    with use_practice(sent.practice.pk):
        assert not Response.objects.exists()


def test_an_ended_link_answers_nothing(client, sent):
    with use_practice(sent.practice.pk):
        PortalLink.objects.update(ended_at=NOW)
    assert client.post(sent.path, {"score": "9"}).status_code == 404


def test_staff_cannot_answer_for_a_patient(client, sent):
    sign_in(client, UserFactory())
    for path, data in ((sent.path, {"score": "10"}), (f"{sent.path}/stop", {})):
        answer = client.post(path, data)
        assert answer.status_code == 403
        assert "Only the patient can answer" in page_of(answer)
    with use_practice(sent.practice.pk):
        assert not Response.objects.exists()
        assert not Consent.objects.filter(topic="surveys").exists()


def test_a_post_without_our_token_is_refused(sent):
    client = Client(enforce_csrf_checks=True)
    client.get(sent.path)
    assert client.post(sent.path, {"score": "10"}).status_code == 403
    with use_practice(sent.practice.pk):
        assert not Response.objects.exists()


@pytest.mark.parametrize("origin", ["null", "http://testserver"])  # a page without referrer posts with Origin: null
def test_the_form_of_the_page_is_accepted_with_csrf_checks(sent, origin):
    client = Client(enforce_csrf_checks=True, headers={"origin": origin})
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page_of(client.get(sent.path)))[1]
    assert client.post(sent.path, {"score": "10", "csrfmiddlewaretoken": token}).status_code == 302


@pytest.mark.parametrize("origin", ["null", "https://elsewhere.example"])
def test_an_origin_of_nobody_does_not_replace_the_token(sent, origin):
    client = Client(enforce_csrf_checks=True, headers={"origin": origin})
    client.get(sent.path)
    assert client.post(sent.path, {"score": "10"}).status_code == 403


def test_stopping_asks_first_and_then_stops(client, sent):
    assert "Stop these questions?" in page_of(client.get(f"{sent.path}/stop"))
    done = client.post(f"{sent.path}/stop", follow=True)
    assert "We will not ask again" in page_of(done)
    with use_practice(sent.practice.pk):
        assert set(Consent.objects.filter(topic="surveys").values_list("channel", "granted")) == {
            ("email", False), ("sms", False), ("push", False),
        }  # fmt: skip


def test_no_page_names_the_patient_or_anything_of_his_care(client, sent):
    pages = [
        client.get(sent.path),
        client.post(sent.path, {"score": "2"}, follow=True),
        client.get(f"{sent.path}/stop"),
    ]
    for response in pages:
        for private in ("Marta", "Quiles", "marta@example.com", "1955", "Priya", "Eastside"):
            assert private not in page_of(response)


def test_pages_behind_a_link_are_neither_kept_nor_indexed_nor_referred(client, sent):
    response = client.get(sent.path)
    assert (response["Referrer-Policy"], response["Cache-Control"], response["X-Robots-Tag"]) == (
        "no-referrer", "no-store", "noindex",
    )  # fmt: skip


def test_neither_token_nor_words_are_in_any_log_line_even_where_we_break(client, sent, caplog, monkeypatch):
    client.raise_request_exception = False
    with caplog.at_level(logging.INFO):
        client.get(f"{sent.path}?s=3")
        client.post(sent.path, {"score": "x"})
        client.post(sent.path, {"score": "3", "comment": "Secret words"})
        client.get(sent.path.replace(sent.practice.public_id, "aaaaaaaaaa"))

        def breaks(*args, **kwargs):
            raise RuntimeError(f"{sent.token} Secret words")

        monkeypatch.setattr("nps.views.portal.answers.answer", breaks)
        assert client.post(sent.path, {"score": "3", "comment": "Secret words"}).status_code == 500
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any("RuntimeError" in line for line in lines)  # the break was logged
    assert not [line for line in lines if sent.token in line or "Secret" in line]


def test_the_pages_ask_the_database_a_few_times_only(client, sent):
    with CaptureQueriesContext(connection) as queries:
        client.get(sent.path)
    assert len(queries) <= 12
    client.post(sent.path, {"score": "3"})
    with CaptureQueriesContext(connection) as queries:
        client.get(f"{sent.path}?sent=1")
    assert len(queries) <= 12


def test_a_detractors_case_is_there_with_the_redirect(client, sent):
    client.post(sent.path, {"score": "0"})
    with use_practice(sent.practice.pk):
        assert [(c.state, c.response.score) for c in RecoveryCase.objects.all()] == [("new", 0)]
        assert SurveyInvitation.objects.get().state == "answered"


def test_whoever_stops_is_heard_while_the_practice_is_suspended(client, sent):
    Practice.objects.filter(pk=sent.practice.pk).update(suspended_at=NOW)
    assert client.post(sent.path, {"score": "9"}).status_code == 503
    assert "We will not ask again" in page_of(client.post(f"{sent.path}/stop", follow=True))
    with use_practice(sent.practice.pk):
        assert not Response.objects.exists()
        assert Consent.objects.filter(topic="surveys", granted=False).count() == 3
