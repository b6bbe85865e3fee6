"""Where the mail server is and how to sign in."""

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.channels.forms import SenderForm

SECURITY = [("starttls", _("STARTTLS")), ("tls", _("TLS from the start")), ("none", _("None (own machine only)"))]
OWN_MACHINE = {"localhost", "127.0.0.1", "::1"}


class SmtpForm(SenderForm):
    """A server with its port, security and sign-in."""

    option_fields = ("host", "port", "security", "user")
    secret_fields = ("password",)

    host = forms.CharField(label=_("Server"), max_length=253)
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65535, initial=587)
    security = forms.ChoiceField(label=_("Security"), choices=SECURITY, initial="starttls")
    user = forms.CharField(label=_("User name"), max_length=254, required=False)
    password = forms.CharField(
        label=_("Password"), max_length=254, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def clean(self) -> dict[str, object]:
        """Mail crosses a network encrypted or not at all."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("security") == "none" and cleaned.get("host") not in OWN_MACHINE:
            self.add_error("security", _("Mail to another machine must be encrypted: choose STARTTLS or TLS."))
        return cleaned
