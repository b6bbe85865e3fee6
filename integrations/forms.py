"""Forms of the feed pages."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from accounts.models import Practice, check_zone
from integrations import feeds, keys
from integrations.kinds import KINDS
from integrations.models import Feed

MAX_UPLOAD = 64 * 2**20
FORMATS = {"hl7v2": "HL7 v2", "fhir": "FHIR", "csv": "CSV, XLSX"}
PRESETS = [
    (f"{kind.name}:{name}", f"{label} ({FORMATS[kind.name]})")
    for kind in (KINDS["hl7v2"], KINDS["fhir"], KINDS["csv"])
    for name, (label, _settings) in kind.presets.items()
]
A03 = [
    ("", "As this EMR usually means it"),
    ("episode", "The episode of care has ended"),
    ("visit", "One visit is over"),
    ("ignore", "Nothing"),
]


class FeedForm(forms.Form):
    """A new feed: which EMR, under which name, and what only a person can know of it."""

    emr = forms.ChoiceField(label="EMR and format", choices=PRESETS)
    name = forms.CharField(label="Name", max_length=80, help_text="As your staff will see it, such as “Visits, HL7”.")
    time_zone = forms.CharField(label="Time zone", help_text="Of times that come without one.", validators=[check_zone])
    a03_means = forms.ChoiceField(
        label="A discharge message (A03) means", choices=A03, required=False, help_text="HL7 v2 only."
    )
    episode_key = forms.CharField(
        label="Field with the episode's number", required=False, max_length=12,
        help_text="HL7 v2 only, such as PID-18. Leave empty to tell episodes apart by visits.",
    )  # fmt: skip

    def __init__(self, practice: Practice, *args: Any, **options: Any) -> None:
        options.setdefault("initial", {"time_zone": practice.time_zone})
        super().__init__(*args, **options)

    def clean_name(self) -> str:
        """A name is used once."""
        name = self.cleaned_data["name"].strip()
        if Feed.objects.filter(name=name).exists():
            raise forms.ValidationError("There is a feed of that name; choose another one.")
        return name

    def clean(self) -> dict[str, Any]:
        """The settings of the kind, each checked by its key."""
        given = super().clean() or {}
        kind, _colon, preset = given.get("emr", ":").partition(":")
        chosen = {name: given[name] for name in ("a03_means", "episode_key") if given.get(name)}
        if kind != "hl7v2":
            chosen = {}
        for name, value in chosen.items():
            try:
                keys.clean(KINDS[kind].keys, {name: value})
            except (keys.BadSetting, KeyError) as problem:
                self.add_error(name, str(problem))
        given.update(kind=kind, preset=preset, chosen=chosen)
        return given

    def save(self, practice: Practice) -> Feed:
        """Make the feed."""
        given = self.cleaned_data
        feed, _created = feeds.add_feed(
            practice, name=given["name"], kind=given["kind"], preset=given["preset"], chosen=given["chosen"],
            zone=given["time_zone"],
        )  # fmt: skip
        return feed


class UploadForm(forms.Form):
    """One file of messages."""

    file = forms.FileField(label="File", help_text="Messages, CSV or XLSX, as the feed takes them; up to 64 MB.")

    def clean_file(self) -> UploadedFile:
        """Not larger than we read in one go."""
        file = self.cleaned_data["file"]
        if file.size > MAX_UPLOAD:
            raise forms.ValidationError("This file is larger than 64 MB. Split it, or use manage.py ingest.")
        return file


class NoteForm(forms.Form):
    """Why a dead letter may rest."""

    note = forms.CharField(label="Why it may rest", max_length=240)
