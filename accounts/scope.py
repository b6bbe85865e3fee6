"""Whose patients a member sees: all of the practice, those of some clinics, or a therapist's own (daily.md §12).

`patients.scope` turns it into conditions on rows.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Clinic, Membership, MembershipClinic, Practice


@dataclass(frozen=True, slots=True)
class Scope:
    """The limits of one viewer. `clinics` None: all of them.

    `own`: only patients of the therapist `therapist` (None: no profile, so nobody is his own), and those about whom
    `member` was given something to do.
    """

    clinics: frozenset[UUID] | None = None
    own: bool = False
    therapist: UUID | None = None
    member: UUID | None = None

    @property
    def is_whole(self) -> bool:
        """True where nothing of the practice is out of sight."""
        return self.clinics is None and not self.own


WHOLE = Scope()


def of(viewer: Membership | Scope) -> Scope:
    """The scope of a member; an API key brings its own. Costs nothing for the request's member (queries.membership_of)
    and two statements at most for one read otherwise.
    """
    if isinstance(viewer, Scope):
        return viewer
    known: Scope | None = viewer.__dict__.get("_scope")
    if known is None:
        known = viewer.__dict__["_scope"] = _read(viewer)
    return known


def clinics_of(viewer: Membership | Scope) -> QuerySet[Clinic]:
    """The practice's clinics in the viewer's sight."""
    clinics = of(viewer).clinics
    return Clinic.objects.all() if clinics is None else Clinic.objects.filter(pk__in=clinics)


def _read(member: Membership) -> Scope:
    clinics = member.__dict__.get("clinic_ids")
    if clinics is None:
        clinics = MembershipClinic.objects.filter(membership=member).values_list("clinic_id", flat=True)
    own = member.role == Membership.Role.THERAPIST and _therapists_see(member) == Practice.TherapistsSee.OWN
    return Scope(
        clinics=frozenset(clinics) or None,
        own=own,
        therapist=member.therapist_id if own else None,
        member=member.pk if own else None,
    )


def _therapists_see(member: Membership) -> str:
    """Read with the member where the request did so."""
    known = member.__dict__.get("therapists_see")
    return known or Practice.objects.values_list("therapists_see", flat=True).get(pk=member.practice_id)
