from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Registers what `dashboard` adds to the layers below it (docs/reference/registries.md)."""

    name = "dashboard"

    def ready(self) -> None:
        """Entries of the staff's side bar."""
        from dashboard import inbox
        from prm.ui import navigation

        navigation.register("today", "Today", icon="sun", url_name="today", permission="today.view")
        navigation.register(
            "inbox", "Inbox", icon="inbox", url_name="inbox", permission="inbox.view", count=inbox.waiting, urgent=True
        )
