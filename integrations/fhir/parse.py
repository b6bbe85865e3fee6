"""One FHIR resource or Bundle to facts. Pure: no database, no clock. `resources.py` says what each type states."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from integrations.context import Context
from integrations.facts import Fact, Parsed, Refusal, dead, order_key
from integrations.fhir.document import References, Resource, canonical_bytes, key_of, load, objects, text
from integrations.hl7v2.fields import Moment, from_wall
from prm.clock import local_moment

PARSER_VERSION = 1
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_DATETIME = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?")
_PARTIAL = re.compile(r"\d{4}(?:-\d{2})?")


@dataclass
class Reading:
    """One resource being read: where it stands, when it changed, the facts so far."""

    resource: Resource
    references: References
    context: Context
    parsed: Parsed
    key: str
    at: datetime
    digest: str
    path: str = "$"

    def order(self, rank: int = 0) -> str:
        """The order key of a statement of this resource."""
        version = text(self.resource, "meta", "versionId")
        return order_key(self.at, rank=rank, sequence=version, digest=self.digest)

    def state(self, entity: str, key: str, values: dict[str, Any], rank: int = 0) -> None:
        """Add a fact."""
        self.parsed.facts.append(Fact(entity, key, self.order(rank), values))

    def where(self, element: str) -> str:
        """The path of an element, for the reason."""
        return f"{self.path}.{element}"

    def moment(self, element: str, *names: str, zone: ZoneInfo | None = None) -> Moment | None:
        """A moment at `element.names`; None where it is absent or partial. Refusal `date_invalid` for no date."""
        told = text(self.resource, element, *names)
        where = self.where(".".join((element, *names)))
        found = moment(told, zone or self.context.zone, where)
        if found is None and told:
            self.parsed.flag("date_partial")
        if found is not None and found.shifted:
            self.parsed.flag(found.shifted)
        return found

    def reference(self, element: str, *types: str) -> str:
        """`Type/id` of the first reference at `element` that is one of `types`."""
        for reference in objects(self.resource, element):
            if found := self.references.key(reference, *types):
                return found
        return ""


def moment(told: str, zone: ZoneInfo, where: str) -> Moment | None:
    """Read a dateTime, instant or date. None for an empty or partial one. Refusal for what is no date."""
    if not told or _PARTIAL.fullmatch(told):
        return None
    match = _DATETIME.fullmatch(told)
    try:
        if match is None:
            only = _DATE.fullmatch(told)
            if only is None:
                raise ValueError(told)
            return Moment(local_moment(date(*map(int, only.groups())), time(12), zone), day_only=True)
        year, month, day, hour, minute, second, offset = match.groups()
        wall = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59))  # noqa: DTZ001  (made aware below)
        if offset is None:
            return from_wall(wall, zone)
        aware = datetime.fromisoformat(f"{wall.isoformat()}{'+00:00' if offset == 'Z' else offset}")
        return Moment(aware.astimezone(UTC)) if 1000 < aware.year < 9000 else None
    except (ValueError, OverflowError):
        shown = told[:30]
        raise dead("date_invalid", f"{where} is “{shown}”; expected a date such as 2026-03-01.", where) from None


def parse(raw: bytes, context: Context) -> Parsed:
    """The facts of one resource or Bundle, or why there are none. Never raises for any bytes.

    In a Bundle a resource that cannot be used leaves the others: their facts stand, the message is a dead letter that
    names the first one that failed.
    """
    from integrations.fhir.resources import READERS  # noqa: PLC0415  (it reads through this module)

    parsed = Parsed()
    try:
        document = load(raw)
        parsed.kind = document["resourceType"][:20]
        digest = hashlib.sha256(canonical_bytes(raw)).hexdigest()[:12]
        if parsed.kind == "Bundle":
            _bundle(document, context, parsed, digest)
        elif parsed.kind not in READERS:
            raise Refusal("ignored", "resource_not_used", f"{parsed.kind} is not used.", "$.resourceType")
        else:
            _resource(document, References(), context, parsed, digest, key_of(document), "$")
    except Refusal as refusal:
        _refuse(parsed, refusal)
    return parsed


def _refuse(parsed: Parsed, refusal: Refusal) -> None:
    parsed.outcome, parsed.code, parsed.reason, parsed.where = (
        refusal.outcome, refusal.code, refusal.reason, refusal.where,
    )  # fmt: skip


def _bundle(document: Resource, context: Context, parsed: Parsed, digest: str) -> None:
    from integrations.fhir.resources import READERS  # noqa: PLC0415  (it reads through this module)

    references = References(document)
    used, failed = 0, None
    for index, entry in enumerate(objects(document, "entry")):
        resource = entry.get("resource")
        if not isinstance(resource, dict):
            continue
        kind = text(resource, "resourceType")
        if kind == "OperationOutcome":
            parsed.flag("operation_outcome")
        if kind not in READERS:
            continue
        own = Parsed()
        path = f"$.entry[{index}].resource"
        try:
            _resource(
                resource,
                references,
                context,
                own,
                f"{digest}{index:04d}",
                key_of(resource, text(entry, "fullUrl")),
                path,
            )
            used += 1
        except Refusal as refusal:
            if refusal.outcome != "ignored" and failed is None:
                failed = refusal
        parsed.facts += own.facts
        for flag in own.flags:
            parsed.flag(flag)
        parsed.needs_patient = parsed.needs_patient or own.needs_patient
        if own.source_ts and (parsed.source_ts is None or own.source_ts > parsed.source_ts):
            parsed.source_ts = own.source_ts
    if failed is not None:
        raise failed
    if not used:
        raise Refusal("ignored", "resource_not_used", "The bundle holds no resource that is used.", "$.entry")


def _resource(
    resource: Resource, references: References, context: Context, parsed: Parsed, digest: str, key: str, path: str
) -> None:
    from integrations.fhir.resources import READERS  # noqa: PLC0415  (it reads through this module)

    kind = text(resource, "resourceType")
    if not key:
        raise dead("id_missing", f"{path}.id is missing; expected the resource's id.", f"{path}.id")
    if resource.get("modifierExtension"):
        reason = f"{path}.modifierExtension changes what the resource means in a way that we do not know."
        raise dead("modifier_extension", reason, f"{path}.modifierExtension")
    told = text(resource, "meta", "lastUpdated")
    updated = moment(told, context.zone, f"{path}.meta.lastUpdated")
    parsed.source_ts = updated.at if updated else None
    at = context.order_time(parsed.source_ts, parsed)
    READERS[kind](Reading(resource, references, context, parsed, key, at, digest, path))
