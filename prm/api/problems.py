"""Every error of the API: problem documents (RFC 9457) that name the field, what was found and what was expected."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from prm import logs
from prm.ui.problems import Conflict

MEDIA_TYPE = "application/problem+json"
REFERENCE = "/api/v1/docs"  # its anchors are the types: what a problem means stands there
SHOWN = 200  # characters of what was found


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its status, its title and, for the reference, what to do about it."""

    status: int
    title: str
    remedy: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(400, "The body cannot be read", "Send one JSON object in UTF-8."),
    "bad-parameter": Kind(
        400, "A parameter of the address or a header says nothing we know",
        "Each error names the parameter, what was found and what was expected. Parameters we do not know are refused.",
    ),
    "wrong-host": Kind(400, "This is not our name", "Ask at the address that the reference shows, under its own host."),
    "no-key": Kind(401, "A key is needed", "Send the header “Authorization: Bearer <key>”."),
    "bad-key": Kind(
        401, "The key does not open anything",
        "It is mistyped, has ended or was revoked. An owner makes a new one under Settings, API keys.",
    ),
    "missing-scope": Kind(403, "The key may not do this", "Make a key that holds the scope named in the detail."),
    "suspended": Kind(403, "The practice is suspended", "Ask whoever runs the service; the key itself is fine."),
    "not-found": Kind(404, "There is nothing here",
        f"The address or the id is wrong, or another practice’s. {REFERENCE} names every address.",
    ),
    "wrong-method": Kind(405, "The address does not take this method", "The header Allow names those it takes."),
    "not-acceptable": Kind(406, "The answer is JSON", "Accept application/json, or leave the header out."),
    "key-reused": Kind(
        409, "The Idempotency-Key belongs to another request",
        "The same Idempotency-Key came with another address or body within 24 hours. Make a new one.",
    ),
    "conflict": Kind(409, "The state does not allow this", "The detail says what came first. Read, then decide."),
    "changed": Kind(
        412, "It was changed meanwhile", "The ETag in If-Match is not the current one. Read again, then change."
    ),
    "too-large": Kind(413, "The body is too large", "Send less at once; the detail names the limit."),
    "not-json": Kind(415, "The body is not JSON", "Send the header “Content-Type: application/json”."),
    "fields": Kind(
        422, "Some fields need another value",
        "Each error points at a field and says what was found and what was expected. Nothing was changed.",
    ),
    "too-many": Kind(429, "Too many requests", "Wait for as many seconds as Retry-After says."),
    "broken": Kind(500, "Something broke on our side", "Nothing was changed. Tell us the request_id if it stays."),
    "away": Kind(503, "The database is away", "Nothing was changed. Ask again in half a minute."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Error:
    """One wrong thing. `where`: a JSON pointer into the body (`#/hours/Mon`), or the name of a parameter or header."""

    where: str
    found: str
    expected: str


class Problem(Exception):
    """Raised anywhere below the API's door; the caller reads `detail`, so it never holds a person's data."""

    def __init__(
        self, kind: str, detail: str = "", errors: Iterable[Error] = (), headers: dict[str, str] | None = None
    ) -> None:
        self.kind, self.detail, self.errors, self.headers = kind, detail, list(errors), headers or {}
        super().__init__(kind)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    def body(self) -> dict[str, Any]:
        """The document."""
        kind = KINDS[self.kind]
        told = {
            "type": f"{REFERENCE}#{self.kind}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail or "; ".join(_sentence(error) for error in self.errors) or kind.remedy,
            "request_id": logs.request_id.get(),
        }
        return told | ({"errors": [asdict(error) for error in self.errors]} if self.errors else {})


def shown(found: object) -> str:
    """What the caller sent, as JSON has it, cut to a readable length."""
    text = printable(f'"{found}"' if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str))
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def printable(text: str) -> str:
    """The text with half a surrogate pair, which no UTF-8 can hold, spelt out."""
    return text.encode("utf-8", "backslashreplace").decode()


def parameter(name: str, found: object, expected: str) -> Problem:
    """The problem of one wrong parameter or header."""
    return Problem("bad-parameter", errors=[Error(name, shown(found), expected)])


def handle(problem: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's handler: the document of an exception; None lets what we do not know become a 500."""
    known = of_exception(problem)
    if known is None:
        return None
    if isinstance(problem, ValidationError):
        known.errors = [_with_found(error, context["request"].data) for error in known.errors]
    headers = {"Cache-Control": "no-store", **known.headers}
    return Response(known.body(), status=known.status, headers=headers, content_type=MEDIA_TYPE)


def response(problem: Problem) -> HttpResponse:
    """The same answer where REST framework is not at work: in the middleware."""
    headers = {"Cache-Control": "no-store", **problem.headers}
    content = JSONRenderer().render(problem.body())
    return HttpResponse(content, content_type=MEDIA_TYPE, status=problem.status, headers=headers)


def of_exception(problem: Exception) -> Problem | None:
    """What an exception of ours, of Django or of REST framework means to a caller; None for any other."""
    match problem:
        case Problem():
            return problem
        case ValidationError():
            return Problem("fields", errors=_errors_of_django(problem))
        case Conflict():
            return Problem("conflict", str(problem))
        case Http404() | exceptions.NotFound():
            return Problem("not-found")
        case exceptions.ParseError():
            return Problem("malformed")
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return Problem("no-key", headers={"WWW-Authenticate": "Bearer"})
        case PermissionDenied() | exceptions.PermissionDenied():
            return Problem("missing-scope", str(getattr(problem, "detail", "")))
        case exceptions.MethodNotAllowed():
            return Problem("wrong-method")
        case exceptions.NotAcceptable():
            return Problem("not-acceptable")
        case exceptions.UnsupportedMediaType():
            return Problem("not-json")
    return None


def of_status(status: int) -> str:
    """The kind to tell of a status that Django answered by itself."""
    return next(
        (kind for kind, known in KINDS.items() if known.status == status), "broken" if status >= 500 else "malformed"
    )


def replace_pages(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """A page that Django made of an error becomes a problem document: a caller of the API never gets HTML."""
    if answer.status_code < 400 or answer.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
        return answer
    kept = {name: answer.headers[name] for name in ("Retry-After", "Allow") if name in answer.headers}
    return response(Problem(of_status(answer.status_code), headers=kept))


def _errors_of_django(problem: ValidationError) -> list[Error]:
    if not hasattr(problem, "error_dict"):
        return [Error("#", "", " ".join(problem.messages))]
    return [
        Error("#" if name == "__all__" else f"#/{name}", "", " ".join(messages))
        for name, messages in problem.message_dict.items()
    ]


def _with_found(error: Error, body: Any) -> Error:
    name = error.where.removeprefix("#/")
    return replace(error, found=shown(body[name])) if isinstance(body, dict) and name in body else error


def _sentence(error: Error) -> str:
    where = "" if error.where == "#" else error.where.removeprefix("#/").replace("/", ".") + ": "
    if not error.found:
        return where + error.expected
    own = error.expected.endswith(".")  # a sentence of a business function, which says the whole
    return f"{where}{error.found} found{'.' if own else ', expected'} {error.expected}"
