"""Rules and their versions, what the evaluator remembers, what was decided, and the journeys that follow."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from patients.models import Episode, Patient
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeManager, PracticeModel, PracticeQuerySet
from prm.tenancy.walls import SamePractice


class RuleQuerySet(PracticeQuerySet):
    """Questions about rules."""

    def active(self) -> "RuleQuerySet":
        """Those that decide and send."""
        return self.filter(state=Rule.State.ACTIVE)


class Rule(PracticeModel):
    """A rule of a practice: what it is now, and the draft of what it will be (campaigns.md §1, §3).

    `draft` is the document (`prm.rule/1`) that the form edits; None where nothing waits to be published. `version` is
    the document in force; None until the rule is turned on. Occurrences due at or before `floor` never fire.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        ACTIVE = "active", _("On")
        PAUSED = "paused", _("Paused")
        ARCHIVED = "archived", _("Archived")

    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    name = models.CharField(max_length=120)  # of the draft, else of the version: for lists
    draft = models.JSONField(null=True, blank=True)
    version = PracticeForeignKey("RuleVersion", models.PROTECT, null=True, blank=True, related_name="+")
    floor = models.DateTimeField(null=True, editable=False)
    rescan = models.BooleanField(default=False, editable=False)  # the next tick looks back over all of max_late_hours
    created_by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PracticeManager.from_queryset(RuleQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="version", name="campaigns_rule_version_same_practice"),
            SamePractice(field="created_by", name="campaigns_rule_created_by_same_practice"),
            models.CheckConstraint(
                name="campaigns_rule_runs_a_version",
                condition=Q(state="draft", version=None, floor=None)
                | (~Q(state="draft") & Q(version__isnull=False, floor__isnull=False)),
            ),
            models.CheckConstraint(
                name="campaigns_rule_has_a_document", condition=Q(draft__isnull=False) | Q(version__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["practice", "state", "name"], name="campaigns_rule_state")]

    def __str__(self) -> str:
        return self.name

    @property
    def document(self) -> dict:
        """What the form shows: the draft, else the version in force."""
        return self.draft if self.draft is not None else self.version.document


class RuleVersion(PracticeModel):
    """A document as it was published; never changed. What has fired keeps the version it fired under."""

    rule = PracticeForeignKey(Rule, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    published_at = models.DateTimeField()
    published_by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "rule", "number"], name="campaigns_ruleversion_number"),
            SamePractice(field="rule", name="campaigns_ruleversion_rule_same_practice"),
            SamePractice(field="published_by", name="campaigns_ruleversion_published_by_same_practice"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class RuleClock(PracticeModel):
    """When an active rule is next due in one zone (campaigns.md §7.1): wakes the practice, decides nothing.

    `zone` is an IANA name; empty for a rule that counts hours, which is ripe at every tick.
    """

    rule = PracticeForeignKey(Rule, models.CASCADE, related_name="clocks")
    zone = models.CharField(max_length=64, blank=True)
    next_at = models.DateTimeField()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "rule", "zone"], name="campaigns_ruleclock_once"),
            SamePractice(field="rule", name="campaigns_ruleclock_rule_same_practice"),
        ]
        indexes = [models.Index(fields=["next_at"], name="campaigns_ruleclock_next")]  # asked across practices

    def __str__(self) -> str:
        return f"{self.zone or 'every tick'} {self.next_at:%Y-%m-%d %H:%M}"


class EvaluationState(PracticeModel):
    """How far a practice is evaluated; its row is the claim (campaigns.md §7.3, §7.4).

    `due_through` in the application's clock: everything due at or before it was looked at. `seen_through` in the
    database's clock: every fact whose `changed_at` is earlier was seen by a tick.
    """

    due_through = models.DateTimeField()
    seen_through = models.DateTimeField()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice"], name="campaigns_evaluationstate_one"),
        ]

    def __str__(self) -> str:
        return f"due through {self.due_through:%Y-%m-%d %H:%M}"


