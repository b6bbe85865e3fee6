"""Settings, API keys: which programs have access, a new key (shown once), an end to one."""

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import api_keys
from accounts.access import staff_view
from accounts.models import ApiKey
from accounts.recheck import recently_checked
from prm import clock
from prm.api import scopes
from prm.audit.record import record

LASTS = {"90": "90 days", "30": "30 days", "365": "One year", "never": "Until somebody revokes it"}


class KeyForm(forms.Form):
    """A new key."""

    name = forms.CharField(
        label="Which program is it for",
        max_length=80,
        help_text="Such as “Data warehouse”. It names the key in the audit.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do", widget=forms.CheckboxSelectMultiple, error_messages={"required": "Tick one at least."}
    )
    lasts = forms.ChoiceField(label="How long", choices=list(LASTS.items()), initial="90")

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["scopes"].choices = [(scope, f"{line} ({scope})") for scope, line in scopes.every().items()]

    @property
    def time(self) -> timedelta | None:
        """How long the key lasts; None for no end."""
        days = self.cleaned_data["lasts"]
        return None if days == "never" else timedelta(days=int(days))


class RevocationForm(forms.Form):
    """The name of the key, typed."""

    name = forms.CharField(
        label="Type its name to go on", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, key: ApiKey, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.key = key

    def clean_name(self) -> str:
        """Refuse another name."""
        if self.cleaned_data["name"].strip() != self.key.name:
            raise forms.ValidationError(f"Type “{self.key.name}”, as it stands above.")
        return self.cleaned_data["name"]


@staff_view("api_keys.manage")
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Every key: those that work first, then those that have ended or were revoked."""
    now, lines = clock.now(), scopes.every()
    found = [
        {"key": key, "state": api_keys.state(key, now=now), "may": [(one, lines.get(one, "")) for one in key.scopes]}
        for key in ApiKey.objects.select_related("created_by").order_by("-created_at")
    ]
    context = {
        "live": [one for one in found if one["state"] == "live"],
        "over": [one for one in found if one["state"] != "live"],
    }
    return render(request, "accounts/api_keys.html", context)


@staff_view("api_keys.manage")
@recently_checked
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a key. The answer to the POST shows it, this once; sent again, the form finds its name taken."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given, now = form.cleaned_data, clock.now()
        try:
            key, text = api_keys.make(
                request.practice, given["name"], given["scopes"], by=request.user, now=now, lasts=form.time
            )
        except api_keys.NameTaken:
            form.add_error("name", "A key with this name is in use. Revoke it first, or choose another name.")
        else:
            record("api_key.created", now=now, request=request, object_id=key.pk, scopes=key.scopes)
            return render(request, "accounts/api_key_made.html", {"key": key, "text": text}, status=201)
    return render(request, "accounts/api_key_new.html", {"form": form}, status=422 if form.errors else 200)


@staff_view("api_keys.manage", while_suspended=True)
@recently_checked
@require_http_methods(["GET", "POST"])
def revocation(request: HttpRequest, apikey_id: UUID) -> HttpResponse:
    """End a key at once, its name typed."""
    key = get_object_or_404(ApiKey, pk=apikey_id)
    form = RevocationForm(key, request.POST or None)
    if request.method == "POST" and form.is_valid():
        now = clock.now()
        if api_keys.revoke(key, now=now):
            record("api_key.revoked", now=now, request=request, object_id=key.pk)
        messages.success(request, f"{key.name} is revoked. Programs that use it are refused from now on.")
        return redirect("api_keys", request.practice.slug)
    return render(
        request, "accounts/api_key_revocation.html", {"key": key, "form": form}, status=422 if form.errors else 200
    )
