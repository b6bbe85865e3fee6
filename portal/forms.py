"""What patients type to come in."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.requests import address_of
from prm import clock

A_DATE = _("Enter your birth date, such as 3 5 1955")
A_DAY = _("Enter the month and the day, such as 3 5")
AN_ADDRESS = _("Enter an e-mail address, or a phone number like 415 555 0134")


class MonthDayForm(forms.Form):
    """Month and day of a birth date: the short re-check on the patient's own phone."""

    month = forms.IntegerField(min_value=1, max_value=12)
    day = forms.IntegerField(min_value=1, max_value=31)

    def clean(self) -> dict[str, Any]:
        """One error for all parts: which of them is wrong is nobody's business."""
        given = super().clean() or {}
        if self.errors or not _exists(2000, given["month"], given["day"]):
            self.errors.clear()
            raise ValidationError(A_DAY)
        return given


class BirthDateForm(forms.Form):
    """The whole birth date, and whether the device is the patient's own."""

    month = forms.IntegerField()
    day = forms.IntegerField()
    year = forms.IntegerField()
    own_device = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        """`born`: a date that exists and is not to come; else one error for all parts."""
        given = super().clean() or {}
        born = None if self.errors else _exists(given["year"], given["month"], given["day"])
        if born is None or not 1900 <= born.year <= clock.now().year:
            self.errors.clear()
            raise ValidationError(A_DATE)
        return {**given, "born": born}


class NewLinkForm(forms.Form):
    """Where a new link is to go."""

    address = forms.CharField(max_length=254, error_messages={"required": AN_ADDRESS, "max_length": AN_ADDRESS})

    def clean_address(self) -> tuple[str, str]:
        """(channel, address as we keep it)."""
        found = address_of(self.cleaned_data["address"])
        if found is None:
            raise ValidationError(AN_ADDRESS)
        return found


def _exists(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except (ValueError, OverflowError):
        return None
