"""The pages of Settings: apps register them, the index and the list beside each page show what its reader may open."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise

from prm.ui import navigation

PRACTICE, PEOPLE, PATIENTS, DATA, MINE = "practice", "people", "patients", "data", "mine"
GROUPS = {
    PRACTICE: "Practice",
    PEOPLE: "People",
    PATIENTS: "Reaching patients",
    DATA: "Data and access",
    MINE: "Mine",
}


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """One page of Settings; `line` says in a few words what is decided there."""

    key: str
    label: str | Promise
    line: str | Promise
    icon: str
    url_name: str
    permission: str
    group: str
    order: int


@dataclass(frozen=True, slots=True)
class Link:
    """A settings page as one reader sees it."""

    label: str | Promise
    line: str | Promise
    icon: str
    url: str
    current: bool


_pages: dict[str, SettingsPage] = {}


def register(
    key: str, label: str | Promise, *, line: str | Promise, icon: str, url_name: str, permission: str, group: str,
    order: int = 50,
) -> None:  # fmt: skip
    """Add a page (from AppConfig.ready). `url_name` takes the practice's slug as its only argument; `order` within the
    group, lowest first. ValueError for a group outside GROUPS.
    """
    if group not in GROUPS:
        raise ValueError(f"settings page {key!r} in {group!r}: expected one of {tuple(GROUPS)}")
    _pages[key] = SettingsPage(key, label, line, icon, url_name, permission, group, order)


def pages_for(request: HttpRequest) -> dict[str, list[Link]]:
    """Group heading to the links that the reader may open, in order; empty groups are left out."""
    practice, membership = getattr(request, "practice", None), getattr(request, "membership", None)
    if practice is None or membership is None:
        return {}
    groups: dict[str, list[Link]] = {}
    shown = _page_at(request.path, practice.slug)
    for page in sorted(_pages.values(), key=lambda page: (list(GROUPS).index(page.group), page.order, page.key)):
        if navigation.allowed(membership, page.permission):
            url = reverse(page.url_name, args=[practice.slug])
            link = Link(page.label, page.line, page.icon, url, page is shown)
            groups.setdefault(GROUPS[page.group], []).append(link)
    return groups


def label_of(url_name: str) -> str:
    """What a page of Settings is called; empty where `url_name` is none."""
    return next((str(page.label) for page in _pages.values() if page.url_name == url_name), "")


def _page_at(path: str, slug: str) -> SettingsPage | None:
    """The page that `path` is, or lies below: the nearest one where pages lie below each other."""
    above = [page for page in _pages.values() if path.startswith(reverse(page.url_name, args=[slug]))]
    return max(above, key=lambda page: len(reverse(page.url_name, args=[slug])), default=None)
