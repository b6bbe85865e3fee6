"""The words that patients read: locked, complete in Spanish, and easy."""

import re
from uuid import UUID

import pyphen
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.html import strip_tags
from django.utils.translation import gettext

from nps import wording
from nps.forms import CHOOSE_A_NUMBER
from nps.score import Bucket
from prm import ids

PAGES = sorted((settings.BASE_DIR / "templates" / "nps").glob("survey*.html"))
SAME_IN_BOTH = {"No", "Error:"}


def phrases(template):
    """The msgids of a template, block variables as %(name)s."""
    text = template.read_text()
    found = re.findall(r'{% translate "([^"]+)"', text)
    blocks = re.findall(r"{% blocktranslate.*?%}(.*?){% endblocktranslate %}", text, re.S)
    return [*found, *(re.sub(r"{{ (\w+) }}", r"%(\1)s", block) for block in blocks)]


def everything_said():
    said = {phrase for page in PAGES for phrase in phrases(page)}
    return said | {str(label) for label in wording.DRIVERS.values()} | {str(CHOOSE_A_NUMBER)}


def test_every_phrase_of_the_pages_has_a_spanish_twin():
    with translation.override("en"):
        said = everything_said()
    assert len(said) > 30
    with translation.override("es"):
        missing = {phrase for phrase in said - SAME_IN_BOTH if gettext(phrase) == phrase}
    assert missing == set()


def sentences(text):
    return [s for s in re.split(r"[.!?:]+\s*", text) if s.strip()]


def words(text):
    return re.findall(r"[^\W\d_]+", text)


def syllables_english(word):
    """Vowel groups, a silent e left out: within a few per cent of a dictionary on text as plain as ours."""
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = word.lower().endswith("e") and not word.lower().endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent)


def test_english_pages_read_at_grade_six_or_below():
    with translation.override("en"):
        for page in PAGES:
            text = ". ".join(phrases(page)).replace("%(practice)s", "us")
            w, s = words(text), sentences(text)
            grade = 0.39 * len(w) / len(s) + 11.8 * sum(map(syllables_english, w)) / len(w) - 15.59
            assert grade <= 6, (page.name, grade)
            assert max(len(words(x)) for x in s) <= 20, page.name


def test_spanish_pages_read_easily():
    hyphens = pyphen.Pyphen(lang="es")
    with translation.override("es"):
        for page in PAGES:
            text = ". ".join(gettext(phrase) for phrase in phrases(page)).replace("%(practice)s", "la clínica")
            w, s = words(text), sentences(text)
            syllables = sum(len(hyphens.positions(word)) + 1 for word in w)
            ease = 206.84 - 60 * syllables / len(w) - 1.02 * len(w) / len(s)
            assert ease >= 70, (page.name, ease)


def test_the_question_is_the_locked_one_in_both_languages():
    with translation.override("en"):
        assert wording.question("Harbor PT").startswith("On a scale of 0 to 10, with 10 being most likely")
    with translation.override("es"):
        assert wording.question("Harbor PT") == (
            "En una escala del 0 al 10, donde 10 es «muy probable» y 0 es «nada probable», "
            "¿qué tan probable es que recomiende Harbor PT a un amigo o familiar?"
        )


@pytest.mark.parametrize("bucket", Bucket)
def test_each_bucket_has_its_question_in_both_languages(bucket):
    said = set()
    for language in ("en", "es"):
        with translation.override(language):
            said.add(wording.follow_up(bucket))
    assert len(said) == 2


def test_reasons_are_shuffled_by_invitation_the_last_stays_last():
    orders = {tuple(name for name, _label in wording.drivers(ids.uuid7())) for _ in range(50)}
    assert len(orders) > 10
    assert {order[-1] for order in orders} == {"else"}
    assert {frozenset(order) for order in orders} == {frozenset(wording.DRIVERS)}
    same = UUID(int=7)
    assert wording.drivers(same) == wording.drivers(same)


def test_no_page_holds_untagged_text():
    for page in PAGES:
        text = re.sub(r"{% blocktranslate.*?endblocktranslate %}", "", page.read_text(), flags=re.S)
        left = strip_tags(re.sub(r"{[%{].*?[%}]}", "", text)).strip()
        assert words(left) == [], (page.name, left)
