"""The start checklist: nine steps, each done or not by what is really there (ui.md §9, daily.md §1, §8, §9).

`steps` decides from the facts and knows no database (start_facts.py asks for them). A step that was done opens again
where its fact breaks: an agreement's new version aside, which the old one covers until it is signed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Membership
from dashboard.models import StartStep
from integrations.models import Feed
from patients.models import ConsentPolicy
from prm.ui import words

Code = StartStep.Step
STATED = frozenset({Code.EMR, Code.OPT_OUTS})  # what a person may state: no EMR link, no opt-outs elsewhere
COUNTED = 1_000  # patients; more are said as “more than”
MINUTES: Mapping[str, int] = {
    Code.PRACTICE: 5, Code.CLINIC: 5, Code.PEOPLE: 5, Code.CONSENT: 3, Code.EMR: 15, Code.IMPORT: 10, Code.OPT_OUTS: 2,
    Code.RULE: 5, Code.SURVEY: 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said about a step."""

    later: bool = False
    done_at: datetime | None = None
    done_by: str = ""
    object_id: str = ""


@dataclass(frozen=True, slots=True)
class Feedline:
    """The feed that counts: a live one before one that is being tried, then the newest."""

    name: str
    state: str
    last_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Upload:
    """The newest import of a file."""

    id: str
    feed_id: str
    name: str
    running: bool
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is; sample patients and their feed do not count."""

    phone: bool = False
    postal_address: bool = False
    agreement: str = ""  # its newest version
    signed_by: str = ""
    signed_at: datetime | None = None
    clinics: int = 0
    clinics_ready: int = 0  # with address and phone
    clinics_unnamed: int = 0  # made by a feed
    members: int = 0
    invited: int = 0  # by links that still work
    policy: str = ""  # of e-mail: its rule
    policy_by: str = ""
    policy_at: datetime | None = None
    feed: Feedline | None = None
    patients: int = 0  # up to COUNTED + 1
    samples: int = 0
    upload: Upload | None = None
    rules_on: int = 0
    rules_drafted: int = 0
    surveyed: bool = False
    said: Mapping[str, Said] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the page shows it. `line`: what is there or what is missing, in words."""

    code: str
    number: int
    title: str
    line: str
    done: bool
    later: bool
    current: bool
    minutes: int
    by: str
    at: datetime | None
    stated: bool  # done by a person's word alone, which can be taken back


def steps(facts: Facts) -> list[Step]:
    """The nine steps in order; the first that is neither done nor put off is the current one."""
    shown: list[Step] = []
    current = False
    for number, (code, decide) in enumerate(DECISIONS.items(), start=1):
        said = (facts.said or {}).get(code, Said())
        done, line, by, at = decide(facts, said)
        later = said.later and not done
        is_current = not (done or later or current)
        current = current or is_current
        shown.append(
            Step(
                code, number, str(Code(code).label), line, done=done, later=later, current=is_current,
                minutes=MINUTES[code], by=by if done else "", at=at if done else None,
                stated=done and code in STATED and at is not None and at == said.done_at,
            )
        )  # fmt: skip
    return shown


@dataclass(frozen=True, slots=True)
class Left:
    """What Today says of a checklist that is not done: how many steps are, and the next one."""

    done: int
    total: int
    following: Step


def left(facts: Facts) -> Left | None:
    """None where every step is done. Where all that is open was put off, the first of those is next."""
    shown = steps(facts)
    waiting = [step for step in shown if not step.done]
    if not waiting:
        return None
    following = next((step for step in waiting if step.current), waiting[0])
    return Left(finished(shown), len(shown), following)


def finished(shown: Sequence[Step]) -> int:
    """How many steps are done."""
    return sum(step.done for step in shown)


Decision = tuple[bool, str, str, datetime | None]


def _practice(facts: Facts, said: Said) -> Decision:
    wanted = {
        "the agreement": facts.agreement,
        "phone": facts.phone,
        "postal address for e-mail": facts.postal_address,
    }
    missing = [name for name, there in wanted.items() if not there]
    if missing:
        return False, f"Missing: {_listed(missing)}.", "", None
    return True, f"Agreement {facts.agreement}, phone, postal address for e-mail", facts.signed_by, facts.signed_at


def _clinic(facts: Facts, said: Said) -> Decision:
    counted = _many(facts.clinics, "clinic")
    if facts.clinics_unnamed:
        return False, f"{_many(facts.clinics_unnamed, 'clinic')} from your EMR waits for a name.", "", None
    if not facts.clinics or facts.clinics_ready < facts.clinics:
        lacking = facts.clinics - facts.clinics_ready
        return (
            False,
            f"{lacking} of {counted} without address or phone." if facts.clinics else "No clinic yet.",
            "",
            None,
        )
    return True, f"{counted} with address, phone, hours and time zone", "", None


