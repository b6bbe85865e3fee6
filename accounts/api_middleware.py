"""The door of `/api/`: the key opens its practice for the whole request (DESIGN.md section 2)."""

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy

from accounts import api_keys
from accounts.models import Practice
from prm import clock
from prm.addresses import client_address
from prm.api import limits, problems
from prm.api.problems import Problem
from prm.tenancy.requests import answer_within

ROOT = "/api/"
PUBLIC = (reverse_lazy("api_docs"), reverse_lazy("api_schema"))  # the same for everybody, whatever key he carries
MOST_BYTES = 2**20
CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class ApiMiddleware:
    """Without a key the request goes on as it is: the reference is public, endpoints answer 401.

    A key that opens nothing is refused here, whatever the address but for the pages of PUBLIC; every error leaves as a
    problem document. An answer of 500 or more rolls back what the request wrote (prm.tenancy.requests).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or pass on where the address is not ours."""
        if not request.path_info.startswith(ROOT):
            return self.get_response(request)
        try:
            answer = self._answer(request)
        except Problem as problem:
            answer = problems.response(problem)
        return problems.replace_pages(request, answer)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
            raise Problem("too-large", f"The body may have {MOST_BYTES // 1024} KB.")
        try:
            request.get_host()
        except DisallowedHost:
            raise Problem("wrong-host") from None
        scheme, _sep, text = request.headers.get("Authorization", "").partition(" ")
        if not text or request.path_info in PUBLIC:
            return self.get_response(request)
        parts = api_keys.take_apart(text.strip()) if scheme.lower() == "bearer" else None
        practice = Practice.objects.filter(public_id=parts.public_id).first() if parts else None
        if parts is None or practice is None:
            raise _guess(request)
        return answer_within(practice.pk, request, lambda request: self._as_key(request, practice, parts))

    def _as_key(self, request: HttpRequest, practice: Practice, parts: api_keys.Parts) -> HttpResponse:
        now = clock.now()
        key = api_keys.find(parts)
        if key is None:
            raise _guess(request)
        found = api_keys.state(key, now=now)
        if found != "live":
            raise Problem("bad-key", f"The key {key.prefix} {ENDED[found]}.", headers=CHALLENGE)
        if practice.suspended_at:
            raise Problem("suspended")
        verdict = limits.take(limits.PER_KEY, str(key.pk), now=now)
        if not verdict.allowed:
            raise Problem("too-many", headers=verdict.headers())
        request.api_key, request.practice = key, practice  # type: ignore[attr-defined]
        answer = self.get_response(request)
        api_keys.note_use(key, now=now)
        for name, value in verdict.headers().items():
            answer[name] = value
        return answer


ENDED = {"ended": "has ended", "revoked": "was revoked"}


def _guess(request: HttpRequest) -> Problem:
    """What a key that opens nothing is told: the same for every cause, and 429 where its address tries too often."""
    verdict = limits.take(limits.BAD_KEYS, client_address(request) or "unknown", now=clock.now())
    if not verdict.allowed:
        return Problem("too-many", headers=verdict.headers())
    return Problem("bad-key", headers=CHALLENGE)
