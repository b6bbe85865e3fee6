"""What can be set for a feed of files."""

import codecs

from integrations.csvfile.mapping import BadMapping, ColumnPlan, FileMapping, check
from integrations.csvfile.tables import DELIMITERS, normal
from integrations.keys import Key, one_of, switch, whole, zone

_WORDS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


def encoding(text: str) -> str:
    """A character set that Python knows; empty: found out by the bytes."""
    if not text:
        return ""
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise ValueError(text) from None


def delimiter(text: str) -> str:
    """`comma`, `semicolon`, `tab`, `pipe` or the character; empty: found out."""
    told = _WORDS.get(text, text)
    if told and told not in DELIMITERS:
        raise ValueError(text)
    return told


def columns(text: str) -> dict[str, str]:
    """`MRN=patient_id, Seen on=visit_start`: the meaning of columns, by their names."""
    found: dict[str, str] = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        name, equals, field = pair.rpartition("=")
        if not equals:
            raise ValueError(text)
        found[normal(name)] = field.strip()
    try:
        check(FileMapping({name: ColumnPlan(field) for name, field in found.items()}))
    except BadMapping as problem:
        raise ValueError(str(problem)) from None
    return found


KEYS = (
    Key("zone", "", "a time zone such as America/New_York", zone, "Time zone of times without offset"),
    Key("authority", "", "the word before the patient's number, such as MRN", str, "Who gives patients their numbers"),
    Key("columns", {}, "columns with our fields, such as MRN=patient_id,Seen on=visit_start", columns),
    Key("dates", "", "dmy or mdy; empty: asked where both fit", one_of("", "dmy", "mdy"), "Order of day and month"),
    Key("encoding", "", "a character set such as cp1252; empty: found out", encoding, "Character set"),
    Key("delimiter", "", "comma, semicolon, tab or pipe; empty: found out", delimiter, "Delimiter"),
    Key("sheet", "", "the name of a workbook's sheet", str, "Sheet"),
    Key("blank_clears", False, "on or off", switch, "An empty cell deletes the value"),
    Key("bad_rows", 20, "0 to 100", whole(0, 100), "Percent of rows that may be bad"),
    Key("gap_days", 60, "30 to 180", whole(30, 180), "Days without a visit that end an episode"),
    Key("mappings", {}, "made by the page of an import", lambda text: _refuse(text)),
)


def _refuse(text: str) -> None:
    raise ValueError(text)
