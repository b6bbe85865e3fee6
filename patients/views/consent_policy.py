"""Settings: what it means that a patient gives the practice an address."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import staff_view
from patients import consent
from patients.models import Channel, ConsentPolicy, Purpose
from prm import clock
from prm.audit.record import record
from prm.ui import words

RULE = ConsentPolicy.Rule
CHOICES = {
    Channel.EMAIL: [
        (RULE.ON_ARRIVAL, "A patient who gives us an e-mail address may be written to about care"),
        (RULE.RECORDED_ONLY, "Only patients whose consent somebody recorded"),
    ],
    Channel.SMS: [
        (RULE.RECORDED_ONLY, "Only patients whose consent somebody recorded"),
        (RULE.ON_ARRIVAL, "A patient who gives us a mobile number may be texted about care"),
    ],
}


class PolicyForm(forms.Form):
    """The policy of one channel; texts need the intake form's words and the promise that it has them."""

    rule = forms.ChoiceField(label="Consent", widget=forms.RadioSelect)
    wording = forms.CharField(
        label="The words of your intake form",
        help_text="They must ask for the number and say that texts may come. We keep them with today's date.",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        required=False,
    )
    form_says_so = forms.BooleanField(label="Our intake form says this", required=False)
    also_here = forms.BooleanField(required=False)

    def __init__(self, channel: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, prefix=channel, **options)
        self.channel = channel
        self.here = consent.waiting_for_backfill(channel)
        self.given = consent.policy_grants(channel).count()
        self.fields["rule"].choices = CHOICES[channel]
        self.fields["also_here"].label = f"Also for the {words.count(self.here)} patients who are here already"
        if channel != Channel.SMS:
            del self.fields["wording"], self.fields["form_says_so"]
        if not self.here:
            del self.fields["also_here"]

    def clean(self) -> dict[str, Any]:
        """What the law asks of a policy."""
        given = super().clean() or {}
        rule, wording = given.get("rule", ""), given.get("wording", "")
        try:
            consent.check_choice(self.channel, Purpose.CARE, rule, wording)
        except ValidationError as problem:
            self.add_error(
                None if set(problem.message_dict) - set(self.fields) else next(iter(problem.message_dict)),
                problem.messages[0],
            )
        if self.channel == Channel.SMS and rule == RULE.ON_ARRIVAL and not given.get("form_says_so"):
            self.add_error("form_says_so", "Tick this, or leave texts to recorded consent.")
        return given


@staff_view("settings.manage")
@require_http_methods(["GET", "POST"])
def consent_policy(request: HttpRequest) -> HttpResponse:
    """One form a channel; each saves by itself."""
    sent = request.POST.get("channel")
    panels, versions = [], consent.policy_versions()
    for channel in CHOICES:
        kept = versions.get(channel, [])
        current = kept[0].policy if kept else None
        form = PolicyForm(channel, request.POST if sent == channel else None, initial=_initial(channel, current))
        if sent == channel and form.is_valid():
            return _choose(request, form)
        panels.append({"channel": Channel(channel), "current": current, "versions": kept, "form": form})
    failed = any(panel["form"].errors for panel in panels)
    return render(request, "patients/consent_policy.html", {"panels": panels}, status=422 if failed else 200)


def _choose(request: HttpRequest, form: PolicyForm) -> HttpResponse:
    """Write the new version with what follows from it, and say what that was."""
    given = form.cleaned_data
    change = consent.change_policy(
        form.channel, given["rule"], by=request.user, now=clock.now(), wording=given.get("wording", ""),
        also_here=given.get("also_here", False),
    )  # fmt: skip
    record(
        "consent_policy.chosen", now=clock.now(), request=request, object_id=change.policy.pk, channel=form.channel,
        rule=change.policy.rule, granted=change.granted, revoked=change.revoked,
    )  # fmt: skip
    messages.success(request, _told(change))
    return redirect("consent_policy", request.practice.slug)  # type: ignore[attr-defined]


def _told(change: consent.PolicyChange) -> str:
    if change.granted:
        return f"Saved. {words.count(change.granted)} patients now have consent."
    if change.revoked:
        return f"Saved. {words.count(change.revoked)} consents were taken back."
    return "Saved."


def _initial(channel: str, current: ConsentPolicy | None) -> dict[str, Any]:
    if current is None:
        return {"rule": CHOICES[Channel(channel)][0][0]}
    return {"rule": current.rule, "wording": current.wording, "form_says_so": current.rule == RULE.ON_ARRIVAL}
