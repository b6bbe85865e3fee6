"""The answers in a patient's copy of the record."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from nps.models import Response
from patients.models import Patient


def answers(patient: Patient, now: datetime) -> list[dict[str, Any]]:
    """A row for each answer, oldest first, in the patient's own words."""
    return [
        {_("When"): one.answered_at, _("Score (0 to 10)"): one.score, _("Comment"): one.comment_text}
        for one in Response.objects.filter(patient=patient).order_by("answered_at", "id")
    ]
