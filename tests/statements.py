"""Counts what a page asks the database: the bars of bench.md section 4."""

from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

OURS = (
    "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE SAVEPOINT", "SELECT set_config('prm.practice', '', true)",
)  # fmt: skip


def of_get(client: Client, path: str, *, savepoints: bool = True) -> list[str]:
    """The statements of one GET that a page answers (200, 204 or a redirect).

    The transaction's own BEGIN and COMMIT are left out. In a test without real transactions the wrapper turns them
    into savepoints: there say `savepoints=False`; only the application's own connection is watched, as Django allows.
    """
    captured = [CaptureQueriesContext(connections[alias]) for alias in (connections if savepoints else ["default"])]
    for one in captured:
        one.__enter__()
    try:
        response = client.get(path)
    finally:
        for one in captured:
            one.__exit__(None, None, None)
    assert response.status_code in {200, 204, 302}, f"{path} answers {response.status_code}"
    left_out = OURS if not savepoints else OURS[:2]
    asked = [query["sql"] for one in captured for query in one.captured_queries]
    return [sql for sql in asked if not sql.startswith(left_out)]
