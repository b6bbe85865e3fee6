"""Searches in a practice of 200,000 patients, as the application under row security: each by its index (EXPLAIN).

`make test` has 50,000 of them, `make drill` all.
"""

import os
import re
import time

import psycopg2
import pytest
from django.db import connection, connections
from django.db.models import QuerySet

from accounts.models import Practice
from accounts.scope import WHOLE, Scope
from patients import search
from patients.models import Patient
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, PracticeFactory

pytestmark = pytest.mark.django_db(transaction=True)

# Names of six letters from a hash, so that every part of them is rare; every tenth patient was treated in each clinic.
ROWS = """
INSERT INTO patients_patient (id, practice_id, first_name, last_name, search_name, birth_date, sex, language,
  time_zone, suffix, email, phone, address, attributes, test_name, last_nps_bucket, created_at)
SELECT prm_uuid7(), %(practice)s, f, l, l || ' ' || f, date '1930-01-01' + n %% 30000, 'unknown', 'en', '', '', '',
  '+1415' || lpad(n::text, 7, '0'), '{}', '{}', false, '', now()
FROM (SELECT n, translate(left(md5(n::text), 6), '0123456789', 'ghijklmnop') AS l,
        translate(right(md5(n::text), 5), '0123456789', 'ghijklmnop') AS f
      FROM generate_series(1, %(many)s) n) named;
INSERT INTO patients_externalid (id, practice_id, patient_id, source, kind, value)
SELECT prm_uuid7(), practice_id, id, 'feed', 'MR', 'MRN-' || right(phone, 7) FROM patients_patient
 WHERE practice_id = %(practice)s;
INSERT INTO patients_episode (id, practice_id, patient_id, clinic_id, source_key, status, hidden, discharge_reason,
  payer_kind, diagnosis_codes, side, post_surgical, referral_source, referrer_name, referrer_npi, visit_count,
  missed_count, discharge_seq, last_nps_bucket, created_at)
SELECT prm_uuid7(), practice_id, id, (%(clinics)s::uuid[])[1 + right(phone, 1)::integer], phone, 'active', false, '',
  'unknown', '[]', '', false, '', '', '', 0, 0, 0, '', now() FROM patients_patient WHERE practice_id = %(practice)s;
"""


@pytest.fixture(params=[50_000, pytest.param(200_000, marks=pytest.mark.drill)])
def town(request: pytest.FixtureRequest) -> tuple[Practice, list]:
    """The practice and its ten clinics, with the statistics that autovacuum would make."""
    practice = PracticeFactory()
    with use_practice(practice.pk):
        clinics = [ClinicFactory().pk for _ in range(10)]
    # As the superuser, whom a session may spare a million checks of foreign keys; statistics as autovacuum makes them.
    administrator = psycopg2.connect(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"])
    with administrator, administrator.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(ROWS, {"practice": str(practice.pk), "many": request.param, "clinics": list(map(str, clinics))})
        cursor.execute("ANALYZE patients_patient, patients_externalid, patients_episode")
    administrator.close()
    return practice, clinics


def plan_of(rows: QuerySet) -> str:
    """What PostgreSQL does for the first page of a list by name."""
    sql, parameters = rows.order_by("search_name", "pk")[:51].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", parameters)
        return "\n".join(line for (line,) in cursor.fetchall())


def inside_the_function(practice: Practice, wanted: str) -> str:
    """The plan of the statement in prm_search_patients, which EXPLAIN of its call does not show."""
    [(body,)] = _ask("SELECT prosrc FROM pg_proc WHERE proname = 'prm_search_patients'")
    statement = body[body.index("SELECT p.id FROM") : body.index("LIMIT least")] + "LIMIT 2000"
    statement = statement.replace("parts[1]", f"'%{wanted}%'").replace("parts[2:]", "'{}'::text[]")
    statement = re.sub(r"\bhere\b", f"'{practice.pk}'", statement)
    with connections["platform"].cursor() as cursor:  # sees past the wall, as the function's owner does
        cursor.execute(f"EXPLAIN {statement.replace('%', '%%')}", [])
        return "\n".join(line for (line,) in cursor.fetchall())


def _ask(statement: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [])
        return cursor.fetchall()


def test_every_kind_of_search_uses_its_index_and_keeps_to_practice_and_scope(town):
    practice, clinics = town
    limited = Scope(clinics=frozenset(clinics[:1]))
    with use_practice(practice.pk):
        patient = Patient.objects.get(phone="+14150012345")
        last = patient.last_name
        kinds = {
            "the start of a name": (last[:2], "patients_patient_name"),
            "a part of a name": (last[1:5], "Function Scan|ProjectSet"),
            "a phone number": ("(415) 001-2345", "patients_patient_phone"),
            "a birth date": (patient.birth_date.isoformat(), "patients_patient_birth"),
            "the id of another system": ("MRN-0012345", "patients_externalid_value"),
        }
        wrong, slow = {}, {}
        for viewer in (WHOLE, limited):
            for kind, (typed, index) in kinds.items():
                rows = search.listed(search.EVERYONE, typed, viewer)
                plan = plan_of(rows)
                if not re.search(index, plan) or re.search(r"Seq Scan on patients_|Hash.*patients_", plan):
                    wrong[kind, viewer] = plan
                began = time.perf_counter()
                found = list(rows.order_by("search_name", "pk")[:51])
                took = time.perf_counter() - began
                if took > 1:  # no timing, but a scan of the table
                    slow[kind, viewer] = took
                if viewer is WHOLE and kind != "the start of a name":
                    assert patient in found, kind
        assert not wrong, "\n".join(f"{kind}, {viewer}:\n{plan}" for (kind, viewer), plan in wrong.items())
        assert slow == {}
        plan = inside_the_function(practice, last[1:5])
        assert "patients_patient_any_part" in plan, plan

    _a_part_of_a_name_is_found_in_the_own_practice_and_scope_only(practice, clinics)


def _a_part_of_a_name_is_found_in_the_own_practice_and_scope_only(practice, clinics):
    other = PracticeFactory()
    with use_practice(practice.pk):
        patient = Patient.objects.get(phone="+14150012345")
        part = patient.search_name[1:6]
        assert patient in search.listed(search.EVERYONE, part, WHOLE)
        where = patient.episodes.get().clinic_id
        elsewhere = frozenset(set(clinics) - {where})
        assert patient not in search.listed(search.EVERYONE, part, Scope(clinics=elsewhere))
        assert patient in search.listed(search.EVERYONE, part, Scope(clinics=frozenset({where})))
        assert _ask("SELECT count(*) FROM prm_search_patients('a%%', 100)") == [(0,)]  # stands for itself
        assert _ask("SELECT count(*) FROM prm_search_patients('ab', 100)") == [(0,)]
        assert _ask("SELECT count(*) FROM prm_search_patients('abc', -1)") == [(0,)]
    with use_practice(other.pk):
        assert list(search.listed(search.EVERYONE, part, WHOLE)) == []


def test_without_a_practice_the_function_finds_nobody():
    practice = PracticeFactory()
    with use_practice(practice.pk):
        Patient.objects.create(last_name="Abara", search_name="abara ruth")
        assert _ask("SELECT count(*) FROM prm_search_patients('abara', 10)") == [(1,)]
    assert _ask("SELECT count(*) FROM prm_search_patients('abara', 10)") == [(0,)]
