"""OpenAPI 3.1 of the API: each operation names its scope, its parameters and its problems."""

import json
from functools import lru_cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from prm.api.idempotency import HEADER
from prm.api.problems import KINDS, MEDIA_TYPE
from prm.api.serializers import StrictSerializer

ROOT = "/api/v1/"
ALWAYS = ("bad-parameter", "no-key", "missing-scope", "not-acceptable", "too-many")
WITH_BODY = ("too-large", "not-json", "fields")

ERROR = {
    "type": "object",
    "required": ["where", "found", "expected"],
    "properties": {
        "where": {"type": "string", "description": "A JSON pointer into the body, or a parameter’s or header’s name."},
        "found": {"type": "string"},
        "expected": {"type": "string"},
    },
}
PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Where the reference explains it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "description": "Quote it when you ask us."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Error"}},
    },
}


class KeyScheme(OpenApiAuthenticationExtension):
    """A key is a bearer token."""

    target_class = "prm.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """As OpenAPI wants it."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of the practice: `Authorization: Bearer prm_…`. Owners make them in Settings.",
        }


class Operation(AutoSchema):
    """What drf-spectacular finds in a view, and what every endpoint of ours has besides."""

    def get_override_parameters(self) -> list[Any]:
        """Filters, cursor and limit of a list; If-Match of a change; Idempotency-Key of a POST."""
        if self.method == "GET":
            serializer = self.view.query_serializer()
            return [serializer] if serializer.fields else []
        if self.method == "POST":
            return [_header(HEADER, "Any text of yours. Sent again within 24 hours, the request has no second effect.")]
        return [_header("If-Match", "The ETag that you read. Where the row has another one by now, the answer is 412.")]

    def get_request_serializer(self) -> Any:
        """What the action takes in; nothing for one that says all by its address."""
        return self.view.get_serializer() if self.view.takes_body() else None

    def get_response_serializers(self) -> Any:
        """What the endpoint shows, whatever the action takes in."""
        shape = type(self.view).serializer_class
        return {200: shape} if self.method == "DELETE" else {201: shape} if self._is_create_operation() else shape

    def get_description(self) -> str:
        """The handler's docstring, then the scope."""
        return f"{super().get_description()}\n\nScope `{self.view.scope_of(self.method)}`."

    def get_summary(self) -> str | None:
        """The first sentence of the docstring."""
        return AutoSchema.get_description(self).partition(".")[0] or None

    def get_tags(self) -> list[str]:
        """The things in the address."""
        return [self.path.removeprefix(ROOT).split("/")[0]]

    def get_extensions(self) -> dict[str, Any]:
        """The scope for programs."""
        return {"x-scope": self.view.scope_of(self.method)}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        if not self._is_list_view():
            for code in bodies.keys() & {"200", "201"}:
                bodies[code]["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "For If-Match."}}
        kinds = [*ALWAYS]
        if "{" in self.path:
            kinds.append("not-found")
        if self.method != "GET":
            kinds += [*WITH_BODY, "malformed", "conflict"]
            kinds += ["changed"] if self.method != "POST" else []
        problems = {str(KINDS[kind].status): {"$ref": f"#/components/responses/{KINDS[kind].status}"} for kind in kinds}
        return bodies | dict(sorted(problems.items()))

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        schema = super()._postprocess_serializer_schema(schema, serializer, direction)
        return schema | {"additionalProperties": False} if isinstance(serializer, StrictSerializer) else schema


def _header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description)


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Spectacular's hook: the shape of problems, and one response for each status that they have."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(Problem=PROBLEM, Error=ERROR)
    by_status: dict[int, list[str]] = {}
    for slug, kind in KINDS.items():
        by_status.setdefault(kind.status, []).append(f"`{slug}`: {kind.title}.")
    components["responses"] = {
        str(status): {
            "description": " ".join(lines),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, lines in by_status.items()
    }
    return result


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole schema; it says nothing about any practice, so one for all is kept."""
    return SchemaGenerator().get_schema(request=None, public=True)


@lru_cache(maxsize=1)
def as_json() -> bytes:
    """The schema as it is served."""
    return json.dumps(document(), indent=2, ensure_ascii=False, default=str).encode()
