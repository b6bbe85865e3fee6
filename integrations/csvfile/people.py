"""A row's person, staff, diagnoses and referral as values of facts. What cannot be read is flagged, never a refusal,

except a date that is none (integrations.md §2: such a value makes no statement). Pure.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from accounts.profiles import DEGREES, read_credential
from integrations import codes, contact
from integrations.csvfile import values
from integrations.csvfile.words import NO, REFERRAL_SOURCES, TRUE, plain

if TYPE_CHECKING:
    from integrations.csvfile.cells import Cells

_ICD10 = re.compile(r"[A-TV-Z]\d[0-9AB](?:\.?[0-9A-Z]{1,4})?", re.I)
_SUFFIX = re.compile(r"(?:JR|SR|II|III|IV)\.?", re.I)
_ADDRESS = {"address": "line", "address2": "line2", "city": "city", "state": "state", "postal_code": "postal_code",
            "country": "country"}  # fmt: skip


def person(cells: "Cells", at: datetime) -> dict[str, Any]:
    """The patient's own values that a row states. `at`: when the row was true, for a death without a date."""
    told: dict[str, Any] = {}
    if name := _name(cells):
        told["name"] = name
        if contact.is_test_name(name["first"], name["last"]):
            cells.flag("test_name")
    if (stamp := cells.stamp("birth_date")) is not None:
        born = values.birth_date(stamp, cells.context.received_at.date())
        if born:
            told["birth_date"] = born.isoformat()
        else:
            cells.flag("birth_date_unreadable")
    if sex := cells.text("sex"):
        if found := codes.SEX.get(sex.strip().upper()):
            told["sex"] = found
        else:
            cells.flag("sex_unknown")
    if language := cells.text("language"):
        if spoken := codes.language(language):
            told["language"] = spoken
        else:
            cells.flag("language_unknown")
    if active := cells.code("active")[1] or cells.text("active"):
        told["active"] = plain(active) not in NO
    told |= _reach(cells) | _address(cells) | _death(cells, at)
    for unit in ("birth_date", "sex", "email", "language"):
        if cells.clears(unit):
            told[unit] = None
    if cells.clears("phone") and "phone" not in told:
        told["phone"] = None
    return told


def _name(cells: "Cells") -> dict[str, str] | None:
    first, last, suffix = cells.text("first_name"), cells.text("last_name"), cells.text("suffix")
    if not (first or last) and (whole := cells.text("full_name")):
        first, last, found = split_name(whole)
        suffix = suffix or found
    if not (first or last):
        return None
    return {"first": first[:120], "last": last[:120], "suffix": suffix[:20]}


def split_name(whole: str) -> tuple[str, str, str]:
    """(first, last, suffix) of `Last, First`, `Last Jr, First` or `First Last`."""
    told = " ".join(whole.split())
    last, comma, first = (part.strip() for part in told.partition(","))
    if comma and _SUFFIX.fullmatch(first):  # Maria Lopez, Jr
        told, suffix = last, first
        comma = ""
    else:
        suffix = ""
        if comma and "," in first:
            first, _comma, suffix = (part.strip() for part in first.partition(","))
    if not comma:
        first, _space, last = told.rpartition(" ")
    words = last.split(" ")
    if len(words) > 1 and _SUFFIX.fullmatch(words[-1]):
        last, suffix = " ".join(words[:-1]), suffix or words[-1]
    elif not comma and _SUFFIX.fullmatch(last) and " " in first:
        suffix = last
        first, _space, last = first.rpartition(" ")
    return first, last, suffix.rstrip(".")


def staff_name(whole: str) -> tuple[str, str, str]:
    """(first, last, credential) of `Nair, Priya PT`, `Priya Nair, PT, DPT` or `Priya Nair DPT`."""
    told = " ".join(whole.split())
    parts = [part.strip() for part in told.split(",") if part.strip()]
    titles = [part for part in parts if _is_title(part)]
    names = [part for part in parts if part not in titles]
    words = " ".join(names[:1]).split(" ") if len(names) < 2 else names[1].split(" ")
    while len(words) > 1 and _is_title(words[-1]):
        titles.insert(0, words.pop())
    credential = next((found for title in titles if (found := read_credential(title))), "")
    if len(names) > 1:
        return " ".join(words), names[0], credential
    return " ".join(words[:-1]), words[-1], credential


