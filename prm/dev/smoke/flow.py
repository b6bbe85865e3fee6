"""The flow, step by step, as its users do it: a browser on the desk, a browser on a phone."""

import base64
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from django_otp.oath import totp
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from prm.dev.smoke import messages
from prm.dev.smoke.system import ROOT, Checks, manage

SHOTS = ROOT / "shots" / "smoke"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]
SAMPLE = Path("hl7v2") / "fhir-converter" / "ADT-A03-01.hl7"
SCORES = (3, 10, 9, 10, 8, 10, 9, 10, 6, 10, 10)  # P 8, S 1, D 2 of 11; with the sample's patient's 10: 9, 1, 2 of 12
BAD = b"MSH|^~\\&|SMOKE|CLINIC|PRM|PRM|20260101||ADT^A03|BAD1|P|2.5.1\rEVN|A03|20260101\r"


class Desk:
    """The desk's browser and the pictures it takes."""

    def __init__(self, browser: Browser, site: str, checks: Checks) -> None:
        self.site, self.checks, self.step = site, checks, 0
        self.browser = browser
        self.page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        self.watch(self.page)

    def watch(self, page: Page) -> None:
        """A console error or a page error is a failed check."""
        page.on("pageerror", lambda error: self.checks.that(f"no script error ({error})", held=False))
        page.on("console", self._console)

    def _console(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.checks.that(f"console: {line.text}", held=False)

    def picture(self, name: str, page: Page | None = None) -> None:
        """Save what is seen."""
        self.step += 1
        (page or self.page).screenshot(path=SHOTS / f"{self.step:02d}-{name}.png", full_page=True)

    def until(self, words: str, holds: Callable[[], bool], seconds: int = 90) -> None:
        """Wait for something that the workers do; a check that fails after `seconds`."""
        end = time.monotonic() + seconds
        while not (held := holds()) and time.monotonic() < end:
            self.page.wait_for_timeout(500)
        self.checks.that(words, held)


def play(site: str, shared: Path, checks: Checks) -> str:
    """Steps 1 to 7 of the walking skeleton; returns the slug of the practice that they were played in."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for old in SHOTS.glob("*.png"):
        old.unlink()
    slug = f"smoke-{datetime.now(UTC):%m%d%H%M%S}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        desk = Desk(browser, site, checks)
        sign_in(desk, slug)
        emails = take_in(desk, slug, shared)
        turn_on_rule(desk, slug)
        links = mailbox(desk, emails)
        add_review_site(desk, slug)
        answer(desk, links, emails)
        recover(desk, slug)
        report(desk, slug)
        walls(desk, slug)
        browser.close()
    return slug


def sign_in(desk: Desk, slug: str) -> None:
    """1. A practice and its owner from a shell; the owner signs in with password and code."""
    (made,) = manage(
        "create_practice", "--slug", slug, "--name", "Smoke Test PT", "--zone", "America/New_York", "--owner",
        f"owner@{slug}.example",
    )  # fmt: skip
    manage("consent_policy", "--practice", slug, "--channel", "email", "--rule", "on_arrival")
    key = parse_qs(urlparse(made["owner"]["otpauth"]).query)["secret"][0]
    page = desk.page
    page.goto(f"{desk.site}/signin/")
    page.get_by_label("Work e-mail").fill(made["owner"]["email"])
    page.get_by_label("Password", exact=True).fill(made["owner"]["password"])
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/signin/verify/**")
    desk.picture("second-factor")
    page.locator("[autocomplete=one-time-code]").fill(f"{totp(_bytes(key)):06d}")
    page.wait_for_url(f"**/{slug}/**")
    desk.picture("today")
    desk.checks.equal("1 the owner is on the home page of the practice", page.url, f"{desk.site}/{slug}/")


def _bytes(key: str) -> bytes:
    return base64.b32decode(key + "=" * (-len(key) % 8))


def take_in(desk: Desk, slug: str, shared: Path) -> list[str]:
    """2. A real A03 by command, our own by upload, twice; a broken one. Returns the patients' addresses."""
    live = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    manage(
        "feed", "add", "--practice", slug, "--name", "emr", "--kind", "hl7v2", "--set", "visit_classes=P", "--set",
        "a03_means=episode", "--live-at", live,
    )  # fmt: skip
    ended = datetime.now(UTC) - timedelta(days=2)
    emails, folder = [], SHOTS
    sample = shared / SAMPLE
    if sample.exists():
        emails.append(f"sample@{slug}.example.com")
        (folder / "sample.hl7").write_bytes(messages.from_sample(sample, emails[0]))
        (outcome,) = manage("ingest", str(folder / "sample.hl7"), "--practice", slug, "--feed", "emr", "--rebase", "2d")
        desk.checks.equal("2 the real A03 of the samples is applied", outcome["outcome"], "applied")
    names = ["Ruth", "Marta", "Inés", "Walter", "Gia", "Ade", "Noor", "Hugh", "Carol", "Sam", "Ana", "Leo"]
    wanted = len(SCORES) + 1 - len(emails)
    own = []
    for number in range(wanted):
        emails.append(f"patient{number}@{slug}.example.com")
        own.append(
            messages.own(
                number, first=names[number % len(names)], last=f"Smoke{number}", email=emails[-1],
                opened=ended - timedelta(days=30), ended=ended + timedelta(minutes=number),
                language="es" if number == 2 else "en",
            )
        )  # fmt: skip
    (folder / "own.hl7").write_bytes(b"".join(own))
    (folder / "broken.hl7").write_bytes(BAD)
    for name, label, count in (
        ("own", "Applied", wanted),
        ("own", "Seen before", wanted),
        ("broken", "Need a look", 1),
    ):
        _upload(desk, slug, folder / f"{name}.hl7")
        desk.picture(f"upload-{name}-{label.lower().replace(' ', '-')}")
        words = " ".join(desk.page.inner_text("main").split())
        desk.checks.that(f"2 uploading {name}.hl7: {label} {count}", f"{label} {count}" in words)
    _dead_letter(desk, slug)
    return emails


def _upload(desk: Desk, slug: str, path: Path) -> None:
    page = desk.page
    page.goto(f"{desk.site}/{slug}/settings/feeds/")
    page.get_by_role("link", name="emr", exact=True).first.click()
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="Take it in").click()
    page.wait_for_load_state("networkidle")


