"""Settings, EMR feeds: the list, a new one, one feed's page with upload and Go live."""

from io import BytesIO
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import staff_view
from accounts.once import once
from integrations import feeds, uploads
from integrations.csvfile.files import File
from integrations.forms import FeedForm, UploadForm
from integrations.hl7v2 import doors
from integrations.kinds import KINDS
from integrations.models import Feed, ImportBatch
from integrations.views import imports
from prm import clock
from prm.audit.record import record
from prm.ui import words

TONES = {"live": "good", "testing": "", "loading": "note", "paused": "warn"}


@staff_view("feeds.manage")
@require_safe
def feed_list(request: HttpRequest) -> HttpResponse:
    """Every feed with its counts."""
    now, real = clock.now(), Feed.objects.filter(is_sample=False)
    found = [(feed, feeds.health(feed, now=now), TONES[feed.state]) for feed in real.order_by("name")]
    return render(request, "integrations/feed_list.html", {"feeds": found})


@staff_view("feeds.manage")
@require_http_methods(["GET", "POST"])
@once
def feed_new(request: HttpRequest) -> HttpResponse:
    """Name a new feed and its EMR."""
    practice = request.practice  # type: ignore[attr-defined]
    form = FeedForm(practice, request.POST or None)
    if request.method == "POST" and form.is_valid():
        feed = form.save(practice)
        record("feed.added", now=clock.now(), request=request, object_id=feed.pk, kind=feed.kind)
        messages.success(request, f"Added {feed.name}. Give it a file to look at.")
        return redirect("feed", practice.slug, feed.pk)
    return render(request, "integrations/feed_new.html", {"form": form}, status=422 if form.errors else 200)


def _page(request: HttpRequest, feed: Feed, form: UploadForm, status: int = 200) -> HttpResponse:
    kind = KINDS[feed.kind]
    told = kind.settings(feed.preset, feed.settings)
    named = [(key.label, told[key.name]) for key in kind.keys if key.label]
    shown = [(label, _told(value)) for label, value in named if value not in ("", [], None, False)]
    context = {
        "feed": feed, "health": feeds.health(feed, now=clock.now()), "form": form, "tone": TONES[feed.state],
        "settings": shown, "preset": kind.presets.get(feed.preset, ("", {}))[0],
        "imports": ImportBatch.objects.filter(feed=feed).order_by("-created_at")[:10],
    }  # fmt: skip
    return render(request, "integrations/feed.html", context, status=status)


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(one or "empty" for one in value)
    if isinstance(value, str) and value.startswith("-----BEGIN CERTIFICATE"):
        return doors.told(value)
    return str(value)


@staff_view("feeds.manage")
@require_http_methods(["GET", "POST"])
@once
def feed(request: HttpRequest, feed_id: UUID) -> HttpResponse:
    """One feed: health, settings, files. POST takes in a file."""
    one = get_object_or_404(Feed, pk=feed_id, is_sample=False)
    if request.method != "POST":
        return _page(request, one, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, one, form, status=422)
    practice, file = request.practice, form.cleaned_data["file"]  # type: ignore[attr-defined]
    if one.kind == Feed.Kind.CSV:
        raw = file.read()
        return imports.take_in(request, one, File(file.name, lambda: BytesIO(raw)))
    batch = uploads.take_in(practice, one, file.name, file.read(), by=request.user, now=clock.now())
    record("feed.uploaded", now=clock.now(), request=request, object_id=one.pk, messages=batch.total)
    return redirect("feed_import", practice.slug, one.pk, batch.pk)


@staff_view("feeds.manage")
@require_safe
def feed_import(request: HttpRequest, feed_id: UUID, batch_id: UUID) -> HttpResponse:
    """What became of one upload; asks again every two seconds while the worker applies it."""
    batch = get_object_or_404(ImportBatch.objects.select_related("feed"), pk=batch_id, feed=feed_id)
    if batch.feed.kind == Feed.Kind.CSV:
        return imports.page(request, batch)
    template = "integrations/feed_import.html" + ("#progress" if request.htmx else "")  # type: ignore[attr-defined]
    return render(request, template, {"feed": batch.feed, "batch": batch, "result": uploads.result(batch)})


@staff_view("feeds.manage")
@require_POST
def feed_live(request: HttpRequest, feed_id: UUID) -> HttpResponse:
    """Go live: from now on what happens may cause messages."""
    one = get_object_or_404(Feed, pk=feed_id, is_sample=False)
    now = clock.now()
    number = feeds.go_live(one, at=now)
    record("feed.went_live", now=now, request=request, object_id=one.pk)
    messages.success(request, f"{one.name} is live. {words.count(number)} episodes may cause messages from now on.")
    return redirect("feed", request.practice.slug, one.pk)  # type: ignore[attr-defined]


@staff_view("feeds.manage")
@require_POST
def feed_pause(request: HttpRequest, feed_id: UUID) -> HttpResponse:
    """Keep what arrives, apply nothing until somebody goes live again."""
    one = get_object_or_404(Feed, pk=feed_id, is_sample=False)
    feeds.pause(one)
    record("feed.paused", now=clock.now(), request=request, object_id=one.pk)
    messages.success(request, f"{one.name} is paused. What arrives is kept and waits.")
    return redirect("feed", request.practice.slug, one.pk)  # type: ignore[attr-defined]
