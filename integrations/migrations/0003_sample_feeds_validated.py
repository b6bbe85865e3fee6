from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("integrations", "0002_sample_feeds")]

    operations = [ValidateConstraint(model_name="feed", name="integrations_feed_sample_is_never_live")]
