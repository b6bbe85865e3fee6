"""Which rows a member of staff may see: by the episode's clinic, and for therapists by the episode's therapist.

The rules (daily.md §12; docs/reference/roles.md tells them to owners):

- A patient with episodes in two clinics is seen in both, whole.
- A patient without any episode, and an episode without a clinic, are seen in every clinic: nobody else could book them.
- Where therapists see their own only, these are the patients with an episode of theirs, and those about whom they were
  given a work item.

Conditions ask the index (practice, patient) of episodes; there is none at all for who sees the whole practice.
"""

from uuid import UUID

from django.contrib.postgres.aggregates import BoolOr
from django.db.models import BooleanField, Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from accounts import scope
from accounts.models import Membership
from accounts.scope import Scope
from patients.models import Episode, WorkItem

Viewer = Membership | Scope
# Without a profile nobody is his own. A condition that Django knows to be empty would drop a figure from its statement.
NO_THERAPIST = UUID(int=0)


def sees_patient(viewer: Viewer, patient: str = "pk") -> Q:
    """The condition on rows whose column `patient` names a patient: the viewer may see him. No condition for all."""
    limits = scope.of(viewer)
    if limits.is_whole:
        return Q()
    here = of_clinics(viewer)
    if limits.own:
        given = WorkItem.objects.filter(here, patient=OuterRef(patient), owner=limits.member)
        if limits.therapist is None:  # nobody is his own
            return Q(Exists(given))
        return Q(_some_episode(patient, here & Q(therapist=limits.therapist), without=False)) | Q(Exists(given))
    return Q(_some_episode(patient, here, without=True))


def _some_episode(patient: str, condition: Q, *, without: bool) -> Coalesce:
    """Whether an episode of the patient holds the condition; `without`: the answer for who has no episode.

    One probe of an index for each row. As EXISTS, PostgreSQL would at times read all episodes of the practice first.
    """
    episodes = Episode.objects.filter(patient=OuterRef(patient)).order_by().values("patient")
    holds = Subquery(episodes.annotate(holds=BoolOr(condition)).values("holds"), output_field=BooleanField())
    return Coalesce(holds, Value(without))


def sees_person(viewer: Viewer, patient: str = "patient") -> Q:
    """As `sees_patient`, for a column that may be empty: rows about nobody are seen by all."""
    seen = sees_patient(viewer, f"{patient}_id")
    return Q(**{f"{patient}__isnull": True}) | seen if seen else seen


def sees_row(viewer: Viewer, patient: str = "patient", clinic: str = "clinic") -> Q:
    """The condition on rows about a patient that name their clinic: of a clinic in sight, and of a patient in sight
    where the row says no clinic or the viewer sees only his own. Rows without a patient go by their clinic.
    """
    limits = scope.of(viewer)
    if limits.is_whole:
        return Q()
    seen = sees_person(viewer, patient)
    if limits.own:
        return of_clinics(viewer, clinic) & seen
    return Q(**{f"{clinic}__in": limits.clinics}) | Q(**{f"{clinic}__isnull": True}) & seen


def of_clinics(viewer: Viewer, clinic: str = "clinic") -> Q:
    """The condition on the column `clinic`: one in sight, or none known."""
    clinics = scope.of(viewer).clinics
    if clinics is None:
        return Q()
    return Q(**{f"{clinic}__in": clinics}) | Q(**{f"{clinic}__isnull": True})


def of_therapist(viewer: Viewer, therapist: str = "therapist") -> Q:
    """The condition on the column `therapist` where the viewer sees his own only."""
    limits = scope.of(viewer)
    if not limits.own:
        return Q()
    return Q(**{therapist: limits.therapist or NO_THERAPIST})


def counts_for(viewer: Viewer, prefix: str = "") -> Q:
    """The condition on rows with the columns `clinic` and `therapist` that a report of the viewer may count.

    Stricter than `of_clinics`: figures of no known clinic belong to those who see the whole practice.
    """
    limits = scope.of(viewer)
    condition = of_therapist(viewer, f"{prefix}therapist")
    return condition if limits.clinics is None else condition & Q(**{f"{prefix}clinic__in": limits.clinics})
