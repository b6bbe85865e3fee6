"""Preview needs a name only."""

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.channels.forms import SenderForm


class PreviewForm(SenderForm):
    """What a mail's head shows."""

    sender_address = forms.EmailField(label=_("From, address"), required=False)
