from django.db import migrations

APPEND_ONLY = "REVOKE UPDATE, DELETE, TRUNCATE ON audit_auditevent FROM prm_app"
AS_OTHERS = "GRANT UPDATE, DELETE ON audit_auditevent TO prm_app"


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(APPEND_ONLY, AS_OTHERS)]
