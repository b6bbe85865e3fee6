"""The pages of rules: list, sentence form, one rule with its decisions, why (campaigns.md §1)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.access import may, staff_view
from accounts.once import once
from campaigns import lifecycle, preview, queries, zones
from campaigns.explain import explain
from campaigns.forms import ResumeForm, RuleForm, TurnOnForm
from campaigns.models import Rule
from campaigns.sentence import sentence
from patients.models import Patient
from prm import clock
from prm.audit.record import record, record_each
from prm.ui.problems import BadParameter, Conflict
from prm.ui.tables import BadCursor, keyset_page
from prm.ui.toasts import toast


@staff_view("campaigns.view")
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All rules: sentence, state, purpose, the last 30 days, whom they reach next."""
    now = clock.now()
    rules, ended = queries.rules()
    figures = queries.figures(rules, now=now)
    with zones.asked_once():
        coming = preview.next_due(rules, now=now)
    rows = [
        {
            "rule": rule,
            "sentence": sentence(rule.version.document if rule.version else rule.document),
            "purpose": rule.document["purpose"],
            "figures": figures[rule.pk],
            "next_due": coming.get(rule.pk),
        }
        for rule in rules
    ]
    active = sum(rule.state == Rule.State.ACTIVE for rule in rules)
    return render(
        request, "campaigns/list.html", {"rows": rows, "ended": ended, "active": active, **_rights(request)}
    )  # fmt: skip


@staff_view("campaigns.draft")
@require_http_methods(["GET", "HEAD", "POST"])
@once
def create(request: HttpRequest) -> HttpResponse:
    """A new rule as one sentence."""
    form = RuleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            rule = lifecycle.create(form.to_document(), by=request.membership, now=clock.now())
        except lifecycle.InvalidRule as problem:
            form.show(problem.faults)
        else:
            return redirect(_url(request, "campaign_edit", rule))
    return _form_page(request, form, None, form.document)


@staff_view("campaigns.draft")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """The sentence with its slots; saving keeps a draft, which changes nothing that runs."""
    rule = _rule(rule_id)
    if rule.state == Rule.State.ARCHIVED:
        raise Conflict("This rule is archived and cannot be changed any more.")
    form = RuleForm(request.POST or None, document=rule.document)
    if request.method == "POST" and form.is_valid():
        try:
            lifecycle.save_draft(rule, form.to_document(), by=request.membership, now=clock.now())
        except lifecycle.InvalidRule as problem:
            form.show(problem.faults)
        else:
            toast(request, "Draft saved")
            return redirect(_url(request, "campaign_edit", rule))
    return _form_page(request, form, rule, rule.document)


