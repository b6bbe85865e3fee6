"""What staff do about a patient's way in: send a link, end links and devices."""

from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import staff_view
from accounts.once import once
from messaging.models import OutboxMessage
from messaging.outbox import words
from patients import access, sessions
from patients.models import Channel, Patient, PortalLink, PortalSession
from patients.models.people import PatientQuerySet
from portal import links
from prm import clock
from prm.audit.record import record
from prm.ui.problems import BadParameter, Conflict
from prm.ui.toasts import toast

UNDO_FOR = timedelta(seconds=10)  # ui.md §6: what is sent by hand can be taken back
BY = {Channel.EMAIL: "by e-mail", Channel.SMS: "by text message"}


@require_POST
@staff_view("inbox.work")
@once
def send_link(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Send the patient a link to his page, by e-mail or text message."""
    patient = get_object_or_404(_patients(request).living().select_related("home_clinic"), pk=patient_id)
    channel = request.POST.get("channel", "")
    if channel not in BY:
        raise BadParameter("channel", channel, "email or sms")
    if patient.birth_date is None:
        raise Conflict("The link asks for the birth date, and this record has none. Add it in the EMR first.")
    now = clock.now()
    shared = channel == Channel.SMS and Patient.objects.living().filter(phone=patient.phone).exclude(pk=patient.pk)
    sent = links.send(
        patient, channel, practice=request.practice, now=now, not_before=now + UNDO_FOR,
        name_him=bool(shared and shared.exists()),
    )  # fmt: skip
    if sent.message.state != OutboxMessage.State.QUEUED:
        raise Conflict(f"The link was not sent: {words.reason(sent.message.reason, sent.message.facts)}.")
    record("portal.link_sent", now=now, request=request, patient_id=patient.pk, object_id=sent.link.pk, channel=channel)
    undo = reverse("patient_portal_link_undo", args=[request.practice.slug, patient.pk, sent.message.pk])
    toast(request, f"Portal link sent {BY[Channel(channel)]}", undo=undo)
    return redirect("patient", request.practice.slug, patient.pk)


@require_POST
@staff_view("inbox.work")
def undo_link(request: HttpRequest, patient_id: UUID, message_id: UUID) -> HttpResponse:
    """Take a link back that has not left yet."""
    patient = get_object_or_404(_patients(request), pk=patient_id)
    message = get_object_or_404(OutboxMessage, pk=message_id, patient=patient, source_kind=PortalLink._meta.label_lower)
    now = clock.now()
    if links.take_back(message, now=now):
        record("portal.link_taken_back", now=now, request=request, patient_id=patient_id, object_id=message.source)
        toast(request, "The link was not sent")
    else:
        toast(request, "The link had left already. “End all” closes it")
    return redirect("patient", request.practice.slug, patient_id)


@require_POST
@staff_view("inbox.work")
def end_access(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """End every link that signs the patient in and every device on which he is."""
    patient = get_object_or_404(_patients(request), pk=patient_id)
    now = clock.now()
    ended = access.end_links(patient, now=now, purpose=PortalLink.LinkPurpose.ACCESS)
    devices = sessions.end_all(patient, PortalSession.Ended.BY_STAFF, now=now)
    record("portal.ended_all", now=now, request=request, patient_id=patient.pk, links=ended, devices=devices)
    toast(request, "Portal links and devices ended")
    return redirect("patient", request.practice.slug, patient.pk)


def _patients(request: HttpRequest) -> PatientQuerySet:
    """Those whom this member may see: another's is a 404 (daily.md §12)."""
    return Patient.objects.visible_to(request.membership)
