"""Checks a document against the part of JSON Schema 2020-12 that `schema/rule.json` uses, with one exact path a fault.

Our own, since a rule's author must be told one fault in one place: of a `oneOf` only the branch that the document
itself selects (`kind`, `do`, its key) is reported, a missing or unknown member is named itself, a wrong element has
its index.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SELECTORS = ("kind", "do")
JSON_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}
TYPE_WORDS = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Where (JSON pointer without the leading slash) and what was found and expected."""

    path: str
    message: str


class Checker:
    """One schema with its definitions."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.root = schema

    def faults(self, value: Any) -> list[Fault]:
        """All faults of a document, in its order, one a place; empty where it is valid."""
        found: dict[str, Fault] = {}
        for fault in self._check(value, self.root, ""):
            found.setdefault(fault.path, fault)
        return list(found.values())

    def _check(self, value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
        if "$ref" in schema:
            schema = self._definition(schema["$ref"])
        kind = schema.get("type")
        if kind and not _is(value, kind):
            yield Fault(path, f"found {shown(value)}, expected {TYPE_WORDS[kind]}")
            return
        yield from _check_constants(value, schema, path)
        if isinstance(value, str):
            yield from _check_text(value, schema, path)
        elif _is(value, "integer"):
            yield from _check_number(value, schema, path)
        elif isinstance(value, list):
            yield from self._check_list(value, schema, path)
        elif isinstance(value, dict):
            yield from self._check_object(value, schema, path)
        if "oneOf" in schema:
            yield from self._check_branches(value, schema["oneOf"], path)

    def _check_object(self, value: dict[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield Fault(join(path, name), "missing")
        for name, member in value.items():
            if name in known:
                yield from self._check(member, known[name], join(path, name))
            elif schema.get("additionalProperties") is False:
                yield Fault(join(path, name), f"unknown; expected {alternatives(known)}")

    def _check_list(self, value: list[Any], schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        if len(value) < low or (high is not None and len(value) > high):
            yield Fault(path, f"found {len(value)} elements, expected {low} to {high}" if high else "empty")
        if schema.get("uniqueItems"):
            seen: list[str] = []
            for index, element in enumerate(value):
                written = json.dumps(element, sort_keys=True)
                if written in seen:
                    yield Fault(join(path, index), f"{shown(element)} stands twice")
                seen.append(written)
        if "items" in schema:
            for index, element in enumerate(value):
                yield from self._check(element, schema["items"], join(path, index))

    def _check_branches(self, value: Any, branches: list[Mapping[str, Any]], path: str) -> Iterator[Fault]:
        outcomes = [list(self._check(value, branch, path)) for branch in branches]
        if sum(not faults for faults in outcomes) == 1:
            return
        for branch, faults in zip(branches, outcomes, strict=True):
            if self._selects(value, branch):
                yield from faults
                return
        yield self._no_branch(value, branches, path)

    def _no_branch(self, value: Any, branches: list[Mapping[str, Any]], path: str) -> Fault:
        if isinstance(value, dict):
            for selector in SELECTORS:
                names = [name for b in branches for name in _constants(b.get("properties", {}).get(selector, {}))]
                if names:
                    found = f"found {shown(value[selector])}, expected" if selector in value else "missing; expected"
                    return Fault(join(path, selector), f"{found} {alternatives(names)}")
            keys = [b["required"][0] for b in branches if b.get("required")]
            unknown = next((key for key in value if key not in keys), None)
            where = join(path, unknown) if unknown is not None else path
            return Fault(where, f"expected one of {alternatives(keys)}")
        expected = [text for branch in branches for text in _described(branch)]
        return Fault(path, f"found {shown(value)}, expected {alternatives(expected, quoted=False)}")

    def _selects(self, value: Any, branch: Mapping[str, Any]) -> bool:
        """Whether the document means this branch: by `kind` or `do`, else by a required member, else by type."""
        members = branch.get("properties", {})
        if isinstance(value, dict):
            for selector in SELECTORS:
                if constants := _constants(members.get(selector, {})):
                    return value.get(selector) in constants
            return bool(members) and branch.get("required", [""])[0] in value
        kind = branch.get("type")
        return isinstance(kind, str) and _is(value, kind)

    def _definition(self, reference: str) -> Mapping[str, Any]:
        found: Any = self.root
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        return found


def join(path: str, name: str | int) -> str:
    """A pointer one step deeper; `~` and `/` in a name are escaped as RFC 6901 says."""
    step = str(name).replace("~", "~0").replace("/", "~1")
    return f"{path}/{step}" if path else step


def shown(value: Any) -> str:
    """A value as a message quotes it, at most 60 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def alternatives(names: Any, *, quoted: bool = True) -> str:
    """“a”, “b” or “c”."""
    words = [f"“{name}”" if quoted else str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _is(value: Any, kind: str) -> bool:
    if kind == "integer":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool)
    return isinstance(value, JSON_TYPES[kind])


def _constants(schema: Mapping[str, Any]) -> list[Any]:
    return list(schema["enum"]) if "enum" in schema else [schema["const"]] if "const" in schema else []


def _described(branch: Mapping[str, Any]) -> list[str]:
    if constants := _constants(branch):
        return [f"“{name}”" for name in constants]
    if branch.get("type") == "integer":
        return [f"a whole number from {branch['minimum']} to {branch['maximum']}"]
    if branch.get("required"):
        return [f"an object with “{branch['required'][0]}”"]
    return [TYPE_WORDS.get(branch.get("type", ""), "something else")]


def _check_constants(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    expected = _constants(schema)
    if expected and not any(type(value) is type(each) and value == each for each in expected):
        yield Fault(path, f"found {shown(value)}, expected {alternatives(expected)}")


def _check_text(value: str, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if len(value) < low:
        yield Fault(path, "empty" if not value else f"{len(value)} characters, expected at least {low}")
    if high is not None and len(value) > high:
        yield Fault(path, f"{len(value)} characters, expected at most {high}")
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        yield Fault(path, f"found {shown(value)}, expected {PATTERN_WORDS.get(schema['pattern'], schema['pattern'])}")


PATTERN_WORDS = {
    "^(0[6-9]|1[0-9]|20):[0-5][0-9]$|^21:00$": "a time from 06:00 to 21:00, such as 10:00",
    "^[a-z0-9_]{1,20}$": "1 to 20 of a-z, 0-9 and _",
}


def _check_number(value: float, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if (low is not None and value < low) or (high is not None and value > high):
        yield Fault(path, f"found {shown(value)}, expected {low} to {high}")
