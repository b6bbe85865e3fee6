"""Asking patients: who may be asked, what is frozen, and the message that carries the link (nps.md section 3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import Practice
from messaging.compose import library
from messaging.models import Klass, MessagePurpose, OutboxMessage, Topic
from messaging.outbox import guard, queue
from nps.models import Stage, Survey, SurveyInvitation
from patients import access, timeline
from patients.models import Channel, Episode, PortalLink, Visit
from prm.tenancy import current_practice_id

ADULT = 18  # years; a younger patient is asked through a guardian's contact, which no practice keeps yet
AT_DISCHARGE = timedelta(days=14)
QUIET = timedelta(days=21)  # without a visit, nothing booked: asked as one who drops out
EARLY_VISITS = 3

DROP_REASONS = frozenset({
    Episode.DischargeReason.PATIENT_CHOICE, Episode.DischargeReason.NON_ATTENDANCE, Episode.DischargeReason.COST,
})  # fmt: skip

State, Reason = SurveyInvitation.State, SurveyInvitation.Reason


@dataclass(frozen=True, slots=True)
class Asking:
    """One patient to be asked about an episode, and which step of which rule's decision asks (None: a person).

    `dedupe_key` and `expires_at` (aware) of the mail, where the caller has them.
    """

    episode: Episode
    firing: UUID | None = None
    step: str = ""
    campaign: UUID | None = None
    dedupe_key: str = ""
    expires_at: datetime | None = None

    @property
    def occasion(self) -> tuple[UUID | None, str]:
        """What asks at most once."""
        return self.firing, self.step


def invite(
    episode: Episode, *, survey: Survey, now: datetime, firing: UUID | None = None, campaign: UUID | None = None
) -> SurveyInvitation:
    """Ask one patient by e-mail, in the caller's transaction. As `invite_many`."""
    return invite_many([Asking(episode, firing, campaign=campaign)], survey=survey, now=now)[0]


def invite_many(askings: Sequence[Asking], *, survey: Survey, now: datetime) -> list[SurveyInvitation]:
    """One invitation an asking, in their order; each with its link and its queued mail, or with the reason for none.

    Clinic, therapist, stage and ordinal are frozen. A step of a firing asks once: again, its invitation comes back as
    it is. The link's token goes into the sealed context of the outbox row and nowhere else. Statements do not grow with
    the number of askings.
    """
    known = {
        (invitation.firing, invitation.step): invitation
        for invitation in SurveyInvitation.objects.filter(firing__in=[a.firing for a in askings if a.firing])
    }
    fresh = [asking for asking in askings if asking.firing is None or asking.occasion not in known]
    made = _make(fresh, survey, now=now) if fresh else []
    new = {id(asking): invitation for asking, invitation in zip(fresh, made, strict=True)}
    return [new.get(id(asking)) or known[asking.occasion] for asking in askings]


def stage_of(episode: Episode, *, now: datetime) -> Stage:
    """Where in the care the episode stands at `now` (aware); the rules of nps.md section 3."""
    if dropped(episode, now=now):
        return Stage.DROPPED
    if episode.discharged_at is not None:
        return Stage.DISCHARGE if now - episode.discharged_at <= AT_DISCHARGE else Stage.POST
    return Stage.EARLY if episode.visit_count <= EARLY_VISITS else Stage.MID


def dropped(episode: Episode, *, now: datetime) -> bool:
    """Left before the plan was done (reports.md section 4), or 21 days without a visit and nothing booked."""
    if episode.status == Episode.Status.LAPSED or episode.discharge_reason in DROP_REASONS:
        return True
    if episode.discharged_at is not None:
        unknown = episode.discharge_reason in {"", Episode.DischargeReason.UNKNOWN}
        return unknown and episode.planned_visits is not None and episode.visit_count < episode.planned_visits
    booked = episode.next_visit_at is not None and episode.next_visit_at > now
    return not booked and episode.last_visit_at is not None and now - episode.last_visit_at >= QUIET


def settle(*, now: datetime) -> int:
    """Carry over what became of the mails: sent, or not sent with the reason, or expired. Returns how many moved."""
    moved = 0
    queued = {
        i.outbox_message: i
        for i in SurveyInvitation.objects.filter(state=State.QUEUED, outbox_message__isnull=False)[:5000]
    }
    for message in OutboxMessage.objects.filter(pk__in=queued).only("pk", "practice", "state", "reason"):
        if message.state == OutboxMessage.State.SENT:
            changes: dict[str, str] = {"state": State.SENT}
        elif message.state in {"failed", "suppressed", "expired", "cancelled"}:
            changes = {"state": State.WITHDRAWN, "not_sent_reason": message.reason[:32]}
        else:
            continue
        moved += SurveyInvitation.objects.filter(pk=queued[message.pk].pk, state=State.QUEUED).update(**changes)
    moved += SurveyInvitation.objects.filter(state__in=[State.QUEUED, State.SENT], expires_at__lte=now).update(
        state=State.EXPIRED
    )
    return moved


