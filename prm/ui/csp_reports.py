"""Where browsers report what the content security policy stopped: counted, and logged without PHI."""

import json
import logging
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from prometheus_client import Counter

LARGEST_REPORT = 16_384  # bytes; a report of a browser is under 4 KB
DIRECTIVES = frozenset(
    [
        "default-src",
        "script-src",
        "script-src-elem",
        "script-src-attr",
        "style-src",
        "style-src-elem",
        "style-src-attr",
        "img-src",
        "font-src",
        "connect-src",
        "media-src",
        "manifest-src",
        "worker-src",
        "form-action",
        "base-uri",
        "frame-ancestors",
        "frame-src",
        "object-src",
    ]
)

log = logging.getLogger(__name__)
reports = Counter("prm_csp_reports_total", "What the content security policy stopped, by directive", ["directive"])


@login_not_required
@csrf_exempt  # browsers send reports without our cookie's token; nothing is changed by one
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Count one report. 204 whatever it holds; a malformed one is counted as `malformed`."""
    directive, blocked, route = _read(request)
    reports.labels(directive=directive).inc()
    log.warning("csp.violation", extra={"kind": directive, "reason": blocked, "route": route})
    return HttpResponse(status=204)


def _read(request: HttpRequest) -> tuple[str, str, str]:
    """Directive, what was blocked (scheme and host, or a keyword such as inline), and the page's URL name."""
    try:
        report = json.loads(request.read(LARGEST_REPORT))["csp-report"]
        words = str(report.get("effective-directive") or report.get("violated-directive") or "").split()
        blocked = urlsplit(str(report.get("blocked-uri", "")))
        page = urlsplit(str(report.get("document-uri", "")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "malformed", "", ""
    directive = words[0] if words and words[0] in DIRECTIVES else "other"
    return directive, blocked.netloc or blocked.scheme or blocked.path[:20], _route(page.path)


def _route(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""
