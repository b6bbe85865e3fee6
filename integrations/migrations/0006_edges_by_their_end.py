from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("integrations", "0005_edges_between_feeds")]

    operations = [RemoveIndexConcurrently(model_name="identitylink", name="integrations_identitylink_to")]
