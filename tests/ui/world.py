"""One practice with something of everything, so that every page has something to show."""

from datetime import timedelta
from io import BytesIO

from accounts import absence, agreement_files, agreements, api_keys, invitations, joining, support
from accounts.models import Agreement, Membership, MembershipClinic, Practice, User
from campaigns import actions, lifecycle
from integrations import uploads
from integrations.csvfile import running
from integrations.csvfile.files import File
from messaging.compose import library
from messaging.outbox import deliver, queue
from nps import recovery
from nps.setup import ensure_survey
from patients import consent, rights
from patients.models import Episode, Patient, Visit
from prm import clock
from prm.tenancy import exports, use_practice
from tests.campaigns.conftest import rule_document
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory, TherapistFactory
from tests.factories.integrations import FeedFactory
from tests.factories.nps import InvitationFactory, ResponseFactory, ReviewSiteFactory
from tests.factories.patients import EpisodeFactory, PatientFactory, VisitFactory
from tests.integrations.messages import DAY, FIRST, Emr


def build() -> tuple[Practice, User]:
    """The practice and its owner."""
    practice = PracticeFactory(name="Harbor Physical Therapy")
    with use_practice(practice.pk):
        owner = MembershipFactory(role=Membership.Role.OWNER, user__name="Olivia Grant").user
        clinic = ClinicFactory(name="Eastside")
        ReviewSiteFactory(clinic=clinic)
        for score in (3, 8, 10):
            response = ResponseFactory(
                score=score, comment_text="Waited 40 minutes.", invitation__episode=_episode(clinic)
            )
            recovery.open_case(response, now=clock.now())
        InvitationFactory(episode=_episode(clinic))
        _queue_a_mail(practice)
        _agreements(practice, owner)
        _feed(practice, owner)
        _file_of_rows(owner)
        _rules(clinic)
        rights.ask_amendment(
            Patient.objects.earliest("created_at"), "My birth date is wrong", by=owner, now=clock.now()
        )
        _people(practice, clinic)
        _joined_therapist(owner)
        support.grant(practice, sees_as="read_only", hours=4, reason="The feed", by=owner, now=clock.now())
        api_keys.make(practice, "Warehouse", ["clinics:read"], by=owner, now=clock.now(), lasts=None)
        exports.begin(by=owner.pk, now=clock.now())
        while exports.go_on(now=clock.now()):
            pass
    deliver.deliver_due("email")
    return practice, owner


def _joined_therapist(owner: User) -> None:
    """One whom a feed knew by an id alone, joined with a profile: it can be parted again."""
    placeholder = TherapistFactory(first_name="", last_name="", named=False)
    into = TherapistFactory(first_name="Pat", last_name="Quill")
    joining.join(placeholder, into, by=owner, now=clock.now())


def _queue_a_mail(practice: Practice) -> None:
    """A message that the preview takes at once."""
    patient = PatientFactory(first_name="Ruth", last_name="Abara")
    consent.state(patient, "email", "care", granted=True, how="patient", now=clock.now())
    queue.enqueue(
        practice, patient=patient, channel="email", purpose="treatment", topic="surveys", klass="care",
        template_version=library.version(practice, library.SURVEY), dedupe_key="sample",
        context={"links.survey": "https://example.com/portal/abcdefghij/sample"},
    )  # fmt: skip


def _agreements(practice: Practice, owner: User) -> None:
    """One with the platform, one with a provider, its paper kept."""
    agreements.agree(signatory=owner.name, by=owner, now=clock.now(), practice=practice)
    today = clock.now().date()
    signed = Agreement.objects.create(
        party="sendgrid", status="signed", signatory=owner.name, signed_on=today, expires_on=today + timedelta(days=20)
    )
    agreement_files.keep(
        signed, agreement_files.Paper("signed.pdf", agreement_files.PDF, b"%PDF-1.7\n%%EOF\n"), now=clock.now()
    )


def _people(practice: Practice, clinic: object) -> None:
    """A colleague who is away and covered, one who has left, an open invitation, a therapist without a name."""
    owner, now = Membership.objects.get(), clock.now()
    therapist = MembershipFactory(role=Membership.Role.THERAPIST, user__name="Priya Nair", therapist=TherapistFactory())
    MembershipClinic.objects.create(membership=therapist, clinic=clinic)
    MembershipFactory(role=Membership.Role.FRONT_DESK, user__name="Dana Kowalski", ended_at=now)
    day = absence.today(now)
    absence.plan(therapist, starts_on=day, ends_on=day + timedelta(days=7), cover=owner)
    invitations.invite(practice, "sam.lee@example.com", "front_desk", by=owner, clinics=[clinic], now=now)
    TherapistFactory(first_name="", last_name="", named=False)


def _file_of_rows(owner: User) -> None:
    """A feed of files with one whose columns nobody has explained yet."""
    raw = b"MRN;Patient name;DOB;Remark\n0042;Abara, Ruth;31/12/1955;a\n77;Li, Sam;12/11/1980;b\n"
    feed = FeedFactory(name="Front desk files", kind="csv", state="testing", live_at=None)
    (batch,) = running.take_in(feed, File("patients.csv", lambda: BytesIO(raw)), now=clock.now(), by=owner)
    running.check(batch, now=clock.now())


def _feed(practice: Practice, owner: User) -> None:
    """A feed with a file taken in, one message of which needs a look."""
    emr = Emr()
    lost = emr.message("ADT^A03", FIRST, pid="PID|1||^^^EMR^MR||Doe^Jo")
    sent = [emr.register(FIRST), lost, emr.booking("S12", FIRST, "V1", FIRST + DAY), emr.message("ORU^R01", FIRST)]
    uploads.take_in(practice, FeedFactory(), "visits.hl7", b"\r".join(sent), by=owner, now=clock.now())


def _rules(clinic: object) -> None:
    """A rule that runs and has decided, and a draft."""
    by, now = Membership.objects.get(), clock.now()
    practice = Practice.objects.get(pk=by.practice_id)
    ensure_survey(practice)
    running = rule_document(name="Two weeks after discharge", steps=[_ask()])
    for days_ago in (16, 15, 10):
        EpisodeFactory(
            clinic=clinic, status="discharged", discharged_at=now - timedelta(days=days_ago), discharge_seq=1
        )
    rule = lifecycle.create(running, by=by, now=now)
    lifecycle.activate(rule, by=by, now=now, backlog_days=7)
    lifecycle.create(rule_document(name="A month later", steps=[_ask()]), by=by, now=now)


def _ask() -> dict:
    survey, _name = actions.action("survey").choices()[0]
    return {"id": "ask", "do": "survey", "channel": ["email"], "survey": survey}


def _episode(clinic: object) -> Episode:
    """An episode in the middle of its plan: three visits attended, one missed, one booked."""
    episode = EpisodeFactory(clinic=clinic, therapist=TherapistFactory(), planned_visits=12)
    now = clock.now()
    statuses = [Visit.Status.COMPLETED] * 3 + [Visit.Status.NO_SHOW, Visit.Status.BOOKED]
    for at, status in enumerate(statuses):
        VisitFactory(
            episode=episode,
            patient=episode.patient,
            clinic=clinic,
            status=status,
            starts_at=now + timedelta(days=3 * at - 11),
        )
    return episode
