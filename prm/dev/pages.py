"""Every address of the product with an example of it: what browser tests and `make shots` visit.

A URL name without a row here fails tests/ui/test_pages.py, so that no page escapes the checks.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import agreements, signup, totp
from accounts.models import (
    Absence,
    Agreement,
    ApiKey,
    Clinic,
    Invitation,
    Membership,
    Practice,
    SignUp,
    SupportGrant,
    Therapist,
    TherapistJoin,
    User,
)
from accounts.queries import practices_of
from campaigns.models import Firing, Rule
from integrations.models import Feed, ImportBatch, RawMessage
from messaging import links
from messaging.channels.preview.send import mailbox
from messaging.models import OutboxMessage
from nps import findings
from nps.models import RecoveryCase, ReviewSite, SurveyInvitation
from patients import access, sessions
from patients import models as patients
from patients.models import Amendment, Patient, PortalLink, WorkItem
from portal import links as portal_links
from prm import clock, crypto
from prm.dev import browser, sign_in_examples
from prm.tenancy import use_practice
from prm.tenancy.models import PracticeExport

Arguments = Callable[[Practice], dict[str, Any] | None]
STAFF, PORTAL, OPEN = "staff", "portal", "open"
OPERATOR = "operator"  # of the platform
SIGNED_IN, OWES_CODE, OWES_FACTOR = "signed in", "owes a code", "owes a second factor"  # outside any practice
PATIENT, PATIENT_AWAY = "patient", "patient away"  # signed in on his own phone; who must prove himself again there
FOR_PATIENTS = {PORTAL, PATIENT, PATIENT_AWAY}  # in two languages, for thumbs


@dataclass(frozen=True, slots=True)
class Row:
    """How to visit one address: whose page it is, and its arguments besides the practice (None: nothing to show yet).

    Arguments may bring a `query` of their own.

    A page with several faces has a row for each: then `url_name` says which address, `query` which face. `redirects`:
    it shows nothing itself; `fragment`: it is a part of another page.
    """

    side: str
    arguments: Arguments = lambda practice: {}
    url_name: str = ""
    query: str = ""
    redirects: bool = False
    fragment: bool = False


def _survey_token(*, answered: bool) -> Arguments:
    """A new link to a survey that was answered, or was not."""

    def arguments(practice: Practice) -> dict[str, Any] | None:
        invitations = SurveyInvitation.objects.filter(responses__isnull=not answered).select_related("patient")
        invitation = invitations.order_by("-asked_at").first()
        if invitation is None:
            return None
        _link, token = access.issue_link(
            invitation.patient,
            PortalLink.LinkPurpose.SURVEY,
            now=clock.now(),
            lasts=access.SURVEY_LASTS,
            source=invitation.pk,
        )
        return {"token": token}

    return arguments


def _access_token(practice: Practice) -> dict[str, Any] | None:
    """A new link that signs a patient in."""
    person = _patient_with_most_to_see()
    if person is None:
        return None
    _link, token = access.issue_link(person, PortalLink.LinkPurpose.ACCESS, now=clock.now(), lasts=access.ACCESS_LASTS)
    return {"token": token}


def _patient_with_most_to_see() -> Patient | None:
    """One who has a visit booked, and a survey that waits if anybody has one."""
    now = clock.now()
    booked = patients.Visit.objects.shown().filter(status="booked", starts_at__gt=now, episode__status="active")
    asked = SurveyInvitation.objects.filter(state="sent", expires_at__gt=now, responses=None).values("patient")
    people = Patient.objects.living().filter(pk__in=booked.values("patient"), birth_date__isnull=False)
    return people.filter(pk__in=asked).order_by("pk").first() or people.order_by("pk").first()


def _device(practice: Practice) -> dict[str, Any] | None:
    """A device on which a patient is signed in."""
    person = _patient_with_most_to_see()
    if person is None:
        return None
    device, _token = sessions.start(person, own_device=False, device="Firefox, Windows", now=clock.now())
    return {"session_id": device.pk}


def _portal_message(practice: Practice) -> dict[str, Any] | None:
    """A patient and the message with his link, which has not left yet."""
    person = _patient_with_most_to_see()
    if person is None:
        return None
    later = clock.now() + timedelta(minutes=10)
    sent = portal_links.send(person, "email", practice=practice, now=clock.now(), not_before=later)
    return {"patient_id": person.pk, "message_id": sent.message.pk}


def _work_item(practice: Practice) -> dict[str, Any] | None:
    """The newest recovery case's item: the page with most on it."""
    item = WorkItem.objects.filter(kind="recovery").order_by("state", "-opened_at").last()
    return {"item_id": item.pk} if item else None


