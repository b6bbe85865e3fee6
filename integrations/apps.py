from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Registers what `integrations` adds to the layers below it (docs/reference/registries.md)."""

    name = "integrations"

    def ready(self) -> None:
        """Timeline kinds and the entry of the side bar."""
        from integrations import history
        from prm.ui import navigation

        history.register_kinds()
        navigation.register(
            "feeds", "EMR feeds", icon="plug", url_name="feeds", permission="feeds.manage", group=navigation.FOOT
        )
