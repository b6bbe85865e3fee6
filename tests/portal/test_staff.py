"""Staff let a patient in: a link by e-mail or text, taken back within ten seconds, and the end of all of it."""

from datetime import timedelta

import pytest
from django.test import Client

from messaging.models import OutboxMessage
from messaging.outbox import claim, deliver, words
from patients import consent
from patients.models import PortalLink, PortalSession
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import staff_client
from tests.factories.patients import PatientFactory
from tests.portal.conftest import NOW, RIGHT, page_of, words_of
from tests.portal.test_door import link_in

pytestmark = pytest.mark.django_db


def patient_page(door):
    return f"/{door.practice.slug}/patients/{door.patient.pk}/"


def send(door, client, channel="email"):
    return client.post(f"{patient_page(door)}portal-link/", {"channel": channel})


def actions(door):
    return [action for (action,) in door.rows(AuditEvent, "action") if action.startswith("portal.")]


@pytest.mark.parametrize("role", ["owner", "manager", "therapist", "front_desk"])
def test_a_link_is_sent_after_ten_seconds_and_signs_the_patient_in(door, role):
    client = staff_client(door.practice, role)
    assert send(door, client)["Location"] == patient_page(door)
    with use_practice(door.practice.pk):
        message = OutboxMessage.objects.get()
    assert (message.state, message.klass, message.not_before) == ("queued", "security", NOW + timedelta(seconds=10))
    assert "Portal link sent by e-mail" in page_of(client.get(patient_page(door)))
    assert actions(door) == ["portal.link_sent"]
    assert Client().post(link_in(door, message), RIGHT).status_code == 302


def test_one_who_only_reads_sees_what_is_open_and_no_button(door):
    client = staff_client(door.practice, "read_only")
    page = page_of(client.get(patient_page(door)))
    assert "open nowhere" in page
    assert "portal link" not in page
    assert send(door, client).status_code == 403


def test_undo_takes_the_link_back(door):
    client = staff_client(door.practice)
    send(door, client)
    with use_practice(door.practice.pk):
        message = OutboxMessage.objects.get()
    undo = f"{patient_page(door)}portal-link/{message.pk}/undo/"
    assert undo in page_of(client.get(patient_page(door)))
    client.post(undo)
    assert door.rows(OutboxMessage, "state", "reason") == [("cancelled", "taken_back")]
    assert Client().get(link_in(door, message)).status_code == 404
    assert actions(door) == ["portal.link_sent", "portal.link_taken_back"]
    with use_practice(door.practice.pk):
        assert words.outcome(OutboxMessage.objects.get()) == "Not sent: it was taken back before it left"


def test_a_link_that_was_ended_while_its_mail_waits_does_not_leave(door):
    client = staff_client(door.practice)
    send(door, client)
    client.post(f"{patient_page(door)}portal-end/")
    with use_practice(door.practice.pk):
        claimed = claim.claim("email", at=NOW + timedelta(minutes=1), limit=10, lease=timedelta(minutes=5))
        message = OutboxMessage.objects.get()
    assert (claimed.rows, message.state, message.facts) == ([], "cancelled", {"why": "link_ended"})


@pytest.mark.django_db(transaction=True)
def test_undo_of_what_has_left_says_so_and_the_link_stays(door):
    client = staff_client(door.practice)
    send(door, client)
    with clock.at(NOW + timedelta(seconds=11)):
        deliver.deliver_due("email")
    [(message,)] = door.rows(OutboxMessage, "pk")
    client.post(f"{patient_page(door)}portal-link/{message}/undo/")
    assert door.rows(OutboxMessage, "state") == [("sent",)]
    assert door.rows(PortalLink, "ended_at") == [(None,)]


def test_another_message_is_not_taken_back_by_the_way(door):
    client = staff_client(door.practice)
    send(door, client)
    with use_practice(door.practice.pk):
        OutboxMessage.objects.update(source_kind="nps.surveyinvitation")
    [(message,)] = door.rows(OutboxMessage, "pk")
    assert client.post(f"{patient_page(door)}portal-link/{message}/undo/").status_code == 404
    assert door.rows(OutboxMessage, "state") == [("queued",)]


def test_a_text_needs_consent_and_names_who_shares_the_number(door):
    client = staff_client(door.practice)
    assert "Text a portal link" not in page_of(client.get(patient_page(door)))
    refused = send(door, client, "sms")
    assert refused.status_code == 409
    assert "the patient has not agreed to it" in words_of(refused)
    with use_practice(door.practice.pk):
        consent.state(door.patient, "sms", "care", granted=True, how="staff", now=NOW)
        PatientFactory(phone=door.patient.phone)
    assert "Text a portal link" in page_of(client.get(patient_page(door)))
    send(door, client, "sms")
    with use_practice(door.practice.pk):
        sent = OutboxMessage.objects.select_related("template_version__template").get(state="queued")
    assert sent.template_version.template.key == "access_text_named"


def test_without_a_birth_date_a_link_would_open_nothing(door):
    door.change(birth_date=None)
    client = staff_client(door.practice)
    assert "Without a birth date the patient cannot sign in" in page_of(client.get(patient_page(door)))
    assert send(door, client).status_code == 409
    assert door.rows(PortalLink, "pk") == []


@pytest.mark.parametrize("channel", ["", "push", "fax"])
def test_another_way_than_mail_and_text_is_refused(door, channel):
    assert send(door, staff_client(door.practice), channel).status_code == 400


@pytest.mark.parametrize("change", [{"deceased_at": NOW}, {"archived_at": NOW}])
def test_nobody_writes_to_one_who_is_no_longer_here(door, change):
    door.change(**change)
    client = staff_client(door.practice)
    assert send(door, client).status_code == 404
    assert "portal link" not in page_of(client.get(patient_page(door)))


def test_the_page_counts_what_is_open_and_end_all_ends_it(door):
    phone = door.signed_in(own_device="on")
    path = door.link()
    client = staff_client(door.practice)
    assert "open on 1 device, 1 link not used yet" in page_of(client.get(patient_page(door)))
    client.post(f"{patient_page(door)}portal-end/")
    assert (phone.get("/portal/").status_code, Client().get(path).status_code) == (302, 404)
    assert door.rows(PortalSession, "ended_why") == [("by_staff",)]
    assert "open nowhere" in page_of(client.get(patient_page(door)))
    assert "portal.ended_all" in actions(door)


def test_an_answered_survey_link_is_no_way_in(door):
    with use_practice(door.practice.pk):
        PortalLink.objects.create(
            patient=door.patient, purpose="survey", token_hash="x", expires_at=NOW + timedelta(days=30)
        )
    assert "open nowhere</p>" in page_of(staff_client(door.practice).get(patient_page(door)))
