"""Asking for public reviews: everyone alike by default, one click, no incentive (nps.md 7, security.md 5)."""

import re
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit, urlunsplit

from django.db.models import OuterRef, Subquery

from accounts.models import Clinic, Practice
from messaging import links
from messaging.compose import library
from messaging.models import Klass, Link, MessagePurpose, Topic
from messaging.outbox import queue
from nps.models import Response, ReviewRequest, ReviewSite
from nps.score import Bucket
from patients import timeline
from patients.models import Channel
from prm.tenancy import current_practice_id

DELAY = timedelta(hours=2)  # the same whatever the score
LASTS = timedelta(days=7)
ONE_IN = timedelta(days=365)
MOST_BUTTONS = 2

Kind = ReviewSite.Kind
Mode = Practice.ReviewMode
IN_MESSAGES = (Kind.GOOGLE, Kind.FACEBOOK, Kind.HEALTHGRADES, Kind.OTHER)  # Yelp forbids asking, also through vendors

PLACE_ID = re.compile(r"[A-Za-z0-9_-]{20,}")
GOOGLE_SHORT = re.compile(r"/r/[A-Za-z0-9_-]+/review")
YELP_PATH = re.compile(r"/(writeareview/)?biz/[^/]+")
HEALTHGRADES_PATH = re.compile(r"/review/[A-Z0-9]{5,6}")
FACEBOOK_PATH = re.compile(r"/[^/]+/reviews")


class BadReviewUrl(ValueError):
    """The address is none of the site's review pages; the text says what was expected."""


class GatedGoogle(ValueError):
    """Promoters only and Google do not go together: Google forbids asking selectively."""


class SiteIsThere(ValueError):
    """The clinic has this page already."""


class NotAcknowledged(ValueError):
    """Promoters only needs the owner's acknowledgement."""


def check_url(kind: str, url: str) -> str:
    """The address as it is stored; BadReviewUrl where it is not a review page of that site. Nothing is fetched."""
    parts = urlsplit(url.strip())
    if parts.scheme != "https" or not parts.hostname or "." not in parts.hostname or parts.username:
        raise BadReviewUrl(f"“{url.strip()}” is not an https address (expected one such as https://www.example.com/…)")
    {
        Kind.GOOGLE: _check_google,
        Kind.YELP: _check_yelp,
        Kind.FACEBOOK: _check_facebook,
        Kind.HEALTHGRADES: _check_healthgrades,
        Kind.OTHER: _check_other,
    }[Kind(kind)](parts.hostname, parts.path, parts.query)
    return urlunsplit(parts)


def add_site(clinic: Clinic, kind: str, url: str, *, now: datetime) -> ReviewSite:
    """Keep a review page of a clinic. BadReviewUrl; SiteIsThere; GatedGoogle where the practice asks promoters only."""
    checked = check_url(kind, url)
    if kind == Kind.GOOGLE and clinic.practice.review_mode == Mode.PROMOTERS_ONLY:
        raise GatedGoogle
    if ReviewSite.objects.filter(clinic=clinic, url=checked, ended_at=None).exists():
        raise SiteIsThere
    site = ReviewSite.objects.create(
        clinic=clinic, kind=kind, url=checked, created_at=now, position=ReviewSite.objects.filter(clinic=clinic).count()
    )
    links.make(checked, label=f"review:{kind}", source=site, now=now)  # for the thanks page, whose GET writes nothing
    return site


def end_site(site: ReviewSite, *, now: datetime) -> None:
    """Take a page out of use."""
    ReviewSite.objects.filter(pk=site.pk, ended_at=None).update(ended_at=now)


def choose_mode(practice: Practice, mode: str, *, acknowledged: bool) -> None:
    """Who is asked. NotAcknowledged or GatedGoogle for promoters only; the caller audits the choice."""
    if Mode(mode) == Mode.PROMOTERS_ONLY:
        if not acknowledged:
            raise NotAcknowledged
        if ReviewSite.objects.filter(kind=Kind.GOOGLE, ended_at=None).exists():
            raise GatedGoogle
    Practice.objects.filter(pk=practice.pk).update(review_mode=mode)
    practice.review_mode = mode


def sites_of(clinic: Clinic | None) -> list[ReviewSite]:
    """The pages that a message or the thanks page of the clinic may lead to, two at most; never Yelp.

    Each with `link`, the id of its counted link, or None.
    """
    if clinic is None:
        return []
    counted = Link.objects.filter(source=OuterRef("pk")).values("pk")[:1]
    sites = ReviewSite.objects.filter(clinic=clinic, ended_at=None, kind__in=IN_MESSAGES)
    return list(sites.annotate(link=Subquery(counted)).order_by("position", "id")[:MOST_BUTTONS])


