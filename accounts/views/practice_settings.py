"""Settings of the practice: profile, branding, when messages leave, how long things are kept."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import brand, practice_settings, retention
from accounts.access import staff_view
from accounts.changing import Changed
from accounts.models import Logo, Practice
from accounts.recheck import recently_checked
from accounts.settings_forms import ColourForm, LogoForm, PracticeForm, RetentionForm, SendingForm
from accounts.views import saving
from prm import clock
from prm.audit.record import record
from prm.tenancy import use_practice
from prm.ui.toasts import toast

ONE_YEAR = 365 * 86400


def _practice(request: HttpRequest) -> Practice:
    return request.practice  # type: ignore[attr-defined]


def _writer(request: HttpRequest) -> saving.Write:
    def write(**what: Any) -> Changed:
        return practice_settings.change_practice(_practice(request), **what)

    return write


@staff_view("settings.manage")
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name, phone, zone, languages, postal address, the public page."""
    return saving.edit(
        request, PracticeForm, _practice(request), _writer(request), action="practice.changed",
        template="accounts/practice_profile.html", context={"site": settings.SITE_URL},
    )  # fmt: skip


@staff_view("settings.manage")
@require_http_methods(["GET", "POST"])
def branding(request: HttpRequest) -> HttpResponse:
    """The colour, and what patients see of colour and logo."""
    return saving.edit(
        request, ColourForm, _practice(request), _writer(request), action="practice.changed",
        template="accounts/branding.html", context=_brand(request) | {"logo_form": LogoForm(prefix="logo")},
        tells=lambda form: {"asked": form.cleaned_data["brand_colour"].lower()},
    )  # fmt: skip


def _brand(request: HttpRequest) -> dict[str, Any]:
    """What the page of branding shows besides the colour's form; `?asked=` is a colour that was darkened."""
    practice, asked = _practice(request), request.GET.get("asked", "")
    try:
        darkened = bool(asked) and brand.read_and_darken(asked) == practice.brand_colour != asked
    except ValidationError:
        darkened = False
    return {"asked": asked if darkened else "", "contrast": f"{brand.contrast_with_white(practice.brand_colour):.1f}"}


@staff_view("settings.manage")
@require_POST
def logo_upload(request: HttpRequest) -> HttpResponse:
    """Take a picture as the practice's logo."""
    practice, now = _practice(request), clock.now()
    form = LogoForm(request.POST, request.FILES, prefix="logo")
    if form.is_valid():
        try:
            picture = brand.read_logo(form.cleaned_data["file"].read(brand.LARGEST_FILE + 1))
        except ValidationError as problem:
            form.add_error("file", problem.messages)
        else:
            kept = brand.keep_logo(picture, now=now)
            return _use_logo(request, kept.digest, "Logo saved")
    context = {"form": ColourForm(practice), "row": practice, "logo_form": form, **_brand(request)}
    return render(request, "accounts/branding.html", context, status=422)


@staff_view("settings.manage")
@require_POST
def logo_choice(request: HttpRequest) -> HttpResponse:
    """Back to the icon; with `?digest=` (a toast's Undo) to a logo that the practice had before."""
    digest = request.GET.get("digest", "")
    if digest and not Logo.objects.filter(digest=digest).exists():
        raise Http404
    return _use_logo(request, digest, "Logo is back" if digest else "Logo removed")


def _use_logo(request: HttpRequest, digest: str, said: str) -> HttpResponse:
    practice, now = _practice(request), clock.now()
    done = _writer(request)(by=request.user, now=now, version=practice.version, logo=digest)
    undo = ""
    if done.fields:
        record("practice.changed", now=now, request=request, object_id=practice.pk, changed=done.fields)
        undo = f"{reverse('logo_choice', args=[practice.slug])}?digest={practice.logo}"
    toast(request, said, undo=undo)
    return redirect("settings_branding", practice.slug)


@login_not_required
@require_safe
def logo(request: HttpRequest, media_practice: str, digest: str) -> HttpResponse:
    """A practice's logo for anybody, in mails and on the portal: the same bytes for ever, which anybody may keep."""
    practice = Practice.objects.filter(public_id=media_practice, suspended_at=None).first()
    if practice is None:
        raise Http404
    with use_practice(practice.pk):
        found = Logo.objects.filter(digest=digest).first()
    if found is None:
        raise Http404
    headers = {
        "Cache-Control": f"public, max-age={ONE_YEAR}, immutable",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",  # mail programs show it from their own pages
    }
    return HttpResponse(bytes(found.content), content_type="image/png", headers=headers)


@staff_view("settings.manage")
@require_http_methods(["GET", "POST"])
def sending(request: HttpRequest) -> HttpResponse:
    """Quiet hours and caps."""
    return saving.edit(
        request, SendingForm, _practice(request), _writer(request), action="practice.changed",
        template="accounts/sending.html",
    )  # fmt: skip


@staff_view("practice.own")
@recently_checked
@require_http_methods(["GET", "POST"])
def keeping(request: HttpRequest) -> HttpResponse:
    """Retention; a shorter time says what it deletes and wants the practice's name."""
    return saving.edit(
        request, RetentionForm, _practice(request), _writer(request), action="practice.changed",
        template="accounts/retention.html", context={"fixed": retention.FIXED},
    )  # fmt: skip
