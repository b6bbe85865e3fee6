"""`demo load`: two practices with a history, played through the product itself."""

import json
import logging
import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Practice
from messaging.channels.preview.send import mailbox
from prm import clock
from prm.dev.demo.load import load
from prm.dev.demo.practices import BY_SLUG, SECOND
from prm.dev.people import PASSWORD, PEOPLE


class Command(BaseCommand):
    """Idempotent: what was played is not played again, a load that was stopped goes on."""

    help = "Load the demo practices (development only): second at once, then demo."

    def add_arguments(self, parser: Any) -> None:
        """`load` with the moment, the seed and which practice."""
        parser.add_argument("what", choices=["load"])
        parser.add_argument("--as-of", default="now", help="play up to this moment (ISO 8601 with offset) or now")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--only", choices=sorted(BY_SLUG), help="load this practice alone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, a line of progress a month. CommandError outside development and for a moment without offset."""
        if not settings.DEVELOPMENT:
            raise CommandError("PRM_DEVELOPMENT is off: demo practices are for development only")
        logging.getLogger("messaging").setLevel(logging.WARNING)  # thousands of calls within a minute
        as_of = clock.now() if options["as_of"] == "now" else _moment(options["as_of"])
        for slug, plan in BY_SLUG.items():
            if options["only"] in {None, slug}:
                played = load(plan, as_of=as_of, seed=options["seed"], say=self.stdout.write)
                self.stdout.write(f"{plan.name} is loaded: {played.messages:,} messages played now")

    def sign_ins(self) -> list[str]:
        """How to get in, for the terminal of `make run`."""
        loading = set(Practice.objects.exclude(suspended_at=None).values_list("slug", flat=True))
        known = set(Practice.objects.values_list("slug", flat=True))
        return [
            *(
                f"  {plan.name:24} /{slug}/"
                + ("   opens when its past is loaded, see below" if slug in loading or slug not in known else "")
                for slug, plan in BY_SLUG.items()
            ),
            f"  staff: {PEOPLE[3][0]}@{SECOND.slug}.example, owner: {PEOPLE[0][0]}@{SECOND.slug}.example "
            "(@demo.example for the other)",
            f"  password: {PASSWORD}",
            f"  codes: {settings.SITE_URL}/dev/codes/   patients' mailbox: {settings.SITE_URL}/dev/mail/",
            *_a_patients_link(),
        ]


def _a_patients_link() -> list[str]:
    """The newest survey link that a demo patient got by mail."""
    for path in sorted(mailbox().glob("*.json"), reverse=True):
        link = re.search(r"https?://\S+?/portal/[a-z2-7]{10}/[\w-]{20,}", json.loads(path.read_text())["text"])
        if link:
            return [f"  a patient's link: {link[0]}"]
    return []


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--as-of {text!r}: expected a moment such as 2026-11-24T12:00:00+00:00") from None
    if moment.tzinfo is None:
        raise CommandError(f"--as-of {text!r} has no offset: expected one such as 2026-11-24T12:00:00+00:00")
    return moment
