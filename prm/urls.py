"""Every address of the product. The order matters: fixed words first, `/<practice_slug>/…` last (daily.md §4)."""

from importlib.util import find_spec

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path, re_path

from prm import health
from prm.api.routing import missing

# `<app>.urls` may define: urlpatterns (public, at the root), staff_urlpatterns (under /<practice_slug>/),
# api_urlpatterns (under /api/v1/, by prm.api.routing), portal_urlpatterns (under /portal/<practice_public_id>/). Later
# portal patterns with a token come last in their app.
APPS = [
    "prm.ui",
    "prm.api",
    "accounts",
    "patients",
    "messaging",
    "integrations",
    "campaigns",
    "nps",
    "portal",
    "dashboard",
]
if settings.DEVELOPMENT:
    APPS.append("prm.dev")


def _patterns(name: str) -> list[URLPattern | URLResolver]:
    found: list[URLPattern | URLResolver] = []
    for app in APPS:
        if find_spec(f"{app}.urls"):
            module = __import__(f"{app}.urls", fromlist=[name])
            found += getattr(module, name, [])
    return found


urlpatterns = [
    *(path(name, view, name=name) for name, view in health.VIEWS.items()),
    *_patterns("urlpatterns"),
    path("api/v1/", include((_patterns("api_urlpatterns"), "api"))),
    path("api/", include([re_path("", missing, name="api_missing")])),
    path("portal/<slug:practice_public_id>/", include(_patterns("portal_urlpatterns"))),
    path("<slug:practice_slug>/", include(_patterns("staff_urlpatterns"))),
]

handler400 = "prm.ui.system_pages.bad_request"
handler403 = "prm.ui.system_pages.refused"
handler404 = "prm.ui.system_pages.missing"
handler500 = "prm.ui.system_pages.broken"
