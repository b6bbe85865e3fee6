"""A8: a day's acts through the real pages, by several people; the record holds each of them and nothing else."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import totp
from accounts.models import ApiKey, Membership, Practice, User
from campaigns.models import Firing, Rule
from integrations.models import RawMessage
from messaging.models import OutboxMessage
from nps.models import RecoveryCase, Response, SurveyInvitation
from patients import access
from patients.models import Patient, PortalLink, PortalSession, WorkItem
from prm import clock
from prm.audit import seal
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from prm.tenancy.models import PracticeExport
from prm.ui import pdf
from tests.factories.accounts import MembershipFactory, PracticeFactory
from tests.factories.patients import PatientFactory
from tests.integrations.messages import FIRST, Emr
from tests.security import forms
from tests.ui import world

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "correct horse battery"


class Day:
    """Plays acts and notes what the record must hold of each: (actor, action, patient, object)."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.expected: Counter[tuple] = Counter()

    def act(self, client: Client, method: str, where: str, *events: tuple, **sent: Any) -> Any:
        """One request by `client`; `events` are (actor, action, patient id, object id)."""
        answer = client.generic(method, where) if method == "GET" else client.post(where, sent)
        assert answer.status_code in {200, 201, 204, 302}, (where, answer.status_code, answer.content[-600:])
        self.expected.update(events)
        return answer

    def url(self, name: str, *args: Any, query: str = "") -> str:
        return reverse(name, args=[self.practice.slug, *args]) + query

    def sign_in(self, person: User) -> Client:
        """Through the pages: password, then code."""
        client, device = Client(), totp.new_device(person, confirmed=True)
        client.post("/signin/", {"email": person.email, "password": PASSWORD})
        answer = client.post("/signin/verify/", {"code": device.code_at(clock.now())})
        assert answer.status_code == 302
        self.expected[(person.pk, "signin.done", None, person.pk)] += 1
        return client


def member(role: str, name: str) -> User:
    """A colleague with a password."""
    person = User.objects.create_user(f"{name.lower()}@example.com", name, PASSWORD)
    MembershipFactory(user=person, role=role)
    return person


def recorded(practice: Practice) -> Counter[tuple]:
    with use_practice(practice.pk):
        return Counter(AuditEvent.objects.values_list("actor_id", "action", "patient_id", "object_id"))


