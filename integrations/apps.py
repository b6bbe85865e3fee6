from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Registers what `integrations` adds to the layers below it (docs/reference/registries.md)."""

    name = "integrations"
