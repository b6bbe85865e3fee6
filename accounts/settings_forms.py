"""Forms of a practice's settings: each knows the settings it holds, and says them in words for a conflict."""

from collections.abc import Iterable, Mapping
from datetime import time
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts import retention, zones
from accounts.contact import PostalAddress
from accounts.models import Practice
from accounts.models.practices import MOST_A_DAY, MOST_A_WEEK
from prm import clock
from prm.ui import words

LANGUAGES = (("en", "English"), ("es", "Spanish"))
ADDRESS_LINES = ("street", "street_2", "city", "state", "postal_code")


class SettingsForm(forms.Form):
    """A form of some settings of one row. It carries the row's version, so that a stale edit is noticed (ui.md §6)."""

    settings: ClassVar[tuple[str, ...]] = ()  # names as the business function takes them
    shown_as: ClassVar[dict[str, str]] = {}  # a setting to the field that shows it, where the names differ

    version = forms.IntegerField(widget=forms.HiddenInput)
    over = forms.IntegerField(widget=forms.HiddenInput, required=False)  # after a conflict: the version shown

    def __init__(self, row: Any, data: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.saved: frozenset[str] = frozenset()
        super().__init__(data, initial={**self.initial_of(row), "version": row.version}, **options)

    def initial_of(self, row: Any) -> dict[str, Any]:
        """The fields' values for a row as it is stored."""
        return {name: getattr(row, name) for name in self.settings}

    def given(self) -> dict[str, Any]:
        """The settings as typed, by name; of a valid form."""
        return {name: self.cleaned_data[name] for name in self.settings}

    def say(self, name: str, value: Any) -> str:
        """A setting's value as a person reads it."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        return str(value) if value not in (None, "") else "nothing"

    def label_of(self, name: str) -> str:
        """What the page calls a setting."""
        return str(self.fields[self.shown_as.get(name, name)].label)

    def add_problems(self, problem: ValidationError) -> None:
        """Put the business function's refusals beside the fields."""
        by_name = problem.message_dict if hasattr(problem, "error_dict") else {"": problem.messages}
        for name, texts in by_name.items():
            field = self.shown_as.get(name, name)
            for text in texts:
                self.add_error(field if field in self.fields else None, text)

    def mark_saved(self, names: Iterable[str]) -> None:
        """Say “Saved” beside the fields of these settings."""
        self.saved = frozenset(self.shown_as.get(name, name) for name in names)


class ZoneInput(forms.TextInput):
    """A text field that offers every zone in words: a native list, searched as one types, without a script."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The field and its list."""
        list_id = f"{(attrs or {}).get('id', name)}_list"
        field = super().render(name, value, {**(attrs or {}), "list": list_id, "autocomplete": "off"}, renderer)
        options = format_html_join("", '<option value="{}">', ((said,) for said in zones.choices().values()))
        return SafeString(f'{field}<datalist id="{list_id}">{options}</datalist>')


class AddressFields(forms.Form):
    """The lines of a postal address."""

    street = forms.CharField(
        label="Street and number, or PO box", max_length=100, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "address-line1"}),
    )  # fmt: skip
    street_2 = forms.CharField(
        label="Suite, floor", max_length=60, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "address-line2"}),
    )  # fmt: skip
    city = forms.CharField(
        label="City", max_length=60, required=False, widget=forms.TextInput(attrs={"autocomplete": "address-level2"})
    )
    state = forms.CharField(
        label="State", max_length=20, required=False, widget=forms.TextInput(attrs={"autocomplete": "address-level1"})
    )
    postal_code = forms.CharField(
        label="ZIP code", max_length=10, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "postal-code", "inputmode": "numeric"}),
    )  # fmt: skip

    def clean_state(self) -> str:
        """Two letters are always capitals."""
        return self.cleaned_data["state"].strip().upper()

    def clean(self) -> dict[str, Any]:
        """A letter must be able to arrive, where there is an address at all."""
        given = super().clean() or {}
        if set(ADDRESS_LINES) <= set(given):
            try:
                self.postal_address().check()
            except ValidationError as problem:
                for name, texts in problem.message_dict.items():
                    self.add_error(name, texts)
        return given

    def postal_address(self) -> PostalAddress:
        """The lines as one address."""
        return PostalAddress(**{name: " ".join(self.cleaned_data[name].split()) for name in ADDRESS_LINES})

    @staticmethod
    def lines_of(text: str) -> dict[str, str]:
        """The fields' values for an address as it is kept."""
        address = PostalAddress.of(text)
        return {name: getattr(address, name) for name in ADDRESS_LINES}


