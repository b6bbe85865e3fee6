"""The key, and the public keys of SendGrid's signed webhook (two while one is being changed)."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from messaging.channels.forms import SenderForm


class SendGridForm(SenderForm):
    """One key of the practice's own account or subuser."""

    option_fields = ("webhook_key", "webhook_key_second")
    secret_fields = ("api_key",)

    api_key = forms.CharField(
        label=_("API key"), max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Needs the scope “Mail Send”. It is stored encrypted and never shown again."),
    )  # fmt: skip
    webhook_key = forms.CharField(
        label=_("Verification key of the event webhook"), required=False, max_length=400,
        help_text=_("From SendGrid: Settings, Mail Settings, Event Webhook, signature verification."),
    )  # fmt: skip
    webhook_key_second = forms.CharField(
        label=_("Second verification key, while you change keys"), required=False, max_length=400
    )

    def clean_webhook_key(self) -> str:
        """A base64 DER public key, or nothing."""
        return _public_key(self.cleaned_data["webhook_key"])

    def clean_webhook_key_second(self) -> str:
        """A base64 DER public key, or nothing."""
        return _public_key(self.cleaned_data["webhook_key_second"])


def _public_key(text: str) -> str:
    text = "".join(text.split())
    if not text:
        return ""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise forms.ValidationError(_now("This is not a verification key (expected one that begins with MFkw)."))
    return text
