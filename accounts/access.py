"""What each role may do, and the decorator that every staff view wears."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from accounts import scope
from accounts.models import Membership

OWNER, MANAGER, THERAPIST, FRONT_DESK, READ_ONLY = Membership.Role.values
EVERYONE = frozenset(Membership.Role.values)

# Permission to the roles that hold it; ui.md §9 "who" and the pages' own rules.
PERMISSIONS: dict[str, frozenset[str]] = {
    "today.view": EVERYONE,
    "inbox.view": EVERYONE,
    "inbox.work": frozenset({OWNER, MANAGER, THERAPIST, FRONT_DESK}),
    "patients.view": EVERYONE,
    "patients.restrict": frozenset({OWNER, MANAGER, THERAPIST, FRONT_DESK}),
    "patients.rights": frozenset({OWNER, MANAGER}),  # corrections, disclosures, a copy of the record
    "campaigns.view": frozenset({OWNER, MANAGER, THERAPIST, FRONT_DESK}),
    "campaigns.draft": frozenset({OWNER, MANAGER, THERAPIST, FRONT_DESK}),
    "campaigns.run": frozenset({OWNER, MANAGER}),
    "outbox.view": frozenset({OWNER, MANAGER, FRONT_DESK}),
    "nps.report": frozenset({OWNER, MANAGER, READ_ONLY}),
    "nps.answers": frozenset({OWNER, MANAGER}),  # what a named patient answered (nps.md section 4)
    "nps.recover": frozenset({OWNER, MANAGER, FRONT_DESK}),
    "nps.set_up": frozenset({OWNER, MANAGER}),
    "feeds.manage": frozenset({OWNER, MANAGER}),
    "settings.manage": frozenset({OWNER, MANAGER}),  # of the whole practice
    "clinics.manage": frozenset({OWNER, MANAGER}),  # their own clinics; who sees all of them opens new ones
    "people.manage": frozenset({OWNER, MANAGER}),
    "audit.view": frozenset({OWNER}),
    "api_keys.manage": frozenset({OWNER}),
    "practice.own": frozenset({OWNER}),  # agreements, support access, export, closing
    "start.view": frozenset({OWNER, MANAGER}),
    "mine": EVERYONE,  # my own settings, factors and sessions; the palette
}


# What shows patients of the whole practice, opens it (a key's scopes know no clinics) or decides for it, so that a
# member of some clinics only may not, whatever his role.
WHOLE_PRACTICE = frozenset({"feeds.manage", "settings.manage", "audit.view", "practice.own", "api_keys.manage"})


class OnlyReading(PermissionDenied):
    """A change where nobody may change anything: the practice is suspended, or support looks in. Says which."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Refused(PermissionDenied):
    """The role may not; `roles` are those that may, for the 403 page; `all_clinics`: `member` must work in them all."""

    def __init__(self, permission: str, member: Membership | None = None) -> None:
        self.roles = sorted(PERMISSIONS[permission])
        limited = member is not None and scope.of(member).clinics is not None
        self.all_clinics = limited and permission in WHOLE_PRACTICE
        super().__init__(permission)


def may(membership: Membership | None, permission: str) -> bool:
    """True where the role and the clinics of the member allow it. KeyError for an unknown permission."""
    if membership is None or membership.role not in PERMISSIONS[permission]:
        return False
    return permission not in WHOLE_PRACTICE or scope.of(membership).clinics is None


def platform_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a page of the platform's operators; for anybody else there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not getattr(request.user, "is_platform_operator", False):
            raise Http404
        return view(request, *args, **kwargs)

    guarded.platform = True  # type: ignore[attr-defined]
    return guarded


def staff_view(
    permission: str, *, while_suspended: bool = False
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Mark a view of `/<practice_slug>/…` with the permission it needs; a role without it gets 403 (Refused).

    `while_suspended`: its changes go through where the practice is suspended too. Those take access away, are about
    the reader's own sign-in, or copy all data: what a practice needs until its last day.

    StaffMiddleware has opened the practice and set `request.practice` and `request.membership`; the view is called
    without `practice_slug`. The permission stays readable as `view.permission`, for navigation and the matrix (I7).
    """
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, practice_slug: str, **kwargs: Any) -> HttpResponse:
            if not may(getattr(request, "membership", None), permission):
                raise Refused(permission, getattr(request, "membership", None))
            return view(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        guarded.while_suspended = while_suspended  # type: ignore[attr-defined]
        return guarded

    return decorate
