"""WebPT's Standard Extract, table by table, in any order of its files."""

import itertools

import pytest
from django.core.management import call_command

from integrations import snapshot
from integrations.csvfile import presets
from integrations.csvfile.mapping import check, suggested
from integrations.models import Feed
from patients.models import Episode, Patient, Visit
from tests.integrations.test_csv_ingest import ingest, outcomes, write

FILES = {
    "patients": "patient_id,first_name,last_name,date_of_birth,gender,email,cell_phone,zip,modified_date,export_flag\n"
    "9001,Ruth,Abara,1955-03-03,F,ruth@example.com,4155550123,08123,2026-02-01 08:00,1\n",
    "cases": "case_id,patient_id,case_status,case_created_date,discharge_date,case_closed_date,insurance_type_id,"
    "primary_diagnosis,clinic_id,modified_date,export_flag\n"
    "501,9001,D,2026-02-02,,2026-03-30,3,M54.50,12,2026-03-30 17:00,2\n",
    "appointments": "appointmnet_id,start_date,end_date,check_in_time,clinic_id,therapist_id,appointment_type,case_id,"
    "patient_id,appointment_status,reason,time_stamp\n"
    "-7001,2026-02-02 09:00:00,2026-02-02 10:00:00,,12,44,PT Eval,501,9001,Active,,2026-02-01 20:00\n"
    "7001,2026-02-02 09:00:00,2026-02-02 10:00:00,2026-02-02 08:55,12,44,PT Eval,501,9001,Active,,2026-02-02 20:00\n"
    "7002,2026-02-09 09:00:00,2026-02-09 09:45:00,,12,44,Follow up,501,9001,Inactive,Patient sick,2026-02-09 20:00\n"
    "7003,2026-02-16 09:00:00,2026-02-16 09:45:00,,12,44,Follow up,501,9001,Inactive,,2026-02-10 20:00\n",
    "visits": "visit_id,visit_date,note_type,case_id,patient_id,therapist_id,clinic_id,note_finalized_date,"
    "modified_date,export_flag\n"
    "801,2026-02-02,IE,501,9001,44,12,2026-02-02,2026-02-02 18:00,1\n"
    "803,2026-02-16,DN,501,9001,44,12,2026-02-17,2026-02-17 18:00,1\n"
    "804,2026-03-20,DS,501,9001,44,12,2026-03-20,2026-03-20 18:00,1\n",
    "therapists": "therapist_id,therapist_name,npi\n44,\"Nair, Priya PT, DPT\",\n",
    "clinics": "clinic_id,clinic_name\n12,Eastside\n",
}  # fmt: skip


@pytest.fixture
def feed(practice):
    call_command("feed", "add", "--practice", practice.slug, "--name", "WebPT", "--kind", "csv", "--preset", "webpt")
    return Feed.objects.get(name="WebPT")


@pytest.mark.parametrize("names", list(itertools.permutations(("patients", "cases", "appointments", "visits")))[::5])
def test_the_tables_of_webpt_come_to_the_same_in_any_order(feed, tmp_path, names):
    for name in (*names, "therapists", "clinics"):
        lines = ingest(feed, write(tmp_path, FILES[name], f"{name}.csv"))
        assert {line["code"] for line in lines} <= {"", "waiting"}, name

    patient = Patient.objects.get()
    (facts,) = snapshot.of_patients([patient]).values()
    assert facts["ids"] == ["WebPT|9001"]
    visits = [(v["starts_at"][:10], v["status"], v["kind"]) for v in facts["visits"] if not v["hidden"]]
    assert visits == [
        ("2026-02-02", "completed", "evaluation"), ("2026-02-09", "cancelled", "treatment"),
        ("2026-02-16", "completed", "treatment"),  # cancelled in advance, its note was finished
        ("2026-03-20", "completed", "discharge"),
    ]  # fmt: skip
    (episode,) = facts["episodes"]
    ended = (episode["status"], episode["discharged_at"][:10])
    assert ended == ("discharged", "2026-03-20")  # by the note, not when the office closed the case
    assert (episode["payer_kind"], episode["diagnosis_codes"]) == ("medicare", ["M54.50"])
    assert (episode["therapist"], episode["clinic"]) == ("Priya Nair", "Eastside")
    assert {v.cancelled_by for v in Visit.objects.filter(status="cancelled")} == {"patient"}


def test_a_removed_row_hides_what_it_was_and_a_new_one_brings_it_back(feed, tmp_path):
    for name in ("patients", "cases"):
        ingest(feed, write(tmp_path, FILES[name], f"{name}.csv"))
    head, row = FILES["cases"].split("\n")[:2]
    removed = row.replace("2026-03-30 17:00,2", "2026-04-01 17:00,3")
    ingest(feed, write(tmp_path, f"{head}\n{removed}\n", "removed.csv"))
    assert [one.hidden for one in Episode.objects.all()] == [True]

    ingest(feed, write(tmp_path, f"{head}\n{row.replace('2026-03-30 17:00', '2026-04-02 17:00')}\n", "again.csv"))
    assert [one.hidden for one in Episode.objects.all()] == [False]


def test_a_table_that_nobody_needs_is_held_not_lost(feed, tmp_path):
    (line,) = ingest(feed, write(tmp_path, "record_id,otc_id,dollar_amount_paid\n1,2,3.00\n"))
    assert outcomes([line]) == [("dead", "mapping_needed")]


def test_every_layout_can_be_applied_and_synonyms_give_a_mapping_to_start_from():
    for layouts in presets.LAYOUTS.values():
        for layout in layouts:
            found = presets.find("webpt", [*layout.columns, *layout.needed - set(layout.columns)])
            assert found is not None
            check(found)
    plan = suggested(["Patient ID", "Patient Name", "DOB", "Cell Phone", "Date of Service", "Appt Status", "Notes"])
    assert [one.field for one in plan.columns.values()] == [
        "patient_id", "full_name", "birth_date", "phone", "visit_start", "visit_status", "",
    ]  # fmt: skip
