"""`partitions`: makes the coming months of the tables that are partitioned by time."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from prm import clock
from prm.tenancy import partitions


class Command(BaseCommand):
    """Creates this month's partition and three ahead, each with its own wall; safe to run at any time."""

    help = "Create the partitions of this month and the next three (as prm_owner)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was made, a line each."""
        for name in partitions.ensure_months(connections["owner"], now=clock.now()):
            self.stdout.write(name)
