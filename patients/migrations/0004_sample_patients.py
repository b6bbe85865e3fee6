from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("patients", "0003_episode_changes")]

    operations = [
        migrations.AddField(
            model_name="patient",
            name="is_sample",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
