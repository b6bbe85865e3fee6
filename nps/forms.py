"""What patients and staff send us about surveys, as forms."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, Practice
from nps.models import ContactAttempt, RecoveryCase, Response, ReviewSite
from nps.recovery import LONGEST_NOTE
from nps.wording import DRIVERS, LONGEST_COMMENT

CHOOSE_A_NUMBER = _("Choose a number from 0 to 10")
TOO_LONG = _("Please use at most %(limit_value)d characters. You have %(show_value)d.")


class ScoreForm(forms.Form):
    """A score and, if the patient likes, why."""

    score = forms.TypedChoiceField(
        choices=[(str(n), str(n)) for n in range(11)],
        coerce=int,
        error_messages={"required": CHOOSE_A_NUMBER, "invalid_choice": CHOOSE_A_NUMBER},
    )
    comment = forms.CharField(
        required=False, max_length=LONGEST_COMMENT, error_messages={"max_length": TOO_LONG}, widget=forms.Textarea
    )


class CommentForm(forms.Form):
    """The words, after the score."""

    comment = forms.CharField(
        required=False, max_length=LONGEST_COMMENT, error_messages={"max_length": TOO_LONG}, widget=forms.Textarea
    )


class DriversForm(forms.Form):
    """What the answer is about; several or none."""

    drivers = forms.MultipleChoiceField(required=False, choices=list(DRIVERS.items()))


class ContactForm(forms.Form):
    """Whether and how staff may come back to the patient."""

    contact = forms.ChoiceField(
        choices=[(wish, wish) for wish in (Response.Contact.CALL, Response.Contact.MESSAGE, Response.Contact.NO)],
        error_messages={"required": _("Choose one answer"), "invalid_choice": _("Choose one answer")},
    )


class ContactAttemptForm(forms.Form):
    """One try to reach a patient, logged by staff."""

    medium = forms.ChoiceField(label="How", choices=ContactAttempt.Medium.choices)
    result = forms.ChoiceField(label="Result", choices=ContactAttempt.Result.choices, widget=forms.RadioSelect)
    note = forms.CharField(
        label="What was said",
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept encrypted. Only people who work on recovery read it.",
    )


class ResolutionForm(forms.Form):
    """How a case ended."""

    cause = forms.ChoiceField(label="What caused it", choices=[("", "Choose…"), *RecoveryCase.Cause.choices])
    outcome = forms.ChoiceField(label="How it ended", choices=RecoveryCase.Outcome.choices, widget=forms.RadioSelect)


class ReviewSiteForm(forms.Form):
    """A page where patients can review a clinic; the address is checked by nps.reviews."""

    clinic = forms.ModelChoiceField(queryset=None, empty_label="Choose a clinic")
    kind = forms.ChoiceField(label="Site", choices=ReviewSite.Kind.choices)
    url = forms.CharField(
        label="Address of the review page",
        max_length=400,
        help_text="Google: https://search.google.com/local/writereview?placeid=… or https://g.page/r/…/review",
    )

    def __init__(self, *args: Any, clinics: QuerySet[Clinic], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["clinic"].queryset = clinics


class ReviewPolicyForm(forms.Form):
    """Who is asked for a review."""

    mode = forms.ChoiceField(
        label="Who gets the review mail, two hours after an answer",
        widget=forms.RadioSelect,
        choices=Practice.ReviewMode.choices,
    )
    acknowledged = forms.BooleanField(
        label="I know what the law says about asking promoters only",
        required=False,
        help_text="16 CFR 465 (in force since October 21, 2024) forbids hiding unhappy voices; Google removes pages "
        "that ask selectively. The tick is kept in the audit record.",
    )
