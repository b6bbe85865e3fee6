"""The rule as a form: each slot of the sentence is a field (ui.md §4, sentence builder)."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns import actions, preview
from campaigns.json_schema import Fault
from prm.ui.forms import PageBoundField

# Which field shows a fault of the document, by the start of its path; the longest match wins.
FIELD_OF_PATH = {
    "name": "name", "purpose": "purpose", "zone": "zone", "trigger/after/n": "n", "trigger/after/unit": "unit",
    "trigger/at": "at", "steps/0/survey": "survey", "reentry": "reentry", "reentry/gap_days": "gap_days",
    "max_late_hours": "max_late_hours", "stop_on": "stop_on",
}  # fmt: skip
DEFAULTS = {"zone": "clinic", "reentry": "each", "max_late_hours": 72, "stop_on": []}


def new_document(surveys: Sequence[tuple[str, str]] | None = None) -> dict[str, Any]:
    """What the form of a new rule starts from; `surveys` where the caller has asked for them already."""
    surveys = actions.action("survey").choices() if surveys is None else surveys
    return {
        "schema": "prm.rule/1", "name": "", "purpose": "treatment",
        "trigger": {"kind": "after_discharge", "after": {"n": 14, "unit": "days"}, "at": "10:00"},
        "steps": [{"id": "ask", "do": "survey", "channel": ["email"], "survey": surveys[0][0] if surveys else ""}],
    }  # fmt: skip


class SlotField(PageBoundField):
    """A field inside the sentence: looks like a word of it."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        """As a field of a page, dressed as a slot."""
        built = super().build_widget_attrs(attrs, widget)
        if not self.is_group and self.name != "name":
            built["class"] = "slot"
        return built


def _number(size: int) -> forms.NumberInput:
    return forms.NumberInput(attrs={"inputmode": "numeric", "data-digits": size})


class RuleForm(forms.Form):
    """The slots. What they do not show (further steps, priority) stays in the document as it is."""

    bound_field_class = SlotField

    name = forms.CharField(label=_("Name of the rule"), max_length=120)
    n = forms.IntegerField(label=_("How long to wait"), min_value=0, max_value=730, widget=_number(3))
    unit = forms.ChoiceField(label=_("Unit"), choices=[("days", _("days")), ("hours", _("hours"))])
    at = forms.TimeField(
        label=_("Time of day"), required=False, input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "min": "06:00", "max": "21:00"}),
        error_messages={"invalid": _("Enter a time from 06:00 to 21:00, such as 10:00")},
    )  # fmt: skip
    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[("clinic", _("the clinic's time zone")), ("patient", _("the patient's time zone"))],
    )
    survey = forms.ChoiceField(label=_("Survey"))
    reentry = forms.ChoiceField(
        label=_("How often"),
        choices=[
            ("each", _("once per discharge")), ("once", _("once ever")), ("gap", _("at most once in this many days:")),
        ],
    )  # fmt: skip
    gap_days = forms.IntegerField(
        label=_("Days between"), required=False, min_value=1, max_value=730, widget=_number(3)
    )
    stop_on = forms.MultipleChoiceField(
        label=_("Stop as soon as they"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=[
            ("booked", _("book a visit")), ("visited", _("come to a visit")), ("answered", _("answer a survey")),
            ("opted_out", _("opt out")), ("readmitted", _("are back in care")),
        ],
    )  # fmt: skip
    max_late_hours = forms.IntegerField(label=_("Hours late at most"), min_value=1, max_value=336, widget=_number(3))
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        choices=[("treatment", _("part of treatment")), ("own_health_service", _("about our own services"))],
    )

    def __init__(self, data: Any = None, *, document: dict[str, Any] | None = None) -> None:
        """The form of a document; without one, of a new rule."""
        surveys = actions.action("survey").choices()
        self.document = document or new_document(surveys)
        super().__init__(data, initial=_initial(self.document))
        self.fields["survey"].choices = surveys  # type: ignore[attr-defined]

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "RuleForm":
        """The form as if the document had just been sent, to show what is wrong with it now."""
        form = cls(_initial(document), document=document)
        form.full_clean()
        return form

    def clean(self) -> dict[str, Any]:
        """What depends on two slots."""
        said = super().clean() or {}
        if said.get("unit") == "days" and said.get("at") is None and "at" not in self.errors:
            self.add_error("at", _("Enter a time from 06:00 to 21:00, such as 10:00"))
        if said.get("reentry") == "gap" and said.get("gap_days") is None and "gap_days" not in self.errors:
            self.add_error("gap_days", _("Enter a number of days from 1 to 730"))
        return said

    def to_document(self) -> dict[str, Any]:
        """The document with the slots' values; a value that is the default stays unsaid where it was unsaid."""
        said = self.cleaned_data
        document = dict(self.document)
        document["name"], document["purpose"] = said["name"], said["purpose"]
        trigger = {"kind": "after_discharge", "after": {"n": said["n"], "unit": said["unit"]}}
        if said["unit"] == "days":
            trigger["at"] = said["at"].strftime("%H:%M")
        document["trigger"] = trigger
        document["steps"] = [document["steps"][0] | {"survey": said["survey"]}, *document["steps"][1:]]
        values = {
            "zone": said["zone"], "max_late_hours": said["max_late_hours"], "stop_on": _in_old_order(
                said["stop_on"], document.get("stop_on", [])),
            "reentry": {"gap_days": said["gap_days"]} if said["reentry"] == "gap" else said["reentry"],
        }  # fmt: skip
        for name, value in values.items():
            if name in document or value != DEFAULTS[name]:
                document[name] = value
        return document

    def show(self, faults: list[Fault]) -> None:
        """Put the faults of a document into the slots that they concern."""
        for fault in faults:
            fits = [path for path in FIELD_OF_PATH if fault.path == path or fault.path.startswith(f"{path}/")]
            field = FIELD_OF_PATH[max(fits, key=len)] if fits else None
            self.add_error(field, fault.message if field else f"{fault.path}: {fault.message}")