def buttons(response: Response, practice: Practice) -> list[tuple[ReviewSite, str]]:
    """The review pages that the thanks page shows for an answer, each with its counted address, by policy."""
    if not offered(response, practice.review_mode):
        return []
    return [
        (site, links.address(practice, site.link) if site.link else site.url)  # type: ignore[attr-defined]
        for site in sites_of(response.clinic)
    ]


def offered(response: Response, mode: str) -> bool:
    """Whether the policy offers this answer the review link."""
    if mode == Mode.PROMOTERS_ONLY:
        return response.bucket == Bucket.PROMOTER
    return mode == Mode.EVERYONE


def ask(response: Response, *, now: datetime) -> ReviewRequest | None:
    """Queue the review mail of a valid answer: two hours later, the same for every score; one a patient in 12 months.

    None where the policy, a missing page, a missing clinic, or a request within the year says no. Idempotent per
    response. Runs in the caller's transaction, which holds the patient's row.
    """
    practice = Practice.objects.get(pk=current_practice_id())
    if response.status != Response.Status.VALID or response.kind != Response.Kind.SURVEY:
        return None
    if response.patient.is_sample:  # who never was reviews nothing
        return None
    if response.clinic is None or not offered(response, practice.review_mode):
        return None
    sites = sites_of(response.clinic)
    if not sites or ReviewRequest.objects.filter(patient=response.patient_id, asked_at__gt=now - ONE_IN).exists():
        return None
    request = ReviewRequest.objects.create(
        patient_id=response.patient_id, response=response, clinic=response.clinic, mode=practice.review_mode,
        asked_at=now,
    )  # fmt: skip
    message = queue.enqueue(
        practice, now=now, patient=response.patient, channel=Channel.EMAIL, purpose=MessagePurpose.TREATMENT,
        topic=Topic.SURVEYS, klass=Klass.CARE,
        template_version=library.version(practice, library.REVIEW_REQUEST), language=response.language,
        dedupe_key=f"review:{response.pk}", not_before=now + DELAY, expires_at=now + DELAY + LASTS, source=request,
        context=_context(practice, request, sites, now=now),
    )  # fmt: skip
    ReviewRequest.objects.filter(pk=request.pk).update(outbox_message=message.pk)
    Link.objects.filter(source=request.pk).update(
        message=message
    )  # so that a scanner's clicks are told from a person's
    timeline.record(response.patient, "review_asked", request, at=now)
    return request


def _context(practice: Practice, request: ReviewRequest, sites: list[ReviewSite], *, now: datetime) -> dict[str, str]:
    """The merge values of the mail: where to review the clinic, by counted links that lead there with one click."""
    context = {"clinic.name": request.clinic.display_name}
    for suffix, site in zip(("", "_second"), sites, strict=False):
        link = links.make(site.url, label=f"review:{site.kind}", source=request, now=now)
        context[f"links.review{suffix}"] = links.address(practice, link.pk)
        context[f"review.site{suffix}"] = site.get_kind_display()
    return context


def _check_google(host: str, path: str, query: str) -> None:
    if host in {"search.google.com", "www.google.com"} and path == "/local/writereview":
        place = parse_qs(query).get("placeid", [""])[0]
        if PLACE_ID.fullmatch(place):
            return
        raise BadReviewUrl(f"The Place ID “{place}” is none (expected 20 or more letters, digits, - and _)")
    if host == "g.page" and GOOGLE_SHORT.fullmatch(path):
        return
    raise BadReviewUrl(
        "This is no review page of Google (expected https://search.google.com/local/writereview?placeid=… "
        "or https://g.page/r/…/review)"
    )


def _check_yelp(host: str, path: str, query: str) -> None:
    if not (_of(host, "yelp.com") and YELP_PATH.fullmatch(path)):
        raise BadReviewUrl("This is no page of Yelp (expected https://www.yelp.com/writeareview/biz/…)")


def _check_facebook(host: str, path: str, query: str) -> None:
    if not (_of(host, "facebook.com") and FACEBOOK_PATH.fullmatch(path.rstrip("/"))):
        raise BadReviewUrl("This is no review page of Facebook (expected https://www.facebook.com/…/reviews)")


def _check_healthgrades(host: str, path: str, query: str) -> None:
    if not (_of(host, "healthgrades.com") and HEALTHGRADES_PATH.fullmatch(path)):
        raise BadReviewUrl(
            "This is no review page of Healthgrades (expected https://www.healthgrades.com/review/ and 5 or 6 capitals "
            "or digits)"
        )


def _check_other(host: str, path: str, query: str) -> None:
    """A Yelp page under another name would slip into messages."""
    if _of(host, "yelp.com"):
        raise BadReviewUrl(
            "Yelp forbids asking for reviews: choose Yelp as the site; the page is never put in a message"
        )


def _of(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")
