"""A form that creates something does so once, however often its button reaches us (security.md section 3).

The form carries `{% once %}`, a token made with the page. The act and its mark are one transaction; a twin that races
waits for it. The same token with other words is another form: somebody went back, and wrote something else.
"""

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import SentForm
from prm import clock
from prm.tenancy import current_practice_id
from prm.ui.templatetags.ui import ONCE

TOKEN_OF_CSRF = "csrfmiddlewaretoken"  # noqa: S105  (the name of a field)
LONGEST = 500  # characters of an address that is kept

View = Callable[..., HttpResponse]


def once(view: View) -> View:
    """Mark a view whose POST creates something; put it right above the function, under `@staff_view` and the rest.

    Only what succeeded is kept: a form that was refused can be mended and sent with the same token. A form without a
    token, such as one from before this version, acts as ever.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or not request.POST.get(ONCE):
            return view(request, *args, **kwargs)
        key, now = _key(request), clock.now()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{current_practice_id()} {key}"])
        if first := SentForm.objects.filter(key=key, at__gte=now - SentForm.LASTS).first():
            return _go(request, first.leads_to)
        answer = view(request, *args, **kwargs)
        if leads_to := _leads_to(request, answer):
            SentForm.sweep(now=now)
            SentForm.objects.create(key=key, leads_to=leads_to, at=now)
        return answer

    guarded.once = True  # type: ignore[attr-defined]
    return guarded


def _key(request: HttpRequest) -> str:
    """One form as one person sent it to one address; nothing of it can be read back, for the token is random."""
    typed = sorted((name, values) for name, values in request.POST.lists() if name != TOKEN_OF_CSRF)
    files = sorted((name, one.name, _digest(one)) for name, many in request.FILES.lists() for one in many)
    told = [str(request.user.pk), request.get_full_path(), typed, files]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _digest(upload: Any) -> str:
    found = hashlib.sha256()
    for chunk in upload.chunks():
        found.update(chunk)
    upload.seek(0)
    return found.hexdigest()


def _leads_to(request: HttpRequest, answer: HttpResponse) -> str:
    """Where the act led; empty where it was refused, or shows something that is told once."""
    leads_to = answer.headers.get("HX-Redirect", "")
    if 300 <= answer.status_code < 400:
        leads_to = answer.headers.get("Location", "")
    elif not leads_to and answer.status_code == 200 and getattr(request, "htmx", False):
        leads_to = request.htmx.current_url_abs_path or ""  # type: ignore[attr-defined]  # a fragment of this page
    return leads_to if len(leads_to) <= LONGEST else ""


def _go(request: HttpRequest, where: str) -> HttpResponse:
    return HttpResponseClientRedirect(where) if getattr(request, "htmx", False) else HttpResponseRedirect(where)
