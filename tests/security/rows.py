"""A row of any model, made by walking its fields: so that no table is left out of the isolation tests."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.apps import apps
from django.db import models

from prm import clock
from prm.ids import uuid7
from prm.tenancy.models import PracticeModel

RULE = {
    "schema": "prm.rule/1", "name": "After discharge", "purpose": "treatment",
    "trigger": {"kind": "after_discharge", "after": {"n": 14, "unit": "days"}, "at": "10:00"},
    "steps": [{"id": "ask", "do": "survey", "channel": ["email"], "survey": "nps"}],
}  # fmt: skip

_numbers = count(1)

STEPS = ("practice", "clinic", "people", "consent", "emr", "import", "opt_outs", "rule", "survey")

# What a table's own check constraints want beyond "some value of the right type"; callables are asked for each row.
WANTED: dict[str, dict[str, Any]] = {
    "tenancy.practiceexport": {"finished_at": clock.now},  # one at a time
    "audit.auditcheck": {"finished_at": clock.now},  # one open check a practice
    "audit.auditseal": {
        "day": lambda: date(1990, 1, 1) + timedelta(days=next(_numbers))
    },  # a sealed day takes no event
    "accounts.clinic": {"time_zone": "America/New_York"},
    "accounts.session": {"session_key": lambda: f"session-{next(_numbers)}"},
    "accounts.supportgrant": {"granted_at": clock.now, "until": lambda: clock.now() + timedelta(hours=1)},
    "accounts.agreement": {"party": "other", "status": "none", "name": lambda: f"Provider {next(_numbers)}"},
    "dashboard.startstep": {"step": lambda: STEPS[next(_numbers) % len(STEPS)]},
    "campaigns.rule": {"draft": RULE},
    "campaigns.ruleversion": {"document": RULE},
    "nps.response": {"channel": "staff"},
    "patients.workitem": {"kind": "recovery", "subject_id": lambda: make(apps.get_model("nps.RecoveryCase")).pk},
}


def tenant_models() -> list[type[PracticeModel]]:
    """Every concrete model that belongs to a practice, by label."""
    found = [model for model in apps.get_models(include_auto_created=True) if issubclass(model, PracticeModel)]
    return sorted(found, key=lambda model: model._meta.label)


def make(model: type[models.Model], **given: Any) -> models.Model:
    """One row of `model` in the open practice, with the rows that it must point at. Says what to add where it fails."""
    values = {**WANTED.get(model._meta.label_lower, {}), **given}
    for field in model._meta.concrete_fields:
        if field.name in values or field.name == "practice" or field.primary_key:
            continue
        if field.is_relation:
            if not field.null:
                values[field.name] = make(field.related_model)
        elif not field.has_default() and not (field.null or (field.blank and field.empty_strings_allowed)):
            values[field.name] = _value(field)
    filled = {name: value() if callable(value) else value for name, value in values.items()}
    row = model(**filled)
    try:
        row.save(force_insert=True)
    except Exception as problem:
        problem.add_note(f"Say in tests/security/rows.py, WANTED, what a row of {model._meta.label} needs.")
        raise
    return row


def _value(field: models.Field) -> Any:
    """Something that fits the field's type, its choices and its length; different each time where it may be."""
    number = next(_numbers)
    if field.choices:
        return field.flatchoices[0][0]
    made = {
        models.BooleanField: lambda: False,
        models.DateTimeField: clock.now,
        models.DateField: lambda: date(2026, 11, 24),
        models.UUIDField: uuid7,
        models.DecimalField: lambda: Decimal(1),
        models.FloatField: lambda: 1.0,
        models.DurationField: lambda: timedelta(minutes=1),
        models.JSONField: dict,
        models.BinaryField: lambda: b"sealed",
        models.GenericIPAddressField: lambda: "192.0.2.1",
        models.EmailField: lambda: f"row{number}@example.com",
        models.SmallIntegerField: lambda: number % 10,
        models.IntegerField: lambda: number,
    }
    for kind, value in made.items():
        if isinstance(field, kind):
            return value()
    text = f"row-{number}"
    return text[-(field.max_length or 100) :]
