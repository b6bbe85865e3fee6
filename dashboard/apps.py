from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Registers what `dashboard` adds to the layers below it (docs/reference/registries.md)."""

    name = "dashboard"

    def ready(self) -> None:
        """Entries of the staff's side bar; the work item of an agreement that ends."""
        from dashboard import inbox, reminders
        from patients import worklist
        from prm.ui import navigation, settings_pages

        worklist.register(
            reminders.KIND, label="Agreement ends", icon="file-exclamation-point", tone="warn",
            outcomes=(("renewed", "Renewed"), ("ended", "Let it end")),
        )  # fmt: skip

        navigation.register("today", "Today", icon="sun", url_name="today", permission="today.view")
        navigation.register(
            "inbox", "Inbox", icon="inbox", url_name="inbox", permission="inbox.view", count=inbox.waiting, urgent=True
        )
        settings_pages.register(
            "sample", "Sample data", line="Made-up patients to look around with", icon="flask-conical",
            url_name="sample_data", permission="start.view", group=settings_pages.DATA, order=90,
        )  # fmt: skip
        settings_pages.register(
            "audit", "Audit record", line="Who saw or changed what, sealed day by day", icon="scroll-text",
            url_name="audit", permission="audit.view", group=settings_pages.DATA, order=20,
        )  # fmt: skip
