"""Files of rows: what their columns mean, a try of the whole file, apply with progress, cancel, undo, rows to fix."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import staff_view
from integrations import tasks
from integrations.csvfile import running, showing
from integrations.csvfile.files import File
from integrations.csvfile.forms import MappingForm, SheetForm
from integrations.models import Feed, ImportBatch
from prm import clock
from prm.audit.record import record
from prm.ui import words

# A file is mapped again as long as nothing of it was stored.
_MAPPED = frozenset({"ready", "mapping_needed", "too_many_bad_rows"})


def take_in(request: HttpRequest, feed: Feed, file: File) -> HttpResponse:
    """Keep an uploaded file and check it: at once where it is small, else by the worker."""
    now = clock.now()
    batches = running.take_in(feed, file, now=now, by=request.user)  # type: ignore[arg-type]
    record("feed.uploaded", now=now, request=request, object_id=feed.pk, messages=len(batches))
    for batch in batches:
        if batch.state == ImportBatch.State.WAITING and batch.parts.count() <= 1:
            running.check(batch, now=now)
        else:
            tasks.nudge_import(batch)
    slug = request.practice.slug  # type: ignore[attr-defined]
    if len(batches) == 1:
        return redirect("feed_import", slug, feed.pk, batches[0].pk)
    messages.success(request, f"{words.count(len(batches))} files are in the list.")
    return redirect("feed", slug, feed.pk)


def _find(feed_id: UUID, batch_id: UUID) -> ImportBatch:
    found = ImportBatch.objects.select_related("feed", "started_by")
    return get_object_or_404(found, pk=batch_id, feed=feed_id, feed__kind=Feed.Kind.CSV)


def page(request: HttpRequest, batch: ImportBatch, form: MappingForm | None = None) -> HttpResponse:
    """One file, at whatever step it is."""
    if batch.state != ImportBatch.State.HELD:
        template = "integrations/import.html" + ("#progress" if request.htmx else "")  # type: ignore[attr-defined]
        return render(request, template, _state(batch))
    sheets = batch.counts.get("sheets") or []
    mapped = batch.code in _MAPPED and not sheets
    found = showing.sample(batch)
    form = form or (MappingForm(found.header, found.mapping) if mapped else None)
    context = {
        **_state(batch), "sample": found, "form": form, "sheet_form": SheetForm(sheets) if sheets else None,
        "columns": [
            (name, showing_values, chosen, order)
            for index, (name, chosen, order) in enumerate(form.columns() if form else [])
            for showing_values in [found.values(index)]
        ],
        "written": showing.would_write(batch, found, now=clock.now()) if mapped else [],
    }  # fmt: skip
    return render(request, "integrations/import_map.html", context, status=422 if form and form.errors else 200)


def _state(batch: ImportBatch) -> dict[str, object]:
    done = batch.messages.exclude(state="stored").count()
    return {
        "feed": batch.feed, "batch": batch, "title": showing.CODES.get(batch.code, ""),
        "errors": showing.errors(batch), "good": batch.rows - batch.bad_rows, "entities": showing.entities(batch),
        "chunks_done": done, "running": batch.state in {ImportBatch.State.WAITING, ImportBatch.State.RUNNING},
        "undoable": batch.state == ImportBatch.State.DONE and bool(batch.done_rows),
    }  # fmt: skip


@staff_view("feeds.manage")
@require_POST
def import_sheet(request: HttpRequest, feed_id: UUID, batch_id: UUID) -> HttpResponse:
    """Say which sheet of a workbook holds the rows; the file is checked again."""
    batch = _find(feed_id, batch_id)
    form = SheetForm(batch.counts.get("sheets") or [], request.POST)
    if batch.state == ImportBatch.State.HELD and form.is_valid():
        _check_again(batch, {"sheet": form.cleaned_data["sheet"]})
    return redirect("feed_import", request.practice.slug, feed_id, batch_id)  # type: ignore[attr-defined]


@staff_view("feeds.manage")
@require_POST
def import_mapping(request: HttpRequest, feed_id: UUID, batch_id: UUID) -> HttpResponse:
    """Say what the columns mean; the whole file is tried, nothing is applied."""
    batch = _find(feed_id, batch_id)
    slug = request.practice.slug  # type: ignore[attr-defined]
    if batch.state != ImportBatch.State.HELD or batch.code not in _MAPPED:
        return redirect("feed_import", slug, feed_id, batch_id)
    found = showing.sample(batch)
    form = MappingForm(found.header, found.mapping, request.POST)
    if not form.is_valid():
        return page(request, batch, form)
    _check_again(batch, form.mapping().json())
    return redirect("feed_import", slug, feed_id, batch_id)


def _check_again(batch: ImportBatch, mapping: dict[str, object]) -> None:
    batch.mapping, batch.state, batch.counts = mapping, ImportBatch.State.WAITING, {}
    batch.code = batch.reason = ""
    batch.save(update_fields=["mapping", "state", "counts", "code", "reason"])
    if batch.parts.count() <= 1:
        running.check(batch, now=clock.now())
    else:
        tasks.nudge_import(batch)


@staff_view("feeds.manage")
@require_POST
def import_start(request: HttpRequest, feed_id: UUID, batch_id: UUID) -> HttpResponse:
    """Apply a file that was tried; what its columns mean is remembered."""
    batch, now = _find(feed_id, batch_id), clock.now()
    if running.begin(batch, now=now):
        record("feed.import_started", now=now, request=request, object_id=batch.pk, rows=batch.rows)
        tasks.nudge_import(batch)
    return redirect("feed_import", request.practice.slug, feed_id, batch_id)  # type: ignore[attr-defined]


@staff_view("feeds.manage")
@require_POST
def import_cancel(request: HttpRequest, feed_id: UUID, batch_id: UUID) -> HttpResponse:
    """Stop a file, or let one go that was never applied."""
    batch, now = _find(feed_id, batch_id), clock.now()
    if running.cancel(batch, now=now):
        record("feed.import_cancelled", now=now, request=request, object_id=batch.pk)
        messages.success(request, "Cancelled. What was applied before stays; you can undo it.")
    return redirect("feed_import", request.practice.slug, feed_id, batch_id)  # type: ignore[attr-defined]


@staff_view("feeds.manage")
@require_POST
def import_undo(request: HttpRequest, feed_id: UUID, batch_id: UUID) -> HttpResponse:
    """Take back what only this file brought."""
    batch, now = _find(feed_id, batch_id), clock.now()
    if batch.state in {ImportBatch.State.DONE, ImportBatch.State.CANCELLED} and batch.done_rows:
        things = running.undo(batch, now=now)
        tasks.nudge(batch.feed)
        record("feed.import_undone", now=now, request=request, object_id=batch.pk, things=things)
        messages.success(request, f"Undone: {words.count(things)} records that only this file brought are hidden.")
    return redirect("feed_import", request.practice.slug, feed_id, batch_id)  # type: ignore[attr-defined]


@staff_view("feeds.manage")
@require_safe
def import_rows(request: HttpRequest, feed_id: UUID, batch_id: UUID) -> HttpResponse:
    """The rows to fix as CSV; the download is recorded."""
    batch = _find(feed_id, batch_id)
    record("feed.import_rows_fetched", now=clock.now(), request=request, object_id=batch.pk, rows=batch.bad_rows)
    headers = {"Content-Disposition": 'attachment; filename="rows-to-fix.csv"', "Cache-Control": "no-store"}
    return HttpResponse(showing.bad_rows_csv(batch), content_type="text/csv; charset=utf-8", headers=headers)
