"""Plays the history of a demo practice, step by step, through the same functions that the product runs on.

A step of two days is: the EMR's messages arrive, episodes lapse, the rules are evaluated, what is due leaves, patients
answer, staff call back. Each part is safe to play twice, and how far it was played is kept, so that a load that was
stopped goes on.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from django.conf import settings

from accounts.create import create_practice
from accounts.models import Clinic, Membership, Practice, Therapist
from campaigns import evaluate, lifecycle
from campaigns.models import Rule
from integrations import lapse, play
from integrations.models import Feed
from messaging.outbox.deliver import Tally, deliver_practice
from nps.models import ReviewSite
from nps.reviews import add_site
from nps.setup import STANDARD_NAME, ensure_survey
from patients import consent
from patients.models import ConsentPolicy
from prm import clock
from prm.dev.demo import feed, life, truth
from prm.dev.demo.practices import DemoPractice
from prm.dev.people import complete_demo_staff, make_demo_staff
from prm.tenancy import use_practice

STEP = timedelta(days=2)  # shorter than a rule may be late (72 h); what a step costs hardly depends on its length
FEED = "EMR"
RULE = {
    "schema": "prm.rule/1",
    "name": "After discharge, one question",
    "purpose": "treatment",
    "trigger": {"kind": "after_discharge", "after": {"n": 1, "unit": "days"}, "at": "10:00"},
    "steps": [{"id": "ask", "do": "survey", "channel": ["email"], "survey": STANDARD_NAME}],
    "stop_on": ["readmitted"],
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Played:
    """What a load did: steps of two days played and messages taken in."""

    steps: int
    messages: int


def load(plan: DemoPractice, *, as_of: datetime, seed: int, say: Say) -> Played:
    """Play what is missing of a practice's history up to `as_of` (aware); nothing where it was all played.

    The first load fixes the moment up to which lives are drawn; one that was stopped goes on to that moment. While
    it is played the practice is suspended: a tick of the present would pass over what is still to be decided in its
    past.
    """
    if _progress(plan).get("until") and _progress(plan)["until"] == _progress(plan)["as_of"]:
        complete_demo_staff(Practice.objects.get(slug=plan.slug), now=clock.now())
        return Played(0, 0)
    drawn = _progress(plan).get("as_of") or as_of.isoformat()
    as_of = datetime.fromisoformat(drawn)
    lives = truth.lives(
        Random(f"{seed}:{plan.slug}"), plan.places, count=plan.patients, months=plan.months,
        as_of=as_of,
    )  # fmt: skip
    begin = truth.midnight((as_of - timedelta(days=plan.months * 30)).date())
    practice, emr = _practice(plan, begin)
    _tell_truth(plan, lives)
    cursor = _cursor(plan) or begin
    todo = [message for message in feed.messages(lives) if cursor < message[0] <= as_of]
    cares = {care.case: care for person in lives for care in person.cares}
    steps = taken = 0
    while cursor < as_of:
        until = min(cursor + STEP, as_of)
        count = next((i for i, (at, _raw) in enumerate(todo) if at > until), len(todo))
        _step(
            plan,
            practice,
            emr,
            [raw for _at, raw in todo[:count]],
            cares,
            seed=seed,
            since=cursor,
            until=until,
            waiting=as_of - timedelta(days=plan.waiting_days),
        )
        todo, cursor, steps, taken = todo[count:], until, steps + 1, taken + count
        _keep(plan, practice.pk, {"as_of": drawn, "until": until.isoformat()})
        if steps % 15 == 0:
            say(f"{plan.name}: {cursor:%b %Y}, {taken:,} messages")
    complete_demo_staff(practice, now=as_of)
    Practice.objects.filter(pk=practice.pk).update(suspended_at=None)
    return Played(steps, taken)


def _step(
    plan: DemoPractice, practice: Practice, emr: Feed, messages: list[bytes], cares: dict[str, truth.Care], *,
    seed: int, since: datetime, until: datetime, waiting: datetime,
) -> None:  # fmt: skip
    with clock.at(until):
        if messages:
            play.ingest_bytes(practice, emr, messages, now=until)
        with use_practice(practice.pk):
            lapse.refresh(now=until)
        _evaluate(practice, until)
        _deliver(practice)
        life.answers(practice, cares, share=plan.answers, seed=seed, since=since, until=until)
        life.callbacks(practice, seed=seed, until=until, since=waiting)


def _evaluate(practice: Practice, at: datetime) -> None:
    complete = False
    while not complete:
        with use_practice(practice.pk):
            progress = evaluate.tick(at=at)
        complete = progress is None or progress.complete


def _deliver(practice: Practice) -> None:
    sent = True
    while sent:
        tally = Tally()
        deliver_practice(practice.pk, "email", tally=tally)
        sent = tally.sent > 0


def _practice(plan: DemoPractice, begin: datetime) -> tuple[Practice, Feed]:
    """The practice as an owner would have set it up on its first day: people, clinics, consent, feed, survey, rule."""
    with clock.at(begin):
        practice = create_practice(
            plan.slug, plan.name, plan.zone, owner_email=None, now=begin, signatory="Olivia Grant"
        ).practice
        practice.languages, practice.phone, practice.postal_address = ["en", "es"], plan.phone, plan.postal_address
        practice.brand_colour, practice.icon, practice.suspended_at = plan.colour, plan.icon, begin
        practice.save()
        make_demo_staff(practice)
        with use_practice(practice.pk):
            _clinics(plan, begin)
            ensure_survey(practice)
            for channel in ("email", "sms"):
                if consent.policy(channel, "care") is None:
                    consent.choose_policy(
                        channel, "care", ConsentPolicy.Rule.ON_ARRIVAL, by=None, now=begin,
                        wording="The intake form asks for the number and says that texts about visits may come."
                        if channel == "sms" else "",
                    )  # fmt: skip
            return practice, _feed_and_rule(plan, begin)


def _clinics(plan: DemoPractice, begin: datetime) -> None:
    lead = Membership.objects.filter(role="front_desk").order_by("id").first()
    first = Clinic.objects.order_by("pk").first()
    for index, place in enumerate(plan.places):
        clinic = Clinic.objects.filter(name=place.name).first() or (first if index == 0 and first else Clinic())
        clinic.name, clinic.time_zone, clinic.phone, clinic.address = place.name, place.zone, place.phone, place.address
        clinic.hours, clinic.recovery_lead = plan.hours, lead
        clinic.save()
        if not ReviewSite.objects.filter(clinic=clinic).exists():
            add_site(clinic, "google", f"https://g.page/r/demo-{place.code.lower()}/review", now=begin)
        for told in place.therapists:
            _number, last, given, *_rest, credential = told.split("^")
            Therapist.objects.get_or_create(first_name=given, last_name=last, defaults={"credential": credential})


def _feed_and_rule(plan: DemoPractice, begin: datetime) -> Feed:
    emr, _made = Feed.objects.get_or_create(
        name=FEED,
        defaults={
            "kind": Feed.Kind.HL7V2, "preset": "generic", "time_zone": plan.zone, "state": Feed.State.LIVE,
            "live_at": begin, "settings": {"episode_key": feed.EPISODE_KEY, "planned_visits": feed.PLANNED_FIELD},
        },
    )  # fmt: skip
    if not Rule.objects.exists():
        owner = Membership.objects.select_related("user").filter(role="owner").order_by("id")[0]
        lifecycle.activate(lifecycle.create(RULE, by=owner, now=begin), by=owner, now=begin)
    return emr


def _file(plan: DemoPractice) -> Path:
    return Path(settings.STATE_DIR) / f"demo-{plan.slug}.json"


def _progress(plan: DemoPractice) -> dict[str, str]:
    """How far the practice of this database was played; nothing of another database's counts."""
    practice = Practice.objects.filter(slug=plan.slug).first()
    if practice is None or not _file(plan).exists():
        return {}
    known = json.loads(_file(plan).read_text())
    return known if known.get("practice") == str(practice.pk) else {}


def _cursor(plan: DemoPractice) -> datetime | None:
    until = _progress(plan).get("until")
    return datetime.fromisoformat(until) if until else None


def _keep(plan: DemoPractice, practice_id: UUID, progress: dict[str, str]) -> None:
    path = _file(plan).with_suffix(".new")
    path.write_text(json.dumps({"practice": str(practice_id), **progress}))
    path.replace(_file(plan))


def _tell_truth(plan: DemoPractice, lives: list[truth.Life]) -> None:
    """`demo_truth.json`: the hazards that the lives were drawn with, to hold estimates against."""
    told = {
        "dropout_hazard_after_visit": truth.DROPOUT_HAZARDS, "dropout_hazard_later": truth.LATER_HAZARD,
        "episodes": sum(len(person.cares) for person in lives),
        "completed": sum(care.completed for person in lives for care in person.cares),
    }  # fmt: skip
    (Path(settings.STATE_DIR) / f"demo_truth_{plan.slug}.json").write_text(json.dumps(told, indent=1))
