"""One person of whom several feeds speak: one patient, one set of visits, feed priority, and what staff entered."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import feeds, play, replay, snapshot
from integrations.facts import HAND, PATIENT, VISIT, Fact, FeedState, canonical, merge, newest, order_key
from integrations.identity import MATCH, PERSON
from integrations.models import IdentityLink, SourceRecord
from integrations.rows import project
from integrations.sources import global_key
from patients.models import Episode, Patient, Visit
from tests.factories.integrations import FeedFactory
from tests.integrations.messages import DAY, FIRST, NOW, Emr, fhir_history, history


def play_all(practice, feed, messages):
    found = play.ingest_bytes(practice, feed, messages, now=NOW)
    assert {one.outcome for one in found} == {"applied"}


def connect(one, one_key, other, other_key, cause=MATCH):
    IdentityLink.objects.create(
        feed=one, source_key=one_key, target_feed=other, target_key=other_key, cause=cause, order=order_key(NOW)
    )
    project({global_key(one, one_key)}, now=NOW)


def enter(feed, entity, key, values, *, at):
    """What the forms of the feed by hand will state."""
    record, _made = SourceRecord.objects.get_or_create(feed=feed, entity=entity, key=key)
    merge(record.state, [Fact(entity, key, order_key(at), values)])
    record.patient_key = key if entity == PATIENT else values["patient"]
    record.save()
    project({global_key(feed, record.patient_key)}, now=NOW)


@pytest.fixture
def two_feeds(practice):
    hl7, fhir = FeedFactory(name="HL7"), FeedFactory(name="FHIR", kind="fhir", live_at=NOW)
    play_all(practice, hl7, history(FIRST))
    play_all(practice, fhir, fhir_history(FIRST))
    return hl7, fhir


def test_two_feeds_of_one_person_make_one_patient_and_one_row_a_visit(practice, two_feeds):
    hl7, fhir = two_feeds
    assert Patient.objects.count() == 2

    connect(fhir, "Patient/p1", hl7, "EMR|700001")

    patient = Patient.objects.get(merged_into=None)
    assert set(patient.external_ids.values_list("source", flat=True)) == {str(hl7.pk), str(fhir.pk)}
    starts = list(Visit.objects.filter(hidden=False).order_by("starts_at").values_list("starts_at", flat=True))
    assert starts == [FIRST + n * 4 * DAY for n in range(4)]
    assert set(Episode.objects.filter(hidden=False).values_list("live_from", flat=True)) == {hl7.live_at}


def test_whatever_comes_first_the_facts_are_the_same(practice, two_feeds):
    hl7, fhir = two_feeds
    connect(fhir, "Patient/p1", hl7, "EMR|700001")
    before = snapshot.of_feed(hl7)

    assert replay.rebuild(fhir, now=NOW, check=True) == []
    assert replay.rebuild(hl7, now=NOW, check=True) == []
    assert snapshot.of_feed(hl7) == before


def test_the_feed_of_the_smaller_priority_number_wins_whatever_the_time(practice):
    first, second = FeedFactory(priority=10), FeedFactory(priority=50)
    play_all(practice, first, [Emr(phone="4155550111").register(FIRST)])
    play_all(practice, second, [Emr(authority="B", phone="4155550122").register(FIRST + DAY)])

    connect(second, "B|700001", first, "EMR|700001")

    assert Patient.objects.get(merged_into=None).phone == "+14155550111"


def test_what_staff_entered_holds_until_the_emr_really_changes_it(practice):
    emr, hand = FeedFactory(priority=10), FeedFactory(kind="hand", priority=90)
    sender = Emr(phone="4155550111")
    play_all(practice, emr, [sender.register(FIRST)])
    connect(hand, "patient/1", emr, "EMR|700001")
    enter(hand, PATIENT, "patient/1", {"phone": "+14155550199"}, at=FIRST + DAY)
    assert Patient.objects.get().phone == "+14155550199"

    play_all(practice, emr, [sender.register(FIRST + 2 * DAY)])  # sent again, unchanged
    assert Patient.objects.get().phone == "+14155550199"

    sender.phone = "4155550122"
    play_all(practice, emr, [sender.register(FIRST + 3 * DAY)])
    assert Patient.objects.get().phone == "+14155550122"


def test_a_visit_corrected_by_hand_is_the_same_row(practice):
    emr, hand = FeedFactory(), FeedFactory(kind="hand")
    play_all(practice, emr, history(FIRST))
    connect(hand, "patient/1", emr, "EMR|700001")
    missed = Visit.objects.get(status="no_show")

    values = {"patient": "patient/1", "clinical": "completed", "schedule_status": "completed"}
    enter(hand, VISIT, missed.source_key, values, at=NOW)

    missed.refresh_from_db()
    assert (missed.status, Visit.objects.filter(hidden=False).count()) == ("completed", 4)


def test_a_merge_by_a_person_retires_the_first_and_is_undone_exactly(practice, two_feeds):
    hl7, fhir = two_feeds
    before = snapshot.of_patients(Patient.objects.all())

    connect(fhir, "Patient/p1", hl7, "EMR|700001", cause=PERSON)
    survivor = Patient.objects.get(merged_into=None)
    assert survivor.external_ids.filter(value="700001", source=str(hl7.pk)).exists()

    IdentityLink.objects.filter(cause=PERSON).update(linked=False)
    project({global_key(fhir, "Patient/p1"), global_key(hl7, "EMR|700001")}, now=NOW)
    assert snapshot.of_patients(Patient.objects.all()) == before


def test_a_feed_that_goes_live_earlier_moves_what_it_speaks_of(practice, two_feeds):
    hl7, fhir = two_feeds
    connect(fhir, "Patient/p1", hl7, "EMR|700001")
    earlier = hl7.live_at - timedelta(days=365)

    feeds.go_live(fhir, at=earlier)

    shown = Episode.objects.filter(hidden=False)
    moved = {row.pk: row.live_from for row in shown}
    assert earlier in moved.values()
    project({global_key(fhir, "Patient/p1")}, now=NOW)
    assert {row.pk: row.live_from for row in shown.all()} == moved


_told = st.lists(
    st.tuples(st.sampled_from([HAND, -12, -52]), st.integers(0, 6), st.sampled_from(["a", "b", None])), min_size=1
)


@given(_told, st.randoms())
def test_the_winner_of_several_states_does_not_depend_on_their_order(told, random):
    states = []
    for number, (rank, minute, value) in enumerate(told):
        state = FeedState(rank=rank)
        merge(state, [Fact(PATIENT, "k", order_key(FIRST + minute * DAY, sequence=str(number)), {"email": value})])
        states.append(state)
    expected = canonical(newest(states, "email"))
    random.shuffle(states)

    assert canonical(newest(states, "email")) == expected
