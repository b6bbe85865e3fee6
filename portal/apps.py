from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers what `portal` adds to the layers below it (docs/reference/registries.md)."""

    name = "portal"
