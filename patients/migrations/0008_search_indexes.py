from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, BtreeGinExtension, TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    """Patients by any part of a name and by the id of another system. Both extensions are trusted: the database's
    owner may create them; where they are there already, no right is asked for.
    """

    atomic = False  # the tables are large and in use
    dependencies = [("patients", "0007_portal_sessions")]

    operations = [
        TrigramExtension(),
        BtreeGinExtension(),
        AddIndexConcurrently(
            model_name="patient",
            index=GinIndex(
                fields=["practice", "search_name"],
                name="patients_patient_any_part",
                opclasses=["uuid_ops", "gin_trgm_ops"],
            ),
        ),
        AddIndexConcurrently(
            model_name="externalid",
            index=models.Index(fields=["practice", "value"], name="patients_externalid_value"),
        ),
    ]
