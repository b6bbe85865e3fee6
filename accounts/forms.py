"""Forms of signing in."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import Practice, User


class SignInForm(forms.Form):
    """E-mail and password; every refusal reads the same (ui.md §9)."""

    email = forms.EmailField(
        label=_("Work e-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """The six digits of an authenticator app, in one field; spaces are forgiven."""

    code = forms.CharField(
        label=_("6-digit code"),
        max_length=12,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "data-code": "6", "autofocus": True}
        ),
    )

    def clean_code(self) -> str:
        """The digits alone; anything but six of them is named."""
        code = "".join(self.cleaned_data["code"].split())
        if not (len(code) == 6 and code.isascii() and code.isdigit()):
            raise forms.ValidationError(_("Enter the 6 digits that your app shows now."))
        return code


class PasskeyForm(forms.Form):
    """What the browser's passkey answered, as JSON; a script fills it in."""

    credential = forms.CharField(max_length=20_000, widget=forms.HiddenInput)


class NewPasskeyForm(PasskeyForm):
    """A passkey that is being added, with the name that its owner gives it."""

    name = forms.CharField(
        label=_("Name of the passkey"), max_length=64, help_text=_("Such as “Work laptop” or “Blue key”.")
    )


class FactorNameForm(forms.Form):
    """Another name for an authenticator app or a passkey."""

    name = forms.CharField(label=_("Name"), max_length=64)


class RecoveryCodeForm(forms.Form):
    """One of the printed codes; dashes, spaces and capitals are forgiven."""

    code = forms.CharField(
        label=_("Recovery code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


class ResetForm(forms.Form):
    """The address to mail a link to."""

    email = forms.EmailField(
        label=_("Work e-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )


class NewPasswordForm(forms.Form):
    """A new password, once: it can be shown while it is typed."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=1024,
        help_text=_("At least 12 characters. Several words are easiest to keep and hardest to guess."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class MeForm(forms.ModelForm):
    """What a person says about himself."""

    language = forms.ChoiceField(
        label=_("Language of mail to you"), choices=settings.LANGUAGES, help_text=_("Staff pages are in English.")
    )

    class Meta:
        model = User
        fields = ("name", "language", "shortcuts")
        labels = {"name": _("Your name"), "shortcuts": _("Single-key shortcuts")}
        help_texts = {
            "shortcuts": _("Such as j and k in the inbox. Ctrl K works either way."),
        }
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


class IdleForm(forms.ModelForm):
    """After how many minutes without use staff are signed out."""

    idle_minutes = forms.IntegerField(
        label=_("Minutes without use until signed out"),
        min_value=5,
        max_value=30,
        help_text=_("5 to 30. Everybody is signed out after 12 hours in any case."),
    )

    class Meta:
        model = Practice
        fields = ("idle_minutes",)
