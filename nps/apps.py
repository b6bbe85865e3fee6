from django.apps import AppConfig


class NpsConfig(AppConfig):
    """Registers what `nps` adds to the layers below it (docs/reference/registries.md)."""

    name = "nps"

    def ready(self) -> None:
        """Timeline kinds, work-item kinds, the guard's check, metrics, the survey step, the side bar's entry."""
        from campaigns import actions
        from messaging.outbox import guard
        from nps import ask, metrics, registrations, steps
        from nps.views import portal as pages
        from patients.models import PortalLink
        from patients.portal import register_link_page
        from prm.ui import navigation

        registrations.register()
        guard.register("survey links", step=guard.OCCURRENCE, check=ask.ended_links)
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
