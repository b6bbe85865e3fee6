"""The report's page and PDF: the same numbers in both, the right people, the address that says what it is about."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from io import BytesIO

import pytest
from django.urls import reverse
from pypdf import PdfReader

from nps import recovery
from nps.models import Response
from patients.models import Disclosure
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from prm.ui import metrics, pdf
from tests import statements
from tests.factories.accounts import ClinicFactory, PracticeFactory, TherapistFactory, staff_client
from tests.factories.nps import CaseFactory, InvitationFactory, ResponseFactory
from tests.factories.patients import EpisodeFactory, PatientFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
OCTOBER, SEPTEMBER = datetime(2026, 10, 20, 15, tzinfo=UTC), datetime(2026, 9, 20, 15, tzinfo=UTC)
HARBOR = {"name": "<script>alert('x')</script>"}


@pytest.fixture(autouse=True)
def _now():
    with clock.at(NOW):
        yield


def answers(scores, at=OCTOBER, *, clinic=None, therapist=None, **fields):
    """So many people, one answer each."""
    made = []
    for score in scores:
        place = {key: value for key, value in (("clinic", clinic), ("therapist", therapist)) if value}
        episode = EpisodeFactory(patient=PatientFactory(), **place)
        invitation = InvitationFactory(episode=episode, asked_at=at - timedelta(hours=1), state="answered")
        made.append(ResponseFactory(invitation=invitation, score=score, answered_at=at, **fields))
    return made


@pytest.fixture
def practice(db):
    """40 answers in October in two clinics, 30 in September, a case, two that never answered."""
    made = PracticeFactory(slug="harbor", name="Harbor PT")
    with use_practice(made.pk):
        harbor, eastside = ClinicFactory(**HARBOR), ClinicFactory(name="Eastside")
        priya = TherapistFactory(first_name="Priya", last_name="Nair")
        answers([10] * 20 + [9] * 6 + [8, 7] + [5, 0], clinic=harbor, therapist=priya)
        answers([10] * 8 + [6], clinic=eastside, therapist=priya)
        worst = answers([0], clinic=eastside, therapist=priya, comment_text="Call me at 415-555-0134 <b>now</b>")[0]
        answers([10] * 20 + [3] * 10, SEPTEMBER, clinic=harbor)
        CaseFactory(response=worst, opened_at=OCTOBER, due_at=OCTOBER + timedelta(hours=4))
        for _ in range(2):
            InvitationFactory(asked_at=OCTOBER)
    return made


def url(name="report", *args, practice="harbor", **query):
    """An address of the report."""
    return reverse(f"nps:{name}", args=[practice, *args], query=query)


def numbers(html: str) -> dict[tuple[str, str], set[str]]:
    """What the page prints, by metric and scope; every key must have a definition."""
    found: dict[tuple[str, str], set[str]] = {}
    for attributes, text in re.findall(r'<span class="num"( data-metric="[^>]*)>([^<]*)</span>', html):
        key = re.search(r'data-metric="([^"]+)"', attributes)[1]
        scope = re.search(r'data-scope="([^"]*)"', attributes)
        metrics.get(key)
        found.setdefault((key, scope[1] if scope else ""), set()).add(unescape(text))
    return found


def test_the_page_prints_the_figures_of_a_hand_calculation(practice):
    """October: 34 promoters, 2 passives, 4 detractors of 40: 75; p = 34.75/43, d = 4.75/43."""
    html = staff_client(practice).get(url()).content.decode()
    p, d = 34.75 / 43, 4.75 / 43
    half = 1.959964 * ((p + d - (p - d) ** 2) / 43) ** 0.5
    low, high = (round(100 * (p - d + side * half)) for side in (-1, 1))

    assert numbers(html) == {
        ("nps", ""): {"75"}, ("nps_change", ""): {"42"}, ("nps", "early"): {"75"}, ("nps", "email"): {"75"},
        ("nps_answers", ""): {"40"}, ("nps_promoters", ""): {"34"}, ("nps_passives", ""): {"2"},
        ("nps_detractors", ""): {"4"}, ("response_rate", ""): {"95%"}, ("surveys_delivered", ""): {"42"},
        ("recovery_opened", ""): {"1"}, ("recovery_in_time", ""): {"0%"}, ("recovery_contacted", ""): {"0"},
        ("recovery_contact_due", ""): {"1"}, ("recovery_overdue", ""): {"1"}, ("recovery_resolved", ""): {"0"},
    }  # fmt: skip
    assert f"({low} to {high}, 40 answers)" in html
    assert "±" not in html


def test_the_verdict_and_what_would_not_show(practice):
    """September by hand: p = 20.75/33, d = 10.75/33, m = 10/33, 1.96 sqrt((p + d - m^2)/33) = 0.3169."""
    html = unescape(staff_client(practice).get(url()).content.decode())

    assert "Better than September 2026: 33 (−1 to 62, 30 answers)." in html
    assert re.search(r"With your volume a change under (\d+) points does not show\.", html)[1] == "38"
    assert "it is too early to say" in html


def test_under_ten_answers_there_is_no_score_anywhere(practice):
    with use_practice(practice.pk):
        few = ClinicFactory(name="Few")
        answers([10] * 4 + [0] * 5, clinic=few)
    html = staff_client(practice).get(url(clinic=str(few.pk))).content.decode()

    assert numbers(html)[("nps", "")] == {"9 of 10 answers needed"}
    assert not {"nps_promoters", "nps_detractors"} & {key for key, _ in numbers(html)}
    assert "Too few answers" in html
    assert '<th scope="row">0</th>' not in html  # single scores neither


def test_without_any_answer_the_page_says_so(db):
    practice = PracticeFactory(slug="harbor")
    html = staff_client(practice).get(url()).content.decode()

    assert numbers(html) == {("nps", ""): {"no answers"}, ("nps_answers", ""): {"0"}}
    assert "No survey was delivered in this time." in html
    assert "No answer with words in this time." in html


def test_names_that_are_code_stay_text(practice):
    client = staff_client(practice)
    for name in [url(), url("report_chart", "nps_by_clinic"), url(show="detractor")]:
        html = client.get(name).content.decode()
        assert "<script>alert" not in html
        assert "<b>now" not in html


@pytest.mark.parametrize(("role", "page", "words"), [
    ("owner", 200, True), ("manager", 200, True), ("read_only", 200, False), ("therapist", 403, False),
    ("front_desk", 403, False),
])  # fmt: skip
def test_who_may_read_the_figures_and_who_the_words(practice, role, page, words):
    client = staff_client(practice, role)
    answer = client.get(url())
    pictures = client.get(url("report_chart", "nps_trend"))

    assert (answer.status_code, pictures.status_code) == (page, page)
    assert ("Call me at" in answer.content.decode()) == words
    assert ("Abara" in answer.content.decode()) == words


@pytest.mark.parametrize(("query", "name"), [
    ({"period": "decade"}, "period"), ({"stage": "x"}, "stage"), ({"clinic": "1"}, "clinic"),
    ({"therapist": "'"}, "therapist"), ({"compare": "?"}, "compare"), ({"show": "x"}, "show"),
    ({"period": "custom", "from": "x", "through": "2026-01-01"}, "from"),
])  # fmt: skip
def test_a_bad_value_is_400_and_named(practice, query, name):
    answer = staff_client(practice).get(url(**query))

    assert answer.status_code == 400
    assert f"{name}: “" in unescape(answer.content.decode())


def test_another_practice_s_clinic_is_a_404_like_a_missing_one(practice):
    other = PracticeFactory()
    with use_practice(other.pk):
        theirs, their_therapist = ClinicFactory(), TherapistFactory()
    client = staff_client(practice)
    bodies = {
        (answer.status_code, re.sub(rb"[0-9a-f-]{36}", b"", answer.content))
        for answer in (
            client.get(url(clinic=str(theirs.pk))),
            client.get(url(therapist=str(their_therapist.pk))),
            client.get(url(clinic="01930000-0000-7000-8000-000000000000")),
            client.get(url("report_chart", "no_such_chart")),
        )
    }
    assert len(bodies) == 1
    assert bodies.pop()[0] == 404
    assert client.get(url(practice=other.slug)).status_code == 404


def test_the_filters_of_the_address_reach_every_picture_and_the_pdf(practice):
    html = unescape(staff_client(practice).get(url(period="last_3", stage="early")).content.decode())

    pictures = re.findall(r'hx-get="([^"]+)"', html)
    assert len(pictures) == 4
    assert {picture.partition("?")[2] for picture in pictures} == {"period=last_3&stage=early"}
    assert "/harbor/nps.pdf?period=last_3&stage=early" in html


def test_a_picture_comes_alone_for_htmx_and_as_a_page_without(practice):
    client = staff_client(practice)
    alone = client.get(url("report_chart", "nps_by_clinic"), headers={"HX-Request": "true"}).content.decode()
    page = client.get(url("report_chart", "nps_by_clinic")).content.decode()

    assert alone.count('<svg role="img"') == 2
    assert "<html" not in alone
    assert '<svg role="img"' in page
    assert "<table" in page


def test_comments_narrow_to_a_bucket(practice):
    with use_practice(practice.pk):
        answers([9], comment_text="Kind people")
    client = staff_client(practice)

    assert "Kind people" in client.get(url()).content.decode()
    assert "Kind people" not in client.get(url(show="detractor")).content.decode()


def test_the_report_asks_the_database_five_times_whatever_it_shows(practice):
    """What signing in and the side bar ask is theirs: their tables are left out, save the names for the filters."""
    client = staff_client(practice)
    client.get(url())
    asked = statements.of_get(client, url(period="last_12"), savepoints=False)

    own = re.compile(r"nps_|UNION ALL \(?SELECT false|accounts_therapist")
    assert len([sql for sql in asked if own.search(sql)]) == 5
    assert len(asked) <= 12


def test_a_comment_leads_to_its_case_and_the_figures_of_recovery_to_the_inbox(practice):
    with use_practice(practice.pk):
        row = answers([2], comment_text="Nobody called back")[0]
        case = recovery.open_case(row, now=OCTOBER)
    html = staff_client(practice).get(url()).content.decode()

    assert f'href="/harbor/nps/recovery/{case.pk}/"' in html
    assert 'href="/harbor/inbox/?view=recovery"' in html


def test_reading_words_is_audited_and_reading_figures_is_not(practice):
    for role in ("read_only", "owner"):
        staff_client(practice, role).get(url(show="detractor"))

    with use_practice(practice.pk):
        events = AuditEvent.objects.filter(action="responses.read")
        assert [(event.facts["count"], event.facts["bucket"]) for event in events] == [(1, "detractor")]


def test_other_methods_are_refused(practice):
    assert staff_client(practice).post(url()).status_code == 405


# ----------------------------------------------------------------------------------------------------------------- PDF


@pytest.fixture
def can_print():
    """Skips where the machine lacks Pango; in CI that is a failure."""
    if command := pdf.missing():
        pytest.skip(f"no Pango here: {command}")


def text_of(answer) -> str:
    """The PDF's text with single spaces."""
    reader = PdfReader(BytesIO(answer.content))
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