class PracticeForm(AddressFields, SettingsForm):
    """Who the practice is, for staff, patients and the law."""

    settings = ("name", "phone", "time_zone", "languages", "postal_address", "door_indexable", "idle_minutes")
    shown_as = {"postal_address": "street"}

    name = forms.CharField(label="Name", max_length=120, help_text="As patients know you: in messages, on the portal.")
    phone = forms.CharField(
        label="Phone", max_length=40, required=False, help_text="Patients see it wherever they may need help.",
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )  # fmt: skip
    time_zone = forms.CharField(
        label="Time zone",
        max_length=80,
        widget=ZoneInput,
        help_text="Type a city, or Eastern, Central, Mountain, Pacific.",
    )
    languages = forms.MultipleChoiceField(
        label="Languages", choices=LANGUAGES, widget=forms.CheckboxSelectMultiple,
        help_text="Patients read their own language, where it is one of these.",
    )  # fmt: skip
    door_indexable = forms.BooleanField(
        label="Let search engines list our public page", required=False,
        help_text="The page says how to reach you and how patients get in. It names no patient.",
    )  # fmt: skip
    idle_minutes = forms.IntegerField(
        label="Sign staff out after minutes without activity", min_value=5, max_value=30,
        help_text="5 to 30. Somebody may stand before an open screen.",
        widget=forms.NumberInput(attrs={"class": "short"}),
    )  # fmt: skip

    def initial_of(self, row: Practice) -> dict[str, Any]:
        """Phone and zone as people read them, the address by its lines."""
        return {
            **super().initial_of(row), "phone": words.phone(row.phone) if row.phone else "",
            "time_zone": zones.words(row.time_zone), "languages": row.languages or ["en"],
            **self.lines_of(row.postal_address),
        }  # fmt: skip

    def given(self) -> dict[str, Any]:
        """The lines of the address as the one text that is kept."""
        typed = {name: self.cleaned_data[name] for name in self.settings if name != "postal_address"}
        return {**typed, "postal_address": str(self.postal_address())}

    def label_of(self, name: str) -> str:
        """The address is one thing."""
        return "Postal address" if name == "postal_address" else super().label_of(name)

    def say(self, name: str, value: Any) -> str:
        """Zones, languages and numbers in words."""
        if name == "time_zone":
            return zones.words(value)
        if name == "languages":
            return " and ".join(label for code, label in LANGUAGES if code in value)
        return words.phone(value) if name == "phone" and value else super().say(name, value)


class ColourForm(SettingsForm):
    """The practice's colour."""

    settings = ("brand_colour",)

    brand_colour = forms.CharField(
        label="Colour", max_length=9, widget=forms.TextInput(attrs={"class": "code", "autocomplete": "off"}),
        help_text="Like #195949. A colour on which white cannot be read is made darker.",
    )  # fmt: skip


class LogoForm(forms.Form):
    """A picture to send."""

    file = forms.FileField(
        label="Logo", help_text="PNG, JPEG or WEBP, at most 2 MB. It is shown small, beside your name.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        error_messages={"required": "Choose a picture first.", "empty": "The file is empty."},
    )  # fmt: skip


class TimeInput(forms.TimeInput):
    """The browser's own entry of a time of the day."""

    input_type = "time"

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%H:%M", **options)


class SendingForm(SettingsForm):
    """When messages may leave, and how many reach one patient."""

    settings = ("texts_open", "texts_close", "emails_open", "emails_close", "cap_day", "cap_week")

    texts_open = forms.TimeField(label="Texts from", widget=TimeInput)
    texts_close = forms.TimeField(label="until", widget=TimeInput)
    emails_open = forms.TimeField(label="E-mail from", widget=TimeInput, required=False)
    emails_close = forms.TimeField(label="until", widget=TimeInput, required=False)
    cap_day = forms.TypedChoiceField(
        label="At most a day", coerce=int, choices=[(n, str(n)) for n in range(1, MOST_A_DAY + 1)]
    )
    cap_week = forms.TypedChoiceField(
        label="At most in seven days", coerce=int, choices=[(n, str(n)) for n in range(1, MOST_A_WEEK + 1)]
    )

    def label_of(self, name: str) -> str:
        """Both ends of a window have names of their own."""
        own = {"texts_close": "Texts until", "emails_close": "E-mail until"}
        return own.get(name) or super().label_of(name)

    def say(self, name: str, value: Any) -> str:
        """Times of the day as people read them."""
        return (
            f"{value:%-I:%M} {'am' if value.hour < 12 else 'pm'}"
            if isinstance(value, time)
            else super().say(name, value)
        )


class RetentionForm(SettingsForm):
    """How long the bodies of messages are kept."""

    settings = ("keep_raw_months", "keep_bodies_months")
    CHOICES = [(months, f"{months} months") for months in retention.MONTHS]

    keep_raw_months = forms.TypedChoiceField(
        label="Messages from your EMR, as they came", coerce=int, choices=CHOICES,
        help_text="Visits and patients that came with them stay. Without the message, a mistake in a mapping cannot be "
        "replayed, and nobody can look up what the EMR said.",
    )  # fmt: skip
    keep_bodies_months = forms.TypedChoiceField(
        label="What a message to a patient said", coerce=int, choices=CHOICES,
        help_text="That it was sent, when and to whom stays. Its words can then no longer be shown.",
    )  # fmt: skip

    name = forms.CharField(
        label="The practice’s name", max_length=120, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip

    def __init__(self, row: Practice, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(row, data)
        self.row, self.goes = row, list[retention.Goes]()
        self.fields["name"].help_text = f"Type “{row.name}”. For a shorter time only: what it deletes never comes back."

    def clean(self) -> dict[str, Any]:
        """A shorter time deletes for good: what goes is counted, and the practice's name typed (ui.md section 6)."""
        given = super().clean() or {}
        shorter = [name for name in self.settings if name in given and given[name] < getattr(self.row, name)]
        now = clock.now()
        self.goes = [retention.goes(name, given[name], now=now) for name in shorter]
        if shorter and given.get("name", "").strip() != self.row.name:
            self.add_error("name", f"Type “{self.row.name}” to delete what is counted above, or choose a longer time.")
        return given

    def going(self) -> list[tuple[str, retention.Goes]]:
        """Label and count of what a shorter time deletes, for the page."""
        return [(self.label_of(one.setting), one) for one in self.goes]

    def say(self, name: str, value: Any) -> str:
        """Months in words."""
        return f"{value} months"
