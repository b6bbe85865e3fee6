"""Feeds, the messages they brought, what each message stated, and who is who."""

from integrations.models.feeds import CodeMap, Feed, FeedClinic
from integrations.models.identity import IdentityLink, MatchCandidate
from integrations.models.messages import ImportBatch, ImportPart, RawMessage, RawMessageBody, RowError
from integrations.models.records import SourceRecord

__all__ = [
    "CodeMap",
    "Feed",
    "FeedClinic",
    "IdentityLink",
    "ImportBatch",
    "ImportPart",
    "MatchCandidate",
    "RawMessage",
    "RawMessageBody",
    "RowError",
    "SourceRecord",
]
