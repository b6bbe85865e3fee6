"""The door of an invitation: one person, one practice; a GET changes nothing."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts import home, invitations, signin
from accounts.models import Invitation, Practice, User
from accounts.people_forms import JoinForm
from accounts.role_words import ROLE_LINES
from accounts.views.signin import go_on
from prm import clock
from prm.audit.record import record
from prm.tenancy.requests import answer_within
from prm.ui.toasts import toast


def door_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Open the practice of the address for a person who is not in it yet; the link stays between him and us.

    An unknown practice, and a suspended one, is a page that does not exist. Called without the public id.
    """

    @login_not_required
    @wraps(view)
    def opened(request: HttpRequest, *args: Any, practice_public_id: str, **kwargs: Any) -> HttpResponse:
        practice = get_object_or_404(Practice, public_id=practice_public_id, suspended_at=None)
        request.practice = practice
        with timezone.override(practice.zone):
            response = answer_within(practice.pk, request, lambda request: view(request, *args, **kwargs))
        response["Referrer-Policy"], response["X-Robots-Tag"] = "no-referrer", "noindex"
        return response

    return opened


@door_view
@sensitive_post_parameters("password")
@sensitive_variables("token")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Who asks whom to join as what. Who is new chooses a password here, who is not signs in, who is in joins."""
    now = clock.now()
    found = invitations.find(token, now=now)
    if found is None:
        return _dead(request, None, status=404)
    asked = found.invitation
    if not found.works:
        return _dead(request, asked, status=410)
    if home.signed_in(request):
        return redirect(_join_url(request)) if request.user.email == asked.email else _other_person(request, asked)
    known = User.objects.filter(email=asked.email).first()
    if known is not None and known.has_usable_password():
        sign_in = f"{reverse('signin')}?{urlencode({'next': _join_url(request)})}"
        return redirect(sign_in) if request.method == "POST" else _page(request, asked, sign_in_url=sign_in)
    form = JoinForm(
        asked.email, request.practice.name, request.POST or None, initial={"name": known.name if known else ""}
    )
    if request.method != "POST" or not form.is_valid():
        return _page(request, asked, form=form, status=422 if form.is_bound else 200)
    user = _make_user(asked.email, known, **form.cleaned_data)
    if user is None:  # a second request was quicker: its password stands
        return redirect(request.path)
    record("invitation.account_made", now=now, request=request, object_id=asked.pk)
    signin.password_given(request, user, next_path=_join_url(request), now=now)
    return go_on(user)


@door_view
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_join(request: HttpRequest) -> HttpResponse:
    """The last step, signed in: join with one click."""
    now = clock.now()
    if not home.signed_in(request):
        return redirect(f"{reverse('signin')}?{urlencode({'next': request.path})}")
    asked = invitations.waiting_for(request.user, now=now)
    if asked is None:
        return _no_invitation(request)
    if request.method != "POST":
        return _page(request, asked, joins=True)
    try:
        member, joined = invitations.accept(asked, request.user, now=now)
    except invitations.NotOpen:
        return _no_invitation(request)
    if joined:
        facts = {"old_role": "", "new_role": member.role}
        record("permission.changed", now=now, request=request, object_id=member.pk, **facts)
    toast(request, f"You now work in {request.practice.name}")
    return redirect(f"/{request.practice.slug}/")


def _make_user(email: str, known: User | None, *, name: str, password: str) -> User | None:
    """A person with a password: new, or one who never had any. None where another request made him meanwhile."""
    try:
        with transaction.atomic():
            if known is None:
                return User.objects.create_user(email, name, password)
            locked = User.objects.select_for_update().get(pk=known.pk)
            if locked.has_usable_password():
                return None
            locked.name = name
            locked.set_password(password)
            locked.save(update_fields=["name", "password"])
            return locked
    except IntegrityError:
        return None


def _page(request: HttpRequest, asked: Invitation, *, status: int = 200, **context: object) -> HttpResponse:
    shown = {"asked": asked, "role_line": ROLE_LINES[asked.role], "clinics": asked.clinics.order_by("name")}
    return render(request, "accounts/invitation.html", shown | context, status=status)


def _other_person(request: HttpRequest, asked: Invitation) -> HttpResponse:
    return _page(request, asked, other=request.user, status=409 if request.method == "POST" else 200)


def _no_invitation(request: HttpRequest) -> HttpResponse:
    """Nothing to accept: the racing request that lost finds its practice; anybody else a page that says whom to ask."""
    if any(practice.pk == request.practice.pk for practice in home.practices_of(request.user)):
        return redirect(f"/{request.practice.slug}/")
    return _dead(request, None, status=410)


def _dead(request: HttpRequest, asked: Invitation | None, *, status: int) -> HttpResponse:
    return render(request, "accounts/invitation_dead.html", {"asked": asked}, status=status)


def _join_url(request: HttpRequest) -> str:
    return reverse("invitation_join", args=[request.practice.public_id])
