"""A form of staff that creates something does so once (security.md section 3), however often it comes."""

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.urls import resolve

from accounts.models import Clinic, SentForm, Therapist
from patients import consent
from prm import clock
from prm.dev import pages
from prm.tenancy import use_practice
from prm.tenancy.models import PracticeExport
from tests.accounts.test_settings_pages import CLINIC
from tests.factories.accounts import PracticeFactory, staff_client
from tests.factories.patients import EpisodeFactory, PatientFactory
from tests.integrations.messages import FIRST, Emr
from tests.security import catalogue, urls
from tests.ui import world

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = {address.name: address for address in urls.addresses() if address.is_staff}
ONCE = {name for name, address in STAFF.items() if getattr(address.view, "once", False)}
# What a repeat finds done: it sets a state or a value, ends, removes, takes back, or meets a unique key.
SAFE_TWICE = {
    "absence_end", "agreement", "agreement_signature", "api_key_new", "api_key_revocation", "audit_check",
    "campaign_activation", "campaign_archive", "campaign_discarding", "campaign_edit", "campaign_pause",
    "campaign_publication", "campaign_resumption", "channel_settings", "clinic", "clinic_closure",
    "clinic_reopening", "consent_policy", "data_closing", "departure", "departure_undo", "factor_recovery",
    "feed_dead_raw", "feed_dead_replay", "feed_dead_replay_all", "feed_dead_rest", "feed_import_cancel",
    "feed_import_mapping", "feed_import_sheet", "feed_import_start", "feed_import_undo", "feed_live", "feed_pause",
    "first_day_later", "first_day_statement", "inbox_closure", "inbox_closure_undo", "inbox_ownership", "kept",
    "inbox_resolution", "inbox_resolution_undo", "invitation_withdrawal", "logo_choice", "logo_upload",
    "member_access", "member_sessions_end", "mine", "mine_app", "mine_app_name", "mine_app_removal",
    "mine_codes", "mine_passkey", "mine_passkey_name", "mine_passkey_options", "mine_passkey_removal",
    "mine_password", "mine_session_end", "nps:review_removal", "nps:reviews_policy", "patient_amendment",
    "patient_portal_end", "patient_portal_link_undo", "patient_restriction", "patient_restriction_undo",
    "sample_load", "sample_removal", "settings_branding", "settings_practice", "settings_retention",
    "settings_sending", "signin_security", "support_end", "therapist", "therapist_join",
    "therapist_join_undo", "therapists_see",
}  # fmt: skip
TOKEN = "a" * 22


def takes_posts(view):
    """Whether the decorators of a view let a POST through."""
    while view is not None:
        for cell in view.__closure__ or ():
            held = cell.cell_contents
            if isinstance(held, list | tuple) and held and set(held) <= {"GET", "HEAD", "POST"}:
                return "POST" in held
        view = getattr(view, "__wrapped__", None)
    return True


def test_every_form_of_staff_creates_once_or_is_known_to_be_safe_twice():
    posts = {name for name, address in STAFF.items() if takes_posts(address.view)}
    assert posts - ONCE == SAFE_TWICE


