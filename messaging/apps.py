from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Registers what `messaging` adds to the layers below it (docs/reference/registries.md)."""

    name = "messaging"

    def ready(self) -> None:
        """Add the kinds of timeline entries and work items that messages bring."""
        from messaging import registrations

        registrations.register()
