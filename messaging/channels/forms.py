"""What a practice enters for its e-mail provider; each provider extends it with its own fields."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from messaging.channels import Sender


class SenderForm(forms.Form):
    """As whom the practice writes. `option_fields` and `secret_fields` name the provider's own."""

    option_fields: ClassVar[tuple[str, ...]] = ()
    secret_fields: ClassVar[tuple[str, ...]] = ()

    sender_name = forms.CharField(label=_("From, name"), max_length=120)
    sender_address = forms.EmailField(
        label=_("From, address"), help_text=_("Must be an address that the provider lets you send from.")
    )
    reply_to = forms.EmailField(label=_("Reply-to address"), required=False)

    def options(self) -> dict[str, Any]:
        """The provider's settings that are no secret."""
        return {name: self.cleaned_data[name] for name in self.option_fields}

    def secrets(self) -> dict[str, str]:
        """What was typed into write-only fields; empty means “as before”."""
        return {name: self.cleaned_data.get(name) or "" for name in self.secret_fields}

    @classmethod
    def of(cls, sender: Sender, data: Mapping[str, Any] | None = None) -> "SenderForm":
        """The form of what is stored; secrets are never shown."""
        initial = {
            "sender_name": sender.name,
            "sender_address": "" if sender.address.endswith(".invalid") else sender.address,
            "reply_to": sender.reply_to,
            **{name: sender.options.get(name) for name in cls.option_fields if sender.options.get(name) is not None},
        }
        form = cls(data, initial=initial)
        for name in cls.secret_fields:
            if sender.credentials.get(name):
                form.fields[name].required = False
                form.fields[name].help_text = _("Stored. Leave it empty to keep it.")
        return form
