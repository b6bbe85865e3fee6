"""Addresses of the feed pages, under /<practice_slug>/settings/feeds/."""

from django.urls import path

from integrations.views import dead, feeds

_FEED = "settings/feeds/<uuid:feed_id>/"
_LETTER = f"{_FEED}dead/<uuid:message_id>/"

staff_urlpatterns = [
    path("settings/feeds/", feeds.feed_list, name="feeds"),
    path("settings/feeds/new/", feeds.feed_new, name="feed_new"),
    path(_FEED, feeds.feed, name="feed"),
    path(f"{_FEED}live/", feeds.feed_live, name="feed_live"),
    path(f"{_FEED}pause/", feeds.feed_pause, name="feed_pause"),
    path(f"{_FEED}imports/<uuid:batch_id>/", feeds.feed_import, name="feed_import"),
    path(f"{_FEED}dead/", dead.dead_list, name="feed_dead"),
    path(f"{_FEED}dead/replay/", dead.dead_replay_all, name="feed_dead_replay_all"),
    path(_LETTER, dead.dead_letter, name="feed_dead_letter"),
    path(f"{_LETTER}raw/", dead.dead_raw, name="feed_dead_raw"),
    path(f"{_LETTER}replay/", dead.dead_replay, name="feed_dead_replay"),
    path(f"{_LETTER}rest/", dead.dead_rest, name="feed_dead_rest"),
]