def test_a8_the_record_of_a_day_is_exactly_what_was_done():
    practice, _owner = world.build()
    with use_practice(practice.pk):
        owner, desk = member("owner", "Olivia"), member("front_desk", "Fran")
        case = RecoveryCase.objects.select_related("response").order_by("response__score").first()
        item = WorkItem.objects.get(kind="recovery", subject_id=case.pk)
        mail = OutboxMessage.objects.filter(attempts__gt=0, patient__isnull=False).first()
        dead = RawMessage.objects.filter(state=RawMessage.State.DEAD).select_related("feed").first()
        feed = dead.feed
        rule = Rule.objects.filter(state="active").first()
        firing = Firing.objects.filter(rule=rule).first()
        before = recorded(practice)
    day = Day(practice)
    o, f, patient = owner.pk, desk.pk, case.patient_id

    with clock.at(clock.now() + timedelta(minutes=1)):
        at_the_desk = day.sign_in(desk)
        day.act(at_the_desk, "GET", day.url("today"), (f, "today.read", None, None))
        day.act(at_the_desk, "GET", day.url("patients", query="?q=Abara"), (f, "patients.listed", None, None))
        day.act(at_the_desk, "GET", day.url("patient", mail.patient_id), (f, "patient.read", mail.patient_id, None))
        day.act(at_the_desk, "GET", day.url("outbox"), (f, "messages.listed", None, None))
        day.act(at_the_desk, "GET", day.url("outbox_message", mail.pk), (f, "message.read", mail.patient_id, mail.pk))
        day.act(
            at_the_desk, "GET", day.url("message_html", mail.pk), (f, "message.body_read", mail.patient_id, mail.pk)
        )
        day.act(at_the_desk, "GET", day.url("pulse"))  # tells that something changed, reads nobody's data
        day.act(at_the_desk, "POST", "/signout", (f, "signin.ended", None, f))

    with clock.at(clock.now() + timedelta(minutes=5)):
        office = day.sign_in(owner)
        day.act(office, "GET", day.url("patient_episodes", patient), (o, "patient.read", patient, None))
        day.act(office, "GET", day.url("patient_consents", patient), (o, "patient.read", patient, None))
        day.act(office, "GET", day.url("inbox_item", item.pk), (o, "work.read", patient, item.pk))
        day.act(office, "GET", day.url("inbox_list", query="?view=open"), (o, "work.listed", None, None))
        day.act(office, "POST", day.url("inbox_ownership", item.pk), (o, "work.taken", patient, item.pk))
        day.act(
            office, "POST", day.url("inbox_contact", item.pk), (o, "recovery.contact_logged", patient, case.pk),
            medium="phone", result="reached", note="She will come on Monday",
        )  # fmt: skip
        day.act(
            office, "POST", day.url("inbox_resolution", item.pk), (o, "recovery.resolved", patient, case.pk),
            cause="waiting", outcome="apologised",
        )  # fmt: skip
        day.act(
            office, "POST", day.url("inbox_resolution_undo", item.pk),
            (o, "recovery.resolution_undone", patient, case.pk),
        )  # fmt: skip
        day.act(office, "GET", day.url("nps:responses"), (o, "responses.read", None, None))
        day.act(office, "GET", day.url("nps:recovery"), (o, "recovery.listed", None, None))
        day.act(office, "GET", day.url("nps:report"), (o, "responses.read", None, None))
        if not pdf.missing():
            day.act(office, "GET", day.url("nps:report_pdf"), (o, "nps_report_exported", None, None))
        day.act(office, "GET", day.url("campaign", rule.pk), (o, "rule.decisions_read", None, rule.pk))
        day.act(
            office, "GET", day.url("campaign_explain", rule.pk, query=f"?patient={firing.patient_id}"),
            (o, "patient.read", firing.patient_id, rule.pk),
        )  # fmt: skip
        day.act(office, "POST", day.url("campaign_pause", rule.pk), (o, "rule.pause", None, rule.pk))
        day.act(office, "POST", day.url("feed_dead_raw", feed.pk, dead.pk), (o, "feed.raw_shown", None, dead.pk))
        day.act(office, "POST", day.url("feed_dead_replay", feed.pk, dead.pk), (o, "feed.replayed", None, dead.pk))
        day.act(
            office, "POST", day.url("feed", feed.pk), (o, "feed.uploaded", None, feed.pk),
            file=SimpleUploadedFile("more.hl7", Emr().register(FIRST)),
        )  # fmt: skip
        day.act(office, "GET", day.url("audit"), (o, "audit.read", None, None))
        day.act(office, "GET", day.url("audit_export"), (o, "audit.exported", None, None))
        day.act(office, "POST", day.url("audit_check"), (o, "audit.checked", None, None))

        with use_practice(practice.pk):
            invitation: Any = SurveyInvitation.objects.filter(responses=None).select_related("patient").first()
            _link, token = access.issue_link(
                invitation.patient, PortalLink.LinkPurpose.SURVEY, now=clock.now(), lasts=access.SURVEY_LASTS,
                source=invitation.pk,
            )  # fmt: skip
        who = invitation.patient_id
        page = reverse("portal_link", args=[practice.public_id, token])
        phone = Client()
        day.act(phone, "GET", page)  # a scanner's look changes nothing and is nobody's act
        day.act(phone, "POST", page, (who, "survey.answered", who, invitation.pk), score="9", comment="")
        day.act(phone, "POST", f"{page}/comment", (who, "survey.comment_given", who, invitation.pk), comment="All well")

    assert recorded(practice) - before == day.expected
    with use_practice(practice.pk):
        told = str(list(AuditEvent.objects.values_list("facts", flat=True)))
        assert [word for word in ("Monday", "All well", "Abara", "example.com") if word in told] == []
        listed = AuditEvent.objects.get(action="patients.listed", actor_id=f).patients
        named = Patient.objects.filter(search_name__startswith="abara", merged_into=None, archived_at=None)
        assert set(listed) == set(named.values_list("pk", flat=True)) != set()
        assert Response.objects.get(invitation=invitation).patient_id == who


