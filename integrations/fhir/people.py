"""What FHIR resources state about people and places: patients, practitioners, locations. Pure.

An absent element of a full resource is a deletion; one that cannot be read makes no statement.
"""

import re
from datetime import date
from typing import Any

from integrations import codes, contact
from integrations.facts import CLINIC, PATIENT, THERAPIST, dead
from integrations.fhir.document import codings, objects, text
from integrations.fhir.parse import Reading

SSN = {"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"}
NPI = "http://hl7.org/fhir/sid/us-npi"


def patient(reading: Reading) -> None:
    """Patient: who it is, how to reach him, alive or not, which ids name him."""
    resource = reading.resource
    values: dict[str, Any] = {"deleted": False}
    values["active"] = resource.get("active") is not False
    values["identifiers"] = [
        [text(one, "system"), text(one, "value")[:120], text(one, "type", "coding", "code")]
        for one in objects(resource, "identifier")
        if text(one, "value") and text(one, "system") not in SSN and text(one, "type", "coding", "code") != "SS"
    ]
    values["name"] = _name(reading)
    values["birth_date"] = _birth_date(reading)
    values["sex"] = codes.SEX.get(text(resource, "gender").upper())
    spoken = sorted(objects(resource, "communication"), key=lambda one: one.get("preferred") is not True)
    told = [code for one in spoken[:1] for _system, code in codings(one, "language")]
    values["language"] = codes.language(*told, text(spoken[0], "language", "text") if spoken else "")
    values |= _telecoms(reading)
    homes = [one for one in objects(resource, "address") if text(one, "use") not in {"old", "billing"}]
    homes.sort(key=lambda one: text(one, "use") != "home")
    values["address"] = _address(homes[0]) if homes else None
    died = reading.moment("deceasedDateTime")
    values["deceased_at"] = (
        died.at.isoformat() if died else reading.at.isoformat() if resource.get("deceasedBoolean") is True else None
    )
    if text(resource, "deceasedDateTime") and not died:
        values["deceased_at"] = reading.at.isoformat()
    values["links"] = _links(reading)
    reading.state(PATIENT, reading.key, {unit: value for unit, value in values.items() if value != ""})


def _name(reading: Reading) -> dict[str, str] | None:
    names = [one for one in objects(reading.resource, "name") if text(one, "use") not in {"old", "maiden"}]
    names.sort(key=lambda one: {"official": 0, "usual": 1, "": 2}.get(text(one, "use"), 3))
    for one in names:
        first, last = text(one, "given"), text(one, "family")
        if not (first or last) and (whole := text(one, "text")):
            last, comma, first = whole.partition(",")
            if not comma:
                first, _space, last = whole.rpartition(" ")
        if first or last:
            if contact.is_test_name(first, last):
                reading.parsed.flag("test_name")
            return {"first": first.strip()[:120], "last": last.strip()[:120], "suffix": text(one, "suffix")[:20]}
    reading.parsed.flag("name_missing")
    return None


def _birth_date(reading: Reading) -> str | None:
    told = text(reading.resource, "birthDate")
    if not told:
        return None
    if re.fullmatch(r"\d{4}(-\d{2})?", told):
        reading.parsed.flag("birth_date_unreadable")
        return ""
    try:
        born = date.fromisoformat(told[:10])
    except ValueError:
        raise dead("date_invalid", f"birthDate is “{told[:20]}”; expected a date such as 1985-03-01.",
                   reading.where("birthDate")) from None  # fmt: skip
    if not date(1890, 1, 1) <= born <= reading.context.received_at.date():
        reading.parsed.flag("birth_date_unreadable")
        return ""
    return born.isoformat()


def _telecoms(reading: Reading) -> dict[str, Any]:
    """Phone and e-mail; one that is there but cannot be read is no statement (empty text, dropped by the caller)."""
    values: dict[str, Any] = {}
    current = [one for one in objects(reading.resource, "telecom") if text(one, "use") != "old"]
    for unit, system, read in (("phone", {"phone", "sms"}, contact.phone), ("email", {"email"}, contact.email)):
        told = [one for one in current if text(one, "system") in system and text(one, "value")]
        told.sort(key=lambda one: (text(one, "use") != "mobile", str(one.get("rank", 9))))
        valid = [found for one in told if (found := read(text(one, "value")))]
        values[unit] = valid[0] if valid else "" if told else None
        if told and not valid:
            reading.parsed.flag(f"{unit}_unreadable")
    return values


def _address(home: dict[str, Any]) -> dict[str, str]:
    lines = [line for line in home.get("line") or [] if isinstance(line, str)]
    read = {
        "line": lines[0] if lines else "", "line2": " ".join(lines[1:]), "city": text(home, "city"),
        "state": text(home, "state"), "postal_code": text(home, "postalCode"), "country": text(home, "country"),
    }  # fmt: skip
    return {key: value[:120] for key, value in read.items() if value}


def _links(reading: Reading) -> list[list[str]]:
    found = []
    for link in objects(reading.resource, "link"):
        other, kind = reading.references.key(link.get("other"), "Patient"), text(link, "type")
        if not other or other == reading.key:
            continue
        if kind == "replaced-by":
            found.append([reading.key, other, "link"])
        elif kind == "replaces":
            found.append([other, reading.key, "link"])
        elif kind == "seealso":
            found.append([other, reading.key, "review"])
    return found


def practitioner(reading: Reading) -> None:
    """Practitioner: name and NPI."""
    name = _name(reading)
    npi = next(
        (text(one, "value") for one in objects(reading.resource, "identifier") if text(one, "system") == NPI), ""
    )
    values: dict[str, Any] = {"npi": npi[:10] or None}
    if name:
        values["name"] = {"first": name["first"][:80], "last": name["last"][:80]}
    reading.state(THERAPIST, reading.key, values)


def practitioner_role(reading: Reading) -> None:
    """PractitionerRole: another name of the practitioner."""
    practitioner = reading.references.key(reading.resource.get("practitioner"), "Practitioner")
    reading.state(THERAPIST, reading.key, {"moved_to": practitioner or None})


def location(reading: Reading) -> None:
    """Location: the clinic's name and phone."""
    name = text(reading.resource, "name") or text(reading.resource, "alias")
    phone = next((found for one in objects(reading.resource, "telecom") if text(one, "system") == "phone"
                  and (found := contact.phone(text(one, "value")))), None)  # fmt: skip
    values: dict[str, Any] = {"phone": phone}
    if name:
        values["name"] = {"name": name[:120]}
    reading.state(CLINIC, reading.key, values)
