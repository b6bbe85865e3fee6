"""The kinds of feeds that are built, each with its settings, presets, file splitter and parser."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.context import Context
from integrations.csvfile import chunks as csv_chunks
from integrations.csvfile import parse as csv_parse
from integrations.csvfile import presets as csv_presets
from integrations.csvfile import settings as csv_settings
from integrations.facts import Parsed
from integrations.fhir import document as fhir_document
from integrations.fhir import parse as fhir_parse
from integrations.fhir import presets as fhir_presets
from integrations.fhir import settings as fhir_settings
from integrations.hl7v2 import message as hl7v2_message
from integrations.hl7v2 import parse as hl7v2_parse
from integrations.hl7v2 import presets as hl7v2_presets
from integrations.hl7v2 import settings as hl7v2_settings
from integrations.hl7v2.message import Piece
from integrations.keys import Key, defaults


@dataclass(frozen=True)
class Kind:
    """What one kind of feed needs: pure functions over bytes."""

    name: str
    keys: Sequence[Key]
    presets: Mapping[str, tuple[str, Mapping[str, Any]]]
    split_file: Callable[[bytes], list[Piece]]
    canonical_bytes: Callable[[bytes], bytes]
    parse: Callable[[bytes, Context], Parsed]
    parser_version: int
    per_turn: int = 500  # messages applied in one transaction; a chunk holds thousands of rows, so one at a time

    def settings(self, preset: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults, then the preset's, then what was chosen for the feed."""
        return {**defaults(self.keys), **self.presets.get(preset, ("", {}))[1], **chosen}


KINDS: Mapping[str, Kind] = {
    "hl7v2": Kind(
        "hl7v2", hl7v2_settings.KEYS, hl7v2_presets.PRESETS, hl7v2_message.split_file, hl7v2_message.canonical_bytes,
        hl7v2_parse.parse, hl7v2_parse.PARSER_VERSION,
    ),
    "fhir": Kind(
        "fhir", fhir_settings.KEYS, fhir_presets.PRESETS, fhir_document.split_file, fhir_document.canonical_bytes,
        fhir_parse.parse, fhir_parse.PARSER_VERSION,
    ),
    "csv": Kind(
        "csv", csv_settings.KEYS, csv_presets.PRESETS, csv_chunks.split_file, csv_chunks.canonical_bytes,
        csv_parse.parse, csv_parse.PARSER_VERSION, per_turn=1,
    ),
}  # fmt: skip