@staff_view("campaigns.view")
@require_safe
def detail(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """One rule and what it decided, newest first."""
    rule = _rule(rule_id)
    firings = queries.firings(rule, request.membership)
    try:
        page = keyset_page(firings, ("-decided_at", "id"), after=request.GET.get("after", ""))
    except BadCursor:
        page = keyset_page(firings, ("-decided_at", "id"))
    if page.rows:
        record(
            "rule.decisions_read", now=clock.now(), request=request, object_id=rule.pk, count=len(page.rows),
            patients=[firing.patient_id for firing in page.rows],
        )  # fmt: skip
    running = rule.version.document if rule.version else rule.document
    context = {
        "rule": rule, "sentence": sentence(running), "spanish": sentence(running, "es"), "page": page,
        "decisions": queries.decisions(page.rows), "resume": ResumeForm(),
        "versions": rule.versions.select_related("published_by__user").order_by("-number"),
        "figures": queries.figures([rule], now=clock.now())[rule.pk], **_rights(request),
    }  # fmt: skip
    return render(request, "campaigns/detail.html", context)


@staff_view("campaigns.view")
@require_GET
def why(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Why a patient was reached by a rule, or not."""
    rule = _rule(rule_id)
    wanted = request.GET.get("patient", "")
    try:
        patient = get_object_or_404(Patient.objects.visible_to(request.membership), pk=UUID(wanted))
    except ValueError:
        raise BadParameter("patient", wanted, "a patient's id") from None
    now = clock.now()
    record("patient.read", now=now, request=request, patient_id=patient.pk, object_id=rule.pk)
    with zones.asked_once():
        told = explain(rule, patient, now=now)
    return render(request, "campaigns/explain.html", {"rule": rule, "patient": patient, "told": told})


@staff_view("campaigns.run")
@require_POST
def activation(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Turn a draft on."""
    return _turn_on(request, rule_id, lifecycle.activate, "is on")


@staff_view("campaigns.run")
@require_POST
def publication(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Put a draft in the place of the version that runs."""
    return _turn_on(request, rule_id, lifecycle.publish, "is published")


@staff_view("campaigns.draft")
@require_POST
def pause(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Stop deciding and sending until somebody resumes."""
    return _act(request, rule_id, lifecycle.pause, "is paused")


@staff_view("campaigns.run")
@require_POST
def resumption(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Go on after a pause, with or without what came due meanwhile."""
    form = ResumeForm(request.POST)
    if not form.is_valid():
        raise BadParameter("catch_up", request.POST.get("catch_up", ""), "yes or no")
    return _act(request, rule_id, lifecycle.resume, "is on again", catch_up=form.cleaned_data["catch_up"])


@staff_view("campaigns.run")
@require_POST
def archive(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """End a rule for good."""
    return _act(request, rule_id, lifecycle.archive, "is archived")


@staff_view("campaigns.draft")
@require_POST
def discarding(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Throw a draft away."""
    rule = _rule(rule_id)
    try:
        left = lifecycle.discard(rule, by=request.membership, now=clock.now())
    except lifecycle.WrongState as problem:
        raise Conflict(str(problem)) from None
    record("rule.discard", now=clock.now(), request=request, object_id=rule_id)
    toast(request, f"The draft of “{rule.name}” is discarded")
    return redirect(_url(request, "campaign", left) if left else reverse("campaigns", args=[request.practice.slug]))


def _turn_on(request: HttpRequest, rule_id: UUID, act: Callable[..., Rule], said: str) -> HttpResponse:
    form = TurnOnForm(request.POST)
    if not form.is_valid():
        raise BadParameter("backlog_days", request.POST.get("backlog_days", ""), "0, 7, 30 or 90")
    return _act(request, rule_id, act, said, backlog_days=form.cleaned_data["backlog_days"])


def _act(request: HttpRequest, rule_id: UUID, act: Callable[..., Rule], said: str, **how: Any) -> HttpResponse:
    """Do one act of a rule's life, say so, and show the rule; 409 where somebody was first."""
    rule, now = _rule(rule_id), clock.now()
    try:
        rule = act(rule, by=request.membership, now=now, **how)
    except lifecycle.WrongState as problem:
        raise Conflict(f"Somebody changed “{rule.name}” meanwhile: {problem}.") from None
    except lifecycle.InvalidRule as problem:
        form = RuleForm.of_document(rule.document)
        form.show(problem.faults)
        return _form_page(request, form, rule, rule.document)
    record(f"rule.{act.__name__}", now=now, request=request, object_id=rule.pk, **how)
    toast(request, f"“{rule.name}” {said}")
    return redirect(_url(request, "campaign", rule))


def _form_page(request: HttpRequest, form: RuleForm, rule: Rule | None, document: dict[str, Any]) -> HttpResponse:
    now, wrong = clock.now(), bool(form.is_bound and form.errors)
    shown = form.to_document() if form.is_bound and not wrong else document
    with zones.asked_once():
        may_turn_on = rule is not None and rule.draft is not None and may(request.membership, "campaigns.run")
        moves = may_turn_on and (rule.version is None or lifecycle.timing_changed(rule.version.document, rule.draft))
        seen = preview.preview(
            shown, now=now, rule_id=rule.pk if rule and rule.version else None, viewer=request.membership,
            turning_on=rule.pk if moves else None,
        )  # fmt: skip
    turn_on = TurnOnForm(numbers=seen.backlogs or [(0, 0)]) if may_turn_on else None
    record_each(
        "patient.listed", [due.patient.pk for due in seen.people], now=now, request=request,
        object_id=rule.pk if rule else None,
    )  # fmt: skip
    context = {
        "form": form, "rule": rule, "preview": seen, "further": document["steps"][1:],
        "sentence": sentence(shown), "spanish": sentence(shown, "es"), "turn_on": turn_on,
        **_rights(request),
    }  # fmt: skip
    return render(request, "campaigns/form.html", context, status=422 if wrong else 200)


def _rule(rule_id: UUID) -> Rule:
    return get_object_or_404(Rule.objects.select_related("version"), pk=rule_id)


def _url(request: HttpRequest, name: str, rule: Rule) -> str:
    return reverse(name, args=[request.practice.slug, rule.pk])


def _rights(request: HttpRequest) -> dict[str, bool]:
    return {
        "may_run": may(request.membership, "campaigns.run"),
        "may_draft": may(request.membership, "campaigns.draft"),
    }
