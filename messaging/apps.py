from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Registers what `messaging` adds to the layers below it (docs/reference/registries.md)."""

    name = "messaging"

    def ready(self) -> None:
        """Add the kinds of timeline entries and work items that messages bring, and the page of messages."""
        from django.core import checks

        from accounts import notify, retention
        from messaging import forgetting, registrations
        from messaging.staff_mail import queue, transport
        from prm.ui import navigation, settings_pages

        registrations.register()
        notify.register(queue.send)
        retention.register("keep_bodies_months", forgetting.would_go)
        checks.register(transport.check)
        navigation.register(
            "outbox", "Outbox", icon="send", url_name="outbox", permission="outbox.view", group=navigation.FOOT,
            count=registrations.unsettled, urgent=True,
        )  # fmt: skip
        settings_pages.register(
            "channels", "E-mail", line="Who carries your e-mail to patients", icon="mail",
            url_name="channel_settings", permission="settings.manage", group=settings_pages.PATIENTS, order=20,
        )  # fmt: skip
