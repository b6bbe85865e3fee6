"""What the evaluator of rules needs of episodes: which changed since it last looked (campaigns.md section 7.2 and 7.3).

`changed_at` must be the database's clock at the write, whoever writes and however, or a late fact is lost: so a trigger
sets it. What moves an occurrence to another zone (patient, clinic, practice) touches the episodes concerned.
"""

from django.db import migrations, models

TRIGGERS = """
CREATE FUNCTION patients_episode_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER patients_episode_inserted BEFORE INSERT ON patients_episode
  FOR EACH ROW EXECUTE FUNCTION patients_episode_changed();
CREATE TRIGGER patients_episode_updated BEFORE UPDATE ON patients_episode
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION patients_episode_changed();

CREATE FUNCTION patients_patient_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE patients_episode SET changed_at = clock_timestamp()
   WHERE practice_id = NEW.practice_id AND patient_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER patients_patient_moved AFTER UPDATE OF time_zone, home_clinic_id ON patients_patient
  FOR EACH ROW WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone OR OLD.home_clinic_id IS DISTINCT FROM NEW.home_clinic_id)
  EXECUTE FUNCTION patients_patient_moved();

CREATE FUNCTION patients_clinic_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE patients_episode e SET changed_at = clock_timestamp()
   WHERE e.practice_id = NEW.practice_id AND (e.clinic_id IS NULL OR e.clinic_id = NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER patients_clinic_moved AFTER UPDATE OF time_zone ON accounts_clinic
  FOR EACH ROW WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone) EXECUTE FUNCTION patients_clinic_moved();

CREATE FUNCTION patients_practice_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE patients_episode SET changed_at = clock_timestamp() WHERE practice_id = NEW.id AND clinic_id IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER patients_practice_moved AFTER UPDATE OF time_zone ON accounts_practice
  FOR EACH ROW WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone) EXECUTE FUNCTION patients_practice_moved();
"""
NO_TRIGGERS = """
DROP TRIGGER patients_practice_moved ON accounts_practice;
DROP TRIGGER patients_clinic_moved ON accounts_clinic;
DROP TRIGGER patients_patient_moved ON patients_patient;
DROP TRIGGER patients_episode_updated ON patients_episode;
DROP TRIGGER patients_episode_inserted ON patients_episode;
DROP FUNCTION patients_practice_moved(), patients_clinic_moved(), patients_patient_moved(), patients_episode_changed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("patients", "0002_changed_at_by_database_clock"),
    ]

    operations = [
        migrations.AddField(
            model_name="episode",
            name="reopened_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(fields=["changed_at"], name="patients_episode_changed_any"),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
