from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Registers what `dashboard` adds to the layers below it (docs/reference/registries.md)."""

    name = "dashboard"
