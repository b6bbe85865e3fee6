from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """Registers what `patients` adds to the layers below it (docs/reference/registries.md)."""

    name = "patients"
