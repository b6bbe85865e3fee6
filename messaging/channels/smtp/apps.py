from django.apps import AppConfig


class SmtpConfig(AppConfig):
    """E-mail by the practice's own server."""

    name = "messaging.channels.smtp"
    label = "messaging_smtp"

    def ready(self) -> None:
        """Register the provider. Five rows a group: at most that many are unknown when a worker dies."""
        from django.utils.translation import gettext_lazy as _

        from messaging import channels
        from messaging.channels.smtp import send
        from messaging.channels.smtp.forms import SmtpForm

        channels.register(
            "smtp", label=_("Your own mail server (SMTP)"), channel="email", send=send.send, settings_form=SmtpForm,
            group=5, claim=50,
        )  # fmt: skip
