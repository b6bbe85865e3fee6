"""Forms as a browser finds them on a page: where each leads, and what it would send."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

FILLED = {
    "email": "new.person@example.com", "tel": "4155550188", "number": "2", "date": "2026-12-01", "time": "09:00",
    "url": "https://example.com/page", "password": "violet tractor sings 41", "color": "#195949",
}  # fmt: skip


@dataclass
class Form:
    """One `<form>`; `values` as a person would leave them who fills in what is asked for."""

    method: str
    action: str
    values: dict[str, Any] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.select = ""
        self.textarea = ""

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        given = dict(pairs)
        if tag == "form":
            self.forms.append(Form((given.get("method") or "get").lower(), given.get("action") or ""))
        if not self.forms:
            return
        values, name = self.forms[-1].values, given.get("name") or ""
        kind, value = given.get("type") or "text", given.get("value") or ""
        if tag == "option" and self.select and (self.select not in values or "selected" in given) and value:
            values[self.select] = value
        elif tag == "select":
            self.select = name
        elif tag == "textarea" and name:
            self.textarea = name
            values.setdefault(name, "Said on the phone")
        elif tag == "input" and name and kind == "radio":
            if name not in values or "checked" in given:
                values[name] = value
        elif tag == "input" and name and kind == "checkbox":
            if "checked" in given or "required" in given:
                values[name] = [*values.get(name, []), value or "on"]
        elif tag == "input" and name and kind not in {"file", "submit", "button"}:
            values[name] = value or (FILLED.get(kind, "Westside") if kind != "hidden" else "")
        elif tag == "button" and name and kind != "button":
            values.setdefault(name, value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = ""
        elif tag == "form":
            self.forms.append(Form("", ""))  # what follows belongs to no form


def posts_of(html: str, page: str) -> Iterator[Form]:
    """The forms of a page that post; a form without an action leads back to `page`."""
    reader = _Reader()
    reader.feed(html)
    for form in reader.forms:
        if form.method == "post":
            form.action = form.action or page
            form.values.pop("csrfmiddlewaretoken", None)
            yield form
