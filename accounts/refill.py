"""Puts what was typed into the form of a finished page: text, choices and ticks; nothing else of the page changes."""

import re
from html import escape
from html.parser import HTMLParser
from typing import Any

from django.template.loader import render_to_string

TEXT = frozenset({
    "text", "search", "email", "tel", "url", "number", "date", "time", "datetime-local", "month", "week", "color",
})  # fmt: skip
HIDDEN = frozenset({"version"})  # what the person had seen: a newer row is then told as ever (ui.md section 6)
MAIN = re.compile(r"<main\b[^>]*>")

Attributes = list[tuple[str, str | None]]


def fill(page: str, path: str, action: str, typed: dict[str, list[str]]) -> str:
    """The page with `typed` in its form that posts to `action`, and a notice above it.

    `path` is the page's own, where a form without an action goes. Without such a form the notice shows the texts, to be
    copied.
    """
    reader = _Form(path, action, typed)
    reader.feed(page)
    reader.close()
    if not reader.found:
        texts = [value for values in typed.values() for value in values if " " in value.strip()]
        main = MAIN.search(page)
        return _insert(page, [(main.end() if main else 0, 0, _notice(texts))])
    return _insert(page, reader.edits)


def _insert(page: str, edits: list[tuple[int, int, str]]) -> str:
    for start, length, text in sorted(edits, reverse=True):
        page = page[:start] + text + page[start + length :]
    return page


def _notice(texts: list[str] | None = None) -> str:
    return render_to_string("accounts/_kept.html", {"texts": texts or []})


class _Form(HTMLParser):
    """Collects the changes (start, length, new text) of one form."""

    def __init__(self, path: str, action: str, typed: dict[str, list[str]]) -> None:
        super().__init__(convert_charrefs=True)
        self.path, self.action, self.typed = path, action, typed
        self.edits: list[tuple[int, int, str]] = []
        self.found = self.inside = False
        self.select = ""
        self.area: tuple[str, int] | None = None
        self.lines = [0]

    def feed(self, data: str) -> None:
        """The whole page, at once."""
        for line in data.splitlines(keepends=True) if "\r" not in data else re.findall(r"[^\n]*\n|[^\n]+", data):
            self.lines.append(self.lines[-1] + len(line))
        super().feed(data)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """A form begins, or a field of ours."""
        told: dict[str, Any] = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.found:
            goes_to = told.get("action") or told.get("hx-post") or self.path
            if told.get("method", "get").lower() == "post" and goes_to.partition("?")[0] == self.action:
                self.found = self.inside = True
                self.edits.append((self._end(), 0, _notice()))
        elif self.inside and tag == "input":
            self._input(told)
        elif self.inside and tag == "select":
            self.select = told.get("name", "")
        elif self.inside and tag == "option" and self.select in self.typed:
            self._set("selected", on=told.get("value", "") in self.typed[self.select])
        elif self.inside and tag == "textarea" and told.get("name") in self.typed:
            self.area = (told["name"], self._end())

    def handle_endtag(self, tag: str) -> None:
        """A field ends, or the form."""
        if tag == "textarea" and self.area:
            name, start = self.area
            self.edits.append((start, self._here() - start, "\n" + escape("\n".join(self.typed[name]))))
            self.area = None
        elif tag == "select":
            self.select = ""
        elif tag == "form":
            self.inside = False

    def _input(self, told: dict[str, Any]) -> None:
        kind, name = told.get("type", "text").lower(), told.get("name", "")
        if kind in {"checkbox", "radio"} and name:
            self._set("checked", on=(told.get("value") or "on") in self.typed.get(name, []))
        elif (kind in TEXT or (kind == "hidden" and name in HIDDEN)) and name in self.typed:
            tag = re.sub(r"""\svalue=("[^"]*"|'[^']*'|[^\s>]*)""", "", self._tag(), count=1)
            self._replace(re.sub(r"^<input", lambda _: f'<input value="{escape(self.typed[name][0])}"', tag))

    def _set(self, attribute: str, *, on: bool) -> None:
        tag = re.sub(rf"\s{attribute}(=(\"[^\"]*\"|'[^']*'|[^\s>]*))?(?=[\s>/])", "", self._tag(), count=1)
        self._replace(re.sub(r"^<(\w+)", rf"<\1 {attribute}", tag) if on else tag)

    def _replace(self, text: str) -> None:
        self.edits.append((self._here(), len(self._tag()), text))

    def _tag(self) -> str:
        return self.get_starttag_text() or ""

    def _here(self) -> int:
        line, column = self.getpos()
        return self.lines[line - 1] + column

    def _end(self) -> int:
        return self._here() + len(self._tag())
