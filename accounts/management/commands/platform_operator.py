"""`platform_operator`: who may open the platform's console."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User


class Command(BaseCommand):
    """Idempotent. The person must be known already: an operator signs in as everybody does, with a second factor."""

    help = "Make a person an operator of the platform (--remove takes it back); without an address, list them."

    def add_arguments(self, parser: Any) -> None:
        """The person's e-mail."""
        parser.add_argument("email", nargs="?")
        parser.add_argument("--name", help="make the person where he is unknown; he sets a password by /signin/reset/")
        parser.add_argument("--remove", action="store_true")

    def handle(self, *args: Any, email: str | None, name: str | None, remove: bool, **options: Any) -> None:
        """Change one flag, then say what holds."""
        if email:
            person = User.objects.filter(email=User.objects.normalise(email)).first()
            if person is None and name and not remove:
                person = User.objects.create_user(email, name)
            if person is None:
                raise CommandError(f"email: nobody signs in as {email}; with --name the person is made", returncode=2)
            User.objects.filter(pk=person.pk).update(is_platform_operator=not remove)
        for one in User.objects.filter(is_platform_operator=True).order_by("email"):
            self.stdout.write(f"{one.email}  {one.name}")
