"""The pages of a practice's settings: saved beside the field, refused beside the field, told where two people edit."""

import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts import brand, retention
from accounts.models import Clinic, Practice, SettingsChange
from messaging import forgetting
from messaging.compose import library, rendering
from messaging.models import OutboxBody, OutboxMessage
from messaging.outbox import queue
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.accounts.factor_rows import stale
from tests.factories.accounts import ClinicFactory, PracticeFactory, staff_client
from tests.factories.patients import PatientFactory
from tests.messaging.conftest import consenting

pytestmark = pytest.mark.django_db
PROFILE = {
    "name": "Harbor", "phone": "(415) 555-0100", "time_zone": "Eastern", "languages": ["en", "es"],
    "street": "12 Quay Street", "street_2": "", "city": "Oakland", "state": "ca", "postal_code": "94607",
    "idle_minutes": "15",
}  # fmt: skip
SENDING = {
    "texts_open": "08:00",
    "texts_close": "20:00",
    "emails_open": "",
    "emails_close": "",
    "cap_day": 1,
    "cap_week": 3,
}
PAGES = {
    "practice": PROFILE, "branding": {"brand_colour": "#195949"}, "sending": SENDING,
    "retention": {"keep_raw_months": 13, "keep_bodies_months": 13},
}  # fmt: skip


@pytest.fixture
def harbor():
    return PracticeFactory(slug="harbor", name="Harbor")


def stored(practice):
    return Practice.objects.get(pk=practice.pk)


