from django.apps import AppConfig


class NpsConfig(AppConfig):
    """Registers what `nps` adds to the layers below it (docs/reference/registries.md)."""

    name = "nps"

    def ready(self) -> None:
        """Timeline kinds, work-item kinds, metrics and the entry of the side bar."""
        from nps import metrics, registrations
        from prm.ui import navigation

        registrations.register()
        metrics.define()
        navigation.register(
            "feedback",
            "Feedback",
            icon="message-square-quote",
            url_name="nps:report",
            permission="nps.report",
            group=navigation.ENGAGE,
        )
