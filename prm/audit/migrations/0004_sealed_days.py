from django.db import migrations

# The application adds seals and never changes one. An event of a sealed day is refused; the shared lock makes the
# sealing of a day wait for the transactions that are still adding to it (prm/audit/seal.py takes it exclusively).
FORWARD = """
REVOKE UPDATE, DELETE, TRUNCATE ON audit_auditseal FROM prm_app;
CREATE FUNCTION audit_refuse_sealed_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  event_day date := (NEW.at AT TIME ZONE 'UTC')::date;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('audit ' || NEW.practice_id), event_day - date '2000-01-01');
  IF EXISTS (SELECT FROM public.audit_auditseal s WHERE s.practice_id = NEW.practice_id AND s.day = event_day) THEN
    RAISE EXCEPTION 'audit: % is sealed and takes no further event', event_day USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_sealed_day BEFORE INSERT ON audit_auditevent
  FOR EACH ROW EXECUTE FUNCTION audit_refuse_sealed_day();
"""
BACK = """
DROP TRIGGER audit_sealed_day ON audit_auditevent;
DROP FUNCTION audit_refuse_sealed_day();
GRANT UPDATE, DELETE ON audit_auditseal TO prm_app;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_seals")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
