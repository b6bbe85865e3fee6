"""What time alone changes about episodes: a booking that has passed, and care that quietly ended (§3)."""

from datetime import datetime, timedelta

from django.db.models import Min, OuterRef, Q, Subquery

from patients.models import Episode, Visit
from prm.tenancy.models import DatabaseClock

LAPSES_AFTER = timedelta(days=45)


def refresh(*, now: datetime) -> tuple[int, int]:
    """Bring `next_visit_at` up to date and let episodes lapse: (refreshed, lapsed). For the open practice, set-based.

    Lapsed: active, no kept visit for 45 days and nothing booked. It is no discharge; a later visit or booking undoes it
    when it is projected. `arrived` visits count as kept.
    """
    ahead = (
        Visit.objects.filter(episode=OuterRef("pk"), status=Visit.Status.BOOKED, hidden=False, starts_at__gt=now)
        .values("episode")
        .annotate(first=Min("starts_at"))
        .values("first")
    )
    passed = Episode.objects.filter(next_visit_at__lte=now)
    refreshed = passed.update(next_visit_at=Subquery(ahead), changed_at=DatabaseClock())
    quiet = Episode.objects.filter(
        Q(last_visit_at__lt=now - LAPSES_AFTER) | Q(last_visit_at=None, opened_at__lt=now - LAPSES_AFTER),
        status=Episode.Status.ACTIVE, next_visit_at=None, hidden=False,
    ).exclude(
        visits__starts_at__gte=now - LAPSES_AFTER, visits__status__in=["arrived", "completed"], visits__hidden=False
    )  # fmt: skip
    lapsed = Episode.objects.filter(pk__in=quiet.values("pk")).update(
        status=Episode.Status.LAPSED, changed_at=DatabaseClock()
    )
    return refreshed, lapsed
