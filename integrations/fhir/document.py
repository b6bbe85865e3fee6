"""FHIR bytes: files of one resource, of a Bundle or of lines; strict JSON; references within a bundle. Pure."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from integrations.facts import Refusal, dead
from integrations.hl7v2.message import Piece

MAX_DEPTH = 50
MAX_BUNDLE = 64 * 2**20
_KEY = re.compile(rb'"(?:[^"\\]|\\.)*"\s*:')

Resource = dict[str, Any]


def split_file(raw: bytes) -> list[Piece]:
    """The messages of a file: a resource or Bundle is one, of NDJSON each line is one."""
    body = raw.removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        return [Piece(raw, refusal=Refusal("rejected", "empty", "The file is empty."))]
    if b"\n" not in body:
        return [Piece(body)]
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        lines = [line.strip() for line in body.splitlines() if line.strip()]
        if len(lines) > 1 and sum(line[:1] == b"{" and line[-1:] == b"}" for line in lines) * 2 > len(lines):
            return [Piece(line) for line in lines]
    return [Piece(body)]


def canonical_bytes(raw: bytes) -> bytes:
    """The bytes that identify a resource: without byte order mark and surrounding space."""
    return raw.removeprefix(b"\xef\xbb\xbf").strip()


def load(raw: bytes) -> Resource:
    """The JSON object of a message. Refusal for XML, for JSON that is cut off, ambiguous or too deep, and others."""
    body = canonical_bytes(raw)
    if len(body) > MAX_BUNDLE:
        raise Refusal(
            "rejected", "too_large", f"The document has {len(body):,} bytes; at most {MAX_BUNDLE:,} are taken."
        )
    if body[:1] == b"<":
        raise dead("fhir_xml", "This is XML; send JSON (application/fhir+json).")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise dead("not_json", f"This is no JSON (at character {error.pos}); it may be cut off.") from None
    if not isinstance(document, dict):
        raise dead("resource_type_missing", "This is a bare value; expected a resource with resourceType.", "$")
    keys = _count_keys(document)
    if keys != len(_KEY.findall(body)):
        raise dead("not_json", "A key stands twice in one object, so which value holds is unknown.")
    if not isinstance(document.get("resourceType"), str):
        raise dead("resource_type_missing", "resourceType is missing; expected a FHIR resource.", "$.resourceType")
    return document


def _count_keys(document: Resource) -> int:
    total = 0
    waiting: list[tuple[Any, int]] = [(document, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise dead("not_json", f"The document is nested deeper than {MAX_DEPTH} levels.")
        children = node.values() if isinstance(node, dict) else node
        total += len(node) if isinstance(node, dict) else 0
        waiting += [(child, depth + 1) for child in children if isinstance(child, (dict, list))]
    return total


def objects(node: Any, *names: str) -> Iterator[dict[str, Any]]:
    """The objects at `names` below `node`, a list or a single one, whatever is no object left out."""
    nodes = [node]
    for name in names:
        nodes = [
            child
            for parent in nodes
            if isinstance(parent, dict)
            for child in (parent.get(name) if isinstance(parent.get(name), list) else [parent.get(name)])
        ]
    return (child for child in nodes if isinstance(child, dict))


def text(node: Any, *names: str) -> str:
    """The text at `names` below `node`; empty where there is none or it is no text."""
    for name in names:
        if isinstance(node, list):
            node = node[0] if node else None
        node = node.get(name) if isinstance(node, dict) else None
    if isinstance(node, list):
        node = node[0] if node else None
    return node.strip() if isinstance(node, str) else ""


def codings(node: Any, *names: str) -> list[tuple[str, str]]:
    """(system, code) of the CodeableConcepts or Codings at `names` below `node`."""
    found = []
    for concept in objects(node, *names):
        for coding in [concept, *objects(concept, "coding")]:
            if code := text(coding, "code"):
                found.append((text(coding, "system"), code))
    return found


_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")


class References:
    """Resolves references: relative, absolute, `urn:uuid:` within the bundle, `#contained` within the resource."""

    def __init__(self, bundle: Resource | None = None) -> None:
        self.by_url: dict[str, str] = {}
        for entry in objects(bundle or {}, "entry"):
            resource, url = entry.get("resource"), text(entry, "fullUrl")
            if url and isinstance(resource, dict):
                self.by_url[url] = key_of(resource, url)

    def key(self, reference: Any, *types: str) -> str:
        """`Type/id` of a Reference of one of `types`; empty for another type, a contained one or none."""
        told = text(reference, "reference")
        found = self.by_url.get(told, "")
        if not found and (match := _REFERENCE.fullmatch(told)):
            found = f"{match.group(1)}/{match.group(2)}"
        return found if not types or found.split("/")[0] in types else ""


def contained(resource: Resource, reference: Any) -> Resource | None:
    """The contained resource that a `#id` reference means."""
    told = text(reference, "reference")
    if not told.startswith("#"):
        return None
    return next((one for one in objects(resource, "contained") if text(one, "id") == told[1:]), None)


def key_of(resource: Resource, url: str = "") -> str:
    """`Type/id` of a resource; one without id takes the end of its fullUrl."""
    identity = text(resource, "id") or url.rpartition("/")[2].rpartition(":")[2]
    return f"{text(resource, 'resourceType')}/{identity}" if identity else ""
