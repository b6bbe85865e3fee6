"""What every page needs to know besides its own view's context."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from prm.ui import navigation, settings_pages
from prm.ui.appearance import DENSITIES, THEMES, chosen

# Tried under our CSP (ui.md section 2): no injected style, no eval, nothing kept in sessionStorage, 422 swapped.
HTMX_CONFIG = (
    '{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,'
    '"historyCacheSize":0,"refreshOnHistoryMiss":true,"attributesToSettle":["class"],"responseHandling":[{"code":"204","swap":false},'
    '{"code":"[23]..","swap":true},{"code":"403|409|422","swap":true,"error":false},{"code":"[45]..","swap":false,"error":true}]}'
)


IDLE_MINUTES = 15  # accounts.signin.IDLE_MINUTES, which ui may not import: outside any practice; a test compares them
IDLE_WARNING_SECONDS = 120  # WCAG 2.2.1


def page(request: HttpRequest) -> dict[str, Any]:
    """Theme, density, language, navigation and the reader's practice; all optional, so that error pages render too."""
    return {
        "practice": getattr(request, "practice", None),
        "membership": getattr(request, "membership", None),
        "practices": getattr(request, "practices", ()),
        "navigation": SimpleLazyObject(lambda: navigation.entries_for(request)),
        "settings_pages": SimpleLazyObject(lambda: settings_pages.pages_for(request)),
        "theme": chosen(request, "theme", THEMES),
        "density": chosen(request, "density", DENSITIES),
        "language": get_language() or settings.LANGUAGE_CODE,
        "languages": settings.LANGUAGES,
        "htmx_config": HTMX_CONFIG,
        "idle_seconds": getattr(getattr(request, "practice", None), "idle_minutes", IDLE_MINUTES) * 60,
        "idle_warning_seconds": IDLE_WARNING_SECONDS,
        "development": settings.DEVELOPMENT,
    }
