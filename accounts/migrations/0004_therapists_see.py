from django.db import migrations, models


class Migration(migrations.Migration):
    """Whom therapists see, as the owner chooses (daily.md section 12)."""

    dependencies = [("accounts", "0003_shortcuts_and_idle")]

    operations = [
        migrations.AddField(
            model_name="practice",
            name="therapists_see",
            field=models.CharField(
                choices=[("all", "The practice's patients"), ("own", "Their own patients")],
                db_default="all",
                default="all",
                max_length=3,
            ),
        ),
    ]
