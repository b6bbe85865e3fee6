from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers what `accounts` adds to the layers below it (docs/reference/registries.md)."""

    name = "accounts"
