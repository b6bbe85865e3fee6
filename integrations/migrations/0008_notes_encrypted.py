"""Why a person let a dead letter rest may name the patient: it is kept encrypted."""

from django.db import migrations, models

from prm.tenancy.sealing import seal_columns


class Migration(migrations.Migration):
    dependencies = [("integrations", "0007_files_of_rows")]

    operations = [
        migrations.RenameField("rawmessage", "note", "note_plain"),
        migrations.AddField("rawmessage", "note", models.BinaryField(default=bytes)),
        seal_columns("integrations_rawmessage", {"note_plain": "note"}),
        migrations.RemoveField("rawmessage", "note_plain"),
    ]
