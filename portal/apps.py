from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers what `portal` adds to the layers below it (docs/reference/registries.md)."""

    name = "portal"

    def ready(self) -> None:
        """The page of access links, the guard's check of them, and the work item that a locked link opens."""
        from messaging.outbox import guard
        from patients import signin, worklist
        from patients.models import PortalLink
        from patients.portal import register_link_page
        from portal import links
        from portal.views.signin import access_page

        guard.register("access links", step=guard.OCCURRENCE, check=links.ended)
        register_link_page(PortalLink.LinkPurpose.ACCESS, access_page)
        worklist.register(
            signin.CALL, label="Call the patient", icon="phone", tone="warn",
            outcomes=(("reached", "Reached"), ("left_word", "Left word"), ("no_answer", "No answer"),
                      ("wrong_number", "Wrong number")),
        )  # fmt: skip
