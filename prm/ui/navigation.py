"""The staff's side bar: apps register entries, the page shows those that its reader may open (ui.md section 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count as Counted
from django.db.models import Func, JSONField, QuerySet, Value
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from prm.ui.keyboard import GO

DAILY, ENGAGE, UNDERSTAND, FOOT = "daily", "engage", "understand", "foot"
GROUPS = (DAILY, ENGAGE, UNDERSTAND, FOOT)
ORDER = (
    "today",
    "inbox",
    "patients",
    "campaigns",
    "feedback",
    "exercises",
    "rtm",
    "reports",
    "outbox",
    "feeds",
    "settings",
    "help",
)

Count = Callable[[HttpRequest], "QuerySet[Any] | int"]  # rows to count, or a figure that is known
PermissionCheck = Callable[[Any, str], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the bar; `key` is its place in ORDER."""

    key: str
    label: str
    icon: str
    url_name: str
    permission: str
    group: str
    count: Count | None = None
    urgent: bool = False  # whether its count is shown as a warning


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one reader's page shows it."""

    key: str
    label: str
    icon: str
    url: str
    current: bool
    count: int
    urgent: bool
    go: str = ""  # the letter that follows `g` on the keyboard


_entries: dict[str, Entry] = {}
_checks: list[PermissionCheck] = []


def register(
    key: str,
    label: str,
    *,
    icon: str,
    url_name: str,
    permission: str,
    group: str = DAILY,
    count: Count | None = None,
    urgent: bool = False,
) -> None:
    """Add an entry (from AppConfig.ready). `url_name` takes the practice's slug as its only argument.

    The entry is current on its own page and on all pages below it. `count` gives the rows to count for the figure
    beside the label; those of all entries are counted in one statement.
    ValueError for a key outside ORDER or a group outside GROUPS.
    """
    if key not in ORDER or group not in GROUPS:
        raise ValueError(f"navigation entry {key!r} in {group!r}: expected a key of {ORDER} and a group of {GROUPS}")
    _entries[key] = Entry(key, label, icon, url_name, permission, group, count, urgent)


def label_of(url_name: str) -> str:
    """What a page of the bar is called; empty where `url_name` is none."""
    return next((entry.label for entry in _entries.values() if entry.url_name == url_name), "")


def check_permissions_with(check: PermissionCheck) -> None:
    """Say how a permission is decided: `check(membership, permission)`. Called once by accounts."""
    _checks[:] = [check]


def entries_for(request: HttpRequest) -> dict[str, list[Link]]:
    """The links of each group that the reader may open and whose page exists; none without a membership."""
    practice, membership = getattr(request, "practice", None), getattr(request, "membership", None)
    if practice is None or membership is None:
        return {}
    links: dict[str, list[Link]] = {}
    counted = figures(request)
    for entry in _in_order(membership):
        if link := _link(entry, request.path, practice.slug, counted.get(entry.key, 0)):
            links.setdefault(entry.group, []).append(link)
    return links


def pages_for(request: HttpRequest) -> list[Link]:
    """The same links in one row without their figures, which cost a statement."""
    practice, membership = getattr(request, "practice", None), getattr(request, "membership", None)
    if practice is None or membership is None:
        return []
    links = (_link(entry, request.path, practice.slug, 0) for entry in _in_order(membership))
    return [link for link in links if link]


def _in_order(membership: Any) -> list[Entry]:
    return sorted(_allowed(membership), key=lambda entry: ORDER.index(entry.key))


def _link(entry: Entry, path: str, slug: str, count: int) -> Link | None:
    try:
        url = reverse(entry.url_name, args=[slug])
    except NoReverseMatch:
        return None  # the page is not built yet: its entry is absent
    current, go = _is_current(path, url, slug), GO.get(entry.key, "")
    return Link(entry.key, entry.label, entry.icon, url, current, count, entry.urgent, go)


def figures(request: HttpRequest, **further: "QuerySet[Any]") -> dict[str, Any]:
    """The figures beside the entries that the reader may open, by key, and the values of `further`, in one statement.

    Each of `further` yields one row with one JSON value, such as `figure(rows)`: a page that counts anyway has its own
    counts asked together with the side bar's, before that is drawn. The answers stand for the rest of the request.
    """
    known: dict[str, Any] = request.__dict__.setdefault("_figures", {})
    wanted = dict(further)
    for entry in _allowed(getattr(request, "membership", None)):
        if entry.count and entry.key not in known:
            count = entry.count(request)
            if isinstance(count, int):
                known[entry.key] = count
            else:
                wanted[entry.key] = figure(count)
    asked = [rows.annotate(asked=Value(key)).values_list("asked", "figure") for key, rows in wanted.items()]
    if asked:
        known.update(asked[0].union(*asked[1:], all=True) if asked[1:] else asked[0])
    return known


def figure(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """How many rows there are, as a part of the statement that `figures` makes."""
    return summary(rows, Func(Counted("pk"), function="to_jsonb", output_field=JSONField()))


def summary(rows: "QuerySet[Any]", aggregate: Any) -> "QuerySet[Any]":
    """One JSON aggregate over the rows, as a part of the statement that `figures` makes."""
    return rows.order_by().annotate(all_rows=Value(1)).values("all_rows").annotate(figure=aggregate)


def _allowed(membership: Any) -> list[Entry]:
    if membership is None:
        return []
    return [entry for entry in _entries.values() if allowed(membership, entry.permission)]


def allowed(membership: Any, permission: str) -> bool:
    """True where the member's role holds the permission, as accounts decides it."""
    return all(check(membership, permission) for check in _checks)


def _is_current(path: str, url: str, slug: str) -> bool:
    home = f"/{slug}/"
    return path == url if url == home else path.startswith(url)
