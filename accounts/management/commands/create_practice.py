"""`create_practice`: a practice with its first clinic and its owner, from a shell."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.create import Created, OtherPractice, create_practice
from prm import clock


class Command(BaseCommand):
    """Idempotent; what is wrong is one line that names the argument, exit status 2."""

    help = "Create a practice with one clinic of that name and zone; with --owner also its owner, who can then sign in."

    def add_arguments(self, parser: Any) -> None:
        """Arguments of integrations.md section 1."""
        parser.add_argument("--slug", required=True, help="word of its addresses, such as harbor-pt")
        parser.add_argument("--name", required=True)
        parser.add_argument("--zone", required=True, help="IANA time zone, such as America/New_York")
        parser.add_argument(
            "--owner", metavar="EMAIL", help="make this person an owner; prints a new one's way in, once"
        )
        parser.add_argument(
            "--agreement-signatory", metavar="NAME", default="",
            help="who has signed the current business associate agreement for the practice; else the owner signs it in "
            "the start checklist",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create, then print."""
        try:
            created = create_practice(
                options["slug"], options["name"], options["zone"], owner_email=options["owner"], now=clock.now(),
                signatory=options["agreement_signatory"],
            )  # fmt: skip
        except ValidationError as problem:
            raise CommandError(_lines(problem), returncode=2) from None
        except OtherPractice as problem:
            raise CommandError(f"--slug: {problem}", returncode=2) from None
        self.stdout.write(json.dumps(_facts(created)) if options["json"] else _words(created))


def _lines(problem: ValidationError) -> str:
    arguments = {"time_zone": "zone", "email": "owner"}
    return "; ".join(
        f"--{arguments.get(field, field)}: {' '.join(texts)}" for field, texts in problem.message_dict.items()
    )


def _facts(created: Created) -> dict[str, Any]:
    practice = created.practice
    access = created.access
    return {
        "slug": practice.slug, "id": str(practice.pk), "public_id": practice.public_id, "name": practice.name,
        "zone": practice.time_zone, "clinic": str(created.clinic.pk), "created": created.made,
        "agreement": created.agreement,
        "owner": access and {"email": access.email, "password": access.password, "otpauth": access.otpauth},
    }  # fmt: skip


def _words(created: Created) -> str:
    practice, access = created.practice, created.access
    lines = [f"{'Created' if created.made else 'Found'} {practice.name} (/{practice.slug}/), {practice.time_zone}."]
    lines.append(
        f"Agreement {created.agreement} is signed." if created.agreement
        else "No agreement is signed yet: an owner signs it in the start checklist, before patients are brought in."
    )  # fmt: skip
    if access:
        lines += [
            "", f"Sign-in of {access.email}, shown this once:", f"  password  {access.password}",
            f"  authenticator app  {access.otpauth}",
        ]  # fmt: skip
    return "\n".join(lines)
