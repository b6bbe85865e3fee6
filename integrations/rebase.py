"""Move the times of old sample messages so that the newest is recent (`ingest --rebase`, development only). Pure.

Only fields that hold a moment of care or of the message move; birth dates, ids and free text stay.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from integrations.hl7v2.message import Piece

HL7_FIELDS = {
    "MSH": (7,), "EVN": (2, 3, 6), "PV1": (44, 45), "PV2": (8, 9), "SCH": (11,), "AIS": (4,), "AIG": (8,), "AIL": (6,),
    "AIP": (6,), "TQ1": (7, 8), "FT1": (4, 5), "PID": (29, 33), "PR1": (5,), "DG1": (5,), "BHS": (7,), "FHS": (7,),
}  # fmt: skip
_STAMP = re.compile(
    r"(?<!\d)((?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))((?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?(?=$|[^\d])"
)
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(T.*)?")
_KEPT_KEYS = {"birthDate", "value", "id", "url", "system", "div", "reference", "display", "text"}
_NEWEST_YEARS = 30  # a moment further ahead of its file's median is a made-up one and does not set the pace


def parse_ago(text: str) -> timedelta:
    """`2d`, `36h` or `0d`. ValueError for anything else."""
    match = re.fullmatch(r"(\d{1,4})([dh])", text)
    if match is None:
        raise ValueError(f"{text!r}: expected a number with d or h, such as 2d")
    return timedelta(days=int(match[1])) if match[2] == "d" else timedelta(hours=int(match[1]))


def rebase(kind: str, pieces: list[Piece], *, now: datetime, ago: timedelta) -> tuple[list[Piece], timedelta, int]:
    """The messages of one file with their times moved by whole days, so that the newest lies `ago` before `now`.

    Returns them with the shift and the number of times moved. Times later than every message's own (MSH-7,
    meta.lastUpdated) by years are moved with the others but do not count as the newest.
    """
    moments = [at for piece in pieces for at in _moments(kind, piece.data)]
    if not moments:
        return pieces, timedelta(), 0
    days = (now - ago).date() - max(moments)
    moved = 0
    out = []
    for piece in pieces:
        data, count = _move(kind, piece.data, days)
        moved += count
        out.append(Piece(data, piece.flags, piece.refusal))
    return out, days, moved


def _moments(kind: str, data: bytes) -> list[Any]:
    """The days (dates) of one message that are no later than two years after the message itself."""
    found: list[Any] = []

    def note(day: Any) -> Any:
        found.append(day)
        return day

    _move(kind, data, timedelta(), note)
    if not found:
        return []
    own = found[0]  # MSH-7 stands first; in FHIR the first date of the document
    plausible = [day for day in found if day <= own + timedelta(days=730)] if kind == "hl7v2" else found
    return plausible or found


def _move(kind: str, data: bytes, days: timedelta, note: Callable[[Any], Any] = lambda day: day) -> tuple[bytes, int]:
    return _move_hl7(data, days, note) if kind == "hl7v2" else _move_json(data, days, note)


def _move_hl7(data: bytes, days: timedelta, note: Callable[[Any], Any]) -> tuple[bytes, int]:
    text = data.decode("latin-1")  # bytes pass through unchanged
    lines, count = re.split(r"(\r\n|\r|\n)", text), 0

    def shift(match: re.Match[str]) -> str:
        nonlocal count
        try:
            day = datetime.strptime(match[1], "%Y%m%d").date()  # noqa: DTZ007  (a date)
        except ValueError:
            return match[0]
        count += 1
        return f"{note(day) + days:%Y%m%d}{match[2] or ''}"

    for index, line in enumerate(lines):
        name = line.lstrip("\ufeff\xef\xbb\xbf")[:3]
        mark = line.find(name) + 3 if name else 0
        if name not in HL7_FIELDS or len(line) <= mark:
            continue
        parts = line.split(line[mark])
        for number in HL7_FIELDS[name]:
            at = number - 1 if name in {"MSH", "BHS", "FHS"} else number
            if at < len(parts):
                parts[at] = _STAMP.sub(shift, parts[at])
        lines[index] = line[mark].join(parts)
    return "".join(lines).encode("latin-1"), count


def _move_json(data: bytes, days: timedelta, note: Callable[[Any], Any]) -> tuple[bytes, int]:
    try:
        document = json.loads(data)
    except ValueError:
        return data, 0
    count = 0

    def walk(node: Any, key: str) -> Any:
        nonlocal count
        if isinstance(node, dict):
            return {name: value if name in _KEPT_KEYS else walk(value, name) for name, value in node.items()}
        if isinstance(node, list):
            return [walk(one, key) for one in node]
        if not isinstance(node, str) or not (match := _ISO.fullmatch(node)):
            return node
        try:
            day = datetime.strptime(match[1], "%Y-%m-%d").date()  # noqa: DTZ007  (a date)
        except ValueError:
            return node
        count += 1
        return f"{note(day) + days:%Y-%m-%d}{match[2] or ''}"

    moved = walk(document, "")
    return json.dumps(moved, ensure_ascii=False).encode() if count else data, count
