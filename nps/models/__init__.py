"""Surveys, what patients answered, what was done about it, and reviews (nps.md section 1)."""

from nps.models.recovery import ContactAttempt, RecoveryCase
from nps.models.responses import Response, ResponseVersion
from nps.models.reviews import ReviewRequest, ReviewSite
from nps.models.surveys import STANDARD_QUESTION, Stage, Survey, SurveyInvitation

__all__ = [
    "STANDARD_QUESTION",
    "ContactAttempt",
    "RecoveryCase",
    "Response",
    "ResponseVersion",
    "ReviewRequest",
    "ReviewSite",
    "Stage",
    "Survey",
    "SurveyInvitation",
]
