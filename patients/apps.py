from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """Registers what `patients` adds to the layers below it (docs/reference/registries.md)."""

    name = "patients"

    def ready(self) -> None:
        """Entry of the side bar, the page of settings, what becomes of a member's work items, kinds and parts."""
        from accounts import disclosing, handover
        from patients import history, record_copy, rights, worklist
        from prm.ui import navigation, settings_pages

        disclosing.register(rights.archive_fetched)
        handover.register("work items", worklist.hand_over)
        history.register_kinds()
        record_copy.register_own()
        navigation.register("patients", "Patients", icon="users", url_name="patients", permission="patients.view")
        settings_pages.register(
            "consent", "Consent", line="What it means that a patient gives you an address", icon="shield-check",
            url_name="consent_policy", permission="settings.manage", group=settings_pages.PATIENTS, order=10,
        )  # fmt: skip