@pytest.mark.pdf
@pytest.mark.usefixtures("can_print")
def test_page_and_pdf_give_the_same_numbers(practice):
    client = staff_client(practice)
    query = {"period": "last_month", "stage": "early"}
    html, text = unescape(client.get(url(**query)).content.decode()), text_of(client.get(url("report_pdf", **query)))
    printed = numbers(html)
    one = {key: next(iter(values)) for (key, scope), values in printed.items() if not scope}

    expected = [
        f"Net Promoter Score {one['nps']} ",
        f"up {one['nps_change']} ",
        f"{one['nps_answers']} answers: {one['nps_promoters']} promoters, {one['nps_passives']} passives, "
        f"{one['nps_detractors']} detractors.",
        f"{one['response_rate']} of {one['surveys_delivered']} surveys were answered within 14 days.",
        f"{one['recovery_opened']} opened, {one['recovery_in_time']} contacted in time ({one['recovery_contacted']} of "
        f"{one['recovery_contact_due']}), {one['recovery_overdue']} overdue, {one['recovery_resolved']} resolved.",
        re.search(r"\(\d+ to \d+, \d+ answers\)", html)[0],
        re.search(r"With your volume[^<]+show\.", html)[0],
        *(
            " ".join(re.findall(r">([^<]+)</t[hd]>", row))
            for row in re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", html)
        ),
    ]
    assert [sentence for sentence in expected if " ".join(sentence.split()) not in text] == []


