import django.db.models.deletion
import prm.clock
import prm.ids
import prm.tenancy.models
import prm.tenancy.partitions
import prm.tenancy.walls
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("patients", "0003_episode_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Rule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=prm.tenancy.models.DatabaseUuid7(),
                        default=prm.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("active", "On"), ("paused", "Paused"), ("archived", "Archived")],
                        default="draft",
                        max_length=8,
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("draft", models.JSONField(blank=True, null=True)),
                ("floor", models.DateTimeField(editable=False, null=True)),
                ("rescan", models.BooleanField(default=False, editable=False)),
                ("created_at", models.DateTimeField(default=prm.clock.now, editable=False)),
                ("changed_at", models.DateTimeField(default=prm.clock.now, editable=False)),
                (
                    "created_by",
                    prm.tenancy.models.PracticeForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.membership",
                    ),
                ),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.practice",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        prm.tenancy.partitions.CreateHashedModel(
            name="Firing",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=prm.tenancy.models.DatabaseUuid7(),
                        default=prm.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("occurrence", models.CharField(max_length=120)),
                ("due_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("fired", "Fired"),
                            ("patient_inactive", "Patient no longer active"),
                            ("in_journey", "Already being messaged by this rule"),
                            ("reentry", "Reached before by this rule"),
                        ],
                        max_length=16,
                    ),
                ),
                ("facts", models.JSONField(default=dict)),
                (
                    "episode",
                    prm.tenancy.models.PracticeForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="firings",
                        to="patients.episode",
                    ),
                ),
                (
                    "original_patient",
                    prm.tenancy.models.PracticeForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                    ),
                ),
                (
                    "patient",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="firings",
                        to="patients.patient",
                    ),
                ),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.practice",
                    ),
                ),
                (
                    "rule",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="firings",
                        to="campaigns.rule",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="RuleVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=prm.tenancy.models.DatabaseUuid7(),
                        default=prm.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("document", models.JSONField()),
                ("published_at", models.DateTimeField()),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.practice",
                    ),
                ),
                (
                    "published_by",
                    prm.tenancy.models.PracticeForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.membership",
                    ),
                ),
                (
                    "rule",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="campaigns.rule",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddField(
            model_name="rule",
            name="version",
            field=prm.tenancy.models.PracticeForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="campaigns.ruleversion",
            ),
        ),
        migrations.CreateModel(
            name="Journey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=prm.tenancy.models.DatabaseUuid7(),
                        default=prm.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("occurrence", models.CharField(max_length=120)),
                ("zone", models.CharField(max_length=64)),
                ("started_at", models.DateTimeField()),
                ("step", models.PositiveSmallIntegerField(default=0)),
                ("planned_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("completed", "All steps done"),
                            ("patient_inactive", "Patient no longer active"),
                            ("anchor_gone", "Discharge was taken back"),
                            ("archived", "Rule archived"),
                            ("stopped_booked", "Booked a visit"),
                            ("stopped_visited", "Came to a visit"),
                            ("stopped_answered", "Answered"),
                            ("stopped_opted_out", "Opted out"),
                            ("stopped_readmitted", "Back in care"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "episode",
                    prm.tenancy.models.PracticeForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.episode",
                    ),
                ),
                (
                    "firing",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="journeys",
                        to="campaigns.firing",
                    ),
                ),
                (
                    "patient",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="journeys",
                        to="patients.patient",
                    ),
                ),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.practice",
                    ),
                ),
                (
                    "rule",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="journeys",
                        to="campaigns.rule",
                    ),
                ),
                (
                    "version",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.ruleversion",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddField(
            model_name="firing",
            name="version",
            field=prm.tenancy.models.PracticeForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="campaigns.ruleversion",
            ),
        ),
        migrations.CreateModel(
            name="StepResult",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=prm.tenancy.models.DatabaseUuid7(),
                        default=prm.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("index", models.PositiveSmallIntegerField()),
                ("step_id", models.CharField(max_length=20)),
                ("planned_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
                (
                    "verdict",
                    models.CharField(choices=[("send", "Handed to the outbox"), ("held", "Held")], max_length=4),
                ),
                ("reason", models.CharField(blank=True, max_length=32)),
                ("channel", models.CharField(blank=True, max_length=5)),
                ("outbox_id", models.UUIDField(null=True)),
                (
                    "journey",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="results",
                        to="campaigns.journey",
                    ),
                ),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.practice",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="EvaluationState",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=prm.tenancy.models.DatabaseUuid7(),
                        default=prm.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("due_through", models.DateTimeField()),
                ("seen_through", models.DateTimeField()),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.practice",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    prm.tenancy.walls.RowSecurity(name="campaigns_evaluationstate_wall"),
                    models.UniqueConstraint(fields=("practice", "id"), name="campaigns_evaluationstate_practice_id"),
                    models.UniqueConstraint(fields=("practice",), name="campaigns_evaluationstate_one"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RuleClock",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=prm.tenancy.models.DatabaseUuid7(),
                        default=prm.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("zone", models.CharField(blank=True, max_length=64)),
                ("next_at", models.DateTimeField()),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.practice",
                    ),
                ),
                (
                    "rule",
                    prm.tenancy.models.PracticeForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="clocks",
                        to="campaigns.rule",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["next_at"], name="campaigns_ruleclock_next")],
                "constraints": [
                    prm.tenancy.walls.RowSecurity(name="campaigns_ruleclock_wall"),
                    models.UniqueConstraint(fields=("practice", "id"), name="campaigns_ruleclock_practice_id"),
                    models.UniqueConstraint(fields=("practice", "rule", "zone"), name="campaigns_ruleclock_once"),
                    prm.tenancy.walls.SamePractice(field="rule", name="campaigns_ruleclock_rule_same_practice"),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=prm.tenancy.walls.RowSecurity(name="campaigns_ruleversion_wall"),
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=models.UniqueConstraint(fields=("practice", "id"), name="campaigns_ruleversion_practice_id"),
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=models.UniqueConstraint(
                fields=("practice", "rule", "number"), name="campaigns_ruleversion_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=prm.tenancy.walls.SamePractice(field="rule", name="campaigns_ruleversion_rule_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="ruleversion",
            constraint=prm.tenancy.walls.SamePractice(
                field="published_by", name="campaigns_ruleversion_published_by_same_practice"
            ),
        ),
        migrations.AddIndex(
            model_name="rule",
            index=models.Index(fields=["practice", "state", "name"], name="campaigns_rule_state"),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=prm.tenancy.walls.RowSecurity(name="campaigns_rule_wall"),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(fields=("practice", "id"), name="campaigns_rule_practice_id"),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=prm.tenancy.walls.SamePractice(field="version", name="campaigns_rule_version_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=prm.tenancy.walls.SamePractice(
                field="created_by", name="campaigns_rule_created_by_same_practice"
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("floor", None), ("state", "draft"), ("version", None)),
                    models.Q(
                        models.Q(("state", "draft"), _negated=True),
                        ("floor__isnull", False),
                        ("version__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="campaigns_rule_runs_a_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(("draft__isnull", False), ("version__isnull", False), _connector="OR"),
                name="campaigns_rule_has_a_document",
            ),
        ),
        migrations.AddIndex(
            model_name="journey",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["planned_at"], name="campaigns_journey_planned"
            ),
        ),
        migrations.AddIndex(
            model_name="journey",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["practice", "planned_at"], name="campaigns_journey_due"
            ),
        ),
        migrations.AddIndex(
            model_name="journey",
            index=models.Index(fields=["practice", "patient"], name="campaigns_journey_patient"),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=prm.tenancy.walls.RowSecurity(name="campaigns_journey_wall"),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=models.UniqueConstraint(fields=("practice", "id"), name="campaigns_journey_practice_id"),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("practice", "rule", "patient"),
                name="campaigns_journey_one_running",
            ),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=models.UniqueConstraint(fields=("practice", "firing"), name="campaigns_journey_one_a_firing"),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end_reason", ""), ("ended_at", None)),
                    models.Q(("ended_at__isnull", False), models.Q(("end_reason", ""), _negated=True)),
                    _connector="OR",
                ),
                name="campaigns_journey_end_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=prm.tenancy.walls.SamePractice(field="rule", name="campaigns_journey_rule_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=prm.tenancy.walls.SamePractice(field="version", name="campaigns_journey_version_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=prm.tenancy.walls.SamePractice(field="firing", name="campaigns_journey_firing_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=prm.tenancy.walls.SamePractice(field="patient", name="campaigns_journey_patient_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="journey",
            constraint=prm.tenancy.walls.SamePractice(field="episode", name="campaigns_journey_episode_same_practice"),
        ),
        migrations.AddIndex(
            model_name="firing",
            index=models.Index(fields=["practice", "rule", "-decided_at"], name="campaigns_firing_log"),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=prm.tenancy.walls.RowSecurity(name="campaigns_firing_wall"),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=models.UniqueConstraint(
                fields=("practice", "rule", "patient", "occurrence"), name="campaigns_firing_one_decision"
            ),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=prm.tenancy.walls.SamePractice(field="rule", name="campaigns_firing_rule_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=prm.tenancy.walls.SamePractice(field="version", name="campaigns_firing_version_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=prm.tenancy.walls.SamePractice(field="patient", name="campaigns_firing_patient_same_practice"),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=prm.tenancy.walls.SamePractice(
                field="original_patient", name="campaigns_firing_original_patient_same_practice"
            ),
        ),
        migrations.AddConstraint(
            model_name="firing",
            constraint=prm.tenancy.walls.SamePractice(field="episode", name="campaigns_firing_episode_same_practice"),
        ),
        migrations.AddIndex(
            model_name="stepresult",
            index=models.Index(
                condition=models.Q(("outbox_id__isnull", False)),
                fields=["practice", "outbox_id"],
                name="campaigns_stepresult_outbox",
            ),
        ),
        migrations.AddConstraint(
            model_name="stepresult",
            constraint=prm.tenancy.walls.RowSecurity(name="campaigns_stepresult_wall"),
        ),
        migrations.AddConstraint(
            model_name="stepresult",
            constraint=models.UniqueConstraint(fields=("practice", "id"), name="campaigns_stepresult_practice_id"),
        ),
        migrations.AddConstraint(
            model_name="stepresult",
            constraint=models.UniqueConstraint(
                fields=("practice", "journey", "index"), name="campaigns_stepresult_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="stepresult",
            constraint=prm.tenancy.walls.SamePractice(
                field="journey", name="campaigns_stepresult_journey_same_practice"
            ),
        ),
    ]