def _dead_letter(desk: Desk, slug: str) -> None:
    page = desk.page
    page.goto(f"{desk.site}/{slug}/settings/feeds/")
    page.get_by_role("link", name="emr", exact=True).first.click()
    page.get_by_role("link", name=re.compile("dead letter")).click()
    desk.picture("dead-letters")
    words = page.inner_text("main")
    desk.checks.that("2 the broken message is a dead letter that names PID", "PID" in words)
    desk.checks.that("2 it can be replayed", page.get_by_role("button", name=re.compile("Replay")).count() > 0)


def turn_on_rule(desk: Desk, slug: str) -> None:
    """3. “1 day after discharge, send the survey by e-mail”, made and turned on; it reaches back a week."""
    page = desk.page
    page.goto(f"{desk.site}/{slug}/campaigns/new/")
    page.locator("[name=name]").fill("After discharge")
    page.locator("[name=n]").fill("1")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_load_state("networkidle")
    desk.picture("rule-draft")
    page.locator("[name=backlog_days]").first.wait_for()
    _choose_backlog(page, "7")
    page.get_by_role("button", name="Turn rule on").click()
    page.wait_for_load_state("networkidle")
    desk.picture("rule-on")
    desk.checks.that("3 the rule is on", "Active" in page.inner_text("main") or "On" in page.inner_text("main"))


def _choose_backlog(page: Page, days: str) -> None:
    field = page.locator("[name=backlog_days]")
    if field.first.evaluate("e => e.tagName") == "SELECT":
        field.select_option(days)
    else:
        page.locator(f"[name=backlog_days][value='{days}']").check()


def mailbox(desk: Desk, emails: list[str]) -> dict[str, str]:
    """4. Each patient's mail arrives once; returns the survey link of each."""
    page = desk.page
    for email in emails:
        desk.until(f"4 {email} has mail", lambda email=email: _mails(desk, email) > 0, seconds=150)
    desk.picture("mailbox")
    links = {}
    for email in emails:
        desk.checks.equal(f"4 {email} was written to once", _mails(desk, email), 1)
        page.get_by_role("listitem").filter(has_text=email).get_by_role("link").first.click()
        page.wait_for_load_state("networkidle")
        if email == emails[0]:
            desk.picture("mail")
        frame = next((frame for frame in page.frames if frame != page.main_frame), page.main_frame)
        href = frame.locator("a[href*='/portal/']").first.get_attribute("href") or ""
        links[email] = href.partition("?")[0]
    return links


def _mails(desk: Desk, email: str) -> int:
    desk.page.goto(f"{desk.site}/dev/mail/?to={email}")
    return desk.page.get_by_role("listitem").filter(has_text=email).count()


