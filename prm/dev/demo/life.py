"""What people of a demo practice do between two days: patients answer, staff call them back.

Every choice is drawn from a generator seeded by the row's own key, so that a day played twice, or after a crash, does
the same again.
"""

from datetime import datetime, timedelta
from random import Random

from accounts.models import Membership, Practice
from nps import answer, ask, recovery
from nps.models import ContactAttempt, RecoveryCase, SurveyInvitation
from nps.score import bucket
from prm import clock
from prm.dev.demo.truth import Care, score_for
from prm.dev.demo.voices import CAUSES, COMMENTS, NOTES
from prm.tenancy import use_practice

WRITES, AGREES = 0.62, 0.6
LOOKS_BACK = timedelta(days=4)


def answers(
    practice: Practice, cares: dict[str, Care], *, share: float, seed: int, since: datetime, until: datetime
) -> int:
    """Let a `share` of the patients answer the surveys whose moment lies in (since, until]; returns how many did."""
    with use_practice(practice.pk):
        ask.settle(now=until)
        asked = SurveyInvitation.objects.filter(state="sent", asked_at__gt=since - LOOKS_BACK, asked_at__lte=until)
        invitations = list(asked.select_related("patient", "episode").order_by("pk"))
    given = 0
    for invitation in invitations:
        care = cares.get(invitation.episode.source_key.rpartition("|")[2]) if invitation.episode else None
        if care is None:
            continue
        rng = Random(f"{seed}:{care.case}:{invitation.stage}")
        at = invitation.asked_at + timedelta(minutes=int(rng.lognormvariate(5.0, 1.2)) + 3)
        if rng.random() < share and since < at <= min(until, invitation.asked_at + LOOKS_BACK):
            with clock.at(at), use_practice(practice.pk):
                _answer(invitation, care, rng, at)
            given += 1
    return given


def _answer(invitation: SurveyInvitation, care: Care, rng: Random, at: datetime) -> None:
    score = score_for(rng, care)
    language = invitation.patient.language
    said = COMMENTS[bucket(score).value, language] if rng.random() < WRITES else ()
    response = answer.answer(invitation, score, now=at, comment=rng.choice(said) if said else "", language=language)
    if score <= 8:
        answer.allow_contact(response, "call" if rng.random() < AGREES else "no", now=at)


def callbacks(practice: Practice, *, seed: int, until: datetime, since: datetime) -> int:
    """Let the desk take, call and resolve cases whose moment has come by `until`; returns the steps done.

    Cases opened after `since` are left alone, so that the inbox has work in it.
    """
    done = 0
    with use_practice(practice.pk):
        desk = list(Membership.objects.filter(role__in=("front_desk", "manager")).select_related("user").order_by("id"))
        cases = list(
            RecoveryCase.objects.open()
            .filter(opened_at__lte=since)
            .select_related("response", "patient")
            .order_by("id")
        )
    for case in cases:
        rng = Random(f"{seed}:{case.patient.search_name}:{case.opened_at:%Y%m%d%H%M}")
        called = case.opened_at + timedelta(minutes=int(rng.lognormvariate(5.2, 0.9)))
        resolved = called + timedelta(hours=rng.choice((20, 44, 70, 96)))
        by = rng.choice(desk)
        for at, step in ((called, _call), (resolved, _resolve)):
            if at <= until:
                with clock.at(at), use_practice(practice.pk):
                    done += step(RecoveryCase.objects.get(pk=case.pk), by, rng, at)
    return done


def _call(case: RecoveryCase, by: Membership, rng: Random, at: datetime) -> int:
    if case.contacted_at:
        return 0
    recovery.take(case, by=by, now=at)
    recovery.log_contact(
        case,
        by=by,
        medium=ContactAttempt.Medium.PHONE,
        result=ContactAttempt.Result.REACHED,
        note=rng.choice(NOTES),
        now=at,
    )
    return 1


def _resolve(case: RecoveryCase, by: Membership, rng: Random, at: datetime) -> int:
    if case.state == "resolved" or not case.contacted_at:
        return 0
    recovery.resolve(
        case, by=by, cause=rng.choice(CAUSES), outcome=rng.choice(("helped", "explained", "apologised")), now=at
    )
    return 1
