from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="feed",
            name="is_sample",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        AddConstraintNotValid(
            model_name="feed",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_sample", False), ("live_at", None), _connector="OR"),
                name="integrations_feed_sample_is_never_live",
            ),
        ),
    ]
