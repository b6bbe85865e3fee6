"""What each role may do, in words: made from `accounts.access.PERMISSIONS`, so that a page cannot say otherwise."""

from dataclasses import dataclass

from accounts.access import PERMISSIONS, WHOLE_PRACTICE
from accounts.models import Membership

ROLE_LINES = {
    Membership.Role.OWNER: "Everything, also who gets access, the record of who saw what, and the agreements",
    Membership.Role.MANAGER: "The day: patients, messages, campaigns, settings and people, but no owners",
    Membership.Role.THERAPIST: "Patients, inbox and drafts of campaigns",
    Membership.Role.FRONT_DESK: "Patients, inbox, outbox and winning back unhappy patients",
    Membership.Role.READ_ONLY: "Reads patients and figures, changes nothing",
}
# A sentence for each permission, in the order in which they are shown; a test compares the keys.
SENTENCES = {
    "today.view": "See what today needs",
    "patients.view": "Find and read patients",
    "patients.restrict": "Stop all contact with a patient",
    "patients.rights": "Answer patients’ rights: corrections, disclosures, a copy of the record",
    "inbox.view": "See the inbox",
    "inbox.work": "Take, answer and close what is in the inbox, and own it",
    "nps.report": "Read the report of scores and comments",
    "nps.answers": "See what a patient answered, by name",
    "nps.recover": "Win back unhappy patients",
    "nps.set_up": "Set up surveys and review pages",
    "campaigns.view": "See campaigns and what they did",
    "campaigns.draft": "Write drafts of campaigns",
    "campaigns.run": "Turn campaigns on and off",
    "outbox.view": "See what left and what did not",
    "feeds.manage": "Connect the EMR and mend its messages",
    "start.view": "See what is left to set up",
    "settings.manage": "Change the practice’s settings: profile, branding, channels, consent, quiet hours, new clinics",
    "clinics.manage": "Change and close the clinics they work in",
    "people.manage": "Invite people, change roles, end access",
    "practice.own": "Sign agreements, choose retention and whom therapists see, let support in, export, close",
    "audit.view": "Read the record of who saw and changed what",
    "api_keys.manage": "Give programs access by keys",
    "mine": "Change their own password, second step and absence",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that can be done, and for each role in order whether it may."""

    sentence: str
    may: tuple[bool, ...]
    whole_practice: bool


def matrix() -> list[Line]:
    """All permissions as sentences; columns are the roles in their order."""
    return [
        Line(
            SENTENCES[name], tuple(role in PERMISSIONS[name] for role in Membership.Role.values), name in WHOLE_PRACTICE
        )
        for name in SENTENCES
        if name in PERMISSIONS
    ]


def may_do(role: str) -> list[str]:
    """The sentences of what a role may do."""
    return [sentence for name, sentence in SENTENCES.items() if role in PERMISSIONS.get(name, ())]
