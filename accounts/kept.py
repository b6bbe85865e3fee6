"""“Sign in and your text is still here”: what was typed into a form that met a closed door (ui.md section 8).

A POST that finds its session ended, that is asked for a second factor first, or whose page was open too long, is not
applied. Its text is kept encrypted for an hour, for the same person only, and stands in the form of the page that he
comes back to; he sends it himself. Files, passwords and codes are never kept.
"""

import json
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from accounts import refill
from accounts.models import KeptText, Practice, User
from accounts.queries import practices_of
from prm import clock, crypto
from prm.tenancy import use_practice

PARAMETER = "kept"  # of a page's address: the row whose text it shows
PAGE, ACTION = "kept_page", "kept_action"  # what `static/js/idle.js` adds to the fields of a form
COOKIE = "prm_person"  # whose browser this was, signed; it opens nothing
COOKIE_LASTS = 12 * 3600  # seconds, as a session at most
LARGEST = 200_000  # characters of all fields together
SECRETS = frozenset({
    "password", "passwords", "code", "codes", "token", "tokens", "secret", "secrets", "key", "keys", "credential",
    "credentials", "pin", "otp",
})  # fmt: skip
NOT_TEXT = frozenset({"csrfmiddlewaretoken", "once", "next", PAGE, ACTION})


def keep(request: HttpRequest, practice: Practice, user: User | None = None) -> str:
    """Keep what this POST to a page of the practice brought; the address of the page that shows it, or an empty string.

    Empty where there is no text, where the page is not known or another site's form was sent, or where nobody knows
    whose it is. `user`: who is signed in; else the person of this browser, if he works in the practice.
    """
    typed = _typed(request)
    page = request.POST.get(PAGE) or page_of(request)
    action = request.POST.get(ACTION) or request.path
    within = f"/{practice.slug}/"
    if not typed or not _is_ours(request) or not (page.startswith(within) and action.startswith(within)):
        return ""
    if user is None or max(len(page), len(action)) > 460:
        return ""
    now = clock.now()
    with use_practice(practice.pk):
        KeptText.sweep(now=now)
        row = KeptText(user=user, page=_without(page), action=urlsplit(action).path, at=now)
        row.seal(typed)
        row.save(force_insert=True)
    parts = urlsplit(row.page)
    query = urlencode([*parse_qsl(parts.query), (PARAMETER, str(row.pk))])
    return parts._replace(query=query).geturl()


def keep_at_the_door(request: HttpRequest, slug: str) -> str:
    """As `keep`, where the session has ended: for the person of this browser, if he works in that practice."""
    person = request.COOKIES.get(COOKIE, "").partition(".")[0]
    if request.method != "POST" or not person or not constant_time_compare(request.COOKIES[COOKIE], signed(person)):
        return ""
    user = User.objects.filter(pk=person, is_active=True).first()
    practice = next((one for one in practices_of(user) if one.slug == slug), None) if user else None
    return keep(request, practice, user) if practice else ""


def keep_of_signed_in(request: HttpRequest) -> str:
    """As `keep`, for who is signed in, inside the practice that the middleware opened; empty on any other page."""
    practice, user = getattr(request, "practice", None), request.user
    return keep(request, practice, user) if practice and isinstance(user, User) and request.method == "POST" else ""


def show(request: HttpRequest, response: HttpResponse) -> None:
    """Put what was kept into the page's form, with a notice; it is then kept no more. In the practice's context."""
    wanted = request.GET.get(PARAMETER, "")
    html = response.headers.get("Content-Type", "").startswith("text/html")
    if request.method != "GET" or not wanted or response.status_code != 200 or response.streaming or not html:
        return
    try:
        found = KeptText.objects.filter(
            pk=UUID(wanted), user=request.user.pk, page=_without(request.get_full_path()),
            at__gt=clock.now() - KeptText.LASTS,
        ).first()  # fmt: skip
    except (ValueError, ValidationError):
        return
    if found is None or not KeptText.objects.filter(pk=found.pk).delete()[0]:
        return
    response.content = refill.fill(response.content.decode(), request.path, found.action, found.typed).encode()


def signed(person: str) -> str:
    """The cookie's value for the id of a user."""
    return f"{person}.{crypto.sign('person', person)}"


def page_of(request: HttpRequest) -> str:
    """The page whose form or fragment this request belongs to; empty where another site's page, or none, is named."""
    came_from = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    return (
        came_from._replace(scheme="", netloc="", fragment="").geturl() if came_from.netloc == request.get_host() else ""
    )


def _typed(request: HttpRequest) -> dict[str, list[str]]:
    """The fields as they were sent, without secrets; empty where nobody typed anything, or too much."""
    typed = {
        name: [str(value) for value in values]
        for name, values in request.POST.lists()
        if name not in NOT_TEXT and not _is_secret(name)
    }
    if len(json.dumps(typed)) > LARGEST or not any(value.strip() for values in typed.values() for value in values):
        return {}
    return typed


def _is_secret(name: str) -> bool:
    return bool(SECRETS & set(name.lower().replace("-", "_").split("_"))) and not name.endswith("postal_code")


def _is_ours(request: HttpRequest) -> bool:
    """True for a form of our own pages: nobody else puts words into a person's form."""
    origin = request.headers.get("Origin")
    return urlsplit(origin).netloc == request.get_host() if origin else bool(page_of(request))


def _without(page: str) -> str:
    """The page's address without our parameter."""
    parts = urlsplit(page)
    return parts._replace(query=urlencode([one for one in parse_qsl(parts.query) if one[0] != PARAMETER])).geturl()
