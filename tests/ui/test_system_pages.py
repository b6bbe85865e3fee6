"""What a page says when it cannot do what was asked."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.test import Client, RequestFactory
from prometheus_client import REGISTRY

from prm import clock, logs
from prm.ui import system_pages
from prm.ui.problems import Conflict, TooManyRequests

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@pytest.fixture
def request_(rf: RequestFactory) -> object:
    request = rf.get("/harbor/patients/1/")
    request.user = SimpleNamespace(is_authenticated=False)
    request.htmx = False
    return request


def reported(directive: str) -> float:
    return REGISTRY.get_sample_value("prm_csp_reports_total", {"directive": directive}) or 0


def test_missing_page_says_the_same_for_every_address(client: Client) -> None:
    answers = {client.get(path).content for path in ("/dev/nothing/", "/dev/nothing/else/", "/a/b/c/?q=1")}

    assert len(answers) == 1
    assert client.get("/dev/nothing/").status_code == 404


def test_refused_page_names_the_roles_that_may(request_: object) -> None:
    refused = PermissionDenied()
    refused.roles = ["front_desk", "manager", "owner"]

    response = system_pages.refused(request_, refused)

    assert response.status_code == 403
    assert "open to the front desk, a manager or an owner" in response.content.decode()


def test_fragment_gets_the_note_alone(request_: object) -> None:
    request_.htmx = True

    response = system_pages.refused(request_, PermissionDenied())

    assert response.status_code == 403
    assert "<html" not in response.content.decode()


def test_too_large_names_the_limit(request_: object) -> None:
    response = system_pages.bad_request(request_, RequestDataTooBig())

    assert response.status_code == 413
    assert "5 MB" in response.content.decode()


def test_too_often_says_when_to_try(request_: object) -> None:
    with clock.at(NOW):
        response = system_pages.answer(request_, TooManyRequests(NOW + timedelta(minutes=5)))

    assert response.status_code == 429
    assert response["Retry-After"] == "300"
    assert "3:05 pm" in response.content.decode()


def test_conflict_says_who_changed_what(request_: object) -> None:
    response = system_pages.answer(request_, Conflict("Dana K. set the due time to 4:00 pm."))

    assert response.status_code == 409
    assert "Dana K. set the due time to 4:00 pm." in response.content.decode()


def test_other_exceptions_are_not_ours_to_answer(request_: object) -> None:
    assert system_pages.answer(request_, ValueError("x")) is None


def test_broken_page_shows_the_request_id_and_nothing_of_the_cause(request_: object) -> None:
    token = logs.request_id.set("abc234")
    try:
        raise ValueError("Ruth Abara")
    except ValueError:
        response = system_pages.broken(request_)
    finally:
        logs.request_id.reset(token)

    assert response.status_code == 500
    assert "abc234" in response.content.decode()
    assert "Ruth" not in response.content.decode()


def test_database_away_is_503_with_a_time_to_come_back(request_: object) -> None:
    try:
        raise OperationalError("connection refused")
    except OperationalError:
        response = system_pages.broken(request_)

    assert (response.status_code, response["Retry-After"]) == (503, "30")


def test_expired_form_shows_what_was_typed_but_no_secret() -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post("/appearance/", {"note": "She called <twice> today", "password": "correct horse battery"})

    assert response.status_code == 403
    assert "She called &lt;twice&gt; today" in response.content.decode()
    assert "horse" not in response.content.decode()


def test_policy_reports_are_counted_and_logged_without_paths(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    before = reported("style-src-attr"), reported("malformed")
    body = (
        '{"csp-report": {"effective-directive": "style-src-attr", "blocked-uri": "inline",'
        ' "document-uri": "http://localhost/portal/abcdefghij/secret-token"}}'
    )

    answers = {client.post("/csp-report", data, "application/csp-report").status_code for data in (body, "{", "[]")}

    assert answers == {204}
    assert (reported("style-src-attr"), reported("malformed")) == (before[0] + 1, before[1] + 2)
    assert "secret-token" not in caplog.text
    assert caplog.records[0].kind == "style-src-attr"
    assert caplog.records[0].reason == "inline"


def test_policy_report_does_not_answer_get(client: Client) -> None:
    assert client.get("/csp-report").status_code == 405


def test_appearance_keeps_the_choice_and_refuses_to_send_people_elsewhere(client: Client) -> None:
    response = client.post("/appearance/", {"theme": "dark", "density": "huge", "next": "https://evil.example/"})

    assert response.url == "/"
    assert {name: morsel.value for name, morsel in response.cookies.items()} == {"theme": "dark"}
    assert 'data-theme="dark"' in client.get("/dev/parts/").content.decode()


def test_pages_are_never_cached(client: Client) -> None:
    assert client.get("/dev/parts/")["Cache-Control"] == "no-store"
