"""The words of the portal's pages: easy in both languages, screen by screen (ui.md section 7)."""

import re

import pyphen
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext

from tests.nps.test_survey_words import sentences, syllables_english, words

FOLDERS = (settings.BASE_DIR / "templates" / "portal", settings.BASE_DIR / "templates" / "patients")
SCREENS = {
    "access": ["portal/access.html", "portal/_not_working.html"],
    "check": ["portal/check.html", "portal/_not_working.html"],
    "dead link": ["patients/portal_dead_link.html"],
    "door": ["portal/door.html", "portal/_clinic.html"],
    "help": ["portal/help.html", "portal/_privacy.html", "portal/page.html", "portal/_idle.html"],
    "home": ["portal/home.html", "portal/_clinic.html", "portal/_plan.html", "portal/page.html", "portal/_idle.html"],
    "locked": ["portal/locked.html"],
    "my data": ["portal/my_data.html", "portal/page.html", "portal/_idle.html"],
    "new link": ["portal/new_link.html"],
    "privacy": ["portal/privacy.html", "portal/_privacy.html"],
    "resting": ["patients/portal_resting.html"],
    "system": ["portal/system.html", "portal/_not_working.html"],
    "signed out": ["patients/portal_signed_out.html"],
}
FILLED = {
    "practice": "us",
    "clinic": "us",
    "therapist": "Ana",
    "day": "Monday",
    "moment": "Monday",
    "phone": "us",
    "time": "noon",
}


def said(name, language):
    """What a screen may say, in a language, one phrase after the other."""
    found = []
    for file in SCREENS[name]:
        text = (settings.BASE_DIR / "templates" / file).read_text()
        phrases = re.findall(r'{% translate "([^"]+)"', text)
        for block in re.findall(r"{% blocktranslate.*?%}(.*?){% endblocktranslate %}", text, re.S):
            phrases.append(re.sub(r"{{ (\w+) }}", r"%(\1)s", block))
        found += phrases
    with translation.override(language):
        shown = []
        for phrase in found:
            one, _plural, many = phrase.partition("{% plural %}")
            text = ngettext(one, many, 2) if many else gettext(phrase)
            shown.append(re.sub(r"%\((\w+)\)s", lambda at: FILLED.get(at[1], "2"), text))
    return ". ".join(shown)


def test_every_template_of_the_portal_belongs_to_a_screen():
    own = {f"{folder.name}/{path.name}" for folder in FOLDERS for path in folder.glob("*.html")}
    own = {name for name in own if name.startswith("portal/") or "/portal_" in name}
    assert own - {"portal/_number.html"} == {file for files in SCREENS.values() for file in files}


@pytest.mark.parametrize("name", SCREENS)
def test_english_reads_at_grade_six_or_below(name):
    text = said(name, "en")
    w, s = words(text), sentences(text)
    grade = 0.39 * len(w) / len(s) + 11.8 * sum(map(syllables_english, w)) / len(w) - 15.59
    assert grade <= 6, grade
    assert [sentence for sentence in s if len(words(sentence)) > 20] == []


@pytest.mark.parametrize("name", SCREENS)
def test_spanish_reads_easily(name):
    hyphens = pyphen.Pyphen(lang="es")
    text = said(name, "es")
    w, s = words(text), sentences(text)
    ease = 206.84 - 60 * sum(len(hyphens.positions(word)) + 1 for word in w) / len(w) - 1.02 * len(w) / len(s)
    assert ease >= 70, ease
    assert [sentence for sentence in s if len(words(sentence)) > 20] == []
