from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers what `accounts` adds to the layers below it (docs/reference/registries.md)."""

    name = "accounts"

    def ready(self) -> None:
        """Tell the page shell how a permission is decided."""
        from accounts.access import may  # noqa: PLC0415 -- models are not loaded before ready()
        from prm.ui import navigation  # noqa: PLC0415

        navigation.check_permissions_with(may)
