"""No check is switched off without a word why."""

import re

from prm.dev.lint import BASE, tracked

SWITCHED_OFF = re.compile(r"# *(?:no)qa\b.*")
# A code, or several, then the reason in brackets or after two dashes; a mark for bandit may stand between.
WITH_A_REASON = re.compile(r"# (?:no)qa: [A-Z]+\d+(, [A-Z]+\d+)*(  # nosec B\d+)? +(\(.*\w.*\)|-- .*\w.*)$")


def test_every_exception_from_a_check_names_its_code_and_its_reason():
    found = [
        (f"{name}:{number}", exception[0])
        for name in tracked("*.py")
        for number, line in enumerate((BASE / name).read_text().splitlines(), 1)
        if (exception := SWITCHED_OFF.search(line))
    ]
    assert len(found) > 20  # it looks
    assert [where for where, exception in found if not WITH_A_REASON.match(exception)] == []
