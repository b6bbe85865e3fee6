"""`consent_policy`: choose from a shell what an arriving address means."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Practice
from patients import consent
from patients.models import Channel, ConsentPolicy, Purpose
from prm import clock
from prm.audit.record import record
from prm.tenancy import use_practice


class Command(BaseCommand):
    """As the settings page; what is wrong is one line that names the argument, exit status 2."""

    help = "Choose a practice's consent policy for one channel; says how many patients wait for --also-here."

    def add_arguments(self, parser: Any) -> None:
        """One practice, one channel."""
        parser.add_argument("--practice", required=True, metavar="SLUG")
        parser.add_argument("--channel", required=True, choices=[Channel.EMAIL.value, Channel.SMS.value])
        parser.add_argument("--purpose", default=Purpose.CARE.value, choices=Purpose.values)
        parser.add_argument("--rule", required=True, choices=ConsentPolicy.Rule.values)
        parser.add_argument("--wording", default="", help="of the intake form; needed for texts")
        parser.add_argument("--also-here", action="store_true", help="grant it to patients who are here already, too")
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        """Choose, then print the version and the counts."""
        channel, now = options["channel"], clock.now()
        practice = Practice.objects.filter(slug=options["practice"]).first()
        if practice is None:
            raise CommandError(f"--practice: there is no “{options['practice']}”", returncode=2)
        with use_practice(practice.pk):
            try:
                consent.check_choice(channel, options["purpose"], options["rule"], options["wording"])
            except ValidationError as problem:
                raise CommandError(_line(problem), returncode=2) from None
            if options["purpose"] == Purpose.MARKETING:
                chosen = consent.choose_policy(channel, options["purpose"], options["rule"], by=None, now=now)
                change = consent.PolicyChange(chosen, granted=0, revoked=0)
            else:
                change = consent.change_policy(
                    channel, options["rule"], by=None, now=now, wording=options["wording"],
                    also_here=options["also_here"],
                )  # fmt: skip
            facts = {
                "channel": channel,
                "rule": change.policy.rule,
                "granted": change.granted,
                "revoked": change.revoked,
            }
            record("consent_policy.chosen", now=now, object_id=change.policy.pk, **facts)
            waiting = consent.waiting_for_backfill(channel) if options["purpose"] == Purpose.CARE else 0
        facts |= {"purpose": options["purpose"], "version": change.policy.version, "waiting": waiting}
        self.stdout.write(json.dumps(facts) if options["json"] else _words(facts))


def _line(problem: ValidationError) -> str:
    return "; ".join(f"--{field}: {' '.join(texts)}" for field, texts in problem.message_dict.items())


def _words(facts: dict[str, Any]) -> str:
    said = f"{facts['channel']} {facts['purpose']}: {facts['rule']} (version {facts['version']})."
    said += f" {facts['granted']} consents granted, {facts['revoked']} taken back."
    if facts["rule"] == ConsentPolicy.Rule.ON_ARRIVAL and facts["waiting"]:
        said += f" {facts['waiting']} patients are here already: --also-here grants it to them, too."
    return said