def _is_title(text: str) -> bool:
    told = text.replace(".", "")
    return told == told.upper() and any(re.sub(r"[^A-Z]", "", one) in DEGREES for one in re.split(r"[\s/]+", told))


def _reach(cells: "Cells") -> dict[str, Any]:
    told: dict[str, Any] = {}
    numbers = [*cells.texts("phone"), *cells.texts("home_phone")]
    if numbers:
        found = next((number for text in numbers if (number := contact.phone(text.removesuffix(".0")))), None)
        if found:
            told["phone"] = found
        else:
            cells.flag("phone_unreadable")
    addresses = cells.texts("email")
    if addresses:
        found = next((address for text in addresses if (address := contact.email(text))), None)
        if found:
            told["email"] = found
        else:
            cells.flag("email_unreadable")
    return told


def _address(cells: "Cells") -> dict[str, Any]:
    told = {ours: text[:120] for name, ours in _ADDRESS.items() if (text := _line(cells, name))}
    return {"address": told} if told.get("line") or told.get("city") or told.get("postal_code") else {}


def _line(cells: "Cells", name: str) -> str:
    text = cells.text(name)
    return (values.identifier(text) or text) if name == "postal_code" and text else text


def _death(cells: "Cells", at: datetime) -> dict[str, Any]:
    told = cells.text("deceased_at")
    if not told:
        return {}
    if plain(told) in NO:
        return {"deceased_at": None}
    if plain(told) in TRUE:
        return {"deceased_at": at.isoformat()}
    found = cells.moment("deceased_at", "")
    if found is None or found.at > cells.context.received_at:
        cells.flag("death_date_unreadable")
        return {}
    return {"deceased_at": found.at.isoformat()}


def diagnoses(texts: Sequence[str]) -> list[list[str]]:
    """`[code, I10 or I9]` of the ICD codes in some cells, dots set, each once, at most 12."""
    found: list[list[str]] = []
    for part in (one for text in texts for one in re.split(r"[,;|/\s]+", text)):
        plain_code = part.strip("()[].:").upper()
        if _ICD10.fullmatch(plain_code):
            bare = plain_code.replace(".", "")
            one = [f"{bare[:3]}.{bare[3:]}" if len(bare) > 3 else bare, "I10"]
        elif re.fullmatch(r"\d{3}\.\d{1,2}", plain_code):
            one = [plain_code, "I9"]
        else:
            continue
        if one not in found:
            found.append(one)
    return found[:12]


def referral(cells: "Cells") -> dict[str, str] | None:
    """How the patient came and who sent him; None where the row does not say."""
    source, mapped = cells.code("referral_source")
    name, npi = cells.text("referrer_name"), cells.id("referrer_npi")
    if not (source or name or npi):
        return None
    ours = mapped or REFERRAL_SOURCES.get(plain(source), "" if not source else "other")
    return {"source": ours or "physician", "name": name[:160], "npi": npi[:10]}


def visit_kind(text: str) -> str | None:
    """The kind that words name: `PT Eval - New patient`, `Re-evaluation 30`; None where none does."""
    word = plain(text)
    if re.search(r"\bRE ?(EVAL|ASSESS|EXAM)|PROGRESS|\bPN\b", word):
        return "re_evaluation"
    if re.search(r"\bEVAL|\bINITIAL|\bNEW PATIENT\b|\bIE\b|\bNP\b", word):
        return "evaluation"
    if re.search(r"\bDISCHARGE\b|\bDS\b", word):
        return "discharge"
    if re.search(r"\bTREAT|\bTX\b|\bFOLLOW|\bDAILY\b|\bDN\b|\bRETURN\b|\bTHERAPY VISIT\b|\bVISIT\b", word):
        return "treatment"
    return None
