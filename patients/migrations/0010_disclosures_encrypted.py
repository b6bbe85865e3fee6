"""Who was told what, and why, is free text about a patient: it is kept encrypted."""

from django.db import migrations, models

from prm.tenancy.sealing import seal_columns

NAMES = ("recipient", "what", "purpose")


class Migration(migrations.Migration):
    dependencies = [("patients", "0009_search_function")]

    operations = [
        *[migrations.RenameField("disclosure", name, f"{name}_plain") for name in NAMES],
        *[
            migrations.AlterField("disclosure", f"{name}_plain", models.CharField(max_length=240, default=""))
            for name in NAMES
        ],
        *[
            migrations.AddField("disclosure", name, models.BinaryField(default=b""), preserve_default=False)
            for name in NAMES
        ],
        seal_columns("patients_disclosure", {f"{name}_plain": name for name in NAMES}),
        *[migrations.RemoveField("disclosure", f"{name}_plain") for name in NAMES],
    ]
