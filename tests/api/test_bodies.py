"""What is no body that an endpoint can read: named in a problem, never a 500 and never taken for nothing."""

import json
from io import BytesIO
from typing import Any

import pytest

from accounts.models import Practice
from prm.api.parsing import MOST_LEVELS
from prm.bodies import LARGEST
from prm.wsgi import application
from tests.factories.api import Caller, caller, make_key

pytestmark = pytest.mark.django_db(transaction=True)


def told(answer):
    return answer.status_code, answer.json()["type"].removeprefix("/api/v1/docs#"), answer.json()["detail"]


def objects(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 2000 + b"]" * 2000, b"[" * 100_000 + b"]" * 100_000, b'{"hours": ' + objects(3000) + b"}",
        objects(MOST_LEVELS + 1), b'{"name": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
    ids=["2,000 lists", "100,000 lists", "3,000 objects", "one level too many", "900 lists in a field"],
)  # fmt: skip
@pytest.mark.parametrize(("method", "path"), [("patch", "practice"), ("post", "clinics")])
def test_a_body_that_is_nested_too_deep_is_malformed_and_says_so(ours, method, path, body):
    answer = getattr(caller(ours), method)(f"/api/v1/{path}", body, content_type="application/json")
    assert told(answer) == (
        400, "malformed", f"The body has objects or lists inside each other more than {MOST_LEVELS} levels deep.",
    )  # fmt: skip


def test_the_deepest_that_is_read_is_a_matter_of_the_fields(ours):
    answer = caller(ours).patch("/api/v1/practice", objects(MOST_LEVELS), content_type="application/json")
    assert told(answer)[:2] == (422, "fields")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"name": "Nord"}'.encode("utf-16"), "application/json; charset=utf-16"),
        ('{"name": "Nord"}'.encode("utf-16"), "application/json"),
        (b'{"name": "Nord"}', "application/json; charset=bogus"),
        ('{"name": "Nørd"}'.encode("latin-1"), "application/json"),
    ],
)
def test_a_body_in_another_charset_than_utf_8_is_malformed_and_changes_nothing(ours, body, content_type):
    answer = caller(ours).patch("/api/v1/practice", body, content_type=content_type)
    assert told(answer)[:2] == (400, "malformed")
    assert "UTF-8" in told(answer)[2]
    assert Practice.objects.get(pk=ours.pk).name == ours.name


@pytest.mark.parametrize("body", [b"{", b'{"name": NaN}', b"\xef\xbb\xbf{}", b"9" * 5000], ids=repr)
def test_what_is_no_json_is_malformed(ours, body):
    answer = caller(ours).patch("/api/v1/practice", body, content_type="application/json")
    assert told(answer)[:2] == (400, "malformed")


class Pieces:
    """A body as the server hands over one without a length: in pieces, until there is none."""

    def __init__(self, body: bytes) -> None:
        self.left, self.taken = BytesIO(body), 0

    def read(self, size: int) -> bytes:
        piece = self.left.read(min(size, 7 if self.taken < 70 else size))
        self.taken += len(piece)
        return piece


def chunked(text: str, body: bytes | Pieces, method: str = "PATCH", path: str = "/api/v1/practice", **more: Any):
    """(status, parsed answer) of a request with Transfer-Encoding: chunked, through the web server's door."""
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "SERVER_NAME": "testserver", "SERVER_PORT": "80",
        "HTTP_HOST": "testserver", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.errors": BytesIO(),
        "wsgi.input": body if isinstance(body, Pieces) else Pieces(body), "wsgi.input_terminated": True,
        "CONTENT_TYPE": "application/json", "HTTP_TRANSFER_ENCODING": "chunked", "HTTP_AUTHORIZATION": f"Bearer {text}",
    } | more  # fmt: skip
    answer = b"".join(application(environ, lambda status, headers: told.append(status)))
    return int(told[0][:3]), json.loads(answer or b"null")


def test_a_body_in_chunks_is_read_like_any_other(ours):
    status, body = chunked(make_key(ours)[1], b'{"name": "In many small pieces", "postal_address": "1 Main St"}')
    assert (status, body["name"], body["postal_address"]) == (200, "In many small pieces", "1 Main St")
    assert Practice.objects.get(pk=ours.pk).name == "In many small pieces"


def test_a_body_in_chunks_that_is_wrong_is_told_so(ours):
    text = make_key(ours)[1]
    assert chunked(text, b'{"nam": 1}')[1]["errors"][0]["where"] == "#/nam"
    assert chunked(text, b"[" * 2000)[0] == 400


def test_the_limits_hold_against_what_was_read(ours):
    text = make_key(ours)[1]
    status, body = chunked(text, b'{"name": "' + b"x" * 2**20 + b'"}')
    assert (status, body["type"]) == (413, "/api/v1/docs#too-large")
    endless = Pieces(b"x" * (LARGEST * 2))
    assert chunked(text, endless)[0] == 413
    assert endless.taken == LARGEST + 1


def test_a_server_that_does_not_say_where_a_body_ends_is_asked_for_its_length(ours):
    assert chunked(make_key(ours)[1], b'{"name": "x"}', **{"wsgi.input_terminated": False}) == (411, None)


def test_another_host_is_named_as_what_is_wrong(ours):
    answer = caller(ours).send("get", "practice", host="elsewhere.example")
    assert told(answer)[:2] == (400, "wrong-host")


def test_the_reference_is_public_for_a_wrong_key_too():
    for page in ("docs", "openapi.json"):
        assert Caller("prm_wrong").get(f"/api/v1/{page}").status_code == 200
    assert "/api/v1/docs" in Caller().get("/api/v1/").json()["detail"]
