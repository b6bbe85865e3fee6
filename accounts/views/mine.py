"""My settings: name, language and shortcuts; how I sign in, and where I am signed in now."""

from typing import Any

import django_otp
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import factors, passkeys, password_reset, passwords, sessions, sign_in_record, signin, totp
from accounts.access import staff_view
from accounts.forms import CodeForm, FactorNameForm, MeForm, NewPasskeyForm, NewPasswordForm
from accounts.models import User
from accounts.recheck import recently_checked
from accounts.views import answers
from prm import clock, ids
from prm.ui.toasts import toast


@staff_view("mine", while_suspended=True)
@require_http_methods(["GET", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    """Name, language and single-key shortcuts; theme and density are the device's own."""
    form = MeForm(request.POST or None, instance=_user(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        toast(request, "Saved.")
        return redirect("mine", request.practice.slug)  # type: ignore[attr-defined]
    return render(request, "accounts/mine.html", {"form": form}, status=answers.status(form))


@staff_view("mine", while_suspended=True)
@require_GET
def sign_in(request: HttpRequest) -> HttpResponse:
    """Password, second factors, printed codes and sessions, on one page."""
    return _sign_in_page(request, NewPasskeyForm(), status=200)


@staff_view("mine", while_suspended=True)
@recently_checked
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Choose a new password; the other sessions end, this one goes on."""
    user, form, now = _user(request), NewPasswordForm(request.POST or None), clock.now()
    if request.method == "GET" or not form.is_valid():
        return render(request, "accounts/my_password.html", {"form": form}, status=answers.status(form))
    try:
        passwords.check(form.cleaned_data["password"], user)
    except ValidationError as refused:
        form.add_error("password", refused)
        return render(request, "accounts/my_password.html", {"form": form}, status=422)
    password_reset.change_password(user, form.cleaned_data["password"], now=now, key=str(ids.uuid7()))
    sessions.keep_after_password(request, user)
    sign_in_record.record_for(user, "password.changed", now=now, request=request)
    toast(request, "Your password is changed. Your other sessions were ended.")
    return _back(request)


@staff_view("mine", while_suspended=True)
@recently_checked
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def app(request: HttpRequest) -> HttpResponse:
    """Set up an authenticator app, or another one in its place: the earlier one counts until the first right code."""
    user, form, now = _user(request), CodeForm(request.POST or None), clock.now()
    if request.method == "GET":
        return render(request, "accounts/my_app.html", _new_app(user, form))
    device = totp.unconfirmed_device(user)
    if "begin" in request.POST or device is None:
        totp.new_device(user)
        return redirect("mine_app", request.practice.slug)  # type: ignore[attr-defined]
    try:
        right = form.is_valid() and answers.code(request, form, user, device, now=now)
    except signin.Locked as locked:
        answers.refused(form, locked)
        return answers.locked(render(request, "accounts/my_app.html", _new_app(user, form), status=429), locked)
    if not right:
        return render(request, "accounts/my_app.html", _new_app(user, form), status=422)
    totp.confirm(device)
    factors.added(request, user, factors.TOTP, now=now, key=f"added {device.persistent_id}")
    django_otp.login(request, device)  # the earlier app, which may have verified this session, is gone
    toast(request, "Your authenticator app is set up. Your other sessions were ended.")
    return _back(request)


@staff_view("mine", while_suspended=True)
@recently_checked
@require_POST
def app_removal(request: HttpRequest) -> HttpResponse:
    """Remove the authenticator app; refused where it is the only factor."""
    user = _user(request)
    device = totp.confirmed_device(user)
    return _remove(request, user, device, factors.TOTP, "Your authenticator app is removed.")


@staff_view("mine", while_suspended=True)
@recently_checked
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked, to make a passkey."""
    return JsonResponse(passkeys.options(request, passkeys.ADD, user=_user(request), now=clock.now()))


@staff_view("mine", while_suspended=True)
@recently_checked
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """Keep a passkey that the browser has made."""
    user, form, now = _user(request), NewPasskeyForm(request.POST), clock.now()
    if form.is_valid():
        try:
            made = passkeys.add(request, user, form.cleaned_data["credential"], name=form.cleaned_data["name"], now=now)
        except passkeys.WrongAnswer as wrong:
            form.add_error(None, f"No passkey was added: {wrong}. Try once more.")
        else:
            factors.added(request, user, factors.PASSKEY, now=now, key=f"added {made.persistent_id}")
            toast(request, f"“{made.name}” is added. Your other sessions were ended.")
            return _back(request)
    return _sign_in_page(request, form, status=422)


@staff_view("mine", while_suspended=True)
@recently_checked
@require_POST
def passkey_removal(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Remove one of the passkeys; refused where it is the only factor."""
    user = _user(request)
    found = next((one for one in passkeys.of(user) if one.pk == passkey_id), None)
    if found is None:
        raise Http404
    return _remove(request, user, found, factors.PASSKEY, f"“{found.name}” is removed.")


@staff_view("mine", while_suspended=True)
@require_POST
def app_name(request: HttpRequest) -> HttpResponse:
    """Call the authenticator app something else."""
    return _rename(request, totp.confirmed_device(_user(request)), factors.TOTP)


@staff_view("mine", while_suspended=True)
@require_POST
def passkey_name(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Call a passkey something else."""
    found = next((one for one in passkeys.of(_user(request)) if one.pk == passkey_id), None)
    return _rename(request, found, factors.PASSKEY)


@staff_view("mine", while_suspended=True)
@recently_checked
@require_POST
def codes(request: HttpRequest) -> HttpResponse:
    """Ten new recovery codes, shown once; earlier ones no longer pass."""
    slug = request.practice.slug  # type: ignore[attr-defined]
    return answers.new_codes(request, _user(request), leads_to=reverse("mine_sign_in", args=[slug]), now=clock.now())


@staff_view("mine", while_suspended=True)
@require_POST
def session_end(request: HttpRequest) -> HttpResponse:
    """End one of my sessions, or all but this one."""
    user, chosen = _user(request), request.POST.get("session", "")
    if chosen == "others":
        ended = sessions.end_sessions(user, except_key=request.session.session_key)
    else:
        ended = int(sessions.end_session(user, chosen))
    if ended:
        sign_in_record.record_for(user, "session.ended", now=clock.now(), request=request, count=ended)
    toast(request, "Ended." if ended else "It had ended already.")
    return _back(request)


def _sign_in_page(
    request: HttpRequest, passkey_form: NewPasskeyForm, *, status: int, refused: Any = None
) -> HttpResponse:
    """The page; `refused`: a factor whose new name was, with the form that says why as its `name_form`."""
    user = _user(request)
    has = factors.of(user)
    for one in filter(None, [has.app, *has.passkeys]):
        is_refused = refused is not None and one.persistent_id == refused.persistent_id
        one.name_form = refused.name_form if is_refused else _name_form(one)
    context = {
        "passkey_form": passkey_form, "passkey_site": passkeys.site(request), "has": has,
        "most_passkeys": passkeys.MOST,
        "sessions": sessions.sessions_of(user, this_key=request.session.session_key),
    }  # fmt: skip
    return render(request, "accounts/my_sign_in.html", context, status=status)


def _new_app(user: User, form: CodeForm) -> dict[str, Any]:
    device = totp.unconfirmed_device(user)
    shown = {"qr": totp.qr_svg(device), "key": totp.text_key(device)} if device else {}
    return {"form": form, "has_app": totp.confirmed_device(user) is not None, **shown}


def _remove(request: HttpRequest, user: User, device: Any, kind: str, said: str) -> HttpResponse:
    try:
        if device is not None:
            factors.remove(request, user, device, kind, now=clock.now())
    except factors.LastFactor:
        toast(request, "That is your only second step. Add another one first.")
    else:
        if device is not None and request.session.get(django_otp.DEVICE_ID_SESSION_KEY) == device.persistent_id:
            left = factors.of(user)  # the removed one verified this session, which goes on by one that is left
            django_otp.login(request, left.app or left.passkeys[0])
        toast(request, f"{said} Your other sessions were ended.")
    return _back(request)


def _name_form(device: Any, given: Any = None) -> FactorNameForm:
    """One of several on the page: its ids are its own."""
    return FactorNameForm(given, initial={"name": device.name}, auto_id=f"{device._meta.model_name}{device.pk}-%s")


def _rename(request: HttpRequest, device: Any, kind: str) -> HttpResponse:
    """Save at once; the name is re-asked where it is empty or too long. 404 where the person has no such factor."""
    if device is None:
        raise Http404
    device.name_form = form = _name_form(device, request.POST)
    if not form.is_valid():
        return _sign_in_page(request, NewPasskeyForm(), status=422, refused=device)
    if factors.rename(request, _user(request), device, kind, form.cleaned_data["name"], now=clock.now()):
        toast(request, f"It is called “{form.cleaned_data['name']}” now.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    return redirect("mine_sign_in", request.practice.slug)  # type: ignore[attr-defined]


def _user(request: HttpRequest) -> User:
    user: Any = request.user
    return user
