"""The end of an edge is required, and part of what makes an edge one."""

import django.db.models.deletion
from django.db import migrations, models

import prm.tenancy.models
import prm.tenancy.walls


class Migration(migrations.Migration):
    dependencies = [("integrations", "0004_people_of_several_feeds")]

    operations = [
        migrations.RemoveConstraint(
            model_name="identitylink",
            name="integrations_identitylink_edge",
        ),
        migrations.AlterField(
            model_name="identitylink",
            name="target_feed",
            field=prm.tenancy.models.PracticeForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="integrations.feed",
            ),
        ),
        migrations.AddIndex(
            model_name="identitylink",
            index=models.Index(fields=["practice", "target_feed", "target_key"], name="integrations_identitylink_end"),
        ),
        migrations.AddConstraint(
            model_name="identitylink",
            constraint=models.UniqueConstraint(
                fields=("practice", "feed", "source_key", "target_feed", "target_key"),
                name="integrations_identitylink_edge",
            ),
        ),
        migrations.AddConstraint(
            model_name="identitylink",
            constraint=prm.tenancy.walls.SamePractice(
                field="target_feed", name="integrations_identitylink_target_feed_same_practice"
            ),
        ),
    ]
