from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the table is large and in use
    dependencies = [("patients", "0004_sample_patients")]

    operations = [
        AddIndexConcurrently(
            model_name="patient",
            index=models.Index(
                condition=models.Q(("is_sample", True)), fields=["practice"], name="patients_patient_sample"
            ),
        ),
    ]
