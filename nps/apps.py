from django.apps import AppConfig


class NpsConfig(AppConfig):
    """Registers what `nps` adds to the layers below it (docs/reference/registries.md)."""

    name = "nps"

    def ready(self) -> None:
        """Timeline kinds, work-item kinds, metrics, the survey step and the entry of the side bar."""
        from campaigns import actions
        from nps import metrics, registrations, steps
        from nps.views import portal as pages
        from patients.models import PortalLink
        from patients.portal import register_link_page
        from prm.ui import navigation

        registrations.register()
        register_link_page(PortalLink.LinkPurpose.SURVEY, pages.survey)
        actions.register(steps.ACTION)
        metrics.define()
        navigation.register(
            "feedback",
            "Feedback",
            icon="message-square-quote",
            url_name="nps:report",
            permission="nps.report",
            group=navigation.ENGAGE,
        )
