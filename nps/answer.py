"""What an answer does: one transaction writes it, its version, the timeline, the case and the review request."""

from datetime import datetime
from uuid import UUID

from django.db.models import F

from nps import recovery, reviews
from nps.models import Response, ResponseVersion, SurveyInvitation
from nps.score import Bucket, bucket
from nps.wording import DRIVERS, LONGEST_COMMENT
from patients import consent, timeline
from patients.models import Channel, Consent, Episode, Patient, Purpose
from prm import crypto

WORSE_FIRST = (Bucket.DETRACTOR, Bucket.PASSIVE, Bucket.PROMOTER)


class CommentTooLong(ValueError):
    """More characters than the survey takes."""


def answer(
    invitation: SurveyInvitation, score: int, *, now: datetime, comment: str = "", channel: str = "email",
    language: str = "",
) -> Response:  # fmt: skip
    """Record a score from 0 to 10 (ValueError otherwise); returns the response that holds it.

    The last answer counts, each is kept as a version. Once staff have contacted the patient about it, the counting
    score stands and later ones are the invitation's resurvey (nps.md section 4). Answers of one patient wait for each
    other: two posts at once make one Response with two versions. Runs in the caller's transaction.
    """
    bucket(score)
    _check_length(comment)
    patient = Patient.objects.select_for_update().get(pk=invitation.patient_id)
    counting = Response.objects.filter(invitation=invitation, kind=Response.Kind.SURVEY).select_related("case").first()
    if counting is None:
        return _first(invitation, patient, score, comment, channel=channel, language=language, now=now)
    if counting.case_id and counting.case.contacted_at:
        return _resurvey(invitation, counting, patient, score, comment, channel=channel, language=language, now=now)
    return _changed(counting, patient, score, comment, channel=channel, now=now)


def waiting(patient: Patient, *, now: datetime) -> SurveyInvitation | None:
    """The newest survey that was sent to the patient, is open at `now` (aware) and has no answer yet."""
    sent = SurveyInvitation.objects.filter(
        patient=patient, state=SurveyInvitation.State.SENT, expires_at__gt=now, responses=None
    )
    return sent.order_by("-asked_at").first()


def add_comment(response: Response, text: str, *, now: datetime) -> None:
    """Replace the words of an answer; empty text changes nothing, so that a blank form never wipes them."""
    _check_length(text)
    if not text.strip():
        return
    crypto.seal_text(response, "comment", text.strip())
    response.changed_at = now
    response.save(update_fields=["comment", "changed_at"])
    _version(response, text.strip(), now=now)
    timeline.record(response.patient, "survey_commented", response, at=now)


def choose_drivers(response: Response, chosen: list[str], *, now: datetime) -> None:
    """Keep which of the survey's reasons the patient ticked; ValueError names what is none of them."""
    unknown = sorted(set(chosen) - set(DRIVERS))
    if unknown:
        raise ValueError(f"driver {unknown[0]!r}: expected any of {', '.join(DRIVERS)}")
    response.drivers = [name for name in DRIVERS if name in chosen]
    response.changed_at = now
    response.save(update_fields=["drivers", "changed_at"])


def allow_contact(response: Response, wish: str, *, now: datetime) -> None:
    """Keep whether and how the patient wants to be contacted about it; ValueError for another word."""
    if wish not in {Response.Contact.CALL, Response.Contact.MESSAGE, Response.Contact.NO}:
        raise ValueError(f"contact {wish!r}: expected call, message or no")
    response.contact_ok = wish
    response.changed_at = now
    response.save(update_fields=["contact_ok", "changed_at"])
    timeline.record(response.patient, "survey_contact_wish", response, at=now, wish=wish)


def stop_asking(invitation: SurveyInvitation, *, now: datetime) -> None:
    """“Stop these questions”: no more surveys by any channel; care messages go on (ledger rows of topic surveys)."""
    for channel in Channel.values:
        consent.state(
            invitation.patient, channel, Purpose.CARE, granted=False, how=Consent.How.PATIENT, now=now,
            evidence=f"survey page, invitation {invitation.pk}", topic="surveys",
        )  # fmt: skip
    timeline.record(invitation.patient, "survey_stopped", invitation, at=now)


def response_of(invitation: SurveyInvitation) -> Response | None:
    """What the patient sees as his answer: the newest of the invitation, a resurvey included; None before the first."""
    return (
        Response.objects.filter(invitation=invitation)
        .select_related("case", "patient", "clinic")
        .order_by("-changed_at")
        .first()
    )


