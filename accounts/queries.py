"""Read queries of accounts that more than one page asks."""

from accounts.models import Practice, User
from prm.tenancy import platform


def practices_of(user: User) -> list[Practice]:
    """The practices in which the user works now, by name; suspended ones are left out. Needs no practice to be open."""
    return list(
        Practice.objects.filter(pk__in=platform.practices_of(user.pk), suspended_at=None).order_by("name", "pk")
    )
