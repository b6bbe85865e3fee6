"""P1 to P3: what scanners, racing browsers and guesses do to a link that signs a patient in, or asks him something."""

import threading
from collections import Counter

import pytest
from django.db import connections
from django.test import Client

from patients import access
from patients.models import BirthDateTry, PortalLink, PortalSession
from prm import clock
from prm.tenancy import use_practice
from tests.factories.nps import InvitationFactory
from tests.portal.conftest import NOW, RIGHT, WRONG, Door, build_door
from tests.security.test_urls import state

pytestmark = pytest.mark.django_db(transaction=True)

SCANS = 1000
WAYS = [
    ("get", {}), ("head", {}), ("get", {"purpose": "prefetch"}), ("get", {"sec-purpose": "prefetch;prerender"}),
    ("get", {"x-moz": "prefetch"}), ("options", {}),
]  # fmt: skip


@pytest.fixture
def door() -> Door:
    return build_door()


def survey_link(door: Door) -> str:
    """The path of a link to a survey that waits."""
    with use_practice(door.practice.pk):
        asked = InvitationFactory(asked_at=clock.now())
        _link, token = access.issue_link(
            asked.patient, PortalLink.LinkPurpose.SURVEY, now=clock.now(), lasts=access.SURVEY_LASTS, source=asked.pk
        )
    return access.link_path(door.practice, token)


@pytest.mark.parametrize("kind", ["access", "survey"])
def test_p1_a_thousand_scans_of_a_link_change_no_row(door, report, kind):
    """Mail scanners, link previews and prefetching browsers follow every link, many times, a score in it too."""
    path = door.link() if kind == "access" else survey_link(door) + "?score=9"
    before, answers = state(), Counter()
    for scan in range(SCANS):
        method, headers = WAYS[scan % len(WAYS)]
        answers[getattr(Client(), method)(path, headers=headers).status_code] += 1
    after = state()
    assert set(answers) <= {200, 405}
    changed = [table for table in after if after[table] != before[table]]
    report(f"P1 {kind} link, tables changed", len(changed), 0, not changed)


def race(path: str, forms: list[dict]) -> Counter:
    """Post all forms at once, each from a browser of its own; the answers' status."""
    found, gate = [], threading.Barrier(len(forms))

    def post(form: dict) -> None:
        try:
            with clock.at(NOW):
                gate.wait()
                found.append(Client().post(path, form).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=post, args=[form]) for form in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(found)


def test_p2_of_twenty_racing_right_dates_on_one_link_one_signs_in(report):
    with clock.at(NOW):
        door = build_door()
        answers = race(door.link(), [RIGHT] * 20)
    assert answers == {302: 1, 404: 19}
    signed_in = len(door.rows(PortalSession, "pk"))
    report("P2 racing posts that sign in", signed_in, 1, signed_in == 1)


def test_p3_of_twenty_racing_wrong_dates_five_are_checked_and_the_right_one_comes_too_late(report):
    with clock.at(NOW):
        door = build_door()
        path = door.link()
        answers = race(path, [{**WRONG, "day": str(n)} for n in range(6, 26)])
        assert answers == {422: 4, 403: 1, 404: 15}
        assert Client().post(path, RIGHT).status_code == 404
    assert door.rows(PortalSession, "pk") == []
    checked = len(door.rows(BirthDateTry, "pk"))
    report("P3 wrong birth dates checked", checked, "<=5", checked == 5)
