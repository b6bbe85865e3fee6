"""SendGrid's rules for one mail/send request: the OpenAPI file, then the limits that it leaves out (OUTCOMES.md §7)."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

OPENAPI = Path(__file__).parent / "openapi" / "sendgrid_mail_send.json"
BODY = "#/components/requestBodies/PostMailSend/content/application~1json/schema"
MOST_PEOPLE, MOST_ARGUMENTS, MOST_SUBSTITUTIONS = 1000, 10_000, 10_000
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject",
    "reply-to", "cc", "bcc",
}  # fmt: skip
TWICE = "Each unique email address in the personalizations array should only be included once."

Problem = dict[str, Any]


def check(request: Any, *, verified: set[str] | None = None) -> tuple[int, list[Problem]]:
    """(0, []) for a request that is taken, else the HTTP status and SendGrid's errors.

    `verified`: addresses that may send; None lets all.
    """
    problems = [
        _problem(".".join(str(part) for part in error.absolute_path), error.message[:200])
        for error in list(_validator().iter_errors(request))[:5]
    ]
    if problems:
        return 400, problems
    if verified is not None and request["from"]["email"] not in verified:
        return 403, [_problem("from", "The from address does not match a verified Sender Identity.")]
    problems = _limits(request)
    return (400, problems) if problems else (0, [])


def _limits(request: dict[str, Any]) -> list[Problem]:
    problems = []
    people = request["personalizations"]
    if len(people) > MOST_PEOPLE:
        problems.append(_problem("personalizations", f"at most {MOST_PEOPLE} personalizations"))
    addresses = [to["email"].lower() for person in people for to in person["to"]]
    if len(addresses) != len(set(addresses)):
        problems.append(_problem("personalizations", TWICE))
    for index, person in enumerate(people):
        where = f"personalizations.{index}"
        if len(json.dumps(person.get("custom_args") or {})) > MOST_ARGUMENTS:
            problems.append(_problem(f"{where}.custom_args", f"at most {MOST_ARGUMENTS} bytes"))
        if len(json.dumps(person.get("substitutions") or {})) > MOST_SUBSTITUTIONS:
            problems.append(_problem(f"{where}.substitutions", f"at most {MOST_SUBSTITUTIONS} bytes"))
        for to in person["to"]:
            if "@" not in to["email"] or " " in to["email"]:
                problems.append(_problem(f"{where}.to.0.email", "Does not contain a valid address."))
            if any(mark in (to.get("name") or "") for mark in ";,"):
                problems.append(_problem(f"{where}.to.0.name", "no semicolon or comma"))
        if {name.lower() for name in person.get("headers") or {}} & RESERVED:
            problems.append(_problem(f"{where}.headers", "reserved header"))
        if not (person.get("subject") or request.get("subject")):
            problems.append(_problem(f"{where}.subject", "The subject is required."))
    if not request["from"]["email"].isascii():
        problems.append(_problem("from.email", "no Unicode in the from address"))
    categories = request.get("categories") or []
    if len(categories) > 10 or len(categories) != len(set(categories)) or any(len(one) > 255 for one in categories):
        problems.append(_problem("categories", "at most 10 different ones of 255 characters"))
    if not request.get("content"):
        problems.append(
            _problem("content", "Unless a valid template_id is provided, the content parameter is required.")
        )
    return problems


def _problem(field: str, message: str) -> Problem:
    return {"message": message, "field": field or None, "help": None}


@lru_cache(maxsize=1)
def _validator() -> Draft202012Validator:
    return Draft202012Validator({**json.loads(OPENAPI.read_text()), "$ref": BODY})
