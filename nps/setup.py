"""What a practice needs before its first survey: made at the first asking, or by the demo."""

from accounts.models import Practice
from nps.models import Survey

STANDARD_NAME = "Patient satisfaction"


def ensure_survey(practice: Practice) -> Survey:
    """The practice's standard survey, made where it has none. Inside `use_practice(practice.pk)`; safe to run twice."""
    survey, _made = Survey.objects.get_or_create(
        name=STANDARD_NAME, defaults={"languages": practice.languages or ["en"]}
    )
    return survey
