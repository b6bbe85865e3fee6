"""The pages of an import: what the columns mean, a try of the whole file, apply, progress, undo, rows to fix."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Membership
from integrations import tasks
from integrations.models import Feed, ImportBatch
from patients.models import Patient, Visit
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory, sign_in
from tests.integrations.workbooks import xlsx

TEXT = (
    "MRN;Name;DOB;Cell;Seen on;Remark\n"
    "0042;Abara, Ruth;03/03/1955;415-555-0123;05/03/2026;a\n"
    "77;Li, Sam;12/11/1980;;06/03/2026;b\n"
)


@pytest.fixture
def place(db, client):
    """A practice with a feed of files; the client is its owner."""
    practice = PracticeFactory()
    with use_practice(practice.pk):
        owner = MembershipFactory()
        feed = Feed.objects.create(name="Files", kind="csv", preset="generic", time_zone="America/New_York")
    sign_in(client, owner.user)
    return practice, feed


def upload(client, place, content, name="rows.csv"):
    practice, feed = place
    raw = content if isinstance(content, bytes) else content.encode()
    response = client.post(
        f"/{practice.slug}/settings/feeds/{feed.pk}/", {"file": SimpleUploadedFile(name, raw)}, follow=True
    )
    return response, response.redirect_chain[-1][0]


def text(response):
    return response.content.decode()


def answers(**more):
    fields = ["patient_id", "full_name", "birth_date", "phone", "visit_start", ""]
    return {**{f"field_{n}": field for n, field in enumerate(fields)}, "every_visit": "completed", **more}


def batch(place):
    with use_practice(place[0].pk):
        return ImportBatch.objects.order_by("-created_at").first()


def run(place):
    """What the workers do."""
    practice, feed = place
    tasks.run_import.run(str(practice.pk), str(batch(place).pk))
    with use_practice(practice.pk):
        tasks.apply_feed.run(str(feed.pk))
        tasks.apply_feed.run(str(feed.pk))


def test_a_first_file_is_mapped_tried_applied_and_undone(client, place):
    response, address = upload(client, place, TEXT)
    assert "Tell us what the columns mean" in text(response)
    assert "Abara, Ruth" in text(response)
    assert 'value="patient_id" selected' in text(response)  # MRN is suggested
    assert 'value="visit_start" selected' not in text(response)

    tried = client.post(f"{address}mapping/", answers(), follow=True)
    assert "can be day/month or month/day" in text(tried)
    tried = client.post(f"{address}mapping/", answers(order_2="mdy", order_4="mdy"), follow=True)
    assert "2 of 2 rows can be applied" in text(tried)
    assert "Ruth Abara" in text(tried)
    assert batch(place).code == "ready"
    with use_practice(place[0].pk):
        assert not Patient.objects.exists()

    client.post(f"{address}start/")
    run(place)
    done = client.get(address)
    assert "Undo this file" in text(done)
    with use_practice(place[0].pk):
        assert {(p.first_name, p.birth_date.isoformat()) for p in Patient.objects.all()} == {
            ("Ruth", "1955-03-03"), ("Sam", "1980-12-11"),
        }  # fmt: skip
        assert set(Visit.objects.values_list("status", flat=True)) == {"completed"}

    client.post(f"{address}undo/")
    run(place)
    with use_practice(place[0].pk):
        assert not Patient.objects.filter(archived_at=None).exists()


def test_the_next_file_of_that_layout_is_ready_at_once(client, place):
    _response, address = upload(client, place, TEXT)
    client.post(f"{address}mapping/", answers(order_2="mdy", order_4="mdy"))
    client.post(f"{address}start/")
    run(place)

    response, _address = upload(client, place, TEXT.replace("77;", "78;"), "next.csv")

    assert "Apply 2 rows" in text(response)
    changed, _address = upload(client, place, TEXT.replace("Remark", "Note"), "changed.csv")
    assert "new: Note; gone: remark" in text(changed)


def test_rows_to_fix_are_listed_and_downloaded(client, place):
    good = "".join(f"{n},A{n},1980-01-0{n}\n" for n in range(1, 9))
    _response, address = upload(client, place, "patient_id,last_name,birth_date\n" + good + "9,B,=1+2\n")

    page = text(client.get(address))
    assert "8 of 9 rows can be applied" in page
    assert "=1+2" in page
    lines = client.get(f"{address}rows/").content.decode().splitlines()
    assert lines[1] == "10,birth_date,Not a date,'=1+2,a date such as 1985-03-31"


def test_a_mapping_without_a_key_is_told_and_nothing_is_lost(client, place):
    _response, address = upload(client, place, TEXT)
    wrong = client.post(f"{address}mapping/", answers(field_0=""))
    assert wrong.status_code == 422
    assert "No column is the patient&#x27;s number." in text(wrong)
    assert 'value="full_name" selected' in text(wrong)


def test_a_workbook_with_two_sheets_asks_which(client, place):
    rows = [["patient_id", "last_name"], ["1", "A"]]
    response, address = upload(client, place, xlsx(("People", rows), ("Other", [["x"], ["y"]])), "two.xlsx")
    assert "Sheet with the rows" in text(response)
    chosen = client.post(f"{address}sheet/", {"sheet": "People"}, follow=True)
    assert "Apply 1 row" in text(chosen)


def test_a_broken_file_says_where_and_can_be_discarded(client, place):
    response, address = upload(client, place, 'patient_id,last_name\n1,A\n2,"B\n3,C\n')
    assert "Line 3: a quote opens here" in text(response)
    client.post(f"{address}cancellation/")
    assert batch(place).state == "cancelled"


def test_progress_is_asked_for_again_only_while_it_runs(client, place):
    _response, address = upload(client, place, "patient_id,last_name\n1,A\n")
    client.post(f"{address}start/")
    assert 'hx-trigger="every 2s"' in text(client.get(address))
    run(place)
    assert "every 2s" not in text(client.get(address))


@pytest.mark.parametrize("role", ["therapist", "front_desk", "read_only"])
def test_nobody_else_may(client, place, role):
    practice, _feed = place
    _response, address = upload(client, place, TEXT)
    with use_practice(practice.pk):
        member = MembershipFactory(role=Membership.Role(role))
    sign_in(client, member.user)
    assert client.get(address).status_code == 403
    assert client.post(f"{address}start/").status_code == 403
