"""Feeds."""

from datetime import UTC, datetime

import factory

from integrations.models import Feed


class FeedFactory(factory.django.DjangoModelFactory):
    """A live feed of HL7 v2 messages of therapy in New York."""

    class Meta:
        model = Feed

    name = factory.Sequence(lambda n: f"EMR {n}")
    kind = Feed.Kind.HL7V2
    preset = "generic"
    time_zone = "America/New_York"
    state = Feed.State.LIVE
    live_at = datetime(2020, 1, 1, tzinfo=UTC)