def audited(practice):
    with use_practice(practice.pk):
        return list(AuditEvent.objects.filter(action__regex="^(practice|clinic)").values_list("action", "facts"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_saves_nothing_where_nothing_was_changed(harbor, page):
    answer = staff_client(harbor).post(f"/harbor/settings/{page}/", {**PAGES[page], "version": 1})

    assert answer.status_code == 302, answer.context["form"].errors
    assert (stored(harbor).version, audited(harbor)) == (1, [])


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["therapist", "front_desk", "read_only"])
def test_others_may_not(harbor, page, role):
    client = staff_client(harbor, role)
    assert {
        client.get(f"/harbor/settings/{page}/").status_code,
        client.post(f"/harbor/settings/{page}/").status_code,
    } == {403}


def test_retention_is_the_owners(harbor):
    codes = [staff_client(harbor, role).get("/harbor/settings/retention/").status_code for role in ("owner", "manager")]
    assert codes == [200, 403]


def test_what_was_saved_is_told_beside_the_field_and_audited(harbor):
    client = staff_client(harbor)

    answer = client.post("/harbor/settings/practice/", {**PROFILE, "phone": "415 555 0199", "version": 1})

    assert answer.url == "/harbor/settings/practice/?saved=phone"
    page = client.get(answer.url)
    assert [field.name for field in page.context["form"] if field.is_saved] == ["phone"]
    assert page.content.count(b"Saved") == 1
    changed = {"phone": ["+14155550100", "+14155550199"]}
    assert audited(harbor) == [("practice.changed", {"changed": changed})]
    assert stored(harbor).phone == "+14155550199"


def test_what_is_refused_keeps_everything_that_was_typed(harbor):
    typed = {**PROFILE, "name": "Haven", "time_zone": "Los Angelos", "state": "California", "version": 1}
    answer = staff_client(harbor).post("/harbor/settings/practice/", typed)

    form = answer.context["form"]
    assert (answer.status_code, set(form.errors)) == (422, {"state"})
    answer = staff_client(harbor).post(
        "/harbor/settings/practice/", {**PROFILE, "name": "Haven", "time_zone": "Los Angelos", "version": 1}
    )
    form = answer.context["form"]
    assert set(form.errors) == {"time_zone"}
    assert "Did you mean Pacific time (Los Angeles)?" in answer.content.decode()
    assert form["name"].value() == "Haven"
    assert stored(harbor).name == "Harbor"


def test_two_people_who_edit_the_same_field_choose(harbor):
    first, second = staff_client(harbor), staff_client(harbor)
    first.post("/harbor/settings/practice/", {**PROFILE, "name": "Haven", "phone": "415 555 0111", "version": 1})

    told = second.post("/harbor/settings/practice/", {**PROFILE, "name": "Bay", "languages": ["en"], "version": 1})

    assert told.status_code == 409
    [conflict] = told.context["conflicts"]
    assert (conflict["label"], conflict["mine"], conflict["theirs"]) == ("Name", "Bay", "Haven")
    assert (stored(harbor).name, stored(harbor).version) == ("Haven", 2)
    again = {name: value for name, value in told.context["form"].data.lists() if name != "csrfmiddlewaretoken"}

    second.post("/harbor/settings/practice/", {**again, "theirs": "name "})
    assert (stored(harbor).name, stored(harbor).languages, stored(harbor).phone) == ("Haven", ["en"], "+14155550111")

    second.post("/harbor/settings/practice/", again)
    assert (stored(harbor).name, stored(harbor).phone) == ("Bay", "+14155550111")


def test_a_colour_that_is_too_light_is_darkened_and_the_page_says_so(harbor):
    client = staff_client(harbor)
    answer = client.post("/harbor/settings/branding/", {"brand_colour": "#59ae95", "version": 1})

    page = client.get(answer.url).content.decode()
    kept = stored(harbor).brand_colour
    assert kept != "#59ae95"
    assert f"White could not be read on <b>#59ae95</b>, so it was made darker: <b>{kept}</b>" in page
    assert "could not be read" not in client.get("/harbor/settings/branding/").content.decode()


def a_logo(size=(400, 100), kind="PNG"):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return SimpleUploadedFile("logo.bin", out.getvalue())


def test_a_logo_is_served_to_everybody_for_ever_and_without_a_cookie(harbor):
    staff_client(harbor).post("/harbor/settings/branding/logo/", {"logo-file": a_logo(kind="JPEG")})

    answer = Client().get(f"/media/logo/{harbor.public_id}/{stored(harbor).logo}.png")

    assert answer.status_code == 200
    headers = {name: answer[name] for name in ("Content-Type", "Cache-Control", "X-Content-Type-Options")}
    assert headers == {
        "Content-Type": "image/png", "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }  # fmt: skip
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")
    with Image.open(io.BytesIO(answer.content)) as found:
        assert (found.format, found.size) == ("PNG", (400, 100))


def test_a_suspended_practices_logo_is_gone_and_anothers_is_not_found_here(harbor):
    other = PracticeFactory(slug="other")
    staff_client(harbor).post("/harbor/settings/branding/logo/", {"logo-file": a_logo()})
    digest = stored(harbor).logo

    assert Client().get(f"/media/logo/{other.public_id}/{digest}.png").status_code == 404
    Practice.objects.filter(pk=harbor.pk).update(suspended_at=clock.now())
    assert Client().get(f"/media/logo/{harbor.public_id}/{digest}.png").status_code == 404


def test_a_removed_logo_comes_back_by_undo(harbor):
    client = staff_client(harbor)
    client.post("/harbor/settings/branding/logo/", {"logo-file": a_logo()})
    digest = stored(harbor).logo

    client.post("/harbor/settings/branding/logo/choice/")
    assert stored(harbor).logo == ""
    client.post(f"/harbor/settings/branding/logo/choice/?digest={digest}")
    assert stored(harbor).logo == digest
    assert client.post(f"/harbor/settings/branding/logo/choice/?digest={'0' * 64}").status_code == 404


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (SimpleUploadedFile("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "This is an SVG"),
        (SimpleUploadedFile("logo.png", b"GIF89a"), "no picture that we can read"),
        (SimpleUploadedFile("logo.png", b""), "The file is empty"),
        (None, "Choose a picture first"),
    ],
)
def test_what_is_no_logo_is_told_beside_the_field(harbor, file, told):
    answer = staff_client(harbor).post("/harbor/settings/branding/logo/", {"logo-file": file} if file else {})

    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert stored(harbor).logo == ""


HOURS = {f"{day}_0_{end}": time for day in ("Mon", "Tue") for end, time in (("opens", "09:00"), ("closes", "17:00"))}
CLINIC = {"name": "Eastside", "time_zone": "Eastern", **HOURS}


def test_a_clinic_is_added_changed_and_closed(harbor):
    client = staff_client(harbor)
    answer = client.post("/harbor/settings/clinics/new/", {**CLINIC, "version": 1, "closed_day": "2026-12-24"})
    assert answer.status_code == 302, answer.context["form"].errors
    with use_practice(harbor.pk):
        east = Clinic.objects.get()
        ClinicFactory(name="Westside")
    nine_to_five = [["09:00", "17:00"]]
    assert (east.hours, east.holidays) == ({"Mon": nine_to_five, "Tue": nine_to_five}, ["2026-12-24"])

    path = f"/harbor/settings/clinics/{east.pk}/"
    changed = {**CLINIC, "Mon_1_opens": "18:00", "Mon_1_closes": "00:00", "closed_days": ["2026-11-26"], "version": 1}
    assert client.post(path, changed).url == f"{path}?saved=holidays%2Chours"
    client.post(f"{path}closure/")
    with use_practice(harbor.pk):
        east.refresh_from_db()
        versions = list(SettingsChange.objects.filter(subject=east.pk).values_list("version", flat=True))
    assert (east.hours["Mon"], east.holidays) == ([*nine_to_five, ["18:00", "24:00"]], ["2026-11-26"])
    assert (east.closed_at is not None, sorted(versions)) == (True, [1, 2, 3])
    assert [action for action, _facts in audited(harbor)] == ["clinic.created", "clinic.changed", "clinic.closed"]

    client.post(f"{path}reopening/")
    with use_practice(harbor.pk):
        assert Clinic.objects.get(pk=east.pk).closed_at is None


@pytest.fixture
def eastside(harbor):
    with use_practice(harbor.pk):
        return ClinicFactory(name="Eastside", hours={"Mon": [["09:00", "12:00"], ["13:00", "17:00"]]})


def values(answer):
    form = answer.context["form"]
    return {
        day.key: [(str(opens.value() or ""), str(closes.value() or "")) for opens, closes in day.pairs]
        for day in form.days()
        if any(opens.value() for opens, _closes in day.pairs) or len(day.pairs) > 1
    }


def test_buttons_add_a_row_copy_monday_or_a_day_and_save_nothing(harbor, eastside):
    client, path = staff_client(harbor), f"/harbor/settings/clinics/{eastside.pk}/"
    monday = [("09:00", "12:00"), ("13:00", "17:00")]
    sent = {**CLINIC, "Mon_0_closes": "12:00", "Mon_1_opens": "13:00", "Mon_1_closes": "17:00", "name": "Half typed"}

    added = client.post(path, {**sent, "add": "Tue"})
    copied = client.post(path, {**sent, "copy": "Mon"})
    day = client.post(path, {**sent, "add_day": "1", "closed_day": "2027-07-02"})

    assert [answer.status_code for answer in (added, copied, day)] == [200, 200, 200]
    assert values(added) == {"Mon": monday, "Tue": [("09:00", "17:00"), ("", "")]}
    assert values(copied) == dict.fromkeys(("Mon", "Tue", "Wed", "Thu", "Fri"), monday)
    assert "2027-07-02" in day.context["form"]["closed_days"].value()
    assert {answer.context["form"]["name"].value() for answer in (added, copied, day)} == {"Half typed"}
    assert b"There is a problem" not in added.content
    with use_practice(harbor.pk):
        assert Clinic.objects.get().version == 1


@pytest.mark.parametrize(
    ("typed", "field", "told"),
    [
        ({"Mon_0_closes": "08:00"}, "Mon_0_opens", "ends before it begins"),
        ({"Tue_0_closes": ""}, "Tue_0_opens", "give a beginning and an end"),
        ({"Tue_1_opens": "16:00", "Tue_1_closes": "18:00"}, "Tue_0_opens", "overlap"),
        (dict.fromkeys(HOURS, ""), "Mon_0_opens", "one day at least"),
        ({"name": "Harbor Pelvic Health"}, "message_name", "“Pelvic” in the name may tell"),
        ({"booking_url": "http://book.example"}, "booking_url", "begins with https://"),
        ({"closed_day": "soon"}, "closed_day", "valid date"),
    ],
)
def test_a_clinic_says_what_is_wrong_beside_the_field(harbor, eastside, typed, field, told):
    path = f"/harbor/settings/clinics/{eastside.pk}/"
    answer = staff_client(harbor).post(path, {**CLINIC, "version": 1, **typed})

    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {field})
    assert told in answer.content.decode()


def test_a_telling_name_may_stand_in_messages_where_somebody_says_so(harbor, eastside):
    path, name = f"/harbor/settings/clinics/{eastside.pk}/", "Harbor Pelvic Health"
    staff_client(harbor).post(path, {**CLINIC, "version": 1, "name": name, "message_name": "Harbor PT"})

    with use_practice(harbor.pk):
        assert Clinic.objects.get().display_name == "Harbor PT"


def test_placeholders_stand_first_and_closed_clinics_last(harbor):
    with use_practice(harbor.pk):
        for name, options in (("B", {}), ("LOC-9", {"named": False}), ("A", {"closed_at": clock.now()}), ("a", {})):
            ClinicFactory(name=name, **options)

    rows = staff_client(harbor).get("/harbor/settings/clinics/").context["rows"]

    assert [row["clinic"].name for row in rows] == ["LOC-9", "a", "B", "A"]


def test_another_practices_clinic_is_not_found(harbor):
    other = PracticeFactory(slug="other")
    with use_practice(other.pk):
        clinic = ClinicFactory()
    client = staff_client(harbor)
    assert {
        client.get(f"/harbor/settings/clinics/{clinic.pk}/").status_code,
        client.post(f"/harbor/settings/clinics/{clinic.pk}/closure/").status_code,
    } == {404}


RETENTION = "/harbor/settings/retention/"


def an_old_body(harbor, months):
    """A message to a patient, sent so many months ago, whose words are still there."""
    at = retention.cutoff(clock.now(), months) - timedelta(days=1)
    with use_practice(harbor.pk):
        row = OutboxMessage.objects.create(
            patient=PatientFactory(), channel="email", klass="care", purpose="treatment", topic="visits",
            state="sent", dedupe_key=f"{months}", not_before=at, expires_at=at, created_at=at,
        )  # fmt: skip
        OutboxBody.objects.create(pk=row.pk, at=at, content=b"sealed")


def test_a_shorter_time_tells_what_it_deletes_and_by_when_and_wants_the_name(harbor):
    for months in (2, 4, 7):
        an_old_body(harbor, months)
    client = staff_client(harbor)
    shorter = {"keep_raw_months": 13, "keep_bodies_months": 3, "version": 1}

    for name in ("", "harbor", "Another"):
        answer = client.post(RETENTION, {**shorter, "name": name})
        form = answer.context["form"]
        assert (answer.status_code, set(form.errors)) == (422, {"name"})
        [(label, goes)] = form.going()
        assert (label, goes.count) == ("What a message to a patient said", 2)
        assert timedelta(minutes=59) < goes.by - clock.now() <= timedelta(hours=1)
        assert "2 are older and will be deleted by" in answer.content.decode()
    assert stored(harbor).keep_bodies_months == 13

    assert client.post(RETENTION, {**shorter, "name": " Harbor "}).url == f"{RETENTION}?saved=keep_bodies_months"
    assert stored(harbor).keep_bodies_months == 3
    assert client.post(RETENTION, {**shorter, "keep_bodies_months": 6, "version": 2}).status_code == 302  # longer


def test_retention_is_shown_and_shortened_after_a_recent_factor_only(harbor):
    client = stale(staff_client(harbor))
    shorter = {"keep_raw_months": 3, "keep_bodies_months": 13, "version": 1, "name": "Harbor"}
    assert client.get(RETENTION).url.startswith("/signin/check/?next=")
    assert client.post(RETENTION, shorter).url.startswith("/signin/check/")
    assert stored(harbor).keep_raw_months == 13


def test_what_a_time_deletes_is_what_the_hourly_task_deletes(harbor):
    for months in (2, 4, 7, 14):
        an_old_body(harbor, months)
    with use_practice(harbor.pk):
        told = retention.goes("keep_bodies_months", 3, now=clock.now()).count
        Practice.objects.filter(pk=harbor.pk).update(keep_bodies_months=3)
        assert told == forgetting.forget_some(now=clock.now()) == 3


def test_a_mail_shows_the_logo_from_our_own_site_and_else_the_name(harbor):
    client = staff_client(harbor)
    names = {}
    for step in ("without", "with"):
        if step == "with":
            client.post("/harbor/settings/branding/logo/", {"logo-file": a_logo()})
        practice = stored(harbor)
        with use_practice(practice.pk):
            row = queue.enqueue(
                practice, patient=consenting(), channel="email", purpose="treatment", topic="surveys", klass="care",
                template_version=library.version(practice, library.SURVEY), dedupe_key=step,
                context={"links.survey": "https://example.com/s"},
            )  # fmt: skip
            names[step] = rendering.preview(practice, row).html

    shown = f'<img src="{settings.SITE_URL}/media/logo/{harbor.public_id}/{stored(harbor).logo}.png" alt="Harbor"'
    assert (shown in names["with"], "<img" in names["without"]) == (True, False)


def test_a_report_carries_the_logo_inside(harbor):
    assert brand.as_data(harbor) == ""
    staff_client(harbor).post("/harbor/settings/branding/logo/", {"logo-file": a_logo()})
    with use_practice(harbor.pk):
        assert brand.as_data(stored(harbor)).startswith("data:image/png;base64,")
