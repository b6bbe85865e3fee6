from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Registers what `messaging` adds to the layers below it (docs/reference/registries.md)."""

    name = "messaging"

    def ready(self) -> None:
        """Add the kinds of timeline entries and work items that messages bring, and the page of messages."""
        from messaging import registrations
        from prm.ui import navigation

        registrations.register()
        navigation.register(
            "outbox", "Outbox", icon="send", url_name="outbox", permission="outbox.view", group=navigation.FOOT,
            count=registrations.unsettled, urgent=True,
        )  # fmt: skip