class Forms(HTMLParser):
    """The forms of a page: (method, action, whether the token is in it)."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.open = [given.get("method", "get"), given.get("action") or "", False]
            self.found.append(self.open)
        elif tag == "input" and self.open and given.get("name") == "once":
            self.open[2] = len(given["value"]) >= 22

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = None


def test_every_form_that_creates_carries_a_token():
    practice, _owner = world.build()
    client = staff_client(practice)
    seen, without = set(), set()
    for visit in pages.visits(practice):
        if visit.side != pages.STAFF:
            continue
        answer = client.get(visit.path)
        if not answer.get("Content-Type", "").startswith("text/html"):
            continue
        for method, action, has_token in Forms(answer.content.decode()).found:
            to = urlsplit(urljoin(visit.path, action)).path
            if method == "post" and to.startswith(f"/{practice.slug}/"):
                name = resolve(to).view_name
                if name in ONCE:
                    seen.add(name)
                    if not has_token:
                        without.add((visit.name, name))
    assert without == set()
    assert ONCE - seen <= {"channel_test", "data_export", "first_day_survey"}  # not shown there


def counts():
    """Rows of every table, sessions and the reads in the audit aside."""
    found = {}
    with connections["platform"].cursor() as cursor:
        for table in sorted(catalogue.tables() - catalogue.partitions() - {"accounts_session"}):
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            found[table] = cursor.fetchone()[0]
    return found


def patient_with_everything():
    """A patient to whom a link may be sent."""
    person = PatientFactory()
    EpisodeFactory(patient=person)
    consent.state(person, "email", "care", granted=True, how="patient", now=clock.now())
    return person


def example(name, practice):
    """Where a form is sent, and what somebody typed into it."""
    with use_practice(practice.pk):
        PracticeExport.objects.update(finished_at=clock.now())
        ids = {"patient_id": patient_with_everything().pk} if "patient_id" in STAFF[name].arguments else None
        eastside = Clinic.objects.get(name="Eastside")
    emr = Emr(number=77)
    typed = {
        "agreement_new": {"name": "Fax Co", "status": "none", "acknowledged": "on"},
        "clinic_new": {**CLINIC, "version": 1, "name": "Northside"},
        "feed": {"file": SimpleUploadedFile("visits.hl7", b"\r".join([emr.register(FIRST)]))},
        "feed_new": {"emr": "hl7v2:epic", "name": "Second", "time_zone": "America/Denver", "episode_key": "PID-18"},
        "inbox_contact": {"medium": "phone", "result": "reached", "note": "Called."},
        "member_absence": {"starts_on": "2031-01-04", "ends_on": "2031-01-08"},
        "my_absence": {"starts_on": "2031-01-04", "ends_on": "2031-01-08"},
        "nps:reviews": {"clinic": eastside.pk, "kind": "google", "url": "https://g.page/r/abcdefg/review"},
        "patient_amendments": {"request": "My birth date is wrong"},
        "patient_disclosures": {"on": "2026-01-05", "recipient": "Court", "what": "Notes", "purpose": "Subpoena"},
        "patient_portal_link": {"channel": "email"},
        "people_invite": {"email": "new@example.com", "role": "front_desk"},
        "support_access": {"reason": "A feed is silent", "hours": "4", "sees_as": "manager"},
        "therapist_new": {"first_name": "Priya", "last_name": "Nair", "credential": "PT"},
    }.get(name, {})
    if ids is None:
        found = {visit.name: visit.path for visit in pages.visits(practice)}
        return found.get(name) or urls.path(STAFF[name], practice), typed
    return urls.path(STAFF[name], practice, ids=ids), typed


def rewound(typed):
    """The same form again."""
    for one in typed.values():
        if isinstance(one, SimpleUploadedFile):
            one.seek(0)
    return {**typed, "once": TOKEN}


def test_the_same_form_twice_creates_once():
    practice, _owner = world.build()
    client = staff_client(practice)
    wrong = {}
    for name in sorted(ONCE):
        where, typed = example(name, practice)
        if name == "campaign_new":  # the rule that a new one starts from, under another name
            slots = {one.name: one.value() for one in client.get(where).context["form"] if one.value()}
            typed = {**slots, "name": "Said once", "gap_days": ""}
        before = counts()
        first, after = client.post(where, rewound(typed)), counts()
        second = client.post(where, rewound(typed))
        answers = (first.status_code, second.status_code, second.get("Location") == first.get("Location"))
        created = {t for t, n in after.items() if n != before[t]} - {"audit_auditevent", "accounts_sentform"}
        again = {t: n for t, n in counts().items() if n != after[t]}
        if answers != (302, 302, True) or not created or again:
            wrong[name] = (
                answers,
                created,
                again,
                getattr(first.context and first.context.get("form"), "errors", None),
            )
    assert wrong == {}


def test_without_a_token_or_with_other_words_it_is_another_form():
    practice = PracticeFactory()
    client = staff_client(practice)
    where = f"/{practice.slug}/settings/therapists/new/"
    for sent in ({}, {}, {"once": TOKEN}, {"once": TOKEN, "credential": "OT"}, {"once": "b" * 22}):
        client.post(where, {"first_name": "Priya", "last_name": "Nair", "credential": "PT", **sent})
    with use_practice(practice.pk):
        assert Therapist.objects.count() == 5


def test_a_form_that_was_refused_can_be_mended_and_sent_again():
    practice = PracticeFactory()
    client = staff_client(practice)
    where = f"/{practice.slug}/settings/therapists/new/"
    whole = {"first_name": "Priya", "last_name": "Nair", "credential": "PT", "once": TOKEN}
    assert client.post(where, whole | {"npi": "1"}).status_code == 422
    assert client.post(where, whole).status_code == 302
    with use_practice(practice.pk):
        assert Therapist.objects.count() == 1


def test_a_colleague_with_the_same_token_creates_his_own():
    practice = PracticeFactory()
    for client in (staff_client(practice), staff_client(practice)):
        client.post(
            f"/{practice.slug}/settings/therapists/new/",
            {"first_name": "Priya", "last_name": "Nair", "credential": "PT", "once": TOKEN},
        )
    with use_practice(practice.pk):
        assert Therapist.objects.count() == 2


def test_ten_at_once_create_once():
    practice = PracticeFactory()
    client = staff_client(practice)
    barrier = threading.Barrier(10)

    def post(_number):
        try:
            own = Client()
            own.cookies.load({"sessionid": client.cookies["sessionid"].value})
            barrier.wait(timeout=30)
            typed = {"first_name": "Priya", "last_name": "Nair", "credential": "PT", "once": TOKEN}
            answer = own.post(f"/{practice.slug}/settings/therapists/new/", typed)
            return answer.status_code, answer.get("Location")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        contexts = [contextvars.copy_context() for _ in range(10)]
        answers = set(pool.map(lambda number: contexts[number].run(post, number), range(10)))
    assert answers == {(302, f"/{practice.slug}/settings/therapists/")}
    with use_practice(practice.pk):
        assert (Therapist.objects.count(), SentForm.objects.count()) == (1, 1)


def test_the_marks_of_yesterday_go():
    practice = PracticeFactory()
    client = staff_client(practice)
    with use_practice(practice.pk):
        old = SentForm.objects.create(key="x", leads_to="/", at=clock.now() - SentForm.LASTS * 2)
    client.post(
        f"/{practice.slug}/settings/therapists/new/",
        {"first_name": "Priya", "last_name": "Nair", "credential": "PT", "once": TOKEN},
    )
    with use_practice(practice.pk):
        assert SentForm.objects.exclude(pk=old.pk).count() == 1
        assert not SentForm.objects.filter(pk=old.pk).exists()
