from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Registers what `integrations` adds to the layers below it (docs/reference/registries.md)."""

    name = "integrations"

    def ready(self) -> None:
        """Timeline kinds, the entry of the side bar, what retention deletes."""
        from accounts import joining, retention
        from integrations import forgetting, history, staffing_joins
        from prm.ui import navigation

        history.register_kinds()
        joining.register("ids of feeds", staffing_joins.JOINING)
        retention.register("keep_raw_months", forgetting.would_go)
        navigation.register(
            "feeds", "EMR feeds", icon="plug", url_name="feeds", permission="feeds.manage", group=navigation.FOOT
        )
