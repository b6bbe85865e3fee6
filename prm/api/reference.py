"""The reference that people read, laid out from the OpenAPI document."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from prm.api import limits, scopes
from prm.api.idempotency import HEADER
from prm.api.problems import KINDS, Kind

EXAMPLES: dict[str, Any] = {
    "uuid": "01981f3c-5d00-7000-8000-3f2a9c1e7b60", "date": "2026-11-26", "date-time": "2026-11-24T14:30:00Z",
    "email": "dana@example.com", "uri": "https://example.com/book",
}  # fmt: skip
SAMPLES: dict[str, Any] = {
    "name": "Eastside", "message_name": "", "time_zone": "America/New_York", "phone": "+14155550134",
    "address": "12 Quay Street, Oakland, CA 94607", "postal_address": "12 Quay Street, Oakland, CA 94607",
    "hours": {"Mon": [["08:00", "12:00"], ["13:00", "17:00"]]}, "booking_url": "https://example.com/book",
    "first_name": "Priya", "last_name": "Nair", "credential": "PT", "npi": "1234567893", "limit": 50,
    "next_cursor": None, "ended_at": None, "version": 3,
}  # fmt: skip


MOST_CHOICES = 12  # that are listed beside a field
SHORT_LISTS = re.compile(r"\[\s*([^\[\]{}]*?)\s*\]")  # lists of texts and numbers


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a field of a body: its name, its type in words, what it means."""

    name: str
    kind: str
    required: bool
    words: str
    place: str = ""  # query, path, header


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation as the page shows it."""

    anchor: str
    method: str
    path: str
    title: str
    words: str
    scope: str
    parameters: list[Field]
    takes: list[Field]
    gives: list[Field]
    curl: str
    answer: str
    problems: list[int]


@dataclass(frozen=True, slots=True)
class Reference:
    """The whole page."""

    address: str
    groups: dict[str, list[Endpoint]]
    kinds: dict[str, Kind]
    scopes: dict[str, str]
    limit: limits.Limit = field(default=limits.PER_KEY)


def of(document: dict[str, Any]) -> Reference:
    """Lay out an OpenAPI document; operations by their tag, in the order of their addresses."""
    groups: dict[str, list[Endpoint]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_endpoint(document, path, method, operation))
    return Reference(settings.SITE_URL, groups, KINDS, scopes.every())


def _endpoint(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Endpoint:
    parameters = [
        Field(
            one["name"],
            _kind(document, one["schema"]),
            one.get("required", False),
            one.get("description", ""),
            one["in"],
        )
        for one in operation.get("parameters", [])
    ]
    body = _schema_of(operation.get("requestBody", {}))
    shape = _schema_of(next(answer for code, answer in operation["responses"].items() if code.startswith("2")))
    listed = _resolved(document, shape).get("properties", {}).get("data", {}).get("items")
    example = SHORT_LISTS.sub(_on_one_line, json.dumps(_example(document, shape), indent=2, ensure_ascii=False))
    return Endpoint(
        anchor=operation["operationId"], method=method.upper(), path=path, title=operation.get("summary", path),
        words=_rest(operation.get("description", "")), scope=operation["x-scope"], parameters=parameters,
        takes=list(_fields(document, body)) if body else [],
        gives=list(_fields(document, listed or shape)), curl=_curl(document, path, method, body), answer=example,
        problems=sorted(int(code) for code in operation["responses"] if code.startswith("4")),
    )  # fmt: skip


def _on_one_line(found: re.Match) -> str:
    return "[" + ", ".join(item.strip() for item in found.group(1).split(",")) + "]"


def _rest(description: str) -> str:
    """What follows the first sentence, without the line about the scope: the page says both by themselves."""
    return " ".join(description.partition("\n\nScope `")[0].partition(". ")[2].split())


def _schema_of(holder: dict[str, Any]) -> dict[str, Any]:
    media: list[dict[str, Any]] = list(holder.get("content", {}).values())
    return media[0].get("schema", {}) if media else {}


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or len(schema.get("allOf", [])) == 1 or "oneOf" in schema:
        if "$ref" in schema:
            found = document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found | {key: value for key, value in schema.items() if key != "$ref"}
        else:
            schema = {
                **(schema.get("allOf") or schema["oneOf"])[0],
                **{k: v for k, v in schema.items() if k == "description"},
            }
    return schema


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[Field]:
    found = _resolved(document, schema)
    required = set(found.get("required", []))
    for name, below in found.get("properties", {}).items():
        yield Field(name, _kind(document, below), name in required, _resolved(document, below).get("description", ""))


def _kind(document: dict[str, Any], schema: dict[str, Any]) -> str:
    schema = _resolved(document, schema)
    kinds = schema.get("type", "object")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    said = [_one_kind(document, schema, kind) for kind in kinds if kind != "null"]
    choices = [str(one) for one in schema.get("enum", []) if one is not None]
    if 0 < len(choices) <= MOST_CHOICES:
        said = [" | ".join(choices)]
    return " or ".join([*said, *(["null"] if "null" in kinds else [])])


def _one_kind(document: dict[str, Any], schema: dict[str, Any], kind: str) -> str:
    if kind == "array":
        return f"list of {_kind(document, schema.get('items', {}))}"
    if kind == "string" and "format" in schema:
        return {"date-time": "moment", "uri": "web address", "email": "e-mail"}.get(schema["format"], schema["format"])
    return {"string": "text", "boolean": "true or false", "integer": "whole number"}.get(kind, kind)


def _example(document: dict[str, Any], schema: dict[str, Any], name: str = "") -> Any:
    schema = _resolved(document, schema)
    if name in SAMPLES:
        return SAMPLES[name]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if schema.get("enum"):
        return schema["enum"][0]
    if kind == "object":
        return {key: _example(document, below, key) for key, below in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(document, schema.get("items", {}))]
    if kind == "string":
        return EXAMPLES.get(schema.get("format", ""), name or "text")
    return {"boolean": True, "integer": 1}.get(kind)


def _curl(document: dict[str, Any], path: str, method: str, body: dict[str, Any]) -> str:
    address = settings.SITE_URL + path.replace("{", "").replace("}", "")
    for name in (part.strip("{}") for part in path.split("/") if part.startswith("{")):
        address = address.replace(f"/{name}", f"/{EXAMPLES['uuid']}")
    lines = [
        f"curl {'' if method == 'get' else f'-X {method.upper()} '}{address}",
        '-H "Authorization: Bearer $PRM_KEY"',
    ]
    if body:
        lines.append('-H "Content-Type: application/json"')
    if method == "post":
        lines.append(f'-H "{HEADER}: $(uuidgen)"')
    if body:
        lines.append(f"-d '{json.dumps(_example(document, body), ensure_ascii=False)}'")
    return " \\\n  ".join(lines)
