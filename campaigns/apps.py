from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Registers what `campaigns` adds to the layers below it (docs/reference/registries.md)."""

    name = "campaigns"
