"""From messages to patients, episodes and visits, and that nothing but the set of messages matters."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import Clinic, Therapist
from integrations import play, replay, snapshot
from integrations.models import Feed, RawMessage, RawMessageBody, SourceRecord
from patients.models import Consent, ConsentPolicy, Episode, Patient, TimelineEntry, Visit
from prm import clock
from tests.factories.accounts import ClinicFactory
from tests.factories.integrations import FeedFactory
from tests.integrations.messages import DAY, FIRST, NOW, Emr, fhir_history, history, stamp


def ingest(practice, feed, messages, now=NOW):
    return play.ingest_bytes(practice, feed, messages, now=now)


def outcomes(found):
    return [(one.outcome, one.code) for one in found]


def facts_of(feed):
    return sorted(snapshot.of_feed(feed).values(), key=str)


def test_a_history_becomes_one_patient_with_a_discharged_episode_and_its_visits(practice):
    feed = FeedFactory()
    harbor = ClinicFactory(name="Harbor", time_zone="America/Los_Angeles")

    found = ingest(practice, feed, history(FIRST))

    assert set(outcomes(found)) == {("applied", "")}
    patient = Patient.objects.get()
    assert (patient.first_name, patient.last_name, patient.email, patient.phone, str(patient.birth_date)) == (
        "Ruth", "Abara", "ruth@example.com", "+14155550123", "1955-03-03",
    )  # fmt: skip
    episode = Episode.objects.get(hidden=False)
    last = FIRST + 12 * DAY
    assert (episode.status, episode.discharge_reason, episode.discharge_seq) == ("discharged", "goals_met", 1)
    assert (episode.opened_at, episode.discharged_at) == (FIRST, last + timedelta(hours=2))
    assert (episode.visit_count, episode.missed_count, episode.first_visit_at, episode.last_visit_at) == (
        3,
        1,
        FIRST,
        last,
    )
    assert (episode.covered_until, episode.next_visit_at, episode.live_from) == (last, None, feed.live_at)
    assert (episode.clinic, str(episode.therapist), episode.side) == (harbor, "Priya Nair", "right")
    assert list(episode.regions.values_list("region", flat=True)) == ["knee"]
    assert list(Visit.objects.order_by("starts_at").values_list("status", "kind", "ordinal")) == [
        ("completed", "evaluation", 1),
        ("no_show", "treatment", None),
        ("completed", "treatment", 2),
        ("completed", "treatment", 3),
    ]
    kinds = list(TimelineEntry.objects.order_by("at", "kind").values_list("kind", flat=True))
    assert sorted(kinds) == sorted(
        ["visit_booked"] * 4 + ["visit_completed"] * 3 + ["visit_missed", "episode_opened", "episode_discharged"]
    )


def test_the_same_bytes_twice_change_nothing(practice):
    feed = FeedFactory()
    ingest(practice, feed, history(FIRST))
    before = list(Episode.objects.values()), list(Visit.objects.values()), TimelineEntry.objects.count()

    again = ingest(practice, feed, history(FIRST))

    assert set(outcomes(again)) == {("duplicate", "")}
    assert (list(Episode.objects.values()), list(Visit.objects.values()), TimelineEntry.objects.count()) == before


def test_the_raw_message_is_kept_encrypted_and_can_be_opened(practice):
    feed = FeedFactory()
    sent = Emr().register(FIRST)

    ingest(practice, feed, [sent])

    body = RawMessageBody.objects.get()
    assert b"Abara" not in bytes(body.body)
    assert body.open() == sent


@pytest.mark.parametrize("kind", ["hl7v2", "fhir"])
@settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.generate],  # each example is a database; shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rng=st.randoms(use_true_random=False))
def test_order_and_number_of_messages_do_not_matter(practice, kind, rng):
    sent = history(FIRST) if kind == "hl7v2" else fhir_history(FIRST)
    plain, shuffled = FeedFactory(kind=kind), FeedFactory(kind=kind)
    ingest(practice, plain, sent)
    mixed = [one for one in sent for _ in range(rng.randint(1, 2))]
    rng.shuffle(mixed)

    for start in range(0, len(mixed), 3):
        ingest(practice, shuffled, mixed[start : start + 3])

    assert facts_of(shuffled) == facts_of(plain)
    assert len(facts_of(plain)) == 1
    assert not RawMessage.objects.filter(feed=shuffled, state="dead").exclude(code="episode_ambiguous").exists()


def test_rebuilding_from_the_messages_makes_no_difference(practice):
    feed = FeedFactory()
    other = Emr(mrn="700002", given="Ana", email="ana@example.com")
    ingest(practice, feed, history(FIRST) + history(FIRST + DAY, emr=other))
    ingest(practice, feed, [Emr().message("ADT^A40", NOW - DAY, "MRG|700002^^^EMR^MR")])

    assert replay.rebuild(feed, now=NOW, check=True) == []


def test_fhir_episode_is_planned_then_active_then_discharged(practice):
    feed = FeedFactory(kind="fhir")
    sent = fhir_history(FIRST)
    seen = []

    for one in sent:
        ingest(practice, feed, [one])
        seen += [e.status for e in Episode.objects.all() if not seen or seen[-1] != e.status]

    assert seen == ["planned", "active", "discharged"]
    episode = Episode.objects.get()
    assert (episode.visit_count, episode.diagnosis_codes, str(episode.therapist)) == (3, ["M25.561"], "Priya Nair")
    assert Visit.objects.count() == 3


def test_an_encounter_before_its_patient_waits_and_is_applied_when_he_comes(practice):
    feed = FeedFactory(kind="fhir")
    sent = fhir_history(FIRST, visits=1)
    encounter, patient = sent[6], sent[2]

    assert outcomes(ingest(practice, feed, [encounter])) == [("dead", "waiting")]
    assert not Visit.objects.exists()

    ingest(practice, feed, [patient])

    assert list(Visit.objects.values_list("status", flat=True)) == ["completed"]
    assert set(RawMessage.objects.values_list("state", flat=True)) == {"applied"}


def test_unknown_therapist_and_clinic_become_placeholders_in_the_feeds_zone(practice):
    feed = FeedFactory(time_zone="America/Denver")

    ingest(practice, feed, [Emr().booking("S12", FIRST, "V1", FIRST + DAY)])

    clinic = Clinic.objects.get(named=False)
    assert (clinic.name, clinic.time_zone) == ("Harbor", "America/Denver")
    assert str(Therapist.objects.get()) == "Priya Nair"
    assert str(Visit.objects.get().therapist) == "Priya Nair"


def test_a_charge_beats_a_cancellation_whatever_the_times(practice):
    feed, emr = FeedFactory(), Emr()

    ingest(practice, feed, [
        emr.booking("S12", FIRST, "V1", FIRST + 2 * DAY),
        emr.charge(FIRST + 3 * DAY, "V1", FIRST + 2 * DAY),
        emr.booking("S15", FIRST + 4 * DAY, "V1", FIRST + 2 * DAY, status="Cancelled"),
    ])  # fmt: skip

    assert list(Visit.objects.values_list("status", flat=True)) == ["completed"]


def test_a_cancelled_visit_covers_only_until_it_was_cancelled(practice):
    feed, emr = FeedFactory(), Emr()
    starts = FIRST + 9 * DAY

    ingest(practice, feed, [
        emr.booking("S12", FIRST, "V1", starts),
        emr.booking("S15", FIRST + DAY, "V1", starts, status="Cancelled", reason="PAT"),
    ])  # fmt: skip

    visit, episode = Visit.objects.get(), Episode.objects.get()
    assert (visit.status, visit.cancelled_at, visit.cancelled_by) == ("cancelled", FIRST + DAY, "patient")
    assert (episode.covered_until, episode.status) == (FIRST + DAY, "planned")


def test_deleted_visits_are_hidden_and_restored_by_a_newer_fact(practice):
    feed, emr = FeedFactory(), Emr()
    ingest(
        practice,
        feed,
        [emr.booking("S12", FIRST, "V1", FIRST + DAY), emr.booking("S17", FIRST + DAY, "V1", FIRST + DAY)],
    )
    assert list(Visit.objects.values_list("hidden", flat=True)) == [True]

    ingest(practice, feed, [emr.booking("S14", FIRST + 2 * DAY, "V1", FIRST + 3 * DAY)])

    assert list(Visit.objects.values_list("hidden", "starts_at")) == [(False, FIRST + 3 * DAY)]


def test_derived_episodes_begin_at_an_evaluation_or_after_a_long_gap_and_keep_their_rows(practice):
    feed, emr = FeedFactory(), Emr()
    first = [emr.charge(FIRST + n * DAY, f"V{n}", FIRST + n * DAY) for n in (0, 7)]
    ingest(practice, feed, first)
    row = Episode.objects.get().pk

    ingest(practice, feed, [
        emr.charge(FIRST + 14 * DAY, "V14", FIRST + 14 * DAY, "97161"),  # a new evaluation
        emr.charge(FIRST + 100 * DAY, "V100", FIRST + 100 * DAY),  # 86 days later
    ], now=FIRST + 101 * DAY)  # fmt: skip

    found = list(Episode.objects.filter(hidden=False).order_by("opened_at").values_list("pk", "visit_count"))
    assert [count for _pk, count in found] == [2, 1, 1]
    assert found[0][0] == row


def test_reopening_within_72_hours_is_a_correction_and_later_a_new_discharge(practice):
    feed, emr = FeedFactory(settings={"episode_key": "PID-18"}), Emr()

    def leave(at, event="A03"):
        return emr.message(f"ADT^{event}", at, emr.pv1(ended=at if event == "A03" else None), pid=emr.pid(account="C1"))

    def episode():
        found = Episode.objects.get()
        return found.status, found.discharge_seq

    visit = emr.message("DFT^P03", FIRST, emr.pv1(number="V1", starts=FIRST), _ft1(FIRST), pid=emr.pid(account="C1"))
    ingest(practice, feed, [visit, leave(FIRST + DAY)])
    assert episode() == ("discharged", 1)
    ingest(practice, feed, [leave(FIRST + 2 * DAY, "A13")])
    assert episode() == ("active", 1)
    ingest(practice, feed, [leave(FIRST + 3 * DAY)])
    assert episode() == ("discharged", 1)
    ingest(practice, feed, [leave(FIRST + 20 * DAY, "A13"), leave(FIRST + 21 * DAY)], now=FIRST + 22 * DAY)
    assert episode() == ("discharged", 2)


def _ft1(starts):
    return f"FT1|1|||{stamp(starts)}||CG|||||||||||||||||||97110"


def test_a_visit_kept_more_than_a_day_after_discharge_reopens(practice):
    feed, emr = FeedFactory(), Emr()
    ingest(practice, feed, [emr.charge(FIRST, "V1", FIRST), emr.discharge(FIRST + DAY, FIRST + timedelta(hours=3))])
    assert Episode.objects.get().status == "discharged"

    ingest(practice, feed, [emr.charge(FIRST + 9 * DAY, "V2", FIRST + 9 * DAY)])

    episode = Episode.objects.get()
    assert (episode.status, episode.discharged_at, episode.reopened_at) == ("active", None, FIRST + 9 * DAY)


def test_discharge_without_an_episode_to_close_is_a_dead_letter_and_applies_on_replay(practice):
    feed, emr = FeedFactory(), Emr()
    ingest(practice, feed, [emr.register(FIRST)])
    bare = emr.message("ADT^A03", FIRST + 9 * DAY)
    assert outcomes(ingest(practice, feed, [bare])) == [("dead", "episode_ambiguous")]

    ingest(practice, feed, [emr.charge(FIRST + 2 * DAY, "V1", FIRST + 2 * DAY)])
    dead = list(RawMessage.objects.filter(state="dead"))
    replay.replay(feed, dead, now=NOW)

    assert [one.state for one in dead] == ["applied"]
    assert Episode.objects.get(hidden=False).status == "discharged"


def test_discharge_dated_before_the_opening_is_a_dead_letter_within_a_day_it_is_taken(practice):
    feed, emr = FeedFactory(), Emr()
    ingest(practice, feed, [emr.charge(FIRST, "V1", FIRST)])

    assert outcomes(ingest(practice, feed, [emr.discharge(FIRST + DAY, FIRST - 3 * DAY, number="V1")])) == [
        ("dead", "discharge_before_start")
    ]
    assert Episode.objects.get().status == "active"
    assert outcomes(
        ingest(practice, feed, [emr.discharge(FIRST + 2 * DAY, FIRST - timedelta(hours=20), number="V1")])
    ) == [("applied", "")]


def test_consent_comes_with_the_address_where_the_policy_says_so(practice):
    ConsentPolicy.objects.create(channel="email", purpose="care", rule="on_arrival", version=1, created_at=clock.now())
    feed = FeedFactory()

    ingest(practice, feed, [Emr().register(FIRST)])
    ingest(practice, feed, [Emr(number=5).register(FIRST + DAY)])

    assert list(Consent.objects.values_list("channel", "granted", "how")) == [("email", True, "policy")]


def test_the_dead_and_deleted_are_known_as_such(practice):
    feed, emr = FeedFactory(), Emr()
    died = emr.pid() + "|" * 11 + "20261001120000+0000|Y"
    ingest(practice, feed, [emr.message("ADT^A31", FIRST, pid=died)])
    assert Patient.objects.get().deceased_at.isoformat() == "2026-10-01T12:00:00+00:00"

    ingest(practice, feed, [emr.message("ADT^A29", FIRST + DAY)])
    assert Patient.objects.get().archived_at == FIRST + DAY


def test_one_poisonous_message_leaves_the_others_applied(practice, monkeypatch):
    feed, emr = FeedFactory(), Emr()
    from integrations import rows  # noqa: PLC0415  (patched in this test alone)

    real = rows._set_patient

    def poisoned(row, plan, loaded):
        real(row, plan, loaded)
        if row.last_name == "Poison":
            raise RuntimeError("poisoned")

    monkeypatch.setattr(rows, "_set_patient", poisoned)
    other = Emr(mrn="9", family="Poison", number=50)
    found = ingest(practice, feed, [emr.register(FIRST), other.register(FIRST), emr.charge(FIRST, "V1", FIRST)])

    assert outcomes(found) == [("applied", ""), ("dead", "apply_failed"), ("applied", "")]
    assert list(Patient.objects.values_list("last_name", flat=True)) == ["Abara"]


def test_a_feed_sees_nothing_of_another_ones_records(practice):
    one, other = FeedFactory(), FeedFactory()

    ingest(practice, one, history(FIRST))
    ingest(practice, other, history(FIRST))

    assert Patient.objects.count() == 2  # matching by score comes later; a shared id of two feeds is no proof
    assert set(SourceRecord.objects.values_list("feed", flat=True)) == {one.pk, other.pk}
    assert Feed.objects.count() == 2
