"""Pictures of every page: both widths, light and dark, the patient's pages in Spanish too. `make shots` takes them.

Look at them beside design/pages before an issue is closed (ui.md U13).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from accounts.models import Membership, Practice, User
from prm.dev import browser, pages, serving
from prm.tenancy import use_practice

SIZES = ((1440, 900), (390, 844))
THEMES = ("light", "dark")
LEFT_OUT = "left-out.txt"  # beside the pictures: what has none, and why
NO_PAGE = "no page to picture"  # a redirect, a file, an address that only takes posts


class NothingToShow(Exception):
    """There is no practice, or nobody through whose eyes to look; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at a page."""

    language: str
    size: tuple[int, int]
    theme: str

    def file_name(self, visit: pages.Visit) -> str:
        """The picture's name: nps-1440-dark.png, portal_survey-es-390-light.png."""
        spanish = "-es" if self.language == "es" else ""
        return f"{visit.name.replace(':', '_')}{spanish}-{self.size[0]}-{self.theme}.png"


def take(
    folder: Path, *, address: str = "", slug: str = "", only: frozenset[str] = frozenset(), say: Callable[[str], object]
) -> int:
    """Picture the pages of a practice into `folder`; returns how many pages did not answer.

    `address`: a running app, else a server of our own. `slug`: the practice, else the first by name. `only`: URL names,
    else all. `say` gets a line per problem and per page of which there is no example; all that has no
    picture is in LEFT_OUT with its reason. NothingToShow, RuntimeError where no browser is found.
    """
    practice, owner = _point_of_view(slug)
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    left_out = dict.fromkeys(pages.nothing_to_show(practice), f"{practice.slug} has no example of it")
    with serving.at(address) as at, browser.chromium() as chromium:
        for visit in pages.visits(practice):
            if only and visit.name not in only:
                continue
            if visit.fragment:
                left_out[visit.name] = "a part of another page"
                continue
            cookies = pages.cookies(visit.side, owner, at)
            for look in _looks(visit):
                problem = _picture(chromium, visit, look, at, cookies, folder)
                if problem.startswith(NO_PAGE):
                    left_out[visit.name] = problem
                    break
                if problem:
                    say(f"{visit.name}: {visit.path} {problem}")
                    failed += 1
                    break
    lines = [f"{name}: {why}" for name, why in sorted(left_out.items()) if not only or name in only]
    (folder / LEFT_OUT).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for line in lines:
        if NO_PAGE not in line and "part of" not in line:
            say(f"left out, {line}")
    return failed


def _point_of_view(slug: str) -> tuple[Practice, User]:
    practices = Practice.objects.order_by("name")
    practice = practices.filter(slug=slug).first() if slug else practices.first()
    if practice is None:
        raise NothingToShow(f"no practice {slug or 'at all'}: `make run` loads the demo practices")
    with use_practice(practice.pk):
        owners = Membership.objects.filter(role=Membership.Role.OWNER, ended_at=None).select_related("user")
        owner = owners.order_by("pk").first()
    if owner is None:
        raise NothingToShow(f"{practice.slug} has no owner to look through the eyes of")
    return practice, owner.user


def _looks(visit: pages.Visit) -> list[Look]:
    languages = ("en", "es") if visit.side in pages.FOR_PATIENTS else ("en",)
    return [Look(language, size, theme) for language in languages for size in SIZES for theme in THEMES]


def _picture(
    chromium: Browser, visit: pages.Visit, look: Look, address: str, cookies: list[dict[str, str]], folder: Path
) -> str:
    """Take one picture, the whole length of the page; what went wrong, or nothing."""
    width, height = look.size
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=look.theme, reduced_motion="reduce"
    )
    try:
        context.add_cookies(cookies)
        page = context.new_page()
        path = visit.path + (("&" if "?" in visit.path else "?") + "lang=es" if look.language == "es" else "")
        answer = page.request.get(address + path, max_redirects=0)
        if answer.status >= 400 and answer.status != 405:
            return f"answers {answer.status}"
        if answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/html"):
            return (
                f"{NO_PAGE}: answers {answer.status} {answer.headers.get('content-type', '').partition(';')[0]}".strip()
            )
        page.goto(address + path, wait_until="networkidle")
        page.evaluate("document.fonts.ready")
        page.screenshot(path=folder / look.file_name(visit), full_page=True)
        return ""
    finally:
        context.close()
