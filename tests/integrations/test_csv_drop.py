"""Drop folders: only complete files are taken, each ends in done/ or failed/, nothing is taken twice."""

import io
import zipfile
from datetime import timedelta

import pytest

from integrations.csvfile import drop, running
from integrations.models import Feed, ImportBatch
from integrations.play import drain
from patients.models import Patient
from prm import clock
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory

TEXT = "patient_id,last_name\n1,A\n2,B\n"
MINUTE = timedelta(seconds=61)


@pytest.fixture
def place(db, tmp_path):
    """A practice with a feed of files whose folder the operator has made."""
    practice = PracticeFactory()
    with use_practice(practice.pk):
        feed = Feed.objects.create(name="Files", kind="csv", preset="generic", time_zone="America/New_York")
    (drop.folder_of(tmp_path, practice, feed) / "in").mkdir(parents=True)
    return practice, feed, tmp_path


def sweep(place, at):
    practice, feed, root = place
    return [batch.name for batch in drop.sweep(root, practice, feed, now=at)]


def names(place, folder):
    practice, feed, root = place
    there = drop.folder_of(root, practice, feed) / folder
    return sorted(one.name.partition("-")[2] or one.name for one in there.iterdir()) if there.is_dir() else []


def put(place, name, content):
    practice, feed, root = place
    path = drop.folder_of(root, practice, feed) / "in" / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_is_taken_when_its_size_stood_still_for_a_minute(place):
    start = clock.now()
    path = put(place, "a.csv", TEXT)
    assert sweep(place, start) == []
    path.write_text(TEXT + "3,C\n")  # still being written
    assert sweep(place, start + MINUTE) == []
    assert sweep(place, start + MINUTE * 2) == ["a.csv"]
    assert (names(place, "in"), names(place, "done")) == ([], ["a.csv"])
    assert sweep(place, start + MINUTE * 3) == []


def test_a_marker_says_that_a_file_is_complete_and_unfinished_names_are_passed_over(place):
    for name in ("a.csv", "b.csv.part", "c.tmp", "d.filepart", ".hidden.csv"):
        put(place, name, TEXT)
    put(place, "a.csv.done", "")
    assert sweep(place, clock.now()) == ["a.csv"]
    sweep(place, clock.now() + MINUTE)
    assert sweep(place, clock.now() + MINUTE * 2) == []
    assert names(place, "in") == [".hidden.csv", "b.csv.part", "c.tmp", "d.filepart"]


def test_known_columns_are_applied_without_being_asked_and_unknown_ones_are_held(place):
    practice, feed, root = place
    put(place, "a.csv", TEXT)
    put(place, "b.csv", "x,y\n1,2\n")
    put(place, "a.done", "")
    put(place, "b.done", "")
    for batch in drop.sweep(root, practice, feed, now=clock.now()):
        with use_practice(practice.pk):
            running.check(batch, now=clock.now())
        running.run_slice(practice, batch.pk)
    drain(practice, feed, now=clock.now())
    with use_practice(practice.pk):
        assert set(Patient.objects.values_list("last_name", flat=True)) == {"A", "B"}
        assert set(ImportBatch.objects.values_list("name", "code")) == {("a.csv", ""), ("b.csv", "mapping_needed")}


def test_an_archive_with_folders_ends_in_failed_with_the_reason_kept(place):
    practice, _feed, _root = place
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("sub/a.csv", TEXT)
    put(place, "bad.zip", out.getvalue())
    put(place, "bad.zip.done", "")
    sweep(place, clock.now())
    assert names(place, "failed") == ["bad.zip"]
    with use_practice(practice.pk):
        assert ImportBatch.objects.get().code == "archive_refused"
