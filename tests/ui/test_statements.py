"""U12: what each page asks the database, the shell around it included (bench.md section 4)."""

import pytest
from django.test import Client

from prm.dev import pages
from tests import statements
from tests.factories.accounts import sign_in
from tests.ui import world

pytestmark = pytest.mark.django_db(transaction=True)

BARS = {pages.STAFF: 12, pages.PORTAL: 6, pages.PATIENT: 8, pages.PATIENT_AWAY: 6}
# What these may ask instead. bench.md gives the inbox 8; the others show many kinds of rows about one person (a copy:
# all kinds) or run the evaluator's probes.
OWN = {
    "member": 16,  # sessions, roles, clinics, profiles and covers to choose from, beside the person's own
    "inbox": 8, "inbox_list": 8, "inbox_empty": 8, "pulse": 6,
    "campaign_edit": 13,
    "feed_import_map": 28,  # reads the file's parts to try them; to be mended with the wizard
    "patient_copy": 22, "patient_privacy": 13, "portal_my_copy": 20,
}  # fmt: skip


def test_each_page_keeps_within_its_statements() -> None:
    practice, owner = world.build()
    colleague = Client()
    sign_in(colleague, owner)

    asked = {}
    for visit in pages.visits(practice):
        client = colleague if visit.side == pages.STAFF else Client()
        for cookie in pages.cookies(visit.side, owner, "") if visit.side in {pages.PATIENT, pages.PATIENT_AWAY} else ():
            client.cookies[cookie["name"]] = cookie["value"]
        if visit.side in BARS and client.get(visit.path).status_code != 405:
            asked[visit.name] = (statements.of_get(client, visit.path), OWN.get(visit.name, BARS[visit.side]))

    over = {name: (len(made), made) for name, (made, bar) in asked.items() if len(made) > bar}
    assert {name: n for name, (n, made) in over.items()} == {}, over
