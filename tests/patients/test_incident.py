"""Whom an incident touched: by person, key or address, in the practice's days."""

import csv
import stat
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from patients import incident
from prm import clock, ids
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
KEY = ids.uuid7()


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def place():
    """Four patients of a practice: read by a person, seen on a list, read by a key, from elsewhere; one untouched."""
    practice = PracticeFactory(slug="harbor")
    with use_practice(practice.pk):
        thief = MembershipFactory(user__email="thief@example.com").user
        people = {
            name: PatientFactory(first_name=name, last_name="Abara", email=f"{name.lower()}@example.com",
                                 address={"line": "1 Quay St", "city": "Oakland"})
            for name in ("Read", "Listed", "Fetched", "Elsewhere", "Untouched")
        }  # fmt: skip
        rows = [
            ("staff", thief.pk, "patient.read", "Read", (), "192.0.2.7", utc(20, 4, 59)),
            ("staff", thief.pk, "patients.listed", None, ("Read", "Listed"), "192.0.2.7", utc(20, 5)),
            ("key", KEY, "patient.read", "Fetched", (), "192.0.2.7", utc(20, 12)),
            ("staff", ids.uuid7(), "patient.read", "Elsewhere", (), "198.51.100.1", utc(20, 12)),
            ("staff", thief.pk, "feed.raw_shown", None, (), "192.0.2.7", utc(20, 13)),
            ("staff", thief.pk, "patient.read", "Untouched", (), "192.0.2.7", utc(21, 5)),
        ]  # fmt: skip
        for kind, actor, action, patient, others, address, at in rows:
            AuditEvent.objects.create(
                actor_kind=kind, actor_id=actor, action=action, patient_id=patient and people[patient].pk,
                patients=[people[one].pk for one in others], address=address, at=at,
            )  # fmt: skip
    return practice, people


def report(*arguments: str) -> str:
    out = StringIO()
    with clock.at(NOW):
        call_command("incident", "report", "--practice=harbor", *arguments, stdout=out)
    return out.getvalue()


def names(path) -> set[str]:
    rows = csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
    return {row["name"].split()[0] for row in rows}


@pytest.mark.parametrize(
    ("narrowed", "touched"),
    [
        ((), {"Read", "Listed", "Fetched", "Elsewhere"}),
        (("--actor=Thief@example.com",), {"Read", "Listed"}),
        ((f"--key={KEY}",), {"Fetched"}),
        (("--ip=198.51.100.1",), {"Elsewhere"}),
    ],
)
def test_the_patients_of_an_incident_are_those_whom_the_record_names(place, tmp_path, narrowed, touched):
    path = tmp_path / "contacts.csv"
    told = report("--from=2026-11-19", "--to=2026-11-20", f"--output={path}", *narrowed)
    assert f"Patients whose data was read or changed: {len(touched)}" in told
    assert names(path) == touched
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [name for name in touched if f"{name} Abara" in told] == []


def test_days_are_the_practices_and_both_included(place):
    assert "read or changed: 1\n" in report("--from=2026-11-19", "--to=2026-11-19", "--actor=thief@example.com")
    assert "read or changed: 2\n" in report("--from=2026-11-20", "--to=2026-11-20", "--actor=thief@example.com")
    assert "read or changed: 2\n" in report("--from=2026-11-20T06:00", "--to=2026-11-20T08:00")


def test_the_report_counts_by_action_names_what_names_nobody_and_says_the_last_day(place):
    told = report("--from=2026-11-19", "--to=2026-11-20", "--discovered=2026-11-22")
    assert "  3 × opened the patient’s record (patient.read)" in told
    assert "1 acts name no patient" in told
    assert "at the latest on 2027-01-21 (45 CFR 164.404)" in told
    assert "Fewer than 500 patients: tell the Secretary of HHS by 2027-03-01" in told


def test_from_500_patients_on_the_secretary_and_the_media_are_told_too():
    many = incident.Incident(patients={ids.uuid7(): incident.Touched(1, NOW, NOW) for _ in range(500)})
    assert "164.406" in "\n".join(many.lines(discovered=date(2026, 11, 22)))
    assert incident.tell_by(date(2026, 11, 22)) == date(2027, 1, 21)


