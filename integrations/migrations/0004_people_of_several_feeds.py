"""Edges may lead to another feed's id, and records by hand bear another feed's key: longer keys, an end of its own."""

import django.db.models.deletion
from django.db import migrations, models

import prm.tenancy.models

# Edges that exist are within their feed. The owner sees no row under FORCE: it is lifted for this one statement.
FILL = """
ALTER TABLE integrations_identitylink NO FORCE ROW LEVEL SECURITY;
UPDATE integrations_identitylink SET target_feed_id = feed_id WHERE target_feed_id IS NULL;
ALTER TABLE integrations_identitylink FORCE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_sample_feeds_validated")]

    operations = [
        migrations.AddField(
            model_name="identitylink",
            name="target_feed",
            field=prm.tenancy.models.PracticeForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="integrations.feed",
            ),
        ),
        migrations.AlterField(
            model_name="identitylink",
            name="owner_key",
            field=models.CharField(blank=True, max_length=160),
        ),
        migrations.AlterField(
            model_name="identitylink",
            name="source_key",
            field=models.CharField(max_length=160),
        ),
        migrations.AlterField(
            model_name="identitylink",
            name="target_key",
            field=models.CharField(max_length=160),
        ),
        migrations.AlterField(
            model_name="rawmessage",
            name="waits_for",
            field=models.CharField(blank=True, max_length=160),
        ),
        migrations.AlterField(
            model_name="sourcerecord",
            name="key",
            field=models.CharField(max_length=160),
        ),
        migrations.AlterField(
            model_name="sourcerecord",
            name="patient_key",
            field=models.CharField(blank=True, max_length=160),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
