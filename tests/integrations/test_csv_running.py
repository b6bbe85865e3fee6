"""Uploaded files: checked, applied in slices that may be killed, cancelled, undone."""

import io

import pytest

from integrations import tasks
from integrations.csvfile import chunks, running
from integrations.csvfile.files import File
from integrations.models import Feed, ImportBatch, ImportPart, RawMessage
from integrations.play import drain
from patients.models import Patient, Visit
from prm import clock
from prm.tenancy import platform, use_practice
from tests.factories.accounts import PracticeFactory

HEAD = "patient_id,last_name,visit_id,visit_start,visit_status\n"


def rows(count, start=1):
    return "".join(f"{n},B{n},V{n},2026-03-02 10:00,kept\n" for n in range(start, start + count))


@pytest.fixture
def place(db):
    """A practice that is open only where a step opens it, as in a worker, with a feed of files."""
    practice = PracticeFactory()
    with use_practice(practice.pk):
        feed = Feed.objects.create(name="Files", kind="csv", preset="generic", time_zone="America/New_York")
    return practice, feed


def upload(place, text, **more):
    practice, feed = place
    raw = text.encode()
    with use_practice(practice.pk):
        return running.take_in(feed, File("rows.csv", lambda: io.BytesIO(raw)), now=clock.now(), **more)[0]


def see(place, batch):
    with use_practice(place[0].pk):
        batch.refresh_from_db()
        return batch


def check(place, batch):
    with use_practice(place[0].pk):
        running.check(ImportBatch.objects.select_related("feed").get(pk=batch.pk), now=clock.now())
    return see(place, batch)


def begin(place, batch):
    with use_practice(place[0].pk):
        return running.begin(see(place, batch), now=clock.now())


def test_a_checked_file_waits_for_a_person_and_then_applies_in_slices(place, monkeypatch):
    monkeypatch.setattr(chunks, "ROWS", 4)
    practice, feed = place
    batch = check(place, upload(place, HEAD + rows(10)))
    assert (batch.state, batch.code, batch.rows, batch.bad_rows) == ("held", "ready", 10, 0)
    assert running.run_slice(practice, batch.pk) is False  # nobody said so yet

    assert begin(place, batch) is True
    assert begin(place, batch) is False
    assert running.run_slice(practice, batch.pk) is False
    drain(practice, feed, now=clock.now())

    assert see(place, batch).done_rows == 10
    with use_practice(practice.pk):
        assert (Patient.objects.count(), Visit.objects.count(), ImportPart.objects.count()) == (10, 10, 0)
        assert list(Feed.objects.get().settings["mappings"]) == [batch.fingerprint]
        tasks.apply_feed.run(str(feed.pk))
    assert see(place, batch).state == "done"


def test_a_slice_that_was_killed_goes_on_after_its_last_chunk(place, monkeypatch):
    monkeypatch.setattr(chunks, "ROWS", 3)
    practice, feed = place
    batch = check(place, upload(place, HEAD + rows(11)))
    begin(place, batch)
    store, calls = running._store_chunk, []

    def dies(*arguments):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return store(*arguments)

    monkeypatch.setattr(running, "_store_chunk", dies)
    with pytest.raises(KeyboardInterrupt):
        running.run_slice(practice, batch.pk)
    assert see(place, batch).done_rows == 6

    monkeypatch.setattr(running, "_store_chunk", store)
    running.run_slice(practice, batch.pk)
    drain(practice, feed, now=clock.now())

    with use_practice(practice.pk):
        assert (Patient.objects.count(), RawMessage.objects.count()) == (11, 4)


def test_a_cancelled_file_stores_and_applies_nothing_more(place, monkeypatch):
    monkeypatch.setattr(chunks, "ROWS", 3)
    practice, feed = place
    batch = check(place, upload(place, HEAD + rows(9)))
    begin(place, batch)
    running.run_slice(practice, batch.pk, seconds=0)
    with use_practice(practice.pk):
        assert running.cancel(batch, now=clock.now()) is True
        assert running.cancel(batch, now=clock.now()) is False

    assert running.run_slice(practice, batch.pk) is False
    drain(practice, feed, now=clock.now())
    with use_practice(practice.pk):
        assert (Patient.objects.count(), ImportPart.objects.count()) == (0, 0)
    assert see(place, batch).state == "cancelled"


def apply(place, text, **more):
    batch = check(place, upload(place, text, **more))
    begin(place, batch)
    running.run_slice(place[0], batch.pk)
    drain(*place, now=clock.now())
    return see(place, batch)


def test_an_undo_takes_back_what_only_this_file_brought_and_the_same_file_brings_it_again(place):
    practice, _feed = place
    apply(place, HEAD + rows(2))
    second = apply(place, HEAD + rows(2, start=2))  # 2 again, 3 new

    with use_practice(practice.pk):
        assert running.undo(second, now=clock.now()) == 2  # patient 3 and his visit
    drain(*place, now=clock.now())

    with use_practice(practice.pk):
        shown = {p.last_name for p in Patient.objects.filter(archived_at=None)}
        visits = set(Visit.objects.filter(hidden=False).values_list("patient__last_name", flat=True))
    assert shown == visits == {"B1", "B2"}
    assert see(place, second).state == "undone"

    apply(place, HEAD + rows(2, start=2))
    with use_practice(practice.pk):
        assert {p.last_name for p in Patient.objects.filter(archived_at=None)} == {"B1", "B2", "B3"}


def test_a_file_of_a_robot_is_applied_without_being_asked_where_its_columns_are_known(place):
    practice, feed = place
    batch = upload(place, HEAD + rows(3), auto=True)
    with use_practice(practice.pk):
        pass
    tasks.run_import.run(str(practice.pk), str(batch.pk))
    drain(practice, feed, now=clock.now())
    with use_practice(practice.pk):
        assert Patient.objects.count() == 3
    unknown = upload(place, "x,y\n1,2\n", auto=True)
    tasks.run_import.run(str(practice.pk), str(unknown.pk))
    held = see(place, unknown)
    assert (held.state, held.code) == ("held", "mapping_needed")


def test_content_that_returns_is_news_and_content_sent_twice_is_not(place):
    practice, _feed = place
    first, second = "patient_id,last_name\n1,A\n", "patient_id,last_name\n1,B\n"
    for text in (first, second, second, first):
        apply(place, text)
    with use_practice(practice.pk):
        assert Patient.objects.get().last_name == "A"
        assert RawMessage.objects.count() == 3


@pytest.mark.django_db(transaction=True, databases=["default", "platform"])
def test_the_ring_finds_what_waits_and_what_was_killed_but_nothing_that_is_through():
    practice = PracticeFactory()
    with use_practice(practice.pk):
        feed = Feed.objects.create(name="Files", kind="csv", preset="generic", time_zone="America/New_York")
    place = (practice, feed)
    waiting = upload(place, HEAD + rows(2))
    assert platform.imports_to_run() == [(practice.pk, waiting.pk)]
    check(place, waiting)
    assert platform.imports_to_run() == []  # a person is asked
    begin(place, waiting)
    assert platform.imports_to_run() == [(practice.pk, waiting.pk)]
    running.run_slice(practice, waiting.pk)
    assert platform.imports_to_run() == []
