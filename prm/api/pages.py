"""The schema as a file, and the reference that people read."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from prm.api import reference, schema


@login_not_required
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """OpenAPI 3.1; public, since it says nothing about any practice."""
    return HttpResponse(
        schema.as_json(), content_type="application/json", headers={"Cache-Control": "public, max-age=300"}
    )


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The reference: every operation with its scope, fields, an example and curl; every problem with what to do."""
    return render(request, "api/reference.html", {"reference": reference.of(schema.document())})
