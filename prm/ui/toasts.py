"""Toasts: what was just done, for ten seconds, with Undo where it can be undone (ui.md section 4)."""

from django.contrib import messages
from django.http import HttpRequest


def toast(request: HttpRequest, text: str, *, undo: str = "") -> None:
    """Say `text` on the next page, or on this one after an htmx request. A POST to `undo` takes it back."""
    messages.info(request, text, extra_tags=undo)