def _recovery_case(practice: Practice) -> dict[str, Any] | None:
    case = RecoveryCase.objects.order_by("-opened_at").first()
    return {"case_id": case.pk} if case else None


def _review_site(practice: Practice) -> dict[str, Any] | None:
    site = ReviewSite.objects.filter(ended_at=None).first()
    return {"site_id": site.pk} if site else None


def _person(practice: Practice) -> dict[str, Any] | None:
    """The patient with most to show: the one who answered last."""
    person = Patient.objects.filter(merged_into=None).order_by(F("last_answer_at").desc(nulls_last=True)).first()
    return {"patient_id": person.pk} if person else None


def _amendment(practice: Practice) -> dict[str, Any] | None:
    asked = Amendment.objects.order_by("asked_at").first()
    return {"amendment_id": asked.pk} if asked else None


def _message(practice: Practice) -> dict[str, Any] | None:
    """A message that was handed to a provider."""
    message = OutboxMessage.objects.order_by("state", "-created_at").filter(attempts__gt=0).first()
    return {"message_id": message.pk} if message else None


def _counted_link(practice: Practice) -> dict[str, Any]:
    """A link that leads out of the product."""
    link = links.make("https://example.com/review", label="sample", now=clock.now())
    return {"signed_id": links.signed_id(practice, link.pk)}


def _received(practice: Practice) -> dict[str, Any] | None:
    """The newest mail in the demo's mailbox."""
    found = sorted(mailbox().glob("*.json"))
    return {"message_id": found[-1].stem.rpartition(".")[2]} if found else None


def _colleague(practice: Practice) -> dict[str, Any] | None:
    """A member whom an owner may change."""
    member = Membership.objects.filter(ended_at=None).exclude(role=Membership.Role.OWNER).order_by("pk").first()
    return {"membership_id": member.pk} if member else None


def _own_page(practice: Practice) -> dict[str, Any] | None:
    """The owner's own page, which he may only read."""
    member = Membership.objects.filter(ended_at=None, role=Membership.Role.OWNER).order_by("pk").first()
    return {"membership_id": member.pk} if member else None


def _invitation(practice: Practice) -> dict[str, Any] | None:
    found = Invitation.objects.filter(state=Invitation.State.OPEN).order_by("-created_at").first()
    return {"invitation_id": found.pk} if found else None


def _invitation_token(practice: Practice) -> dict[str, Any] | None:
    """A new link to an open invitation, in place of the one that was sent."""
    found, token = _invitation(practice), secrets.token_urlsafe(32)
    if found is None:
        return None
    Invitation.objects.filter(pk=found["invitation_id"]).update(token_hash=crypto.token_hash(token))
    return {"practice_public_id": practice.public_id, "token": token}


def _absence(practice: Practice) -> dict[str, Any] | None:
    found = Absence.objects.order_by("-ends_on").first()
    return {"absence_id": found.pk} if found else None


def _therapist(practice: Practice) -> dict[str, Any] | None:
    found = Therapist.objects.order_by("named", "pk").first()
    return {"therapist_id": found.pk} if found else None


def _therapist_join(practice: Practice) -> dict[str, Any] | None:
    found = TherapistJoin.objects.first()
    return {"join_id": found.pk} if found else None


