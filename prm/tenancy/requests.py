"""A request of one practice: its transaction stays open until the response is rendered (security.md §1)."""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from prm.tenancy.context import use_practice


class StreamedTenantData(RuntimeError):
    """A view of a practice's pages returned a stream, which would read rows after the transaction has ended."""


def answer_within(
    practice_id: UUID, request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponse]
) -> HttpResponse:
    """Let the rest of the stack answer inside the practice; an answer of 500 or more rolls everything back.

    Not ATOMIC_REQUESTS: that wraps the view only, and a lazy TemplateResponse would render after it and see no rows.
    """
    with use_practice(practice_id):
        response = get_response(request)
        if response.streaming and not getattr(response, "reads_no_rows", False):
            raise StreamedTenantData(request.path)
        if response.status_code >= 500:
            transaction.set_rollback(True)
        return response
