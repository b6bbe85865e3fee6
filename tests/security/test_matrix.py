"""I7: every URL name × method × everybody; who gets in is what tests/security/matrix.py says, and nobody else.

One database state; each request is undone. A URL name without a row fails with the row to add.
"""

import sys
from copy import copy
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.db import transaction
from django.template.backends.django import Template
from django.test import Client
from django.utils.safestring import mark_safe

from accounts import access
from accounts.models import Clinic, Practice, SupportGrant
from prm import clock
from prm.dev import pages
from prm.tenancy import use_practice
from tests.security import figures, matrix, urls
from tests.security.matrix import Row
from tests.security.principals import PRINCIPALS, Principal, treat_everyone_at
from tests.ui import world

EVERY = urls.addresses()
NAMES = {address.name: address for address in EVERY}
READ, WRITE = ("GET", "POST")
# The rest are told apart by the same decorators, and asked for fewer people.
FURTHER = ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
ASKED_FURTHER = frozenset("OXA")
IN, DOOR, REFUSED, MISSING, NO_METHOD, BROKEN = "in", "door", "refused", "missing", "no method", "broken"


def methods_of(view: Any) -> str:
    """What the view's `require_…` decorators let through, HEAD and OPTIONS aside; GET and POST where there is none."""
    while view is not None:
        for cell in view.__closure__ or ():
            held = cell.cell_contents
            if isinstance(held, list | tuple) and held and set(held) <= {READ, WRITE, *FURTHER}:
                return " ".join(method for method in held if method not in {"HEAD", "OPTIONS"})
        view = getattr(view, "__wrapped__", None)
    return "GET POST"


def suggested(address: urls.Address) -> str:
    """The row that a new address probably wants, from the permission that its view names."""
    permission = getattr(address.view, "permission", None)
    who = "".join(letter for letter, role in matrix.ROLES.items() if role in access.PERMISSIONS.get(permission, ()))
    methods = methods_of(address.view)
    if getattr(address.view, "platform", False):
        return f'    "{address.name}": Row("SG", "{methods}", missing="OMTFRX"),'
    if address.name.startswith("api:"):
        return f'    "{address.name}": Row(""),'
    given = f'"{who}"' if address.is_staff else "EVERYBODY" if address.is_open or address.is_portal else '"OMTFRSGX"'
    further = ", scoped=True" if "patient_id" in address.arguments else ""
    further += ", whole=True" if permission in access.WHOLE_PRACTICE else ""
    return f'    "{address.name}": Row({given}, "{methods}"{further}),'


def test_every_url_name_has_a_row():
    missing = [suggested(NAMES[name]) for name in sorted(NAMES) if name not in matrix.ROWS]
    assert not missing, "\n".join([
        "URL names without a row: say in tests/security/matrix.py, ROWS, who gets in and by which methods. Check each",
        "suggestion against the page's “who” in the specification before you paste it:", *missing,
    ])  # fmt: skip
    assert sorted(set(matrix.ROWS) - set(NAMES)) == [], "rows without a URL: delete them"


def expected(row: Row, address: urls.Address, who: Principal, method: str) -> set[str]:
    """What may be answered."""
    answered = method in row.methods or (method == "HEAD" and "GET" in row.methods)
    allowed = row.acts if method == WRITE and row.acts is not None else row.who
    inside = (who.role if address.is_staff else who.letter.upper()) in (allowed or "-")
    let_in = {IN, NO_METHOD} if method == "HEAD" else {IN} if answered else {NO_METHOD}
    if not address.is_staff:
        return _outside_practices(row, address, who, let_in, inside=inside)
    if who.letter in "APQ":
        return {DOOR}
    if not who.role:
        return {MISSING}
    if who.letter == "G" and method not in {READ, "HEAD", "OPTIONS"}:
        return {REFUSED}  # support looks, and changes nothing
    if not answered:
        return {NO_METHOD, REFUSED}
    if who.role in row.missing or who.letter in row.missing:
        return {MISSING, NO_METHOD} if method == "HEAD" else {MISSING}
    if not inside or (row.whole and who.letter == "m"):
        return {REFUSED}
    if row.scoped and who.is_narrow:
        return {MISSING}
    return let_in


def _outside_practices(row: Row, address: urls.Address, who: Principal, let_in: set[str], *, inside: bool) -> set[str]:
    if inside:
        return let_in | {DOOR} if row.who == matrix.EVERYBODY else let_in  # signing out leads to the door
    if who.letter in "APQ" and not (address.is_open or address.is_portal):
        return {DOOR}
    turned_away = {MISSING} if who.letter.upper() in row.missing else {REFUSED}
    if address.is_portal:
        turned_away |= {DOOR, MISSING}
    return turned_away | (let_in & {NO_METHOD})


def outcome(client: Client, method: str, path: str) -> str:
    """How one request is answered; what it wrote is undone, the cookies stay as they were."""
    before: SimpleCookie = copy(client.cookies)
    with transaction.atomic():
        response = client.generic(method, path)
        transaction.set_rollback(True)
    client.cookies = before
    code = response.status_code
    if code == 302 and response.url.startswith(matrix.DOORS):
        return DOOR
    return {401: REFUSED, 403: REFUSED, 404: MISSING, 405: NO_METHOD, 500: BROKEN}.get(code, IN)


def examples(practice: Practice) -> dict[str, str]:
    """URL name to the address of an example: those of prm.dev.pages, else rows made for it."""
    found = {name: urls.path(address, practice) for name, address in NAMES.items() if name not in pages.ROWS}
    visits = {visit.name: visit.path for visit in pages.visits(practice)}
    for name in NAMES:
        if name not in found:
            found[name] = visits.get(name) or urls.path(NAMES[name], practice)
    return found


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates decide about nobody, and are seen by other tests: left out here, where they would take most time."""
    monkeypatch.setattr(Template, "render", lambda *args, **kwargs: mark_safe(""))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unrendered")
def test_i7_nobody_gets_in_where_the_matrix_does_not_say_so(report: figures.Report) -> None:
    practice, _owner = world.build()
    with use_practice(practice.pk):
        treat_everyone_at(Clinic.objects.get(name="Eastside"))
        SupportGrant.objects.update(ended_at=clock.now())  # the world's own: here support comes in when it is its turn
    people = [(who, who.client(practice)) for who in PRINCIPALS]
    paths = examples(practice)
    unexpected, asked = {}, 0
    for who, client in people:
        client.raise_request_exception = False
        with who.state(practice):
            for name, row in matrix.ROWS.items():
                for method in (READ, WRITE, *(FURTHER if who.letter in ASKED_FURTHER else ())):
                    asked += 1
                    found = outcome(client, method, paths[name])
                    wanted = expected(row, NAMES[name], who, method)
                    if found not in wanted:
                        unexpected[f"{name} {method} as {who.name}"] = (
                            f"{found}, expected {' or '.join(sorted(wanted))}"
                        )
    told = "\n".join(f"{request}: {problem}" for request, problem in unexpected.items())
    if unexpected:
        sys.stdout.write(told + "\n")  # pytest shows it beside the failure
    report(f"I7 unexpected of {asked} requests", len(unexpected), 0, not unexpected)
