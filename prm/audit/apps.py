from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The record of who read and changed what."""

    name = "prm.audit"
    label = "audit"
