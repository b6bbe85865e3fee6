from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Registers what `campaigns` adds to the layers below it (docs/reference/registries.md)."""

    name = "campaigns"

    def ready(self) -> None:
        """Timeline kinds and the entry of the side bar."""
        from campaigns import registrations

        registrations.register()
