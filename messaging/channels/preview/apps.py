from django.apps import AppConfig


class PreviewConfig(AppConfig):
    """Messages stay here, to be looked at."""

    name = "messaging.channels.preview"
    label = "messaging_preview"

    def ready(self) -> None:
        """Register the provider."""
        from django.utils.translation import gettext_lazy as _

        from messaging import channels
        from messaging.channels.preview import send
        from messaging.channels.preview.forms import PreviewForm

        channels.register(
            "preview", label=_("Preview only"), channel="email", send=send.send, settings_form=PreviewForm, group=250
        )
