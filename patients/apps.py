from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """Registers what `patients` adds to the layers below it (docs/reference/registries.md)."""

    name = "patients"

    def ready(self) -> None:
        """Entries of the side bar: the patients, and the way to the settings that exist."""
        from prm.ui import navigation

        navigation.register("patients", "Patients", icon="users", url_name="patients", permission="patients.view")
        navigation.register(
            "settings", "Settings", icon="settings", url_name="consent_policy", permission="settings.manage",
            group=navigation.FOOT,
        )  # fmt: skip
