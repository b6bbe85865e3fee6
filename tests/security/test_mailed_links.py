"""P1 for links that go to staff: GET and HEAD answer alike and change nothing, however often a scanner asks."""

import pytest
from django.test import Client

from accounts import agreements, invitations, notify, password_reset, tasks, totp
from accounts.models import FactorRecovery, Membership
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import client_of, join
from tests.accounts.factor_rows import after_password, person
from tests.factories.accounts import PracticeFactory
from tests.security.test_urls import state

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {
    "practice_name": "Cove Physical Therapy", "time_zone": "America/Chicago", "name": "Noa Newcomer",
    "email": "noa@cove.example", "agreed": "on", "version": agreements.CURRENT,
}  # fmt: skip


@pytest.fixture
def staff_links(monkeypatch) -> dict[str, str]:
    """Every kind of link that staff are mailed, as its path, all of them alive."""
    sent: list[notify.Notice] = []
    monkeypatch.setattr(notify, "_senders", [sent.append])
    harbor = PracticeFactory(slug="harbor")
    owner, dana = join(harbor, Membership.Role.OWNER), person(harbor, Membership.Role.THERAPIST)
    totp.new_device(dana.user, confirmed=True)
    with use_practice(harbor.pk):
        invitations.invite(harbor, "sam@example.com", "front_desk", by=owner, now=clock.now())
    password_reset.ask(dana.user.email, now=clock.now())
    tasks.mail_resets()
    after_password(dana.user).post("/signin/recover/request/")
    asked = FactorRecovery.objects.get(user=dana.user)
    page = f"/harbor/settings/sign-in-security/recovery/{asked.pk}/"
    client_of(owner).post(page, {"decision": "confirm"})
    assert Client().post("/signup/", FORM).status_code == 302
    found = {one.kind: "/" + one.facts["url"].split("/", 3)[3] for one in sent if "url" in one.facts}
    return found | {"recovery_requested": page}


def test_p1_looking_at_a_mailed_link_changes_nothing_and_head_is_answered_as_get(staff_links, report):
    links = staff_links
    assert set(links) == {"invitation", "password_reset", "recovery_requested", "recovery_confirmed", "sign_up"}
    before, answered = state(), {}
    for kind, path in links.items():
        for _again in range(50):  # × 5 links × GET and HEAD
            get, head = Client().get(path), Client().head(path)
            answered[kind] = (head.status_code, head.content)
            assert get.status_code == head.status_code, kind
    assert answered == dict.fromkeys(links, (200, b"")) | {"recovery_requested": (302, b"")}
    after = state()
    changed = [table for table in after if after[table] != before[table]]
    report("P1 staff links, tables changed", len(changed), 0, not changed)


def test_a_head_of_a_dead_link_is_its_404_without_a_body(staff_links):
    for path in ("/signin/reset/no-such-token", "/signin/recover/no-such-token", "/signup/no-such-token"):
        answer = Client().head(path)
        assert (answer.status_code, answer.content) == (404, b"")
