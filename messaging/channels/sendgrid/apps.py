from django.apps import AppConfig


class SendGridConfig(AppConfig):
    """E-mail by SendGrid."""

    name = "messaging.channels.sendgrid"
    label = "messaging_sendgrid"

    def ready(self) -> None:
        """Register the provider. 250 a call by default: a lost answer makes the whole group unknown."""
        import logging

        from messaging import channels
        from messaging.channels.sendgrid import events, send
        from messaging.channels.sendgrid.forms import SendGridForm
        from messaging.outbox import events as outbox_events

        outbox_events.register("sendgrid", events.parse)
        logging.getLogger("python_http_client").setLevel(logging.WARNING)  # it logs key and payload at DEBUG
        channels.register(
            "sendgrid", label="SendGrid", channel="email", send=send.send, settings_form=SendGridForm, group=250
        )
