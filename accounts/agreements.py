"""What a practice has signed with whom, and what that means for what may pass (daily.md §13, 45 CFR 164.504(e))."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import models
from django.db.models import Q

from accounts.models import Agreement, Practice, User

CURRENT = "2026-11"  # the text in templates/accounts/agreements/; a changed text is a new version, the old one stays
TEXT = "accounts/agreements/{version}.html"
REMIND = timedelta(days=30)  # before an agreement ends
Party, Status = Agreement.Party, Agreement.Status


def text_template(version: str) -> str:
    """The template with the words of a version."""
    return TEXT.format(version=version)


def agree(*, signatory: str, by: User | None, now: datetime, practice: Practice, version: str = CURRENT) -> Agreement:
    """Record that the practice agrees with the platform to the text of `version`; once each. In the open practice.

    The day is the practice's. `by`: who was signed in; None at sign-up from a shell.
    """
    agreement, _made = Agreement.objects.get_or_create(
        party=Party.OPERATOR, version=version,
        defaults={
            "status": Status.SIGNED, "signatory": signatory, "signed_on": now.astimezone(practice.zone).date(),
            "recorded_by": by, "recorded_at": now,
        },
    )  # fmt: skip
    return agreement


def with_platform() -> Agreement | None:
    """The newest agreement with the platform, or None."""
    return Agreement.objects.filter(party=Party.OPERATOR).select_related("recorded_by").order_by("-recorded_at").first()


def in_force(today: date) -> Q:
    """The condition of an agreement that is signed and has not ended on `today`."""
    return Q(status=Status.SIGNED) & (Q(expires_on=None) | Q(expires_on__gte=today))


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the agreement with one provider: `signed` and in force, or that an owner took note of none."""

    party: str
    label: str
    agreement: Agreement | None
    signed: bool

    @property
    def acknowledged(self) -> bool:
        """An owner has said that he knows: no health information may pass."""
        return bool(self.agreement and self.agreement.acknowledged_at)


def standing_with(party: str, *, today: date) -> Standing:
    """How the practice stands with a provider on `today` (its own day). KeyError for none of Party."""
    found = Agreement.objects.filter(party=party, name="").select_related("recorded_by").first()
    signed = bool(found and found.status == Status.SIGNED and (found.expires_on is None or found.expires_on >= today))
    return Standing(party, str(Party(party).label), found, signed)


def ending(today: date) -> models.QuerySet[Agreement]:
    """Signed agreements that end within 30 days of `today`, or have ended."""
    return Agreement.objects.filter(status=Status.SIGNED, expires_on__lte=today + REMIND)