class TurnOnForm(forms.Form):
    """Turning a rule on, or publishing other timing: how far back it reaches at once."""

    backlog_days = forms.TypedChoiceField(
        label=_("Patients whose day has passed already"), coerce=int, initial=0, widget=forms.RadioSelect,
        choices=[(days, str(days)) for days in preview.BACKLOGS],
    )  # fmt: skip

    def __init__(self, data: Any = None, *, numbers: list[tuple[int, int]] = ()) -> None:
        super().__init__(data)
        if numbers:
            self.fields["backlog_days"].choices = [  # type: ignore[attr-defined]
                (days, _backlog_words(days, patients)) for days, patients in numbers
            ]


class ResumeForm(forms.Form):
    """Going on after a pause."""

    catch_up = forms.TypedChoiceField(
        label=_("What came due meanwhile"), coerce=lambda value: value == "yes", initial="no", widget=forms.RadioSelect,
        choices=[("no", _("Leave it out")), ("yes", _("Make up for what is not too late"))],
    )  # fmt: skip


def _backlog_words(days: int, patients: int) -> str:
    who = "nobody" if not patients else "1 patient" if patients == 1 else f"{patients:,} patients"
    return "Only from now on: nobody at once" if not days else f"Reach back {days} days: {who} at once"


def _initial(document: dict[str, Any]) -> dict[str, Any]:
    trigger, reentry = document["trigger"], document.get("reentry", "each")
    gap = reentry["gap_days"] if isinstance(reentry, dict) else None
    return {
        "name": document["name"], "purpose": document["purpose"], "n": int(trigger["after"]["n"]),
        "unit": trigger["after"]["unit"], "at": trigger.get("at", "10:00"), "zone": document.get("zone", "clinic"),
        "survey": document["steps"][0]["survey"], "reentry": "gap" if gap else reentry, "gap_days": gap,
        "stop_on": document.get("stop_on", []), "max_late_hours": document.get("max_late_hours", 72),
    }  # fmt: skip


def _in_old_order(chosen: list[str], before: list[str]) -> list[str]:
    """The chosen conditions, those that were there in their old order."""
    return [name for name in before if name in chosen] + [name for name in chosen if name not in before]
