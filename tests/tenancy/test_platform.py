"""What may read across practices is this list, and nothing reaches the platform role around it."""

import ast
import inspect
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models.expressions import RawSQL

from accounts.models import Practice
from prm import clock
from prm.tenancy import platform, use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory, UserFactory

FUNCTIONS = {
    "erase_practice",
    "erase_slice",
    "erase_together",
    "practices_with_open_exports",
    "feed_overview",
    "practice_overview",
    "practices_open_to_support",
    "usage",
    "feeds_with_stored_messages",
    "mllp_door_is_taken",
    "mllp_feeds",
    "practices_with_backlog",
    "imports_to_run",
    "oldest_due_message",
    "outbox_by_state",
    "practice_ids",
    "practices_of",
    "practices_to_evaluate",
    "practices_with_absences",
    "practices_with_audit_work",
    "practices_with_dead_leases",
    "practices_with_due_messages",
    "practices_with_link_requests",
    "practices_with_old_answers",
    "practices_with_unread_events",
    "staff_mail_by_state",
    "works_somewhere",
}
MAY_NAME_IT = {"prm/tenancy/platform.py", "prm/databases.py"}
NOT_OURS = {".venv", ".prm", ".git", "tests", "node_modules", "bench"}


def test_the_functions_that_read_across_practices_are_these_and_each_says_what_it_returns():
    own = {
        name: function
        for name, function in inspect.getmembers(platform, inspect.isfunction)
        if function.__module__ == platform.__name__ and not name.startswith("_")
    }
    assert set(own) == FUNCTIONS
    assert [name for name, function in own.items() if not function.__doc__] == []


def ids(found: RawSQL) -> list:
    return list(Practice.objects.filter(pk__in=found).values_list("pk", flat=True))


def sources() -> list[Path]:
    return [
        path
        for top in sorted(settings.BASE_DIR.iterdir())
        if top.name not in NOT_OURS
        for path in ([top] if top.suffix == ".py" else sorted(top.rglob("*.py")) if top.is_dir() else [])
    ]


def names_the_alias(path: Path) -> bool:
    """True for a string "platform" in the code that is used as an alias: an argument, a keyword or a subscript."""
    for node in ast.walk(ast.parse(path.read_text())):
        used = []
        if isinstance(node, ast.Call):
            used = [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, ast.Subscript):
            used = [node.slice]
        if any(isinstance(one, ast.Constant) and one.value == "platform" for one in used):
            return True
    return False


def test_no_other_module_names_the_alias():
    found = {str(path.relative_to(settings.BASE_DIR)) for path in sources() if names_the_alias(path)}
    assert found - MAY_NAME_IT == set()


def test_no_module_takes_an_unscoped_manager():
    """`_raw`, `_base_manager` and plain managers would step around the door; the wall would answer with no rows."""
    found = {
        str(path.relative_to(settings.BASE_DIR))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"_base_manager", "_default_manager"}
    }
    assert found == set()


@pytest.mark.django_db(transaction=True)
def test_suspended_practices_are_left_out():
    kept = PracticeFactory()
    PracticeFactory(suspended_at=clock.now())
    assert platform.practice_ids() == [kept.pk]


@pytest.mark.django_db(transaction=True)
def test_practices_of_answers_for_one_person_without_a_practice_and_sees_the_callers_transaction():
    practice, user = PracticeFactory(), UserFactory()
    with use_practice(practice.pk):
        MembershipFactory(user=user)
        assert ids(platform.practices_of(user.pk)) == [practice.pk]
    with use_practice(PracticeFactory().pk):
        MembershipFactory()
    assert ids(platform.practices_of(user.pk)) == [practice.pk]
    assert ids(platform.practices_of(UserFactory().pk)) == []