def _clinic(practice: Practice) -> dict[str, Any] | None:
    """The first clinic by name."""
    clinic = Clinic.objects.order_by("name").first()
    return {"clinic_id": clinic.pk} if clinic else None


def _logo(practice: Practice) -> dict[str, Any] | None:
    """The practice's logo, where it has one."""
    return {"media_practice": practice.public_id, "digest": practice.logo} if practice.logo else None


def _feed(practice: Practice) -> dict[str, Any] | None:
    feed = Feed.objects.order_by("name").first()
    return {"feed_id": feed.pk} if feed else None


def _import(practice: Practice) -> dict[str, Any] | None:
    batch = ImportBatch.objects.exclude(feed__kind=Feed.Kind.CSV).order_by("-created_at").first()
    return {"feed_id": batch.feed_id, "batch_id": batch.pk} if batch else None


def _rows_file(practice: Practice) -> dict[str, Any] | None:
    batch = ImportBatch.objects.filter(feed__kind=Feed.Kind.CSV).order_by("-created_at").first()
    return {"feed_id": batch.feed_id, "batch_id": batch.pk} if batch else None


def _dead_letter(practice: Practice) -> dict[str, Any] | None:
    letter = RawMessage.objects.filter(state=RawMessage.State.DEAD).order_by("-received_at").first()
    return {"feed_id": letter.feed_id, "message_id": letter.pk} if letter else None


def _this_practice(practice: Practice) -> dict[str, Any]:
    return {"platform_practice": practice.pk}


def _support_grant(practice: Practice) -> dict[str, Any] | None:
    given = SupportGrant.objects.order_by("-granted_at").first()
    return {"grant_id": given.pk} if given else None


def _rule(state: str) -> Arguments:
    """A rule in that state, the one with most decisions."""

    def arguments(practice: Practice) -> dict[str, Any] | None:
        rule = Rule.objects.filter(state=state).annotate(n=Count("firings")).order_by("-n").first()
        return {"rule_id": rule.pk} if rule else None

    return arguments


def _agreement(practice: Practice) -> dict[str, Any] | None:
    """A provider's agreement."""
    found = Agreement.objects.exclude(party=Agreement.Party.OPERATOR).order_by("pk").first()
    return {"agreement_id": found.pk} if found else None


def _sign_up(practice: Practice) -> dict[str, Any]:
    """A request to start a practice, its mail just opened."""
    token, now = secrets.token_urlsafe(32), clock.now()
    SignUp.objects.create(
        token_hash=crypto.token_hash(token), email="newcomer@example.com", name="Noa Newcomer",
        practice_name="Cove Physical Therapy", time_zone="America/Chicago", agreement_version=agreements.CURRENT,
        created_at=now, expires_at=now + signup.LASTS,
    )  # fmt: skip
    return {"sign_up_token": token}


def _decided(practice: Practice) -> dict[str, Any] | None:
    """A rule and a patient it decided about."""
    firing = Firing.objects.order_by("-decided_at").first()
    return {"rule_id": firing.rule_id, "query": f"?patient={firing.patient_id}"} if firing else None


def _api_key(practice: Practice) -> dict[str, Any] | None:
    """A key in use."""
    key = ApiKey.objects.filter(revoked_at=None).order_by("-created_at").first()
    return {"apikey_id": key.pk} if key else None


def _export(practice: Practice) -> dict[str, Any] | None:
    made = PracticeExport.objects.filter(finished_at__isnull=False, removed_at=None).first()
    return {"export_id": made.pk} if made else None


