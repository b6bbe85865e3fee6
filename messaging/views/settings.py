"""Settings: who carries the practice's e-mail, and a test mail to oneself."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import agreements
from accounts.access import may, staff_view
from accounts.models import Agreement
from accounts.once import once
from messaging import channels
from messaging.channels import PREVIEW, accounts
from messaging.channels.forms import SenderForm
from messaging.models import Klass, MessagePurpose, SendPause, Topic
from messaging.outbox import queue
from patients.models import Channel
from prm import clock, ids
from prm.audit.record import record
from prm.ui import words


@staff_view("settings.manage")
@require_http_methods(["GET", "POST"])
def channel_settings(request: HttpRequest) -> HttpResponse:
    """Choose the provider of e-mail; `?provider=` shows another one's form. Secrets can be written, never read."""
    practice, channel = request.practice, Channel.EMAIL  # type: ignore[attr-defined]
    current, sender = accounts.account(practice, channel)
    names = {found.name for found in channels.providers(channel)}
    asked = request.POST.get("provider") or request.GET.get("provider", "")
    shown = channels.provider(asked if asked in names else current.name)
    form_class: type[SenderForm] = shown.settings_form  # type: ignore[assignment]
    if shown != current:
        sender = channels.without_secrets(sender)
    form = form_class.of(sender, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        now = clock.now()
        accounts.save(
            channel, shown.name, sender_name=form.cleaned_data["sender_name"],
            sender_address=form.cleaned_data["sender_address"], reply_to=form.cleaned_data["reply_to"],
            options=form.options(), credentials=form.secrets(), now=now,
        )  # fmt: skip
        record("channel.changed", now=now, request=request, channel=str(channel), provider=shown.name)
        messages.success(request, "Saved. Send yourself a test mail to see that it works.")
        return redirect(request.path)
    context = {
        "form": form,
        "providers": channels.providers(channel),
        "shown": shown,
        "current": current,
        "is_preview": current.name == PREVIEW,
        "agreement": agreements.standing_with(shown.name, today=clock.now().astimezone(practice.zone).date())
        if shown.name in Agreement.Party.values
        else None,
        "owns": may(request.membership, "practice.own"),  # type: ignore[attr-defined]
        "webhook_url": accounts.webhook_url(practice, shown.name) if shown.name == "sendgrid" else "",
        "pauses": [_pause_words(pause) for pause in SendPause.objects.filter(ended_at=None).order_by("at")],
    }
    return render(request, "messaging/channel_settings.html", context, status=422 if form.errors else 200)


def _pause_words(pause: SendPause) -> str:
    until = f"until {words.moment(pause.until)}" if pause.until else "until this page is saved with a working key"
    if pause.why == SendPause.Why.MANUAL:
        until = f"until {words.moment(pause.until)}" if pause.until else "until somebody resumes it"
    return f"{pause.get_why_display()}: nothing leaves {until}."


@staff_view("settings.manage")
@require_POST
@once
def channel_test(request: HttpRequest) -> HttpResponse:
    """Queue a mail to oneself by the usual way, and go to where its fate is told."""
    practice, membership = request.practice, request.membership  # type: ignore[attr-defined]
    text = f"This is a test from {practice.name}.\n\nIf you read this, patients can be reached by e-mail.\n"
    message = queue.enqueue(
        practice, patient=None, member=membership, channel=Channel.EMAIL, klass=Klass.DIRECT,
        purpose=MessagePurpose.TREATMENT, topic=Topic.MESSAGES, dedupe_key=f"test:{ids.uuid7()}",
        body={"subject": f"Test from {practice.name}", "text": text},
    )  # fmt: skip
    record("channel.tested", now=clock.now(), request=request, object_id=message.pk, channel=str(Channel.EMAIL))
    messages.success(request, "The test mail is on its way. Reload this page to see what becomes of it.")
    return redirect("outbox_message", practice.slug, message.pk)