def ended_links(messages: Sequence[OutboxMessage], at: datetime) -> dict[UUID, guard.Verdict]:
    """For the guard (step 1): a mail whose link was ended while it waited, as by a changed address, asks nobody."""
    asking = {m.source: m.pk for m in messages if m.source_kind == SurveyInvitation._meta.label_lower}
    if not asking:
        return {}
    ended = SurveyInvitation.objects.filter(pk__in=asking, link__ended_at__lte=at).values_list("pk", flat=True)
    return {asking[pk]: guard.stale(why=guard.LINK_ENDED) for pk in ended}


def _make(askings: Sequence[Asking], survey: Survey, *, now: datetime) -> list[SurveyInvitation]:
    practice = Practice.objects.get(pk=current_practice_id())
    last_visits = _last_visits(askings, now=now)
    today = now.astimezone(practice.zone).date()
    made = []
    for asking in askings:
        episode, patient = asking.episode, asking.episode.patient
        visit = last_visits.get(episode.pk)
        age = patient.age_on(today)
        reason = (
            Reason.SURVEY_OFF if not survey.active
            else Reason.MINOR if age is not None and age < ADULT
            else Reason.NO_ADDRESS if not patient.email
            else ""
        )  # fmt: skip
        made.append(
            SurveyInvitation(
                survey=survey, patient=patient, episode=episode, visit=visit,
                clinic_id=visit.clinic_id if visit and visit.clinic_id else episode.clinic_id,
                therapist_id=visit.therapist_id if visit and visit.therapist_id else episode.therapist_id,
                stage=stage_of(episode, now=now), visit_ordinal=episode.visit_count, channel="email",
                language=_language(patient.language, survey), firing=asking.firing,
                step=asking.step, asked_at=now,
                expires_at=now + access.SURVEY_LASTS, state=State.WITHDRAWN if reason else State.QUEUED,
                not_sent_reason=reason,
            )
        )  # fmt: skip
    _send([(a, i) for a, i in zip(askings, made, strict=True) if i.state == State.QUEUED], practice, now=now)
    SurveyInvitation.objects.bulk_create(made, batch_size=500)
    timeline.record_all(
        timeline.entry(i.patient, "survey_asked", i, at=now, stage=i.stage)
        if i.state == State.QUEUED
        else timeline.entry(i.patient, "survey_not_asked", i, at=now, reason=i.not_sent_reason)
        for i in made
    )
    return made


def _send(asked: Iterable[tuple[Asking, SurveyInvitation]], practice: Practice, *, now: datetime) -> None:
    """Links and outbox rows for invitations that are not saved yet; one whose message the guard drops is withdrawn."""
    asked = list(asked)
    if not asked:
        return
    version = library.version(practice, library.SURVEY)
    issued = access.issue_links(
        [(invitation.patient, invitation.pk) for _asking, invitation in asked],
        PortalLink.LinkPurpose.SURVEY, now=now, lasts=access.SURVEY_LASTS,
    )  # fmt: skip
    drafts = []
    for (asking, invitation), (link, token) in zip(asked, issued, strict=True):
        invitation.link = link
        url = access.link_url(practice, token)
        drafts.append(
            queue.Draft(
                patient=invitation.patient, channel=Channel.EMAIL, purpose=MessagePurpose.TREATMENT,
                topic=Topic.SURVEYS, klass=Klass.CARE, template_version=version, language=invitation.language,
                dedupe_key=asking.dedupe_key or f"survey:{asking.firing or invitation.pk}:{asking.step}",
                campaign=asking.campaign, expires_at=asking.expires_at, source=invitation,
                context={"links.survey": url, "links.unsubscribe": f"{url}/stop"},
            )
        )  # fmt: skip
    for (_asking, invitation), message in zip(asked, queue.enqueue_many(practice, drafts, now=now), strict=True):
        invitation.outbox_message = message.pk
        if message.state == OutboxMessage.State.SUPPRESSED:
            invitation.state, invitation.not_sent_reason = State.WITHDRAWN, message.reason[:32] or Reason.HELD


def _last_visits(askings: Iterable[Asking], *, now: datetime) -> dict[UUID, Visit]:
    """The last completed visit of each episode before `now`, by episode."""
    rows = (
        Visit.objects.shown()
        .filter(episode__in=[a.episode.pk for a in askings], status=Visit.Status.COMPLETED, starts_at__lte=now)
        .order_by("episode_id", "-starts_at")
        .distinct("episode_id")
    )
    return {visit.episode_id: visit for visit in rows}


def _language(wanted: str, survey: Survey) -> str:
    spoken = survey.languages or ["en"]
    return wanted if wanted in spoken else spoken[0]