@pytest.mark.pdf
@pytest.mark.usefixtures("can_print")
def test_the_pdf_says_what_it_is_about_on_every_page_and_is_tagged(practice):
    answer = staff_client(practice).get(url("report_pdf"))
    reader = PdfReader(BytesIO(answer.content))
    pages = [re.sub(r"\s+", " ", page.extract_text()) for page in reader.pages]
    foot = (
        "Harbor PT. Period: October 2026. Compared with: September 2026. Filters: all clinics. "
        "Data as of Nov 24, 2026, 11:00 am EST. NPS is a registered trademark of Bain & Company, NICE and F. Reichheld."
    )

    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'attachment; filename="nps-harbor-pt-2026-10-01-2026-10-31.pdf"'
    assert [
        number
        for number, page in enumerate(pages, 1)
        if foot not in page or f"Page {number} of {len(pages)}" not in page
    ] == []
    assert (reader.pages[0].mediabox.width, reader.pages[0].mediabox.height) == (612, 792)
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert reader.metadata.title == "Patient feedback, Harbor PT, October 2026"


@pytest.mark.pdf
@pytest.mark.usefixtures("can_print")
@pytest.mark.parametrize(("role", "query", "there"), [
    ("owner", {}, False), ("owner", {"comments": "1"}, True), ("read_only", {"comments": "1"}, False),
])  # fmt: skip
def test_comments_are_printed_only_when_an_owner_asks_and_masked(practice, role, query, there):
    text = text_of(staff_client(practice, role).get(url("report_pdf", **query)))

    assert ("Call me at [phone]" in text) == there
    assert "0134" not in text
    assert "Abara" not in text
    with use_practice(practice.pk):
        told = set(Disclosure.objects.values_list("patient", flat=True))
        quoted = set(Response.objects.exclude(comment=b"").values_list("patient", flat=True))
    assert told == (quoted if there else set())


