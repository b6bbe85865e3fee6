"""A rule as one sentence, in English and Spanish, made from its document: the list, the audit and the patient's page
use it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from campaigns import actions, triggers

LANGUAGES = ("en", "es")
CHANNELS = {
    "en": {"email": "e-mail", "sms": "text", "push": "notification"},
    "es": {"email": "correo electrónico", "sms": "mensaje de texto", "push": "notificación"},
}
STOPS = {
    "en": {
        "booked": "book a visit", "visited": "come to a visit", "answered": "answer a survey",
        "opted_out": "opt out", "readmitted": "are back in care",
    },
    "es": {
        "booked": "hace una cita", "visited": "viene a una cita", "answered": "responde una encuesta",
        "opted_out": "cancela los mensajes", "readmitted": "vuelve a tratamiento",
    },
}  # fmt: skip
PURPOSES = {
    "en": {"treatment": "part of treatment", "own_health_service": "about our own services"},
    "es": {"treatment": "parte del tratamiento", "own_health_service": "sobre nuestros propios servicios"},
}


def sentence(document: Mapping[str, Any], language: str = "en") -> str:
    """The whole rule; names every value that is not the default. ValueError for another language than en or es."""
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r}: expected en or es")
    trigger = document["trigger"]
    start = triggers.trigger(trigger["kind"]).sentence(trigger, document.get("zone", "clinic"), language)
    comma = " " if trigger["after"]["unit"] == "hours" else ", "
    steps = "; ".join(_step(step, language) for step in document["steps"])
    ends = [
        *_stops(document, language),
        _reentry(document.get("reentry", "each"), language),
        *_rest(document, language),
    ]
    return f"{start}{comma}{steps}; {'; '.join(ends)}."


def _step(step: Mapping[str, Any], language: str) -> str:
    what = actions.action(step["do"]).phrase(step, language)
    names = [CHANNELS[language][channel] for channel in step["channel"]]
    by = "by" if language == "en" else "por"
    other = ", else by " if language == "en" else "; si no, por "
    return f"{_delay(step.get('delay'), language)}{what} {by} {other.join(names)}"


def _delay(delay: Mapping[str, Any] | None, language: str) -> str:
    if not delay:
        return ""
    n, days = int(delay["n"]), delay["unit"] == "days"
    if language == "es":
        unit = ("día" if n == 1 else "días") if days else ("hora" if n == 1 else "horas")
        at = f" a las {delay['at']}" if "at" in delay else ""
        return f"{n} {unit} después{at}, "
    unit = ("day" if n == 1 else "days") if days else ("hour" if n == 1 else "hours")
    at = f" at {delay['at']}" if "at" in delay else ""
    return f"{n} {unit} later{at}, "


def _stops(document: Mapping[str, Any], language: str) -> list[str]:
    names = [STOPS[language][name] for name in document.get("stop_on", ())]
    if not names:
        return []
    return [("stop when they " if language == "en" else "parar cuando ") + _or(names, language)]


def _reentry(setting: str | Mapping[str, Any], language: str) -> str:
    english = language == "en"
    if setting == "each":
        return "each patient once per discharge" if english else "cada paciente una vez por alta"
    if setting == "once":
        return "each patient once ever" if english else "cada paciente una sola vez"
    n = int(setting["gap_days"])  # type: ignore[index]
    if english:
        return f"each patient at most once in {n} {'day' if n == 1 else 'days'}"
    return f"cada paciente como máximo una vez en {n} {'día' if n == 1 else 'días'}"


def _rest(document: Mapping[str, Any], language: str) -> list[str]:
    """What is not the default and needs no place of its own."""
    english, said = language == "en", []
    late = int(document.get("max_late_hours", 72))
    if late != 72:
        unit = ("hour" if english else "hora") + ("" if late == 1 else "s")
        said.append(f"at most {late} {unit} late" if english else f"como máximo {late} {unit} tarde")
    if document["purpose"] != "treatment":
        said.append(PURPOSES[language][document["purpose"]])
    if document.get("priority", 5) != 5:
        said.append(f"{'priority' if english else 'prioridad'} {document['priority']}")
    return said


def _or(names: Sequence[str], language: str) -> str:
    word = "or" if language == "en" else "o"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
