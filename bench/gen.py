"""Rows for cases, the same for the same seed: made inside PostgreSQL, where a million take seconds."""

import os
from uuid import UUID

import psycopg2
from django.db import connection

from accounts.models import Practice
from prm.dev import embedded

# Names of six letters from a hash, so that every part of them is rare; one in two hundred is a Smith.
_PATIENTS = """
INSERT INTO patients_patient (id, practice_id, first_name, last_name, search_name, birth_date, sex, language,
  time_zone, suffix, email, phone, address, attributes, test_name, last_nps_bucket, created_at)
SELECT prm_uuid7(), %(practice)s, f, l, l || ' ' || f, date '1930-01-01' + n %% 30000, 'unknown', 'en', '', '', '',
  '+1415' || lpad(n::text, 7, '0'), '{}', '{}', false, '', now()
FROM (SELECT n,
        CASE WHEN n %% 200 = 0 THEN 'smith' ELSE translate(left(hash, 6), '0123456789', 'ghijklmnop') END AS l,
        translate(right(hash, 5), '0123456789', 'ghijklmnop') AS f
      FROM (SELECT n, md5(%(seed)s || n::text) AS hash FROM generate_series(1, %(many)s) n) hashed) named;
INSERT INTO patients_externalid (id, practice_id, patient_id, source, kind, value)
SELECT prm_uuid7(), practice_id, id, 'feed', 'MR', 'MRN-' || right(phone, 7) FROM patients_patient
 WHERE practice_id = %(practice)s;
"""


def practice(name: str, slug: str) -> Practice:
    """A practice with nothing in it."""
    return Practice.objects.create(name=name, slug=slug, time_zone="America/Los_Angeles", languages=["en"])


def patients(practice_id: UUID, many: int, *, seed: int) -> None:
    """`many` patients of one practice, each with a name, phone number, birth date and the id of another system.

    As the superuser of DATABASE_URL or of the embedded server, whom a session may spare a check of every foreign key.
    """

    administrator = psycopg2.connect(embedded.administrator(os.environ), dbname=connection.settings_dict["NAME"])
    with administrator, administrator.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(_PATIENTS, {"practice": str(practice_id), "many": many, "seed": str(seed)})
    administrator.close()