@pytest.mark.pdf
@pytest.mark.usefixtures("can_print")
def test_each_pdf_is_audited_with_its_filters(practice):
    staff_client(practice).get(url("report_pdf", stage="early", comments="1"))

    with use_practice(practice.pk):
        events = AuditEvent.objects.filter(action="nps_report_exported")
        assert [(event.facts["stage"], event.facts["comments"], event.facts["first"]) for event in events] == [
            ("early", True, "2026-10-01")
        ]


def test_where_pango_is_missing_the_button_says_how_to_get_it(practice, monkeypatch):
    monkeypatch.setattr(pdf, "missing", lambda: "sudo apt-get install libpango-1.0-0")
    client = staff_client(practice)
    page, answer = client.get(url()), client.get(url("report_pdf"))

    assert "sudo apt-get install libpango-1.0-0" in page.content.decode()
    assert "/nps.pdf" not in page.content.decode()
    assert (answer.status_code, "sudo apt-get install" in answer.content.decode()) == (503, True)


@pytest.mark.pdf
@pytest.mark.usefixtures("can_print")
@pytest.mark.parametrize(
    "address", ["file:///etc/hostname", "http://127.0.0.1:1/x", "asset:../settings.py", "asset:/etc/x"]
)
def test_a_pdf_fetches_nothing_but_our_assets(address):
    from prm.ui import pdf_child  # noqa: PLC0415  (needs Pango)

    with pytest.raises(pdf_child.ForbiddenAsset):
        pdf_child.OurAssets(pdf.assets()).fetch(address)


@pytest.mark.pdf
@pytest.mark.usefixtures("can_print")
def test_our_own_assets_are_there():
    from prm.ui import pdf_child  # noqa: PLC0415  (needs Pango)

    ours = pdf_child.OurAssets(pdf.assets())
    names = ("print.css", "figtree.ttf", "newsreader.ttf")
    assert [name for name in names if not ours.fetch(f"asset:{name}").read()] == []


def test_zero_is_printed_as_an_answer_everywhere(practice):
    with use_practice(practice.pk):
        assert Response.objects.filter(score=0).exists()
    html = staff_client(practice).get(url()).content.decode()

    assert '<th scope="row">0</th><td class="n">2</td>' in html
    assert 'data-bucket="detractor">0<span class="sr">' in html
