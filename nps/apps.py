from django.apps import AppConfig


class NpsConfig(AppConfig):
    """Registers what `nps` adds to the layers below it (docs/reference/registries.md)."""

    name = "nps"

    def ready(self) -> None:
        """Timeline kinds, work-item kinds."""
        from nps import registrations

        registrations.register()
