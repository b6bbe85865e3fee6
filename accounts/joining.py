"""Two therapists are one: a placeholder that a feed made becomes a profile that is there, and back for ever.

Rows that name a therapist are found by the models, whatever app they are of; what names one otherwise (the ids that
feeds use) registers here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models

from accounts.models import Therapist, TherapistJoin, User
from prm.tenancy.models import DatabaseClock


@dataclass(frozen=True, slots=True)
class Part:
    """Something that names therapists without a foreign key.

    `known_as(id)`: the names under which it knows a placeholder, for the person who decides. `move(was, into)`: names
    the profile from now on; returns the ids of the rows moved. `back(ids, was, into, now)`: takes that back. Both are
    called before rows of other apps move, so that they can take the locks that these need.
    """

    known_as: Callable[[UUID], list[str]]
    move: Callable[[UUID, UUID], list[str]]
    back: Callable[[list[str], UUID, UUID, datetime], None]


_parts: dict[str, Part] = {}


def register(name: str, part: Part) -> None:
    """Add what names therapists by their id alone, from an AppConfig.ready()."""
    _parts[name] = part


def known_as(placeholder: Therapist) -> list[str]:
    """What feeds call the placeholder."""
    return [name for part in _parts.values() for name in part.known_as(placeholder.pk)]


def choices() -> models.QuerySet[Therapist]:
    """Whom a placeholder may turn out to be: profiles with a name."""
    return Therapist.objects.filter(named=True).order_by("last_name", "first_name", "pk")


def check(placeholder: Therapist, into: Therapist) -> None:
    """ValidationError where the two cannot be one: a therapist with a name stays, and one NPI is one person."""
    if placeholder.named or not into.named:
        raise ValidationError("Only a therapist without a name is joined, with one who has a name.")
    if into.supervisor_id == placeholder.pk:
        raise ValidationError(f"{into} is supervised by the therapist without a name. Change that first.")
    if placeholder.npi and into.npi and placeholder.npi != into.npi:
        raise ValidationError(f"{into} has the NPI {into.npi}, the feed tells {placeholder.npi}. They are two people.")


def join(placeholder: Therapist, into: Therapist, *, by: User, now: datetime) -> TherapistJoin:
    """Give all that is the placeholder's to `into`; the placeholder goes. ValidationError as `check`.

    In the caller's transaction. What the feed tells of the placeholder later is about `into`.
    """
    check(placeholder, into)
    was = placeholder.pk
    moved = {name: part.move(was, into.pk) for name, part in _parts.items()}
    if not Therapist.objects.filter(pk=was, named=False).exists():  # somebody was faster; the parts' locks are ours now
        raise ValidationError("This therapist was joined or named meanwhile.")
    for model, field in _keys():
        found = model.objects.filter(**{field: was})
        ids = [str(pk) for pk in found.values_list("pk", flat=True)]
        if ids:
            moved[f"{model._meta.label}.{field}"] = ids
            found.update(**{field: into.pk}, **_touched(model))
    done = TherapistJoin.objects.create(
        was=was, profile=_columns(placeholder), into=into, moved={name: ids for name, ids in moved.items() if ids},
        by=by, at=now,
    )  # fmt: skip
    placeholder.delete()
    return done


def undo(join: TherapistJoin, *, now: datetime) -> bool:
    """The placeholder is there again under its id, and all that came from it is his; False where it was undone.

    Rows that a person gave to somebody else meanwhile stay his. In the caller's transaction.
    """
    if not TherapistJoin.objects.filter(pk=join.pk, undone_at=None).update(undone_at=now):
        return False
    Therapist.objects.create(pk=join.was, **join.profile)
    for name, part in _parts.items():
        part.back(join.moved.get(name, []), join.was, join.into_id, now)
    for model, field in _keys():
        if ids := join.moved.get(f"{model._meta.label}.{field}"):
            found = model.objects.filter(pk__in=ids, **{field: join.into_id})
            found.update(**{field: join.was}, **_touched(model))
    return True


def _keys() -> Iterator[tuple[Any, str]]:
    """Every foreign key to a therapist, of all apps; joins themselves stay with the profile that they named."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.is_relation and field.related_model is Therapist and model is not TherapistJoin:
                yield model, field.attname


def _touched(model: Any) -> dict[str, Any]:
    """Readers of changes see rows that moved."""
    try:
        model._meta.get_field("changed_at")
    except FieldDoesNotExist:
        return {}
    return {"changed_at": DatabaseClock()}


def _columns(row: Therapist) -> dict[str, Any]:
    """The row's own columns, but for its id and practice."""
    names = [field.attname for field in row._meta.concrete_fields if field.name not in {"id", "practice"}]
    return {name: str(value) if isinstance(value := getattr(row, name), UUID) else value for name in names}
