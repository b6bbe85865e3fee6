"""Review pages, who is asked, and what every score gets alike."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Membership, Practice
from messaging.models import LinkClick, OutboxMessage
from messaging.outbox.contexts import read_context
from nps import answer, reviews
from nps.models import ReviewRequest, ReviewSite
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, PracticeFactory, staff_client
from tests.factories.nps import InvitationFactory, ResponseFactory, ReviewSiteFactory

GOOD = [
    ("google", "https://search.google.com/local/writereview?placeid=ChIJN1t_tDeuEmsRUsoyG83frY4"),
    ("google", "https://g.page/r/CQm-xY_1/review"),
    ("yelp", "https://www.yelp.com/writeareview/biz/abc-123"),
    ("facebook", "https://www.facebook.com/harborpt/reviews"),
    ("healthgrades", "https://www.healthgrades.com/review/2X5K7"),
    ("other", "https://reviews.example.org/harbor?x=1"),
]
BAD = [
    ("google", "https://search.google.com/local/writereview?placeid=short"),
    ("google", "https://search.google.com/local/writereview?placeid=ChIJN1t_tDeuEmsRUsoyG83frY4<script>"),
    ("google", "https://g.page/harborpt"),
    ("google", "https://search.google.com.evil.example/local/writereview?placeid=ChIJN1t_tDeuEmsRUsoyG83frY4"),
    ("google", "http://g.page/r/CQm/review"),
    ("yelp", "https://notyelp.com/biz/abc"),
    ("facebook", "https://www.facebook.com/harborpt"),
    ("healthgrades", "https://www.healthgrades.com/review/abc"),
    ("other", "https://www.yelp.com/writeareview/biz/abc"),
    ("other", "https://m.yelp.com/biz/abc"),
    ("other", "http://example.org/"),
    ("other", "javascript:alert(1)"),
    ("other", "https://owner:secret@example.org/"),
    ("other", "//example.org/x"),
    ("other", ""),
]


@pytest.mark.parametrize(("kind", "url"), GOOD)
def test_a_review_page_of_its_site_is_taken_as_it_is(kind, url):
    assert reviews.check_url(kind, f"  {url} ") == url


@pytest.mark.parametrize(("kind", "url"), BAD)
def test_any_other_address_is_refused_with_what_was_expected(kind, url):
    with pytest.raises(reviews.BadReviewUrl, match=r"expected|Yelp"):
        reviews.check_url(kind, url)


def answered(episode, score, now):
    return answer.answer(InvitationFactory(episode=episode), score, now=now)


def test_the_mail_is_the_same_for_every_score_but_for_its_links(clinic, episode, now):
    ReviewSiteFactory(clinic=clinic.row)
    seen = []
    for score in range(11):
        ReviewRequest.objects.all().delete()
        OutboxMessage.objects.update(state="cancelled", reason="stale")  # or the caps would plan them apart
        response = answered(episode, score, now)
        message = OutboxMessage.objects.get(dedupe_key=f"review:{response.pk}")
        fields = {n: v for n, v in read_context(message)["fields"].items() if not n.startswith("links.")}
        seen.append((message.template_version_id, message.language, message.not_before - now, message.klass, fields))
    assert all(one == seen[0] for one in seen)


def test_one_request_a_patient_in_twelve_months(clinic, episode, now):
    ReviewSiteFactory(clinic=clinic.row)
    answered(episode, 10, now)
    answered(episode, 10, now + timedelta(days=364))
    assert ReviewRequest.objects.count() == 1
    answered(episode, 10, now + timedelta(days=366))
    assert ReviewRequest.objects.count() == 2


def test_an_edit_asks_no_second_time(clinic, episode, now):
    ReviewSiteFactory(clinic=clinic.row)
    invitation = InvitationFactory(episode=episode)
    for score in (10, 9, 3):
        answer.answer(invitation, score, now=now)
    assert ReviewRequest.objects.count() == 1


@pytest.mark.parametrize(("mode", "asked"), [("everyone", [3, 10]), ("promoters_only", [10]), ("off", [])])
def test_who_is_asked_by_policy(practice, clinic, episode, now, mode, asked):
    ReviewSiteFactory(clinic=clinic.row, kind="facebook", url="https://www.facebook.com/x/reviews")
    reviews.choose_mode(practice, mode, acknowledged=True)
    for score in (3, 10):
        ReviewRequest.objects.filter(response__score=3).delete()
        answered(episode, score, now)
    found = set(OutboxMessage.objects.filter(dedupe_key__startswith="review:").values_list("pk", flat=True))
    assert len(found) == len(asked)


def test_without_a_page_of_the_clinic_nobody_is_asked(clinic, episode, now):
    ReviewSiteFactory(clinic=ClinicFactory())
    answered(episode, 10, now)
    assert not ReviewRequest.objects.exists()


def test_yelp_is_never_in_a_message_and_never_on_the_thanks_page(clinic, episode, now):
    ReviewSiteFactory(clinic=clinic.row, kind="yelp", url="https://www.yelp.com/biz/abc")
    assert reviews.sites_of(clinic.row) == []
    answered(episode, 10, now)
    assert not ReviewRequest.objects.exists()


def test_two_buttons_at_most(clinic):
    for n in range(3):
        ReviewSiteFactory(clinic=clinic.row, kind="other", url=f"https://example.org/{n}", position=n)
    assert [site.url for site in reviews.sites_of(clinic.row)] == ["https://example.org/0", "https://example.org/1"]


def test_promoters_only_needs_the_acknowledgement_and_no_google(practice, clinic, now):
    with pytest.raises(reviews.NotAcknowledged):
        reviews.choose_mode(practice, "promoters_only", acknowledged=False)
    site = ReviewSiteFactory(clinic=clinic.row)
    with pytest.raises(reviews.GatedGoogle):
        reviews.choose_mode(practice, "promoters_only", acknowledged=True)
    reviews.end_site(site, now=now)
    reviews.choose_mode(practice, "promoters_only", acknowledged=True)
    with pytest.raises(reviews.GatedGoogle):
        reviews.add_site(clinic.row, "google", GOOD[0][1], now=now)
    assert Practice.objects.get(pk=practice.pk).review_mode == "promoters_only"


# The page


@pytest.fixture
def shop(db, now):
    practice = PracticeFactory(name="Harbor Physical Therapy")
    with use_practice(practice.pk):
        clinic = ClinicFactory(name="Eastside")
    return practice, clinic


def path(practice, what=""):
    return f"/{practice.slug}/nps/reviews/{what}"


def test_a_page_is_added_shown_and_removed(shop):
    practice, clinic = shop
    client = staff_client(practice)
    kind, url = GOOD[0]
    added = client.post(path(practice), {"clinic": clinic.pk, "kind": kind, "url": url}, follow=True)
    assert url in added.content.decode()
    again = client.post(path(practice), {"clinic": clinic.pk, "kind": kind, "url": url})
    assert (again.status_code, "there already" in again.content.decode()) == (422, True)
    with use_practice(practice.pk):
        site = ReviewSite.objects.get()
    client.post(path(practice, f"{site.pk}/removal/"))
    with use_practice(practice.pk):
        assert ReviewSite.objects.get().ended_at is not None
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert actions == {"reviews.site_added", "reviews.site_removed"}


def test_a_bad_address_is_said_at_its_field_and_kept(shop):
    practice, clinic = shop
    answer = staff_client(practice).post(
        path(practice), {"clinic": clinic.pk, "kind": "google", "url": "https://x.example/"}
    )
    assert answer.status_code == 422
    assert "no review page of Google" in answer.content.decode()
    assert 'value="https://x.example/"' in answer.content.decode()


def test_the_policy_needs_its_tick_and_is_audited(shop):
    practice, _clinic = shop
    client = staff_client(practice)
    assert client.post(path(practice, "policy/"), {"mode": "promoters_only"}).status_code == 422
    assert client.post(path(practice, "policy/"), {"mode": "promoters_only", "acknowledged": "on"}).status_code == 302
    with use_practice(practice.pk):
        event = AuditEvent.objects.get(action="reviews.mode_chosen")
    assert event.facts == {"mode": "promoters_only", "acknowledged": True}


@pytest.mark.parametrize("role", [Membership.Role.THERAPIST, Membership.Role.FRONT_DESK, Membership.Role.READ_ONLY])
def test_only_owner_and_manager_set_reviews_up(shop, role):
    practice, clinic = shop
    client = staff_client(practice, role)
    assert client.get(path(practice)).status_code == 403
    assert (
        client.post(path(practice), {"clinic": clinic.pk, "kind": "other", "url": "https://x.example/"}).status_code
        == 403
    )


def test_another_practices_page_cannot_be_removed(shop):
    practice, _clinic = shop
    other = PracticeFactory()
    with use_practice(other.pk):
        site = ReviewSiteFactory()
    assert staff_client(practice).post(path(practice, f"{site.pk}/removal/")).status_code == 404
    with use_practice(other.pk):
        assert ReviewSite.objects.get().ended_at is None


def test_nobody_without_signing_in(shop):
    assert Client().get(path(shop[0])).status_code == 302


def test_the_buttons_lead_by_a_counted_link_to_the_page_and_nowhere_else(shop):
    practice, clinic = shop
    staff_client(practice).post(path(practice), {"clinic": clinic.pk, "kind": "google", "url": GOOD[0][1]})
    with use_practice(practice.pk):
        response = ResponseFactory(clinic=clinic, score=2)
        [(site, address)] = reviews.buttons(response, practice)
    assert address.startswith(f"{settings.SITE_URL}/r/{practice.public_id}.")
    visitor = Client()
    assert visitor.get(address.removeprefix(settings.SITE_URL))["Location"] == site.url
    assert visitor.get(address.removeprefix(settings.SITE_URL)[:-2]).status_code == 404
    with use_practice(practice.pk):
        assert LinkClick.objects.count() == 1
