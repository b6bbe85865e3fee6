"""Drop folders: a file that is complete in `in/` is taken in and moved to `done/`, or to `failed/` where it is refused.

`PRM_DROP_DIR` holds one folder a practice (its public id) and in it one a feed (its id): `in/`, `done/`, `failed/`. The
operator makes `in/`, for SFTP servers and scripts to write to. A file that was taken in before a crash could move it
comes again, and its chunks are duplicates.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from accounts.models import Practice
from integrations.csvfile import running
from integrations.csvfile.files import File
from integrations.csvfile.tables import OpenFile
from integrations.models import Feed, ImportBatch
from prm.tenancy import use_practice

STABLE = timedelta(seconds=60)
UNFINISHED = (".part", ".tmp", ".filepart")
DONE_MARK = ".done"


def folder_of(root: Path, practice: Practice, feed: Feed) -> Path:
    """Where a feed's files are dropped."""
    return root / practice.public_id / str(feed.pk)


def complete(folder: Path, seen: dict[str, list[float]], *, now: datetime) -> Iterator[Path]:
    """The files that nobody writes any more: of a size that is the same for 60 s, or with a `.done` marker beside.

    `seen`: name to [size, when that size was first seen (epoch seconds)], kept by the caller and brought up to date.
    """
    names = sorted(one for one in folder.iterdir() if one.is_file() and not one.is_symlink())
    marked = {one.name.removesuffix(DONE_MARK) for one in names if one.name.endswith(DONE_MARK)}
    there = {}
    for path in names:
        if path.name.startswith(".") or path.suffix.lower() in {*UNFINISHED, DONE_MARK}:
            continue
        size, at = float(path.stat().st_size), now.timestamp()
        before = seen.get(path.name)
        since = before[1] if before and before[0] == size else at
        there[path.name] = [size, since]
        if path.name in marked or path.stem in marked or at - since >= STABLE.total_seconds():
            yield path
    seen.clear()
    seen.update(there)


def sweep(root: Path, practice: Practice, feed: Feed, *, now: datetime) -> list[ImportBatch]:
    """Take in what is complete in a feed's folder; where its columns are known it is applied without being asked."""
    folder = folder_of(root, practice, feed)
    if not (folder / "in").is_dir():
        return []
    batches: list[ImportBatch] = []
    with use_practice(practice.pk):
        feed.refresh_from_db()
        seen = dict(feed.cursor.get("drop", {}))
        found = list(complete(folder / "in", seen, now=now))
        Feed.objects.filter(pk=feed.pk).update(cursor={**feed.cursor, "drop": seen})
    for path in found:
        extract = min(now, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        with use_practice(practice.pk):
            file = File(path.name, _opener(path))
            some = running.take_in(feed, file, now=now, extract=extract, auto=True)
        batches += some
        refused = any(one.state == ImportBatch.State.DONE for one in some)
        _move(path, folder / ("failed" if refused else "done"), now)
    return batches


def _opener(path: Path) -> OpenFile:
    return lambda: path.open("rb")


def _move(path: Path, target: Path, now: datetime) -> None:
    target.mkdir(exist_ok=True)
    shutil.move(path, target / f"{now:%Y%m%dT%H%M%S}-{path.name}")
    for mark in (path.with_name(path.name + DONE_MARK), path.with_suffix(DONE_MARK)):
        mark.unlink(missing_ok=True)
