"""Versions of templates: compiled once, read at every send, never changed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from messaging.compose import fields, liquid, mail
from messaging.models import Klass, MessagePurpose, Template, TemplateVersion
from patients.models import Channel

EDITION = 2  # raise it where the generator's output changes: built-in templates are then compiled anew


class MissingLanguage(ValueError):
    """The practice uses a language in which the template says nothing; the text names it."""


def compile_content(content: Mapping[str, Any], channel: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    """What sending reads, by language, and the merge fields used.

    For e-mail `subject preheader html text`, for a text or push `text`. BrokenBlock, BrokenWording, UnknownField,
    TooLarge tell what is wrong and where.
    """
    compiled: dict[str, dict[str, str]] = {}
    used: set[str] = set()
    for language, wording in content["lang"].items():
        if channel == Channel.EMAIL:
            compiled[language] = {
                "subject": wording["subject"],
                "preheader": wording.get("preheader", ""),
                "html": mail.compile_html(wording, language),
                "text": mail.compile_plain(wording, language),
            }
        else:
            compiled[language] = {"text": wording["text"]}
        for part, text in compiled[language].items():
            names = liquid.fields_of(text)
            fields.check_used(names, where=f"{part} ({language})", body=part in ("html", "text"))
            used |= names
    return compiled, sorted(used)


def publish(
    key: str,
    *,
    name: str,
    content: Mapping[str, Any],
    topic: str,
    channel: str = Channel.EMAIL,
    klass: str = Klass.CARE,
    purpose: str = MessagePurpose.TREATMENT,
    languages: list[str] | None = None,
) -> TemplateVersion:
    """The version of template `key` that says `content`, made where its newest one says something else.

    `languages`: those that the practice uses; MissingLanguage where the content lacks one. Idempotent; raises as
    `compile_content`.
    """
    for language in languages or []:
        if language not in content["lang"]:
            raise MissingLanguage(f"template {key!r} says nothing in {language!r}, which the practice uses")
    template, _made = Template.objects.get_or_create(
        key=key, defaults={"name": name, "channel": channel, "topic": topic, "klass": klass, "purpose": purpose}
    )
    digest = hashlib.sha256(json.dumps([EDITION, content], sort_keys=True).encode()).hexdigest()
    newest = template.versions.order_by("-number").first()
    if newest is not None and newest.content_hash == digest:
        return newest
    compiled, used = compile_content(content, template.channel)
    number = newest.number + 1 if newest else 1
    try:
        with transaction.atomic():
            return TemplateVersion.objects.create(
                template=template, number=number, content=content, compiled=compiled, fields=used, content_hash=digest
            )
    except IntegrityError:  # a colleague published the same number first
        return TemplateVersion.objects.get(template=template, number=number)


def newest(key: str) -> TemplateVersion | None:
    """The newest version of a template in the current practice; None where it has none."""
    return TemplateVersion.objects.filter(template__key=key, template__archived_at=None).order_by("-number").first()
