"""POST /hooks/sendgrid/<practice>/events: verify, keep, answer; worked in afterwards (messaging.md §4)."""

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.models import Practice
from messaging.channels import accounts
from messaging.channels.sendgrid import events as sendgrid
from messaging.outbox import events as outbox_events
from messaging.tasks import nudge_events
from patients.models import Channel
from prm import clock
from prm.tenancy import use_practice

LARGEST = 5 * 2**20


@login_not_required
@csrf_exempt
@require_POST
def events(request: HttpRequest, hook_practice: str) -> HttpResponse:
    """Keep one POST of SendGrid. 404 unknown practice, 413 too large, 403 not signed by its key; 204 once committed."""
    if int(request.headers.get("Content-Length") or 0) > LARGEST:
        return HttpResponse(status=413)
    practice = Practice.objects.filter(public_id=hook_practice).first()
    if practice is None:
        raise Http404
    body, now = request.body, clock.now()
    timestamp = request.headers.get(sendgrid.TIMESTAMP, "")
    with use_practice(practice.pk):
        found = accounts.chosen(Channel.EMAIL)
        options = found.options if found else {}
        keys = [options.get("webhook_key", ""), options.get("webhook_key_second", "")]
        if not sendgrid.verify(body, request.headers.get(sendgrid.SIGNATURE, ""), timestamp, keys):
            return HttpResponse(status=403)
        outbox_events.store("sendgrid", body, now=now, stale=sendgrid.stale(timestamp, now))
        transaction.on_commit(nudge_events, robust=True)
    return HttpResponse(status=204)
