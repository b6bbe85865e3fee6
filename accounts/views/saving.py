"""The page of a settings form: show it, save it, tell what is wrong, or what a colleague changed meanwhile."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode

from accounts.changing import Changed, Stale
from accounts.settings_forms import SettingsForm
from prm import clock
from prm.audit.record import record

Write = Callable[..., Changed]


def edit(
    request: HttpRequest, form_class: type[SettingsForm], row: Any, write: Write, *, action: str, template: str,
    context: Mapping[str, Any] | None = None,
    tells: Callable[[SettingsForm], Mapping[str, str]] = lambda form: {},
) -> HttpResponse:  # fmt: skip
    """Answer GET and POST of one form about `row`.

    `write(by=, now=, version=, **settings)` stores; refusals are shown beside the fields (422), a stale edit with both
    values and the choice between them (409, ui.md §6). What was changed is audited as `action`, field by field. `tells`
    adds to the query of the page that follows.
    """
    form = form_class(row, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        form.mark_saved(request.GET.get("saved", "").split(","))
        return render(request, template, {**(context or {}), "form": form, "row": row})
    conflicts: list[dict[str, Any]] = []
    status = 422
    if form.is_valid():
        try:
            done = _write(request, form, write, now=clock.now())
        except ValidationError as problem:
            form.add_problems(problem)
        except Stale as stale:
            conflicts, status = _told(form, stale), 409
            form = _over(form_class, request, row, stale.row.version)
        else:
            return _saved(request, done, action, tells(form))
    shown = {**(context or {}), "form": form, "row": row, "conflicts": conflicts}
    return render(request, template, shown, status=status)


def _write(request: HttpRequest, form: SettingsForm, write: Write, *, now: datetime) -> Changed:
    """Store what was typed, but for the settings where the reader has just chosen the colleague's value."""
    theirs = request.POST.get("theirs", "").split()
    mine = {name: value for name, value in form.given().items() if name not in theirs}
    version, over = form.cleaned_data["version"], form.cleaned_data["over"] or 0
    return write(by=request.user, now=now, version=version, over=over, **mine)


def _saved(request: HttpRequest, done: Changed, action: str, tells: Mapping[str, str]) -> HttpResponse:
    if done.fields:
        record(action, now=clock.now(), request=request, object_id=done.row.pk, changed=done.fields)
    query = urlencode({**({"saved": ",".join(done.fields)} if done.fields else {}), **tells})
    return redirect(f"{request.path}?{query}" if query else request.path)


def _told(form: SettingsForm, stale: Stale) -> list[dict[str, Any]]:
    """The conflicts in words, for parts/conflict.html."""
    return [
        {
            "name": one.name,
            "label": form.label_of(one.name),
            "mine": form.say(one.name, one.mine),
            "theirs": form.say(one.name, one.theirs),
            "by": one.by.short_name if one.by else "A program with an API key",
            "at": one.at,
        }
        for one in stale.conflicts
    ]


def _over(form_class: type[SettingsForm], request: HttpRequest, row: Any, version: int) -> SettingsForm:
    """The same form with what was typed; sending it again means “use mine” over what `version` says."""
    typed = request.POST.copy()
    typed["over"] = str(version)
    form = form_class(row, typed)
    form.is_valid()
    return form
