from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The ground of the API."""

    name = "prm.api"
    label = "api"
