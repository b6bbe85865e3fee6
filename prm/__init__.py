"""PRM: patient relationship management for physical therapy practices."""

from prm.celery import app as celery_app

__all__ = ["celery_app"]
