"""The form of a clinic: who, where, when open. Hours and closed days grow without a script: a button adds one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.http import QueryDict

from accounts import clinics, hours, zones
from accounts.models import Clinic, Membership
from accounts.settings_forms import AddressFields, SettingsForm, TimeInput, ZoneInput
from prm import clock
from prm.ui import words


@dataclass(frozen=True, slots=True)
class Day:
    """One weekday as the page shows it: its intervals, each with beginning and end."""

    key: str
    label: str
    pairs: list[tuple[BoundField, BoundField]]


class MemberField(forms.ModelChoiceField):
    """A member of staff, by name and role."""

    def label_from_instance(self, obj: Membership) -> str:
        """“Dana K., Manager”."""
        return f"{obj.user.short_name}, {obj.get_role_display()}"


class ClinicForm(AddressFields, SettingsForm):
    """One clinic. `typed` fills an unbound form with what was typed so far, for the buttons that only add a row."""

    settings = (
        "name", "message_name", "phone", "time_zone", "address", "booking_url", "recovery_lead", "hours", "holidays",
    )  # fmt: skip
    shown_as = {"address": "street", "hours": "Mon_0_opens", "holidays": "closed_day"}

    name = forms.CharField(label="Name", max_length=120)
    message_name = forms.CharField(
        label="Name in messages", max_length=120, required=False,
        help_text="Where the name tells why patients come: messages are read on lock screens and by providers.",
    )  # fmt: skip
    phone = forms.CharField(
        label="Phone", max_length=40, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )  # fmt: skip
    time_zone = forms.CharField(label="Time zone", max_length=80, widget=ZoneInput)
    booking_url = forms.CharField(
        label="Booking page", max_length=200, required=False, help_text="Where patients book by themselves: https://…",
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    recovery_lead = MemberField(
        label="Looks after unhappy patients", queryset=None, required=False,
        empty_label="Nobody in particular", help_text="New recovery cases of this clinic go to this person.",
    )  # fmt: skip
    closed_days = forms.MultipleChoiceField(label="Closed on", required=False, widget=forms.CheckboxSelectMultiple)
    closed_day = forms.DateField(
        label="Another closed day", required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip

    def __init__(self, row: Clinic, data: QueryDict | None = None, *, typed: QueryDict | None = None) -> None:
        self.row, self.this_year = row, clock.now().astimezone(row.zone).year
        super().__init__(row, data)
        source = data if data is not None else typed
        fields: dict[str, Any] = self.fields
        fields["recovery_lead"].queryset = (
            Membership.objects.filter(ended_at=None)
            .exclude(role=Membership.Role.READ_ONLY)
            .select_related("user")
            .order_by("user__name", "pk")
        )
        fields["closed_days"].choices = self._offered(source)
        stored = row.hours or clock.NINE_TO_FIVE
        self._counts = {
            day: _count(day, source) if source is not None else len(stored.get(day, ())) for day in hours.DAYS
        }
        for day, label in hours.DAYS.items():
            for number in range(max(self._counts[day], 1)):
                for end, said in (("opens", "from"), ("closes", "until")):
                    field = forms.TimeField(
                        label=f"{label} {said}", required=False, widget=TimeInput(attrs={"class": "time"})
                    )
                    self.fields[f"{day}_{number}_{end}"] = field
        for day, intervals in stored.items():
            for number, (opens, closes) in enumerate(intervals):
                self.initial[f"{day}_{number}_opens"] = opens
                self.initial[f"{day}_{number}_closes"] = "00:00" if closes == "24:00" else closes
        if typed is not None:
            self._fill(typed)

    @classmethod
    def grown(cls, row: Clinic, typed: QueryDict) -> Self:
        """What was typed, with what a button asked for: one more interval, Monday's hours on every weekday, a day."""
        more = typed.copy()
        if (day := more.get("add", "")) in hours.DAYS:
            number = _count(day, more)
            more[f"{day}_{number}_opens"] = more[f"{day}_{number}_closes"] = ""
        if more.get("copy"):
            for name, value in list(more.items()):
                if name.startswith("Mon_"):
                    for other in clock.WEEKDAYS[1:5]:
                        more[name.replace("Mon", other, 1)] = str(value)
            for other in clock.WEEKDAYS[1:5]:
                for number in range(_count("Mon", more), _count(other, more)):
                    del more[f"{other}_{number}_opens"], more[f"{other}_{number}_closes"]
        if more.get("add_day") and (extra := str(more.get("closed_day", ""))):
            more.appendlist("closed_days", extra)
            more["closed_day"] = ""
        return cls(row, typed=more)

    def _fill(self, typed: QueryDict) -> None:
        for name in self.fields:
            self.initial[name] = typed.getlist(name) if name == "closed_days" else typed.get(name, "")

    def initial_of(self, row: Clinic) -> dict[str, Any]:
        """As people read it."""
        return {
            **{name: getattr(row, name) for name in ("name", "message_name", "booking_url", "recovery_lead")},
            "phone": words.phone(row.phone) if row.phone else "", "time_zone": zones.words(row.time_zone),
            "closed_days": row.holidays, **self.lines_of(row.address),
        }  # fmt: skip

    def _offered(self, source: QueryDict | None) -> list[tuple[str, str]]:
        """The federal holidays of this year and the next, and the days that are there already or were typed."""
        named = {
            day.isoformat(): name
            for year in (self.this_year, self.this_year + 1)
            for day, name in clinics.federal_holidays(year).items()
        }
        own = [*self.row.holidays, *(source.getlist("closed_days") if source is not None else ())]
        for text in own:
            if _is_date(text) and text >= f"{self.this_year}":
                named.setdefault(text, "")
        return [(text, _day_in_words(text, name)) for text, name in sorted(named.items())]

    def years(self) -> Iterator[tuple[str, list[Any]]]:
        """The boxes of the closed days by year, for the page."""
        boxes = list(self["closed_days"])
        for year in sorted({str(box.data["value"])[:4] for box in boxes}):
            yield year, [box for box in boxes if str(box.data["value"]).startswith(year)]

    def days(self) -> list[Day]:
        """The weekdays with their intervals, for the page."""
        return [
            Day(
                day, label,
                [
                    (self[f"{day}_{number}_opens"], self[f"{day}_{number}_closes"])
                    for number in range(max(self._counts[day], 1))
                ],
            )
            for day, label in hours.DAYS.items()
        ]  # fmt: skip

    def clean_recovery_lead(self) -> Membership | None:
        """Nobody is a choice."""
        return self.cleaned_data["recovery_lead"] or None

    def clean(self) -> dict[str, Any]:
        """Hours day by day, so that the error stands where it belongs; a name that tells too much is asked about."""
        given = super().clean() or {}
        open_at = self._intervals(given)
        for day in hours.DAYS:
            try:
                if open_at.get(day):
                    hours.check({day: open_at[day]})
            except ValidationError as problem:
                self.add_error(f"{day}_0_opens", problem)
        if not open_at and not self.errors:
            self.add_error("Mon_0_opens", "Enter the hours of one day at least.")
        telling = clinics.tells_diagnosis(given.get("name", ""))
        if telling and not given.get("message_name"):
            self.add_error(
                "message_name",
                f"“{telling[0].capitalize()}” in the name may tell a reader why a patient comes. Enter a name that "
                "messages may carry, or the same name again to use it as it is.",
            )
        self.open_at = open_at
        return given

    def _intervals(self, given: Mapping[str, Any]) -> dict[str, list[list[str]]]:
        found: dict[str, list[list[str]]] = {}
        for day in hours.DAYS:
            for number in range(max(self._counts[day], 1)):
                names = [f"{day}_{number}_{end}" for end in ("opens", "closes")]
                ends = [given[name] for name in names if given.get(name) is not None]
                if len(ends) == 2:
                    found.setdefault(day, []).append([f"{end:%H:%M}" for end in ends])
                elif ends and not set(names) & set(self.errors):
                    self.add_error(names[0], f"{hours.DAYS[day]}: give a beginning and an end.")
        return found

    def given(self) -> dict[str, Any]:
        """The settings as `accounts.clinics` takes them."""
        typed = {
            name: self.cleaned_data[name]
            for name in ("name", "message_name", "phone", "time_zone", "booking_url", "recovery_lead")
        }
        extra = self.cleaned_data["closed_day"]
        past = [text for text in self.row.holidays if text < f"{self.this_year}"]
        closed = [*past, *self.cleaned_data["closed_days"], *([extra.isoformat()] if extra else [])]
        return {**typed, "address": str(self.postal_address()), "hours": self.open_at, "holidays": closed}

    def label_of(self, name: str) -> str:
        """What is more than one field has a name of its own."""
        own = {"address": "Address", "hours": "Opening hours", "holidays": "Closed days"}
        return own.get(name) or super().label_of(name)

    def say(self, name: str, value: Any) -> str:
        """Values as a person reads them."""
        if name == "time_zone":
            return zones.words(value)
        if name == "hours":
            return "; ".join(hours.in_words(value or clock.NINE_TO_FIVE))
        if name == "holidays":
            return ", ".join(words.day(date.fromisoformat(text)) for text in value) or "none"
        if name == "recovery_lead" and value:
            return str(value.user.short_name)
        return words.phone(value) if name == "phone" and value else super().say(name, value)


def _count(day: str, source: QueryDict) -> int:
    """How many intervals of a day a form was sent with."""
    number = 0
    while f"{day}_{number}_opens" in source and number < hours.INTERVALS_A_DAY:
        number += 1
    return number


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _day_in_words(text: str, name: str) -> str:
    day = words.day(date.fromisoformat(text))
    return f"{day}, {name}" if name else day
