from django.apps import AppConfig


class TenancyConfig(AppConfig):
    """The ground under every app: walls, context, partitions, platform access."""

    name = "prm.tenancy"
    label = "tenancy"

    def ready(self) -> None:
        """Let Celery know the tasks: `prm.tenancy.tasks` is the base of all tasks and loads before the models."""
        import prm.tenancy.archive_tasks  # noqa: F401  (loading it registers the tasks)