def _first(
    invitation: SurveyInvitation, patient: Patient, score: int, comment: str, *, channel: str, language: str,
    now: datetime,
) -> Response:  # fmt: skip
    response = _row(invitation, score, comment, channel=channel, language=language, now=now)
    SurveyInvitation.objects.filter(pk=invitation.pk).update(state=SurveyInvitation.State.ANSWERED)
    _version(response, comment, now=now)
    _project(patient, response.episode_id, score, now=now, new=True)
    timeline.record(patient, "survey_answered", response, at=now, score=score, stage=response.stage)
    recovery.open_case(response, now=now)
    reviews.ask(response, now=now)
    return response


def _changed(
    response: Response, patient: Patient, score: int, comment: str, *, channel: str, now: datetime
) -> Response:
    before = response.bucket
    was = response.score
    response.score, response.channel, response.changed_at = score, channel, now
    if comment.strip():
        crypto.seal_text(response, "comment", comment.strip())
    response.save(update_fields=["score", "channel", "comment", "changed_at"])
    _version(response, comment, now=now)
    _project(patient, response.episode_id, score, now=now, new=False)
    if score != was:
        timeline.record(patient, "survey_changed", response, at=now, score=score, before=was)
    _follow(response, before, now=now)
    reviews.ask(response, now=now)
    return response


def _resurvey(
    invitation: SurveyInvitation,
    counting: Response,
    patient: Patient,
    score: int,
    comment: str,
    *,
    channel: str,
    language: str,
    now: datetime,
) -> Response:
    kept = Response.objects.filter(invitation=counting.invitation_id, kind=Response.Kind.RESURVEY).first()
    before = kept.bucket if kept else counting.bucket
    if kept is None:
        kept = _row(
            invitation, score, comment, channel=channel, language=language, now=now,
            kind=Response.Kind.RESURVEY, case=counting.case,
        )  # fmt: skip
    else:
        kept.score, kept.channel, kept.changed_at = score, channel, now
        if comment.strip():
            crypto.seal_text(kept, "comment", comment.strip())
        kept.save(update_fields=["score", "channel", "comment", "changed_at"])
    _version(kept, comment, now=now)
    timeline.record(patient, "survey_resurveyed", kept, at=now, score=score, before=counting.score)
    _follow(kept, before, now=now)
    return kept


def _follow(response: Response, before: Bucket, *, now: datetime) -> None:
    """Worse: the case opens or reopens. Better: the case, if any, gets a line (nps.md section 4)."""
    change = WORSE_FIRST.index(response.bucket) - WORSE_FIRST.index(before)
    if change < 0:
        recovery.open_case(response, now=now)
    elif change > 0:
        recovery.improved(response, now=now)


def _row(
    invitation: SurveyInvitation, score: int, comment: str, *, channel: str, language: str, now: datetime,
    kind: str = Response.Kind.SURVEY, case: object = None,
) -> Response:  # fmt: skip
    response = Response(
        invitation=invitation, patient_id=invitation.patient_id, episode_id=invitation.episode_id,
        clinic=invitation.clinic, therapist_id=invitation.therapist_id, stage=invitation.stage,
        visit_ordinal=invitation.visit_ordinal, score=score, first_score=score, answered_at=now, changed_at=now,
        channel=channel, language=language or invitation.language, kind=kind, case=case,
        question_version=invitation.survey.question_version,
    )  # fmt: skip
    crypto.seal_text(response, "comment", comment.strip())
    response.save()
    return response


def _version(response: Response, comment: str, *, now: datetime) -> None:
    version = ResponseVersion(response=response, score=response.score, channel=response.channel, at=now)
    crypto.seal_text(version, "comment", comment.strip())
    version.save()


def _project(patient: Patient, episode_id: UUID | None, score: int, *, now: datetime, new: bool) -> None:
    """The columns that rules and lists read; `last_nps_before` is the answer before, not an earlier version."""
    fresh = {"last_answer_at": now, "last_nps": score, "last_nps_bucket": bucket(score)}
    before = {"last_nps_before": F("last_nps")} if new else {}
    Patient.objects.filter(pk=patient.pk).update(**fresh, **before)
    if episode_id:
        Episode.objects.filter(pk=episode_id).update(**fresh, changed_at=now)


def _check_length(comment: str) -> None:
    if len(comment) > LONGEST_COMMENT:
        raise CommentTooLong(f"{len(comment)} characters; at most {LONGEST_COMMENT}")