def test_a8_the_record_of_what_an_owner_and_a_patient_did_is_exactly_that():
    """Settings, a permission, an export, a key, a patient's rights; the portal's door, its pages and the way out."""
    practice, _owner = world.build()
    with use_practice(practice.pk):
        owner, desk = member("owner", "Olivia"), member("front_desk", "Fran")
        fran = Membership.objects.get(user=desk)
        patient = PatientFactory(birth_date=date(1955, 3, 5))
        before = recorded(practice)
    day = Day(practice)
    o, p = owner.pk, patient.pk

    with clock.at(clock.now() + timedelta(minutes=1)):
        office = day.sign_in(owner)
        profile = day.url("settings_practice")
        day.act(
            office, "POST", profile, (o, "practice.changed", None, practice.pk),
            **{**filled(office, profile, profile), "phone": "(415) 555-0142"},
        )  # fmt: skip
        day.act(office, "POST", profile, **filled(office, profile, profile))  # nothing is changed, nothing recorded
        access_of = day.url("member_access", fran.pk)
        day.act(
            office, "POST", access_of, (o, "permission.changed", None, fran.pk),
            **{**filled(office, day.url("member", fran.pk), access_of), "role": "read_only"},
        )  # fmt: skip
        day.act(office, "POST", day.url("data_export"))
        made = newest(practice, PracticeExport, "asked_at")
        day.expected[(o, "practice.export_begun", None, made)] += 1
        day.act(office, "POST", day.url("api_key_new"), name="Mart", scopes=["clinics:read"], lasts="30")
        key = newest(practice, ApiKey, "created_at")
        day.expected[(o, "api_key.created", None, key)] += 1
        day.act(office, "POST", day.url("api_key_revocation", key), (o, "api_key.revoked", None, key), name="Mart")

        day.act(office, "POST", day.url("patient_restriction", p), (o, "contact.stopped", p, None))
        day.act(office, "POST", day.url("patient_restriction_undo", p), (o, "contact.allowed", p, None))
        day.act(office, "GET", day.url("patient_privacy", p), (o, "patient.read", p, None))
        day.act(
            office, "GET", day.url("patient_copy", p, "json"),
            (o, "patient.read", p, None), (o, "patient.copied", p, None),
        )  # fmt: skip

    with clock.at(clock.now() + timedelta(minutes=2)):
        with use_practice(practice.pk):
            _link, token = access.issue_link(
                patient, PortalLink.LinkPurpose.ACCESS, now=clock.now(), lasts=access.ACCESS_LASTS
            )
        page, phone = access.link_path(practice, token), Client()
        day.act(phone, "GET", page)
        day.act(phone, "POST", page, month="3", day="5", year="1955")
        session = newest(practice, PortalSession, "started_at")
        day.expected[(p, "portal.signed_in", p, session)] += 1
        day.act(phone, "GET", reverse("portal_home"), (p, "portal.read", p, None))
        day.act(phone, "POST", reverse("portal_sign_out"), (p, "portal.signed_out", p, None))

    assert recorded(practice) - before == day.expected


def filled(client: Client, page: str, action: str) -> dict[str, Any]:
    """What the form of `page` that leads to `action` would send."""
    (form,) = [one for one in forms.posts_of(client.get(page).text, page) if one.action == action]
    return form.values


def newest(practice: Practice, model: Any, moment: str) -> Any:
    """The id of the row that was made last."""
    with use_practice(practice.pk):
        return model.objects.order_by(f"-{moment}").values_list("pk", flat=True)[0]


def test_a8_nothing_of_the_record_can_be_changed_or_removed_by_the_application():
    practice = PracticeFactory()
    with use_practice(practice.pk):
        AuditEvent.objects.create(at=clock.now(), action="patient.read", actor_kind="system")
        for statement in (
            "UPDATE audit_auditevent SET action = 'x'",
            "DELETE FROM audit_auditevent",
            "UPDATE audit_auditseal SET hash = 'x'",
            "DELETE FROM audit_auditseal",
            "ALTER TABLE audit_auditevent DISABLE TRIGGER audit_sealed_day",
        ):
            with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        assert seal.check(now=clock.now()).findings == []
        assert AuditEvent.objects.count() == 1


def test_a8_a_member_of_two_practices_signs_in_to_both_records():
    one, two = PracticeFactory(), PracticeFactory()
    with use_practice(one.pk):
        person = member(Membership.Role.OWNER, "Olivia")
    with use_practice(two.pk):
        MembershipFactory(user=person)
    Day(one).sign_in(person)
    assert {practice: recorded(practice) for practice in (one, two)} == {
        practice: Counter({(person.pk, "signin.done", None, person.pk): 1}) for practice in (one, two)
    }
