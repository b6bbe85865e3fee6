"""Starting a practice by oneself: the form, the word that mail is on its way, the page behind the mail's link."""

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import agreements, factors, home, signin, signup, totp
from accounts.models import Practice, SignUp, User, check_slug
from accounts.naming import one_line
from prm import clock
from prm.addresses import client_address

ZONES = [
    ("America/New_York", "Eastern (New York)"),
    ("America/Indiana/Indianapolis", "Eastern (Indiana)"),
    ("America/Chicago", "Central (Chicago)"),
    ("America/Denver", "Mountain (Denver)"),
    ("America/Boise", "Mountain (Boise)"),
    ("America/Phoenix", "Arizona (Phoenix)"),
    ("America/Los_Angeles", "Pacific (Los Angeles)"),
    ("America/Anchorage", "Alaska (Anchorage)"),
    ("Pacific/Honolulu", "Hawaii (Honolulu)"),
    ("America/Puerto_Rico", "Atlantic (Puerto Rico)"),
    ("Pacific/Guam", "Chamorro (Guam)"),
]


def _read(text: str) -> str:
    if line := one_line(text):
        return line
    raise ValidationError("Enter a name that can be read.")


class SignUpForm(forms.Form):
    """Who asks for which practice; without the agreement it cannot be finished (daily.md §13)."""

    practice_name = forms.CharField(
        label="Name of the practice", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    time_zone = forms.ChoiceField(
        label="Time zone", choices=ZONES, help_text="Of your first clinic. Each further clinic has its own."
    )
    name = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(
        label="Your work e-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    agreed = forms.BooleanField(
        label="I have read the agreement, I may sign for the practice, and I sign it",
        error_messages={"required": "Tick this to sign the agreement. Without it nobody may keep health records here."},
    )
    version = forms.CharField(widget=forms.HiddenInput, initial=agreements.CURRENT)

    def clean_practice_name(self) -> str:
        """One line that can be read."""
        return _read(self.cleaned_data["practice_name"])

    def clean_name(self) -> str:
        """One line that can be read."""
        return _read(self.cleaned_data["name"])

    def clean_version(self) -> str:
        """The version that was on the page; where it changed meanwhile, the new one must be read."""
        if self.cleaned_data["version"] != agreements.CURRENT:
            raise ValidationError("The agreement has changed since you opened this page. Read it and sign again.")
        return agreements.CURRENT


class ConfirmForm(forms.Form):
    """The word of the practice's addresses; for somebody new also a password."""

    slug = forms.CharField(
        label="Address of your pages", max_length=signup.LONGEST_SLUG,
        help_text="Small letters, digits and hyphens. It cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    password = forms.CharField(
        label="Password", strip=False, max_length=1024,
        help_text="At least 12 characters. A few words in a row are easy to remember and hard to guess.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def __init__(self, wanted: SignUp, *args: object, known: User | None) -> None:
        free = signup.free_slug(wanted.practice_name)
        super().__init__(*args, initial={"slug": free})  # type: ignore[arg-type]
        self.wanted, self.free = wanted, free
        if known is not None:
            del self.fields["password"]

    def clean_slug(self) -> str:
        """A word that nobody has; else the next free one is offered, in the field."""
        slug = self.cleaned_data["slug"].strip().lower()
        try:
            check_slug(slug)
        except ValidationError as problem:
            if problem.code == "shape":
                raise
            raise self._offer(slug, "is a word of our own addresses") from None
        if Practice.objects.filter(slug=slug).exists():
            raise self._offer(slug, "is taken")
        return slug

    def taken(self) -> None:
        """Somebody took it between the check and the row."""
        self.add_error("slug", self._offer(self.cleaned_data["slug"], "was taken just now"))

    def clean_password(self) -> str:
        """As every password (AUTH_PASSWORD_VALIDATORS), held against the person's own name and address."""
        person = User(email=self.wanted.email, name=self.wanted.name)
        password_validation.validate_password(self.cleaned_data["password"], person)
        return self.cleaned_data["password"]

    def _offer(self, slug: str, why: str) -> ValidationError:
        free = signup.free_slug(slug)
        self.data = self.data.copy()
        self.data["slug"] = free
        return ValidationError(f"“{slug}” {why}. “{free}” is free, and stands in the field now.")


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """The practice, its zone, one's own name and address, the agreement. Known and unknown addresses answer alike."""
    _check_open()
    form = SignUpForm(request.POST or None)
    context = {"form": form, "agreement": agreements.text_template(agreements.CURRENT), "operator": settings.OPERATOR}
    if not form.is_valid():
        return render(request, "accounts/signup.html", context, status=422 if form.is_bound else 200)
    given = form.cleaned_data
    try:
        signup.request_sign_up(
            practice_name=given["practice_name"], time_zone=given["time_zone"], name=given["name"],
            email=given["email"], agreement_version=given["version"], address=client_address(request),
            now=clock.now(),
        )  # fmt: skip
    except signup.TooMany as many:
        seconds = max(1, int((many.until - clock.now()).total_seconds()))
        form.add_error(None, f"Too many requests from your network. You can try again in {-(-seconds // 60)} minutes.")
        response = render(request, "accounts/signup.html", context, status=429)
        response["Retry-After"] = str(seconds)
        return response
    return redirect("sign_up_sent")


@login_not_required
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Mail is on its way."""
    _check_open()
    return render(request, "accounts/signup_sent.html")


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, sign_up_token: str) -> HttpResponse:
    """Behind the mail's link: what will be made, and a password. Only the POST makes it; then the second factor."""
    _check_open()
    now = clock.now()
    wanted = signup.find(sign_up_token, now=now)
    if wanted is None:
        return render(request, "accounts/signup_ended.html", status=404)
    known = signup.owner_of(wanted)
    form = ConfirmForm(wanted, request.POST or None, known=known)
    if form.is_valid():
        try:
            started = signup.complete(
                wanted, slug=form.cleaned_data["slug"], password=form.cleaned_data.get("password", ""), now=now,
                request=request,
            )  # fmt: skip
        except signup.Ended:
            return render(request, "accounts/signup_ended.html", status=404)
        except ValidationError:
            form.taken()
        else:
            return _go_on(request, started)
    context = {"form": form, "wanted": wanted, "known": known, "site": request.get_host()}
    return render(request, "accounts/signup_confirm.html", context, status=422 if form.is_bound else 200)


def _go_on(request: HttpRequest, started: signup.Started) -> HttpResponse:
    """To the second factor with a new password; to the sign-in page with an old one; straight in where signed in."""
    first_page = reverse("first_day", args=[started.practice.slug])
    if home.signed_in(request) and request.user == started.owner:
        return redirect(first_page)
    if not started.new:
        return redirect(f"{reverse('signin')}?{urlencode({'next': first_page})}")
    signin.password_given(request, started.owner, next_path=first_page, now=clock.now())
    if not factors.of(started.owner):
        totp.new_device(started.owner)
    return redirect("signin_factor")


def _check_open() -> None:
    """404 where the operator makes practices himself (PRM_SIGN_UP)."""
    if not settings.SIGN_UP:
        raise Http404