class Firing(PracticeModel):
    """One decision about one occurrence, made once and kept (campaigns.md §2). Hash-partitioned by practice."""

    class Outcome(models.TextChoices):
        FIRED = "fired", _("Fired")
        PATIENT_INACTIVE = "patient_inactive", _("Patient no longer active")
        IN_JOURNEY = "in_journey", _("Already being messaged by this rule")
        REENTRY = "reentry", _("Reached before by this rule")

    rule = PracticeForeignKey(Rule, models.PROTECT, related_name="firings")
    version = PracticeForeignKey(RuleVersion, models.PROTECT, related_name="+")
    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="firings")
    original_patient = PracticeForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="+")
    episode = PracticeForeignKey(Episode, models.PROTECT, null=True, blank=True, related_name="firings")
    occurrence = models.CharField(max_length=120)  # the key of campaigns.md §2, such as `e:{episode}:d{seq}`
    due_at = models.DateTimeField()
    decided_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=Outcome)
    facts = models.JSONField(default=dict)  # what the decision rested on, ≤ 2 kB; `zone` among them

    class Meta(PracticeModel.Meta):
        constraints = [
            PracticeModel.Meta.constraints[0],
            models.UniqueConstraint(
                fields=["practice", "rule", "patient", "occurrence"], name="campaigns_firing_one_decision"
            ),
            SamePractice(field="rule", name="campaigns_firing_rule_same_practice"),
            SamePractice(field="version", name="campaigns_firing_version_same_practice"),
            SamePractice(field="patient", name="campaigns_firing_patient_same_practice"),
            SamePractice(field="original_patient", name="campaigns_firing_original_patient_same_practice"),
            SamePractice(field="episode", name="campaigns_firing_episode_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "rule", "-decided_at"], name="campaigns_firing_log")]

    def __str__(self) -> str:
        return f"{self.occurrence} {self.outcome}"


class JourneyQuerySet(PracticeQuerySet):
    """Questions about journeys."""

    def running(self) -> "JourneyQuerySet":
        """Those with a step still to come."""
        return self.filter(ended_at=None)


class Journey(PracticeModel):
    """What follows a decision that fired: the steps of its version, one after another (campaigns.md §2).

    `step` is the index of the next step, `planned_at` its instant. One running journey per rule and patient.
    """

    class End(models.TextChoices):
        COMPLETED = "completed", _("All steps done")
        PATIENT_INACTIVE = "patient_inactive", _("Patient no longer active")
        ANCHOR_GONE = "anchor_gone", _("Discharge was taken back")
        ARCHIVED = "archived", _("Rule archived")
        STOPPED_BOOKED = "stopped_booked", _("Booked a visit")
        STOPPED_VISITED = "stopped_visited", _("Came to a visit")
        STOPPED_ANSWERED = "stopped_answered", _("Answered")
        STOPPED_OPTED_OUT = "stopped_opted_out", _("Opted out")
        STOPPED_READMITTED = "stopped_readmitted", _("Back in care")

    rule = PracticeForeignKey(Rule, models.PROTECT, related_name="journeys")
    version = PracticeForeignKey(RuleVersion, models.PROTECT, related_name="+")
    firing = PracticeForeignKey(Firing, models.PROTECT, related_name="journeys")
    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="journeys")
    episode = PracticeForeignKey(Episode, models.PROTECT, null=True, blank=True, related_name="+")
    occurrence = models.CharField(max_length=120)  # as the firing's: `holds` is judged again at each release
    zone = models.CharField(max_length=64)  # of the occurrence: the wall times of the steps are of this zone
    started_at = models.DateTimeField()
    step = models.PositiveSmallIntegerField(default=0)
    planned_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=20, choices=End, blank=True)

    objects = PracticeManager.from_queryset(JourneyQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "rule", "patient"],
                condition=Q(ended_at=None),
                name="campaigns_journey_one_running",
            ),
            models.UniqueConstraint(fields=["practice", "firing"], name="campaigns_journey_one_a_firing"),
            models.CheckConstraint(
                name="campaigns_journey_end_has_reason",
                condition=Q(ended_at=None, end_reason="") | (Q(ended_at__isnull=False) & ~Q(end_reason="")),
            ),
            SamePractice(field="rule", name="campaigns_journey_rule_same_practice"),
            SamePractice(field="version", name="campaigns_journey_version_same_practice"),
            SamePractice(field="firing", name="campaigns_journey_firing_same_practice"),
            SamePractice(field="patient", name="campaigns_journey_patient_same_practice"),
            SamePractice(field="episode", name="campaigns_journey_episode_same_practice"),
        ]
        indexes = [
            models.Index(
                fields=["planned_at"], name="campaigns_journey_planned", condition=Q(ended_at=None)
            ),  # asked across practices
            models.Index(fields=["practice", "planned_at"], name="campaigns_journey_due", condition=Q(ended_at=None)),
            models.Index(fields=["practice", "patient"], name="campaigns_journey_patient"),
        ]

    def __str__(self) -> str:
        return f"journey {self.pk}, step {self.step}"


class StepResult(PracticeModel):
    """What became of one step of a journey: sent on its way, or held with the reason. One row a step, never changed."""

    class Verdict(models.TextChoices):
        SEND = "send", _("Handed to the outbox")
        HELD = "held", _("Held")

    journey = PracticeForeignKey(Journey, models.CASCADE, related_name="results")
    index = models.PositiveSmallIntegerField()
    step_id = models.CharField(max_length=20)  # the step's id in the document
    planned_at = models.DateTimeField()
    at = models.DateTimeField()  # the tick that gave the verdict
    verdict = models.CharField(max_length=4, choices=Verdict)
    reason = models.CharField(max_length=32, blank=True)  # why held
    channel = models.CharField(max_length=5, blank=True)
    outbox_id = models.UUIDField(null=True)  # messaging.OutboxMessage

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "journey", "index"], name="campaigns_stepresult_once"),
            SamePractice(field="journey", name="campaigns_stepresult_journey_same_practice"),
        ]
        indexes = [
            models.Index(
                fields=["practice", "outbox_id"],
                name="campaigns_stepresult_outbox",
                condition=Q(outbox_id__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.step_id}: {self.verdict} {self.reason}".strip()
