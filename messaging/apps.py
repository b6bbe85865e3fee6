from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Registers what `messaging` adds to the layers below it (docs/reference/registries.md)."""

    name = "messaging"
