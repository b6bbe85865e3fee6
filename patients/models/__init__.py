"""People, consent, episodes of care, visits, what happened to them, and what staff must do about it."""

from patients.models.care import Episode, EpisodeRegion, Visit
from patients.models.consent import Channel, Consent, ConsentPolicy, Purpose
from patients.models.links import BirthDateTry, PortalLink, PortalSession
from patients.models.people import ExternalId, Patient
from patients.models.rights import Amendment, Disclosure
from patients.models.timeline import TimelineEntry
from patients.models.work import WorkItem, WorkItemLine

__all__ = [
    "Amendment",
    "BirthDateTry",
    "Channel",
    "Consent",
    "ConsentPolicy",
    "Disclosure",
    "Episode",
    "EpisodeRegion",
    "ExternalId",
    "Patient",
    "PortalLink",
    "PortalSession",
    "Purpose",
    "TimelineEntry",
    "Visit",
    "WorkItem",
    "WorkItemLine",
]