ROWS: dict[str, Row] = {
    "data_closing": Row(STAFF),
    "data_export": Row(STAFF),
    "data_export_file": Row(STAFF, _export, fragment=True),  # a file
    "audit": Row(STAFF),
    "audit_check": Row(STAFF),
    "audit_export": Row(STAFF, fragment=True),  # a file
    "api_docs": Row(OPEN),
    "api_key_new": Row(STAFF),
    "api_key_revocation": Row(STAFF, _api_key),
    "api_keys": Row(STAFF),
    "api_missing": Row(OPEN),
    "api_schema": Row(OPEN),
    "agreement": Row(STAFF, _agreement),
    "agreement_new": Row(STAFF, query="?party=storage"),
    "agreement_paper": Row(STAFF, _agreement),
    "agreement_signature": Row(STAFF),
    "agreement_text": Row(STAFF, lambda practice: {"version": agreements.CURRENT}),
    "agreements": Row(STAFF),
    "absence_end": Row(STAFF, _absence),
    "departure": Row(STAFF, _colleague),
    "departure_undo": Row(STAFF, _colleague),
    "invitation": Row(OPEN, _invitation_token),
    "invitation_join": Row(OPEN, lambda practice: {"practice_public_id": practice.public_id}, redirects=True),
    "invitation_renewal": Row(STAFF, _invitation),
    "invitation_withdrawal": Row(STAFF, _invitation),
    "member": Row(STAFF, _colleague),
    "member_absence": Row(STAFF, _colleague),
    "member_access": Row(STAFF, _colleague),
    "member_own": Row(STAFF, _own_page, url_name="member"),
    "my_absence": Row(STAFF),
    "people": Row(STAFF),
    "people_invite": Row(STAFF),
    "people_roles": Row(STAFF),
    "therapists_see": Row(STAFF),
    "therapist": Row(STAFF, _therapist),
    "therapist_join": Row(STAFF, _therapist),
    "therapist_join_undo": Row(STAFF, _therapist_join),
    "therapist_new": Row(STAFF),
    "therapists": Row(STAFF),
    "appearance": Row(OPEN),
    "campaign": Row(STAFF, _rule("active")),
    "campaign_activation": Row(STAFF, _rule("draft")),
    "campaign_archive": Row(STAFF, _rule("active")),
    "campaign_discarding": Row(STAFF, _rule("draft")),
    "campaign_edit": Row(STAFF, _rule("draft")),
    "campaign_explain": Row(STAFF, _decided),
    "campaign_new": Row(STAFF),
    "campaign_pause": Row(STAFF, _rule("active")),
    "campaign_publication": Row(STAFF, _rule("active")),
    "campaign_resumption": Row(STAFF, _rule("active")),
    "campaigns": Row(STAFF),
    "csp_report": Row(OPEN),
    "channel_sendgrid": Row(STAFF, url_name="channel_settings", query="?provider=sendgrid"),
    "channel_settings": Row(STAFF),
    "channel_test": Row(STAFF),
    "dev_codes": Row(OPEN),
    "dev_mail": Row(OPEN),
    "dev_mail_html": Row(OPEN, _received, fragment=True),
    "dev_mail_message": Row(OPEN, _received),
    "follow_link": Row(OPEN, _counted_link, redirects=True),
    "message_html": Row(STAFF, _message, fragment=True),
    "outbox": Row(STAFF),
    "outbox_message": Row(STAFF, _message),
    "outbox_text": Row(STAFF, _message, url_name="outbox_message", query="?show=text"),
    "sendgrid_events": Row(OPEN, lambda practice: {"hook_practice": practice.public_id}),
    "dev_parts": Row(OPEN),
    "clinic": Row(STAFF, _clinic),
    "clinic_closure": Row(STAFF, _clinic),
    "clinic_new": Row(STAFF),
    "clinic_reopening": Row(STAFF, _clinic),
    "clinics": Row(STAFF),
    "kept": Row(STAFF),
    "consent_policy": Row(STAFF),
    "feed": Row(STAFF, _feed),
    "feed_dead": Row(STAFF, _feed),
    "feed_dead_letter": Row(STAFF, _dead_letter),
    "feed_dead_raw": Row(STAFF, _dead_letter),
    "feed_dead_replay": Row(STAFF, _dead_letter),
    "feed_dead_replay_all": Row(STAFF, _feed),
    "feed_dead_rest": Row(STAFF, _dead_letter),
    "feed_import": Row(STAFF, _import),
    "feed_import_map": Row(STAFF, _rows_file, url_name="feed_import"),
    "feed_import_cancel": Row(STAFF, _rows_file),
    "feed_import_mapping": Row(STAFF, _rows_file),
    "feed_import_rows": Row(STAFF, _rows_file, fragment=True),
    "feed_import_sheet": Row(STAFF, _rows_file),
    "feed_import_start": Row(STAFF, _rows_file),
    "feed_import_undo": Row(STAFF, _rows_file),
    "feed_live": Row(STAFF, _feed),
    "feed_new": Row(STAFF),
    "feed_pause": Row(STAFF, _feed),
    "feeds": Row(STAFF),
    "first_day": Row(STAFF),
    "first_day_later": Row(STAFF, lambda practice: {"step": "emr"}),
    "first_day_statement": Row(STAFF, lambda practice: {"step": "emr"}),
    "first_day_survey": Row(STAFF),
    "livez": Row(OPEN),
    "logo": Row(OPEN, _logo, fragment=True),
    "logo_choice": Row(STAFF),
    "logo_upload": Row(STAFF),
    "metrics": Row(OPEN),
    "readyz": Row(OPEN),
    "nps:recovery": Row(STAFF),
    "nps:report": Row(STAFF),
    "nps:report_chart": Row(STAFF, lambda practice: {"key": next(iter(findings.CHARTS))}),
    "nps:report_pdf": Row(STAFF),
    "nps:responses": Row(STAFF),
    "nps:review_removal": Row(STAFF, _review_site),
    "nps:reviews": Row(STAFF),
    "nps:reviews_policy": Row(STAFF),
    "inbox": Row(STAFF, query="?view=open"),
    "inbox_closure": Row(STAFF, _work_item),
    "inbox_closure_undo": Row(STAFF, _work_item),
    "inbox_contact": Row(STAFF, _work_item),
    "inbox_empty": Row(STAFF, url_name="inbox", query="?view=done"),
    "inbox_item": Row(STAFF, _work_item),
    "inbox_list": Row(STAFF, fragment=True),
    "inbox_ownership": Row(STAFF, _work_item),
    "inbox_resolution": Row(STAFF, _work_item),
    "inbox_resolution_undo": Row(STAFF, _work_item),
    "patient": Row(STAFF, _person),
    "patient_amendment": Row(STAFF, _amendment),
    "patient_amendments": Row(STAFF, _person),
    "patient_consents": Row(STAFF, _person),
    "patient_copy": Row(STAFF, lambda practice: _person(practice) and {**(_person(practice) or {}), "form": "json"}),
    "patient_disclosures": Row(STAFF, _person),
    "patient_privacy": Row(STAFF, _person),
    "patient_restriction": Row(STAFF, _person),
    "patient_restriction_undo": Row(STAFF, _person),
    "patient_episodes": Row(STAFF, _person),
    "patient_portal_end": Row(STAFF, _person),
    "patient_portal_link": Row(STAFF, _person),
    "patient_portal_link_undo": Row(STAFF, _portal_message),
    "patients": Row(STAFF, query="?view=everyone"),
    "patients_none": Row(STAFF, url_name="patients", query="?q=zzzz"),
    "portal_access": Row(PORTAL, _access_token, url_name="portal_link"),
    "portal_check": Row(PATIENT_AWAY),
    "portal_device_end": Row(PATIENT, _device),
    "portal_door": Row(PORTAL),
    "portal_help": Row(PATIENT),
    "portal_home": Row(PATIENT),
    "portal_my_copy": Row(PATIENT, lambda practice: {"form": "json"}),
    "portal_my_data": Row(PATIENT),
    "portal_new_link": Row(PORTAL),
    "portal_new_link_sent": Row(PORTAL, url_name="portal_new_link", query="?sent=1"),
    "portal_new_link_why": Row(PORTAL, url_name="portal_new_link", query="?why=idle"),
    "portal_privacy": Row(PORTAL),
    "portal_sign_out": Row(PATIENT),
    "portal_survey": Row(PATIENT),
    "keyboard": Row(STAFF),
    "palette": Row(STAFF),
    "palette_found": Row(STAFF, url_name="palette", query="?q=ab"),
    "practices": Row(SIGNED_IN),
    "console": Row(OPERATOR),
    "console_practice": Row(OPERATOR, _this_practice),
    "console_resumption": Row(OPERATOR, _this_practice),
    "console_service": Row(OPERATOR),
    "console_suspension": Row(OPERATOR, _this_practice),
    "console_usage": Row(OPERATOR),
    "pulse": Row(STAFF),
    "recovery_case": Row(STAFF, _recovery_case, redirects=True),
    "sample_data": Row(STAFF),
    "sample_load": Row(STAFF),
    "sample_removal": Row(STAFF),
    "settings": Row(STAFF),
    "sign_up": Row(OPEN),
    "sign_up_confirm": Row(OPEN, _sign_up),
    "sign_up_sent": Row(OPEN),
    "settings_branding": Row(STAFF),
    "settings_practice": Row(STAFF),
    "settings_retention": Row(STAFF),
    "settings_sending": Row(STAFF),
    "signin": Row(OPEN),
    "signin_factor": Row(OWES_FACTOR),
    "signin_factor_passkey": Row(OWES_FACTOR, redirects=True),
    "signin_factor_passkey_options": Row(OWES_FACTOR),
    "signin_verify": Row(OWES_CODE),
    "signin_check": Row(SIGNED_IN),
    "signin_check_passkey": Row(SIGNED_IN, redirects=True),  # takes a passkey; read by hand, it leads to the question
    "signin_check_passkey_options": Row(SIGNED_IN),
    "signin_passkey": Row(OPEN, redirects=True),
    "signin_passkey_options": Row(OPEN),
    "signin_verify_passkey": Row(OWES_CODE, redirects=True),
    "signin_verify_passkey_options": Row(OWES_CODE),
    "signin_recover": Row(OWES_CODE),
    "signin_recover_asked": Row(OWES_CODE, sign_in_examples.owner_waits, url_name="signin_recover"),
    "signin_recover_link": Row(OPEN, sign_in_examples.recovery_token),
    "signin_recover_request": Row(OWES_CODE),
    "signin_reset": Row(OPEN),
    "signin_reset_link": Row(OPEN, sign_in_examples.reset_token),
    "signin_reset_sent": Row(OPEN, url_name="signin_reset", query="?sent"),
    "factor_recovery": Row(STAFF, sign_in_examples.colleague_who_lost_it),
    "platform_recovery": Row(OPERATOR, sign_in_examples.owner_who_lost_it),
    "member_sessions_end": Row(STAFF, _colleague),
    "mine": Row(STAFF),
    "mine_app": Row(STAFF, sign_in_examples.new_app),
    "mine_app_name": Row(STAFF),
    "mine_app_removal": Row(STAFF),
    "mine_codes": Row(STAFF),
    "mine_passkey": Row(STAFF),
    "mine_passkey_options": Row(STAFF),
    "mine_passkey_name": Row(STAFF, lambda practice: {"passkey_id": 0}),  # answers a POST alone
    "mine_passkey_removal": Row(STAFF, lambda practice: {"passkey_id": 0}),  # answers a POST alone
    "mine_password": Row(STAFF),
    "mine_session_end": Row(STAFF),
    "mine_sign_in": Row(STAFF),
    "signin_security": Row(STAFF),
    "signout": Row(SIGNED_IN),
    "start": Row(OPEN, redirects=True),
    "support_access": Row(STAFF),
    "support_end": Row(STAFF, _support_grant),
    "today": Row(STAFF),
    "survey_sample": Row(PORTAL),
    "survey_sample_thanks": Row(PORTAL, url_name="survey_sample", query="?sent=1"),
    "survey": Row(PORTAL, _survey_token(answered=False), url_name="portal_link"),
    "survey_comment": Row(PORTAL, _survey_token(answered=True), redirects=True),  # read by hand, it leads to the thanks
    "survey_contact": Row(PORTAL, _survey_token(answered=True), redirects=True),  # read by hand, it leads to the thanks
    "survey_drivers": Row(PORTAL, _survey_token(answered=True), redirects=True),  # read by hand, it leads to the thanks
    "survey_stop": Row(PORTAL, _survey_token(answered=False)),
    "survey_thanks": Row(PORTAL, _survey_token(answered=True), url_name="portal_link", query="?sent=1"),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One address to visit."""

    name: str
    side: str
    path: str
    redirects: bool = False
    fragment: bool = False


def names() -> set[str]:
    """All URL names that the resolver knows but the API's, whose answers nobody looks at (tests/api walks them all).

    An address without a name is given as its pattern.
    """
    return {name for name in _names(get_resolver().url_patterns, "", "") if not name.startswith("api:")}


def _names(patterns: list[URLPattern | URLResolver], prefix: str, space: str) -> Iterator[str]:
    for pattern in patterns:
        at = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _names(pattern.url_patterns, at, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        else:
            yield space + pattern.name if pattern.name else at


def visits(practice: Practice) -> Iterator[Visit]:
    """The addresses of `practice` for which there is something to show, in order of their names."""
    for name in sorted(ROWS):
        row = ROWS[name]
        with use_practice(practice.pk):
            arguments = row.arguments(practice)
        if arguments is None:
            continue
        query = arguments.pop("query", row.query)
        if row.side == STAFF:
            arguments = {"practice_slug": practice.slug, **arguments}
        if row.side == PORTAL:
            arguments = {"practice_public_id": practice.public_id, **arguments}
        yield Visit(
            name, row.side, reverse(row.url_name or name, kwargs=arguments) + query, row.redirects, row.fragment
        )


def nothing_to_show(practice: Practice) -> list[str]:
    """The rows of which `practice` has no example, so that no list of pages leaves one out in silence."""
    with use_practice(practice.pk):
        return [name for name in sorted(ROWS) if ROWS[name].arguments(practice) is None]


def covered() -> set[str]:
    """The URL names that have a row."""
    return {row.url_name or name for name, row in ROWS.items()}


def cookies(side: str, owner: User, address: str) -> list[dict[str, str]]:
    """What a browser needs at `address` to see the pages of `side` as `owner`, or as a new colleague of his."""
    if side in {STAFF, SIGNED_IN}:
        return [browser.signed_in(owner, address)]
    if side == OPERATOR:
        operator, _created = User.objects.update_or_create(
            email="operator@example.com", defaults={"name": "Sam Operator", "is_platform_operator": True}
        )
        return [browser.signed_in(operator, address)]
    if side in {PATIENT, PATIENT_AWAY}:
        return [_patients_cookie(practices_of(owner)[0], address, away=side == PATIENT_AWAY)]
    if side == OWES_CODE:
        if totp.confirmed_device(owner) is None:
            totp.new_device(owner, confirmed=True)
        return [browser.half_signed_in(owner, address)]
    if side == OWES_FACTOR:
        newcomer, _created = User.objects.get_or_create(email="newcomer@example.com", defaults={"name": "Noa Newcomer"})
        if totp.unconfirmed_device(newcomer) is None:
            totp.new_device(newcomer)
        return [browser.half_signed_in(newcomer, address)]
    return []


def _patients_cookie(practice: Practice, address: str, *, away: bool) -> dict[str, str]:
    """The cookie of a patient on his own phone, made by the function that the pages use; `away`: he was idle."""
    with use_practice(practice.pk):
        person = _patient_with_most_to_see()
        if person is None:
            return {"name": sessions.COOKIE, "value": "none", "url": address}
        now = clock.now() - (2 * sessions.IDLE if away else timedelta(0))
        _session, token = sessions.start(person, own_device=True, device="Safari, iPhone", now=now)
    return {"name": sessions.COOKIE, "value": sessions.cookie_of(practice, token), "url": f"{address}/portal/"}
