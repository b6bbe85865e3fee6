"""A therapist of whom a feed knows only an id turns out to be one whom the practice has, and is parted again."""

import pytest

from accounts import joining
from accounts.models import Therapist, TherapistJoin
from integrations import play, replay, snapshot
from integrations.models import SourceRecord
from nps.models import Response
from patients.models import Episode, Patient, Visit
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory, TherapistFactory, UserFactory, sign_in
from tests.factories.integrations import FeedFactory
from tests.factories.nps import ResponseFactory
from tests.integrations.messages import DAY, FIRST, NOW, Emr, history


def without_names(messages):
    return [one.replace(b"t1^Nair^Priya^^^^PT", b"t1") for one in messages]


def treated_by():
    """Every row that names a therapist, in sets by model."""
    found = {model.__name__: set(model.objects.values_list("pk", "therapist")) for model in (Visit, Episode, Response)}
    ids = SourceRecord.objects.filter(entity="therapist").values_list("feed", "key", "row_id")
    return found | {"ids": set(ids), "profiles": {str(row) for row in Therapist.objects.values_list()}}


@pytest.fixture
def harbor(practice):
    """A feed that named its therapist by an id alone, one answer about him, and the profile that he really is."""
    feed = FeedFactory()
    play.ingest_bytes(practice, feed, without_names(history(FIRST)), now=NOW)
    unnamed = Therapist.objects.get()
    ResponseFactory(invitation__episode=Episode.objects.get())
    assert (unnamed.named, Response.objects.get().therapist) == (False, unnamed)
    return feed, unnamed, TherapistFactory(npi="1234567893")


def test_all_that_is_the_placeholders_becomes_the_profiles(harbor):
    _feed, unnamed, priya = harbor
    joining.join(unnamed, priya, by=UserFactory(), now=NOW)

    after = treated_by()
    assert {who for rows in (after["Visit"], after["Episode"], after["Response"]) for _pk, who in rows} == {priya.pk}
    assert {row for _feed, _key, row in after["ids"]} == {priya.pk}
    assert list(Therapist.objects.all()) == [priya]


def test_what_the_feed_tells_later_is_about_the_profile_and_a_rebuild_agrees(practice, harbor):
    feed, unnamed, priya = harbor
    joining.join(unnamed, priya, by=UserFactory(), now=NOW)
    late = Emr(number=90).booking("S12", NOW, "V9", NOW + DAY)
    play.ingest_bytes(practice, feed, [late], now=NOW)  # it tells the name now

    assert list(Therapist.objects.all()) == [priya]
    assert set(Visit.objects.values_list("therapist", flat=True)) == {priya.pk}
    assert replay.rebuild(feed, now=NOW, check=True) == []


def test_undo_restores_every_row_under_the_same_id(harbor):
    _feed, unnamed, priya = harbor
    before = treated_by()
    done = joining.join(unnamed, priya, by=UserFactory(), now=NOW)

    assert joining.undo(done, now=NOW)
    assert not joining.undo(done, now=NOW)

    assert treated_by() == before


def test_undo_gives_back_what_the_feed_told_meanwhile_and_leaves_what_was_the_profiles(practice, harbor):
    feed, unnamed, priya = harbor
    own = Emr(mrn="700002", family="Bell", email="bell@example.com")
    played = [one.replace(b"t1^Nair^Priya^^^^PT", b"t2^Nair^Priya^^^^PT") for one in history(FIRST, emr=own)]
    other = FeedFactory(name="Second")
    play.ingest_bytes(practice, other, played, now=NOW)
    Therapist.objects.filter(pk=priya.pk).update(first_name="Priya", last_name="Nair")
    joining.join(Therapist.objects.get(named=False), priya, by=UserFactory(), now=NOW)
    told = Emr(number=90).booking("S12", NOW, "V9", NOW + DAY)
    play.ingest_bytes(practice, feed, without_names([told]), now=NOW)

    joining.undo(TherapistJoin.objects.get(), now=NOW)

    assert set(Visit.objects.filter(patient__last_name="Abara").values_list("therapist", flat=True)) == {unnamed.pk}
    assert unnamed.pk not in set(Visit.objects.filter(patient__last_name="Bell").values_list("therapist", flat=True))
    assert replay.rebuild(feed, now=NOW, check=True) == []
    assert snapshot.of_patients(Patient.objects.all())


def test_staff_join_and_undo_on_the_pages(client):
    practice = PracticeFactory()
    with use_practice(practice.pk):
        owner = MembershipFactory()
        play.ingest_bytes(practice, FeedFactory(name="Harbor EMR"), without_names(history(FIRST)), now=NOW)
        unnamed, priya = Therapist.objects.get(), TherapistFactory(npi="1234567893")
        stranger = TherapistFactory(npi="1245319599")
        Therapist.objects.filter(pk=unnamed.pk).update(npi="1234567893")
    sign_in(client, owner.user)
    where = f"/{practice.slug}/settings/therapists/"
    page = client.get(f"{where}{unnamed.pk}/").text
    assert "Harbor EMR: t1" in page
    assert client.post(f"{where}{unnamed.pk}/join/", {}).status_code == 422
    refused = client.post(f"{where}{unnamed.pk}/join/", {"into": stranger.pk})
    assert (refused.status_code, "They are two people" in refused.text) == (422, True)

    client.post(f"{where}{unnamed.pk}/join/", {"into": priya.pk})
    assert client.get(f"{where}{unnamed.pk}/").status_code == 404
    with use_practice(practice.pk):
        done = TherapistJoin.objects.get()
    undo = f"{where}joins/{done.pk}/undo/"
    assert undo in client.get(f"{where}{priya.pk}/").text
    client.post(undo)

    assert client.get(f"{where}{unnamed.pk}/").status_code == 200
    with use_practice(practice.pk):
        assert set(Visit.objects.values_list("therapist", flat=True)) == {unnamed.pk}
        told = AuditEvent.objects.filter(action__startswith="therapist.join").values_list("action", flat=True)
        assert sorted(told) == ["therapist.join_undone", "therapist.joined"]
