from django.apps import AppConfig


class TenancyConfig(AppConfig):
    """The ground under every app: walls, context, partitions, platform access."""

    name = "prm.tenancy"
    label = "tenancy"
