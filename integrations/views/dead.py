"""Dead letters of a feed: grouped by reason; raw text on request, audited; replay, or let rest with a note."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import staff_view
from integrations import dead, replay
from integrations.apply import BATCH
from integrations.forms import NoteForm
from integrations.models import Feed, RawMessage
from prm import clock
from prm.audit.record import record
from prm.ui import words
from prm.ui.tables import BadCursor, keyset_page


@staff_view("feeds.manage")
@require_safe
def dead_list(request: HttpRequest, feed_id: UUID) -> HttpResponse:
    """Groups by reason, and the letters, newest first."""
    feed = get_object_or_404(Feed, pk=feed_id)
    letters = RawMessage.objects.filter(feed=feed, state=RawMessage.State.DEAD)
    if code := request.GET.get("code", ""):
        letters = letters.filter(code=code)
    try:
        page = keyset_page(letters, ("-received_at", "-id"), after=request.GET.get("after", ""))
    except BadCursor:
        page = keyset_page(letters, ("-received_at", "-id"))
    context = {
        "feed": feed, "groups": dead.groups(feed), "page": page, "code": code, "titles": dead.TITLES,
        "letters": [(letter, dead.TITLES.get(letter.code, letter.code)) for letter in page.rows],
    }  # fmt: skip
    return render(request, "integrations/dead_list.html", context)


def _letter(request: HttpRequest, message: RawMessage, form: NoteForm, *, raw: str | None = None) -> HttpResponse:
    context = {
        "feed": message.feed, "letter": message, "form": form, "title": dead.TITLES.get(message.code, message.code),
        "pieces": list(dead.highlighted(raw, message.where)) if raw is not None else None,
    }  # fmt: skip
    return render(request, "integrations/dead_letter.html", context, status=422 if form.errors else 200)


def _find(feed_id: UUID, message_id: UUID) -> RawMessage:
    return get_object_or_404(RawMessage.objects.select_related("feed"), pk=message_id, feed=feed_id)


@staff_view("feeds.manage")
@require_safe
def dead_letter(request: HttpRequest, feed_id: UUID, message_id: UUID) -> HttpResponse:
    """One letter: what is wrong, in words; its bytes only on request."""
    return _letter(request, _find(feed_id, message_id), NoteForm())


@staff_view("feeds.manage")
@require_POST
def dead_raw(request: HttpRequest, feed_id: UUID, message_id: UUID) -> HttpResponse:
    """Show the message as it came; who looked is recorded."""
    message = _find(feed_id, message_id)
    record("feed.raw_shown", now=clock.now(), request=request, object_id=message.pk)
    raw = dead.raw_text(message)
    if raw is None:
        messages.error(request, "The message's bytes are no longer kept.")
    return _letter(request, message, NoteForm(), raw=raw)


@staff_view("feeds.manage")
@require_POST
def dead_replay(request: HttpRequest, feed_id: UUID, message_id: UUID) -> HttpResponse:
    """Read one letter again."""
    message = _find(feed_id, message_id)
    now = clock.now()
    (message,) = replay.replay(message.feed, [message], now=now)
    record("feed.replayed", now=now, request=request, object_id=message.pk, state=str(message.state))
    if message.state == RawMessage.State.APPLIED:
        messages.success(request, "Applied.")
        return redirect("feed_dead", request.practice.slug, feed_id)  # type: ignore[attr-defined]
    messages.warning(request, f"Read again, with the same result: {message.reason}")
    return redirect("feed_dead_letter", request.practice.slug, feed_id, message.pk)  # type: ignore[attr-defined]


@staff_view("feeds.manage")
@require_POST
def dead_replay_all(request: HttpRequest, feed_id: UUID) -> HttpResponse:
    """Read the letters of a group again, or all of them; 500 at a time."""
    feed = get_object_or_404(Feed, pk=feed_id)
    letters = RawMessage.objects.filter(feed=feed, state=RawMessage.State.DEAD)
    if code := request.POST.get("code", ""):
        letters = letters.filter(code=code)
    now = clock.now()
    done = replay.replay(feed, list(letters.order_by("pk")[:BATCH]), now=now)
    applied = sum(one.state == RawMessage.State.APPLIED for one in done)
    record("feed.replayed_all", now=now, request=request, object_id=feed.pk, messages=len(done), applied=applied)
    messages.success(request, f"Read {words.count(len(done))} again, {words.count(applied)} applied.")
    return redirect("feed_dead", request.practice.slug, feed_id)  # type: ignore[attr-defined]


@staff_view("feeds.manage")
@require_POST
def dead_rest(request: HttpRequest, feed_id: UUID, message_id: UUID) -> HttpResponse:
    """Let a letter rest, with a note."""
    message = _find(feed_id, message_id)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _letter(request, message, form)
    if replay.ignore(message, note=form.cleaned_data["note"], by=request.user):
        record("feed.dead_ignored", now=clock.now(), request=request, object_id=message.pk)
        messages.success(request, "It rests. Nothing was applied.")
    return redirect("feed_dead", request.practice.slug, feed_id)  # type: ignore[attr-defined]
