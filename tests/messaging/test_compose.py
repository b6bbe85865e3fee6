"""What messages say: allowed fields, blocks, the built-in wordings, versions."""

import copy
import json
import re

import pytest

from messaging.compose import blocks, fields, library, liquid, mail, rendering, versions
from messaging.compose.fields import UnknownField
from messaging.compose.rendering import Rendered
from messaging.models import TemplateVersion
from messaging.outbox.queue import enqueue
from tests.messaging.conftest import NOON, consenting

LINK = "https://prm.example/portal/abcdefghij/token"


def survey_content():
    return json.loads((library.WORDINGS / "survey.json").read_text())


def queued(practice, patient, key=library.SURVEY, context=None, **changes):
    version = library.version(practice, key)
    return enqueue(
        practice, now=NOON, patient=patient, channel="email", purpose="treatment", topic="surveys", klass="care",
        template_version=version, dedupe_key=f"{key}-{patient.pk}",
        context=context or {"links.survey": LINK}, **changes,
    )  # fmt: skip


def rendered(practice, message):
    done, failed = rendering.render_all(practice, [message])
    assert failed == {}
    body = done[message.pk]
    return Rendered(**{part: body.read(part) for part in ("subject", "html", "text")})


def test_the_survey_has_eleven_links_of_one_look_and_the_address_of_the_practice(practice):
    body = rendered(practice, queued(practice, consenting(first_name="Ruth")))

    cells = re.findall(r'<a class="n" href="([^"]+)" style="([^"]+)"', body.html)
    assert [href for href, _style in cells] == [f"{LINK}?s={score}" for score in range(11)]
    assert len({style for _href, style in cells}) == 1
    assert practice.postal_address in body.html
    assert "Hello Ruth," in body.html
    assert "12 Quay Street" in body.text
    assert "(415) 555-0100" in body.text


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("key", [library.SURVEY, library.REVIEW_REQUEST])
def test_built_in_mails_are_small_load_nothing_and_know_the_dark(practice, key, language):
    context = {"links.survey": LINK, "links.review": "https://prm.example/r/x", "review.site": "Google"}
    body = rendered(practice, queued(practice, consenting(), key, context, language=language))

    assert len(body.html.encode()) < 60_000
    assert set(re.findall(r'(?:src|url\()\s*=?\s*["\']?(https?://[^"\')]+)', body.html)) == set()
    assert "fonts.googleapis" not in body.html
    assert "prefers-color-scheme: dark" in body.html
    assert f'lang="{language}"' in body.html
    assert "{{" not in body.html + body.text + body.subject


def test_spanish_is_spanish(practice):
    body = rendered(practice, queued(practice, consenting(first_name="Luz"), language="es"))

    assert body.subject == f"Una pregunta de {practice.name}"
    assert "Hola Luz:" in body.text
    assert f"In English: {LINK}?lang=en" in body.text


def test_the_second_review_button_is_there_only_for_a_second_site(practice):
    one = {"links.review": "https://prm.example/r/x", "review.site": "Google"}
    two = one | {"links.review_second": "https://prm.example/r/y", "review.site_second": "Facebook"}

    shown = [
        re.findall(r"Write a review on (\w+)", rendered(practice, queued(practice, consenting(), key, context)).html)
        for key, context in ((library.REVIEW_REQUEST, one), (library.REVIEW_REQUEST, two))
    ]
    assert shown == [["Google"], ["Google", "Facebook"]]


def test_values_are_escaped_in_html_and_a_subject_stays_one_line(practice):
    practice.name = "Tom & <b>Co</b>\nBcc: x@example.com"
    practice.save()
    body = rendered(practice, queued(practice, consenting(first_name="<script>")))

    assert "<script>" not in body.html
    assert "Tom &amp; &lt;b&gt;Co&lt;/b&gt;" in body.html
    assert body.subject == "One question from Tom & <b>Co</b> Bcc: x@example.com"


def test_a_missing_value_without_default_holds_the_message_by_name(practice):
    message = queued(practice, consenting(), context={"clinic.name": "Harbor"})

    done, failed = rendering.render_all(practice, [message])

    assert done == {}
    assert failed[message.pk].reason == "missing_field:links.survey"


@pytest.mark.parametrize(
    "broken",
    [
        "{{ patient.diagnosis }}", "{{ practice.brand_colour }}", "{% for x in practice %}{% endfor %}",
        "{% include 'x' %}", "{{ practice.name | append: 'x' }}", "{{ practice.name",
    ],
)  # fmt: skip
def test_a_wording_outside_what_is_allowed_is_refused(practice, broken):
    content = survey_content()
    content["lang"]["en"]["blocks"][0]["text"] = broken

    with pytest.raises((UnknownField, liquid.BrokenWording)):
        versions.publish("own", name="Own", content=content, topic="surveys")
    assert TemplateVersion.objects.count() == 0


@pytest.mark.parametrize("field", sorted(fields.BODY_ONLY))
def test_a_subject_takes_no_link_and_no_visit_count(practice, field):
    content = survey_content()
    content["lang"]["en"]["subject"] = f"Hello {{{{ {field} }}}}"

    with pytest.raises(UnknownField, match=re.escape(field)):
        versions.publish("own", name="Own", content=content, topic="surveys")


def test_a_language_that_the_practice_uses_must_be_there(practice):
    content = survey_content()
    del content["lang"]["es"]

    with pytest.raises(versions.MissingLanguage, match="'es'"):
        versions.publish("own", name="Own", content=content, topic="surveys", languages=["en", "es"])


def test_the_same_wording_is_one_version_and_an_edit_makes_the_next(practice):
    first = versions.publish("own", name="Own", content=survey_content(), topic="surveys")
    same = versions.publish("own", name="Own", content=survey_content(), topic="surveys")
    edited = copy.deepcopy(survey_content())
    edited["lang"]["en"]["blocks"][0]["text"] = "Dear you,"
    second = versions.publish("own", name="Own", content=edited, topic="surveys")

    assert [first.number, same.number, second.number] == [1, 1, 2]
    assert (versions.newest("own"), TemplateVersion.objects.count()) == (second, 2)


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ({"type": "video"}, "video"),
        ({"type": "button", "label": "Go"}, "link is missing"),
        ({"type": "link", "label": "Go", "link": "https://evil.example"}, "evil.example"),
    ],
)
def test_a_broken_block_is_named(block, named):
    with pytest.raises(blocks.BrokenBlock, match=named):
        blocks.check(block)


def test_text_blocks_lose_what_mails_must_not_carry():
    text = '<p onclick="x()">Hi<script>1</script><img src=x></p>'
    wording = {"subject": "x", "blocks": [{"type": "text", "text": text}]}

    html = mail.compile_html(wording, "en")

    assert "onclick" not in html
    assert "<script" not in html
    assert "src=x" not in html.replace('"', "")
