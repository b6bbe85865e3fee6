"""Addresses of the feed pages, under /<practice_slug>/settings/feeds/."""

from django.urls import path

from integrations.views import dead, feeds, imports

_FEED = "settings/feeds/<uuid:feed_id>/"
_IMPORT = f"{_FEED}imports/<uuid:batch_id>/"
_LETTER = f"{_FEED}dead/<uuid:message_id>/"

staff_urlpatterns = [
    path("settings/feeds/", feeds.feed_list, name="feeds"),
    path("settings/feeds/new/", feeds.feed_new, name="feed_new"),
    path(_FEED, feeds.feed, name="feed"),
    path(f"{_FEED}live/", feeds.feed_live, name="feed_live"),
    path(f"{_FEED}pause/", feeds.feed_pause, name="feed_pause"),
    path(f"{_FEED}imports/<uuid:batch_id>/", feeds.feed_import, name="feed_import"),
    path(f"{_IMPORT}sheet/", imports.import_sheet, name="feed_import_sheet"),
    path(f"{_IMPORT}mapping/", imports.import_mapping, name="feed_import_mapping"),
    path(f"{_IMPORT}start/", imports.import_start, name="feed_import_start"),
    path(f"{_IMPORT}cancellation/", imports.import_cancel, name="feed_import_cancel"),
    path(f"{_IMPORT}undo/", imports.import_undo, name="feed_import_undo"),
    path(f"{_IMPORT}rows/", imports.import_rows, name="feed_import_rows"),
    path(f"{_FEED}dead/", dead.dead_list, name="feed_dead"),
    path(f"{_FEED}dead/replay/", dead.dead_replay_all, name="feed_dead_replay_all"),
    path(_LETTER, dead.dead_letter, name="feed_dead_letter"),
    path(f"{_LETTER}raw/", dead.dead_raw, name="feed_dead_raw"),
    path(f"{_LETTER}replay/", dead.dead_replay, name="feed_dead_replay"),
    path(f"{_LETTER}rest/", dead.dead_rest, name="feed_dead_rest"),
]