def test_the_contact_list_has_the_addresses_and_who_is_no_longer_kept(place, tmp_path):
    practice, people = place
    with use_practice(practice.pk):
        AuditEvent.objects.create(
            actor_kind="staff", action="patient.read", patient_id=KEY, at=datetime(2026, 11, 20, 12, tzinfo=UTC)
        )
    path = tmp_path / "contacts.csv"
    report("--from=2026-11-20", "--to=2026-11-20", f"--output={path}")
    rows = list(csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    assert rows[-1]["name"] == "(no longer kept)"
    elsewhere = next(row for row in rows if row["patient id"] == str(people["Elsewhere"].pk))
    assert (elsewhere["e-mail"], elsewhere["address"]) == ("elsewhere@example.com", "1 Quay St, Oakland")


def test_it_is_recorded_and_no_file_is_overwritten(place, tmp_path):
    practice, _people = place
    path = tmp_path / "contacts.csv"
    path.write_text("mine")
    with pytest.raises(CommandError, match="File exists"):
        report("--from=2026-11-20", "--to=2026-11-20", f"--output={path}")
    assert path.read_text() == "mine"
    with use_practice(practice.pk):
        assert not AuditEvent.objects.filter(action="incident.reported").exists()
    path.unlink()
    report("--from=2026-11-20", "--to=2026-11-20", f"--output={path}")
    with use_practice(practice.pk):
        kept = AuditEvent.objects.get(action="incident.reported")
        assert (len(kept.patients), kept.facts) == (4, {"with_contacts": True})


def test_a_list_that_cannot_be_written_is_not_recorded_as_given_away(place, tmp_path, monkeypatch):
    practice, _people = place
    with pytest.raises(CommandError, match="No such file or directory"):
        report("--from=2026-11-20", "--to=2026-11-20", f"--output={tmp_path}/nowhere/contacts.csv")

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(incident, "contacts", full)
    with pytest.raises(CommandError, match="No space left on device"):
        report("--from=2026-11-20", "--to=2026-11-20", f"--output={tmp_path}/contacts.csv")
    assert list(tmp_path.iterdir()) == []
    with use_practice(practice.pk):
        assert not AuditEvent.objects.filter(action__in=["incident.reported", "disclosure.recorded"]).exists()


def test_reports_and_patients_own_visits_touch_nobody(place, tmp_path):
    practice, people = place
    first = report("--from=2026-11-20", "--to=2026-11-24", f"--output={tmp_path}/contacts.csv")
    with use_practice(practice.pk):
        AuditEvent.objects.create(
            actor_kind="patient", actor_id=people["Untouched"].pk, patient_id=people["Untouched"].pk,
            action="portal.read", address="203.0.113.9", at=utc(20, 12),
        )  # fmt: skip
    assert report("--from=2026-11-20", "--to=2026-11-24").splitlines() == first.splitlines()[:-1]
    assert "read or changed: 1\n" in report("--from=2026-11-20", "--to=2026-11-24", "--ip=203.0.113.9")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from=soon", "--to=2026-11-20"), "--from: “soon” is no day"),
        (("--from=2026-11-20", "--to=2026-11-18"), "--to is not after --from"),
        (("--from=9999-12-31", "--to=9999-12-31"), "--from: the year 9999 is none"),
        (("--from=2026-11-20", "--to=9999-12-31T23:59"), "--to: the year 9999 is none"),
        (("--from=0001-01-01", "--to=2026-11-20"), "--from: the year 1 is none"),
        (("--from=2026-11-20", "--to=2026-11-20", "--discovered=9999-12-31"), "--discovered: the year 9999 is none"),
        (("--from=2026-11-20", "--to=2026-11-20", "--ip=here"), "--ip: “here” is no IP address"),
        (("--from=2026-11-20", "--to=2026-11-20", "--actor=nobody@example.com"), "nobody has this e-mail"),
    ],
)
def test_what_is_wrong_is_named(place, arguments, told):
    with pytest.raises(CommandError, match=told):
        report(*arguments)
