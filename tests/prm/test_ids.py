"""Row ids are version 7 and rise; public ids are ten characters of their alphabet."""

import re
import time

from prm import ids


def test_ids_are_version_7_rise_and_carry_the_time():
    before = time.time_ns() // 1_000_000
    made = [ids.uuid7() for _ in range(5000)]
    after = time.time_ns() // 1_000_000 + 2
    assert {made_id.version for made_id in made} == {7}
    assert made == sorted(set(made))
    assert all(before <= made_id.int >> 80 <= after for made_id in made)


def test_public_ids_match_their_alphabet_and_differ():
    made = {ids.public_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[a-z2-7]{10}", public) for public in made)
