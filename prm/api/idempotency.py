"""A POST with an Idempotency-Key has one effect, however often it arrives and however closely together."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from prm import crypto
from prm.api import problems
from prm.api.models import KeptAnswer

HEADER = "Idempotency-Key"
FORM = re.compile(r"[\x21-\x7e]{1,128}")
KEPT_HEADERS = ("Location", "ETag")
SWEPT = 100  # answers past their day that one request removes


def once(request: Request, act: Callable[[], Response], *, key_id: UUID, now: datetime) -> Response:
    """The answer of `act`, or the kept one where this key sent this request before. Runs in the caller's transaction.

    A twin that races waits until the first has committed and gets its answer; where the first failed, it acts itself.
    Only answers that succeeded are kept. Problem `key-reused` for the same token with another address or body.
    """
    token = request.headers[HEADER]
    if not FORM.fullmatch(token):
        raise problems.parameter(HEADER, token, "1 to 128 visible ASCII characters without spaces")
    row = KeptAnswer(key_id=key_id, token=token, fingerprint=_fingerprint(request), created_at=now)
    sweep(now=now)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return _again(row)
    answer = act()
    row.status = answer.status_code
    row.headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    crypto.seal_text(row, "sealed_body", JSONRenderer().render(answer.data).decode())
    row.save(update_fields=["status", "headers", "sealed_body"])
    return answer


def _again(wanted: KeptAnswer) -> Response:
    kept = KeptAnswer.objects.filter(key_id=wanted.key_id, token=wanted.token).first()
    if kept is None:  # swept in between: rare enough to let the caller decide
        raise problems.Problem("conflict", "The first request with this Idempotency-Key has just ended. Ask again.")
    if kept.fingerprint != wanted.fingerprint:
        raise problems.Problem("key-reused")
    body = json.loads(crypto.open_text(kept, "sealed_body"))
    return Response(body, status=kept.status, headers={**kept.headers, "Idempotency-Replayed": "true"})


def _fingerprint(request: Request) -> str:
    told = f"{request.method} {request.get_full_path()}\n".encode() + request._request.body
    return hashlib.sha256(told).hexdigest()


def sweep(*, now: datetime) -> int:
    """Remove some answers past their day in the open practice, SWEPT at most; how many.

    Those that another request is removing are left to it.
    """
    old = KeptAnswer.objects.filter(created_at__lt=now - KeptAnswer.LASTS).order_by("created_at")
    gone, _by_model = KeptAnswer.objects.filter(
        pk__in=list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:SWEPT])
    ).delete()
    return gone
