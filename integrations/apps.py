from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Registers what `integrations` adds to the layers below it (docs/reference/registries.md)."""

    name = "integrations"

    def ready(self) -> None:
        """Timeline kinds."""
        from integrations import history

        history.register_kinds()
