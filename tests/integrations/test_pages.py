"""The feed pages: who may, what an upload does, dead letters in words, raw text only on request."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Membership
from integrations.models import Feed, ImportBatch, RawMessage
from patients.models import Episode, Patient
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory, sign_in
from tests.factories.integrations import FeedFactory
from tests.integrations.messages import DAY, FIRST, NOW, Emr, history


@pytest.fixture
def place(db, client):
    """A practice with a feed in testing; the client is its owner."""
    practice = PracticeFactory()
    with use_practice(practice.pk):
        owner = MembershipFactory()
        feed = FeedFactory(state=Feed.State.TESTING, live_at=None)
    sign_in(client, owner.user)
    return practice, feed


def path(place, rest=""):
    practice, feed = place
    return f"/{practice.slug}/settings/feeds/{feed.pk}/{rest}"


def upload(client, place, *messages):
    file = SimpleUploadedFile("visits.hl7", b"\r".join(messages))
    return client.post(path(place), {"file": file}, follow=True)


def text(response):
    return response.content.decode()


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("manager", 200), ("therapist", 403), ("front_desk", 403), ("read_only", 403)]
)
def test_owner_and_manager_may_see_feeds(client, place, role, status):
    practice, _feed = place
    with use_practice(practice.pk):
        member = MembershipFactory(role=Membership.Role(role))
    sign_in(client, member.user)
    assert client.get(f"/{practice.slug}/settings/feeds/").status_code == status


def test_a_feed_is_added_with_the_settings_of_its_emr(client, place):
    practice, _feed = place

    response = client.post(
        f"/{practice.slug}/settings/feeds/new/",
        {"emr": "hl7v2:epic", "name": "Visits, HL7", "time_zone": "America/Denver", "episode_key": "PID-18"},
    )

    with use_practice(practice.pk):
        feed = Feed.objects.get(name="Visits, HL7")
    assert (response.status_code, feed.kind, feed.preset, feed.time_zone, feed.settings, feed.state) == (
        302, "hl7v2", "epic", "America/Denver", {"episode_key": "PID-18"}, "testing",
    )  # fmt: skip


def test_a_setting_that_cannot_be_is_refused_at_its_field(client, place):
    practice, feed = place

    response = client.post(
        f"/{practice.slug}/settings/feeds/new/",
        {"emr": "hl7v2:generic", "name": feed.name, "time_zone": "Mars/Base", "episode_key": "PV9"},
    )

    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"name", "time_zone", "episode_key"}


def test_an_upload_is_applied_and_its_outcomes_are_shown(client, place):
    practice, _feed = place
    lost = Emr(number=90).message("ADT^A03", FIRST, pid="PID|1||^^^EMR^MR||Doe^Jo")

    page = upload(client, place, *history(FIRST), lost, Emr(number=95).message("ORU^R01", FIRST))

    with use_practice(practice.pk):
        assert Patient.objects.count() == 1
        assert Episode.objects.get(hidden=False).live_from is None
        assert ImportBatch.objects.get().state == "done"
    assert page.context["result"].counts == {"applied": 10, "dead": 1, "ignored": 1}
    assert "no id that names a patient" in text(page)
    again = upload(client, place, *history(FIRST))
    assert again.context["result"].counts == {"duplicate": 10}


def test_go_live_lets_the_present_episodes_cause_messages_from_now_on(client, place):
    practice, feed = place
    upload(client, place, *history(FIRST))

    with clock.at(NOW):
        client.post(path(place, "live/"))

    with use_practice(practice.pk):
        feed.refresh_from_db()
        assert (feed.state, feed.live_at) == ("live", NOW)
        assert set(Episode.objects.values_list("live_from", flat=True)) == {NOW}


def test_a_dead_letter_is_told_in_words_and_shown_raw_only_on_request(client, place):
    practice, _feed = place
    upload(client, place, Emr().message("ADT^A08", FIRST, pid="PID|1||^^^EMR^MR||Doe^Jo"))
    with use_practice(practice.pk):
        letter = RawMessage.objects.get(state="dead")

    page = client.get(path(place, f"dead/{letter.pk}/"))
    assert "PID-3" in text(page)
    assert "Doe^Jo" not in text(page)

    shown = client.post(path(place, f"dead/{letter.pk}/raw/"))
    assert "Doe^Jo" in text(shown)
    with use_practice(practice.pk):
        assert AuditEvent.objects.filter(action="feed.raw_shown", object_id=letter.pk).count() == 1


def test_a_letter_rests_with_a_note_only(client, place):
    practice, _feed = place
    upload(client, place, Emr().message("ADT^A08", FIRST, pid="PID|1||^^^EMR^MR||Doe^Jo"))
    with use_practice(practice.pk):
        letter = RawMessage.objects.get(state="dead")

    assert client.post(path(place, f"dead/{letter.pk}/rest/"), {"note": ""}).status_code == 422
    client.post(path(place, f"dead/{letter.pk}/rest/"), {"note": "Test patient of the EMR"})

    with use_practice(practice.pk):
        letter.refresh_from_db()
    assert (letter.state, letter.note_text) == ("ignored", "Test patient of the EMR")


def test_replay_applies_what_is_mended_by_now(client, place):
    practice, _feed = place
    emr = Emr()
    upload(client, place, emr.register(FIRST), emr.message("ADT^A03", FIRST + 9 * DAY))
    upload(client, place, emr.charge(FIRST + 2 * DAY, "V1", FIRST + 2 * DAY))

    client.post(path(place, "dead/replay/"))

    with use_practice(practice.pk):
        assert set(RawMessage.objects.values_list("state", flat=True)) == {"applied"}
        assert Episode.objects.get(hidden=False).status == "discharged"


@pytest.mark.parametrize("rest", ["live/", "pause/", "dead/replay/"])
def test_reading_changes_nothing(client, place, rest):
    assert client.get(path(place, rest)).status_code == 405


def test_another_practices_feed_is_missing(client, place):
    practice, _feed = place
    with use_practice(PracticeFactory().pk):
        foreign = FeedFactory()
    missing = client.get(f"/{practice.slug}/settings/feeds/01a20d6e-7e70-702b-8a57-46130c194199/")
    other = client.get(f"/{practice.slug}/settings/feeds/{foreign.pk}/")
    assert (missing.status_code, other.status_code) == (404, 404)
