"""/dev/parts/: every part in its states, the page that developers keep beside the editor (development only)."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from prm import clock
from prm.ui import rail
from prm.ui.tables import Page


class SampleForm(forms.Form):
    """One field of each kind, some of them wrong."""

    phone = forms.CharField(label="Mobile phone", help_text="We text this number about visits.")
    email = forms.EmailField(label="E-mail", required=False)
    clinic = forms.ChoiceField(choices=[("", "Choose a clinic"), ("e", "Eastside"), ("h", "Harbor")])
    channel = forms.ChoiceField(
        label="How may we reach her?", widget=forms.RadioSelect, choices=[("e", "E-mail"), ("t", "Text message")]
    )
    reason = forms.CharField(label="Reason", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    agreed = forms.BooleanField(label="May get texts about care", help_text="She can stop them at any time.")

    def clean_phone(self) -> str:
        """Always wrong, so that the error shows."""
        raise forms.ValidationError("Enter a number with 10 digits, like 415 555 0134.")


@login_not_required
@require_safe
def parts(request: HttpRequest) -> HttpResponse:
    """All parts in all states, with made-up people."""
    wrong = SampleForm({"phone": "415 555 013", "reason": "Prefers the morning", "channel": "e"})
    wrong.is_valid()
    at = datetime(2026, 11, 24, 15, 41, tzinfo=UTC)
    people = [
        ("Carol Whitman", ["completed"] * 2 + ["no_show"], 12, None, "12 days ago"),
        ("Sam Okoro", ["completed"] * 4 + ["no_show", "cancelled"], 12, 8, "9 days ago"),
        ("Walter Nye", ["completed"] * 8 + ["booked"] * 2, 12, 9, "8 days ago"),
        ("Ruth Abara", ["completed"] * 20, 36, 3, "8 days ago"),
    ]
    context = {
        "form": wrong,
        "plain_form": SampleForm(prefix="plain"),
        "rows": [(name, rail.marks(planned, seen), score, last) for name, seen, planned, score, last in people],
        "big_rail": rail.marks(12, ["completed"] * 3 + ["no_show"] + ["completed"] * 2 + ["booked"] * 2),
        "her_rail": rail.marks(12, ["completed"] * 3 + ["no_show"] + ["completed"] * 2 + ["booked"], for_patient=True),
        "tabs": [
            {"label": "Overview", "url": "#tabs", "current": True},
            {"label": "Responses", "url": "#tabs", "count": 12431},
            {"label": "Recovery", "url": "#tabs", "count": 4, "tone": "bad"},
        ],
        "stats": [
            {"label": "NPS", "value": "78", "url": "#stats", "change": "up 4", "tone": "good", "note": "214 answers"},
            {"label": "NPS, Eastside", "n": 7, "needed": 10, "note": "no score from fewer"},
        ],
        "jobs": [
            SimpleNamespace(id=1, label="Import", done=1204, total=3118, problems=12, ended=True),
        ],
        "days": [
            (
                "Today",
                [
                    {"icon": "message-circle", "sentence": "Ruth wrote to Priya", "at": at, "words": "Can I swim yet?"},
                    {"score": 10, "sentence": "Would recommend: 10 of 10", "at": at, "why_url": "#timeline"},
                ],
            )
        ],
        "page": Page(rows=people, next="x", is_later=True, about=12431),
        "sort": "-last",
        "page_now": clock.now() - timedelta(hours=3),
    }
    return render(request, "dev/parts.html", context)