def add_review_site(desk: Desk, slug: str) -> None:
    """Where the practice's patients may write a review."""
    page = desk.page
    page.goto(f"{desk.site}/{slug}/nps/reviews/")
    page.locator("[name=clinic]").select_option(label="Smoke Clinic")
    page.locator("[name=kind]").select_option("google")
    page.locator("[name=url]").fill("https://g.page/r/SmokeTestClinic1234/review")
    page.get_by_role("button", name="Add").first.click()
    page.wait_for_load_state("networkidle")
    desk.picture("reviews")


def answer(desk: Desk, links: dict[str, str], emails: list[str]) -> None:
    """5. Each patient answers on a phone; opening the link changes nothing; the third reads Spanish."""
    scores = dict(zip(emails, (10, *SCORES) if len(emails) > len(SCORES) else SCORES, strict=True))
    phone = desk.browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2).new_page()
    desk.watch(phone)
    for number, (email, score) in enumerate(scores.items()):
        phone.goto(f"{links[email]}?s={score}" + ("&lang=es" if number == 3 else "&lang=en"))
        if number in {1, 3}:
            desk.picture(f"survey-{'es' if number == 3 else 'en'}", phone)
        desk.checks.that(f"5 {score} is chosen, not sent", phone.locator(f"[name=score][value='{score}']").is_checked())
        if score == 3:
            phone.locator("textarea").first.fill("Waited 40 minutes twice and nobody said sorry.")
        phone.locator("button.primary").first.click()
        phone.wait_for_url("**sent=1**")
        if number in {1, 2, 3}:
            desk.picture(f"thanks-{score}", phone)
    phone.context.close()


def recover(desk: Desk, slug: str) -> None:
    """6. The detractor's case is in the inbox; the owner takes it, logs the contact, resolves it."""
    page = desk.page
    page.goto(f"{desk.site}/{slug}/inbox/?view=open")
    page.get_by_text("Waited 40 minutes twice").first.click()
    page.wait_for_load_state("networkidle")
    desk.picture("inbox-case")
    if page.get_by_role("button", name="Take it").count():
        page.get_by_role("button", name="Take it").click()
        page.get_by_text("It is yours now").wait_for()
    page.locator("#contact summary").click()
    page.locator("#contact [name=result][value=reached]").check()
    page.locator("#contact [name=note]").fill("Apologised, explained the new check-in.")
    page.get_by_role("button", name="Save contact").click()
    page.get_by_text("Contact logged").first.wait_for()
    desk.picture("inbox-contacted")
    page.locator("#resolve summary").click()
    page.locator("#resolve [name=cause]").select_option("waiting")
    page.locator("#resolve [name=outcome][value=apologised]").check()
    page.get_by_role("button", name="Resolve case").click()
    page.get_by_text("Case resolved").first.wait_for()
    desk.picture("inbox-resolved")
    page.goto(f"{desk.site}/{slug}/inbox/?view=done")
    desk.checks.that("6 the case is done", "Waited 40 minutes" in page.inner_text("main"))
    page.goto(f"{desk.site}/{slug}/outbox/")
    desk.checks.that("6 a promoter gets the review request", "Review request" in page.inner_text("main"))
    desk.picture("outbox")


def report(desk: Desk, slug: str) -> None:
    """7. The owner's report: NPS with interval and n, equal to a calculation by hand; the same as PDF."""
    page = desk.page
    page.goto(f"{desk.site}/{slug}/nps/?period=year")
    page.wait_for_timeout(2500)
    desk.picture("report")
    words = " ".join(page.inner_text("main").split())
    # 9 promoters, 1 passive, 2 detractors of 12: 100·(9 − 2)/12 = 58; N = 15, p = 9.75/15, d = 2.75/15 (nps.md §5).
    desk.checks.that("7 the report says NPS 58 of 12 answers", "58" in words and "12 answers" in words)
    desk.checks.that("7 with the interval 7 to 86", "7 to 86" in words)
    answered = page.request.get(f"{desk.site}/{slug}/nps.pdf?period=year")
    (SHOTS / "report.pdf").write_bytes(answered.body())
    desk.checks.that("7 the same page is a PDF", answered.ok and answered.body().startswith(b"%PDF"))


def walls(desk: Desk, slug: str) -> None:
    """Another practice's page answers exactly as that of a practice that does not exist."""
    bodies = []
    for path in ("/second/patients/", "/no-such-practice/patients/"):
        answered = desk.page.request.get(f"{desk.site}{path}")
        bodies.append((answered.status, answered.text()))
    desk.checks.that(
        "another practice's page is the 404 of a missing one", bodies[0] == bodies[1] and bodies[0][0] == 404
    )