def _people(facts: Facts, said: Said) -> Decision:
    invited = f", {words.count(facts.invited)} invited" if facts.invited else ""
    if facts.members > 1 or facts.invited:
        return True, f"{_many(facts.members, 'person', 'people')} can sign in{invited}", "", None
    return False, "Only you can sign in. Invite whoever answers patients.", "", None


def _consent(facts: Facts, said: Said) -> Decision:
    if not facts.policy:
        return False, "What it means that a patient gives you an address. Nothing is sent before you choose.", "", None
    line = {
        ConsentPolicy.Rule.ON_ARRIVAL: "An e-mail address given to you may be written to about care",
        ConsentPolicy.Rule.RECORDED_ONLY: "Only recorded consent counts for e-mail",
    }[ConsentPolicy.Rule(facts.policy)]
    return True, line, facts.policy_by, facts.policy_at


def _emr(facts: Facts, said: Said) -> Decision:
    feed = facts.feed
    if feed and feed.state == Feed.State.LIVE:
        last = f"last message {words.ago(feed.last_received_at)}" if feed.last_received_at else "no message yet"
        return True, f"{feed.name} is live, {last}", "", None
    if feed:
        what = {
            Feed.State.TESTING: f"{feed.name} is being tried. Look at what came, then let it go live.",
            Feed.State.PAUSED: f"{feed.name} is paused: what arrives is kept, nothing is applied.",
        }.get(Feed.State(feed.state), f"{feed.name} is not live.")
        return False, what, "", None
    if said.done_at:
        return True, "No EMR link: files, and what you enter by hand", said.done_by, said.done_at
    return (
        False,
        "HL7 v2 or FHIR. Visits then arrive by themselves, and episodes close when the EMR closes them.",
        "",
        None,
    )


def _import(facts: Facts, said: Said) -> Decision:
    if facts.upload and facts.upload.running:
        return False, f"{facts.upload.name} is being taken in.", "", None
    if facts.patients:
        many = f"More than {words.count(COUNTED)}" if facts.patients > COUNTED else words.count(facts.patients)
        upload = facts.upload
        line = f"{many} patient{'' if facts.patients == 1 else 's'} here"
        return True, line, upload.by if upload else "", upload.at if upload else None
    return (
        False,
        "A file of HL7 v2 messages or FHIR resources from your EMR works. Every message is kept as it came.",
        "",
        None,
    )


def _opt_outs(facts: Facts, said: Said) -> Decision:
    if said.done_at:
        return True, "You said that there are none elsewhere", said.done_by, said.done_at
    line = "Whoever told another product of yours to stop must not hear from this one. Say so if nobody did."
    return False, line, "", None


def _rule(facts: Facts, said: Said) -> Decision:
    if facts.rules_on:
        return True, f"{_many(facts.rules_on, 'rule')} on", "", None
    if facts.rules_drafted:
        return False, f"{_many(facts.rules_drafted, 'draft')}, none turned on.", "", None
    return (
        False,
        "A rule says who hears from you, when, and why. Patients hear nothing until you turn one on.",
        "",
        None,
    )


def _survey(facts: Facts, said: Said) -> Decision:
    if facts.surveyed:
        return True, "Your patients have been asked", "", None
    if said.done_at:
        return True, "Sent to yourself", said.done_by, said.done_at
    return False, "Send it to yourself and answer it on your phone.", "", None


DECISIONS = {
    Code.PRACTICE: _practice, Code.CLINIC: _clinic, Code.PEOPLE: _people, Code.CONSENT: _consent, Code.EMR: _emr,
    Code.IMPORT: _import, Code.OPT_OUTS: _opt_outs, Code.RULE: _rule, Code.SURVEY: _survey,
}  # fmt: skip


def put_off(code: str, *, by: Membership, now: datetime) -> None:
    """“Later” for one step. ValueError for no step."""
    StartStep.objects.update_or_create(step=Code(code), defaults={"later_at": now, "later_by": by})


def take_up(code: str) -> None:
    """Back on the list. ValueError for no step."""
    StartStep.objects.filter(step=Code(code)).update(later_at=None, later_by=None)


def say_done(code: str, *, by: Membership, now: datetime, object_id: Any = None) -> None:
    """A step that a person does or states: keeps who and when, the newest counts. ValueError for no step."""
    StartStep.objects.update_or_create(
        step=Code(code),
        defaults={"done_at": now, "done_by": by, "later_at": None, "later_by": None, "object_id": object_id},
    )


def take_back(code: str) -> None:
    """What was stated no longer holds. ValueError for no step."""
    StartStep.objects.filter(step=Code(code)).update(done_at=None, done_by=None)


def _many(count: int, one: str, several: str = "") -> str:
    return f"{words.count(count)} {one if count == 1 else several or one + 's'}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
