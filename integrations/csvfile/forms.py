"""The form of the mapping page: one choice a column, the order of its dates where that was asked, a few answers."""

from collections.abc import Sequence
from typing import Any

from django import forms

from integrations.csvfile import mapping as mappings
from integrations.csvfile.fields import DATES, EPISODE, FIELDS, PATIENT, ROW, VISIT
from integrations.csvfile.mapping import ColumnPlan, FileMapping
from integrations.csvfile.tables import normal

NOTHING = "Not needed"
CHOICES = [("", NOTHING), *(
    (heading, [(one.name, one.label) for one in FIELDS.values() if one.group == group])
    for group, heading in ((PATIENT, "Patient"), (EPISODE, "Episode"), (VISIT, "Visit"), (ROW, "Of the row"))
)]  # fmt: skip
ORDERS = [("", "As the values show"), ("mdy", "Month/day/year"), ("dmy", "Day/month/year")]
STATUS = [
    ("", "From its column, else booked"), ("completed", "Every visit in the file was kept"),
    ("booked", "Every visit in the file is booked"),
]  # fmt: skip


class MappingForm(forms.Form):
    """What the columns of one file mean."""

    every_visit = forms.ChoiceField(label="Visits without a status", choices=STATUS, required=False)
    blank_clears = forms.BooleanField(
        label="An empty cell deletes what we know", required=False,
        help_text="Leave it off for a file that lists only what has changed.",
    )  # fmt: skip

    def __init__(self, header: Sequence[str], start: FileMapping, *args: Any, **options: Any) -> None:
        self.header, self.start = list(header), start
        super().__init__(*args, **options)
        self.fields["every_visit"].initial = start.constants.get("visit_status", "")
        self.fields["blank_clears"].initial = start.blank_clears
        for index, name in enumerate(self.header):
            plan = start.columns.get(normal(name), ColumnPlan())
            self.fields[f"field_{index}"] = forms.ChoiceField(
                label=f"What “{name}” is", choices=CHOICES, required=False, initial=plan.field
            )
            self.fields[f"order_{index}"] = forms.ChoiceField(
                label=f"How “{name}” writes dates", choices=ORDERS, required=False, initial=plan.order
            )

    def columns(self) -> list[tuple[str, forms.BoundField, forms.BoundField | None]]:
        """(column as written, what it is, the order of its dates where it is a date) from the left."""
        found = []
        for index, name in enumerate(self.header):
            chosen = self[f"field_{index}"]
            is_date = chosen.value() in FIELDS and FIELDS[chosen.value()].reads in DATES
            found.append((name, chosen, self[f"order_{index}"] if is_date else None))
        return found

    def clean(self) -> dict[str, Any]:
        """A field once, and a key: what a mapping needs."""
        given = super().clean() or {}
        if not self.errors:
            try:
                mappings.check(self.mapping())
            except mappings.BadMapping as problem:
                self.add_error(None, f"{str(problem)[:1].upper()}{str(problem)[1:]}.")
        return given

    def mapping(self) -> FileMapping:
        """The mapping that was chosen, on top of what a preset knew (its codes, its kind of rows)."""
        given = self.cleaned_data
        columns = {}
        for index, name in enumerate(self.header):
            field = given.get(f"field_{index}", "")
            is_date = bool(field) and FIELDS[field].reads in DATES
            columns[normal(name)] = ColumnPlan(field, given.get(f"order_{index}", "") if is_date else "")
        constants = {name: value for name, value in self.start.constants.items() if name != "visit_status"}
        if given.get("every_visit"):
            constants["visit_status"] = given["every_visit"]
        return FileMapping(
            columns=columns, blank_clears=given.get("blank_clears", False), constants=constants,
            codes=self.start.codes, notes=self.start.notes, greatest_id=self.start.greatest_id,
            window_days=self.start.window_days, sheet=self.start.sheet, source="person",
        )  # fmt: skip


class SheetForm(forms.Form):
    """Which sheet of a workbook."""

    sheet = forms.ChoiceField(label="Sheet with the rows")

    def __init__(self, sheets: Sequence[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["sheet"].choices = [(name, name) for name in sheets]  # type: ignore[attr-defined]
