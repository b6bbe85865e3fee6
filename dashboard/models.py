"""What the dashboard owns: how a practice's first days went. Everything else it shows is other apps'."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class StartStep(PracticeModel):
    """What a person said about one step of the start checklist; whether it is done follows from the facts.

    `later_*`: put off. `done_*`: said or done by hand where no other row tells it (no EMR link, no opt-outs, the survey
    sent to oneself).
    """

    class Step(models.TextChoices):
        PRACTICE = "practice", _("Practice and agreement")
        CLINIC = "clinic", _("Clinics")
        PEOPLE = "people", _("People")
        CONSENT = "consent", _("Consent")
        EMR = "emr", _("Connect your EMR")
        IMPORT = "import", _("Bring in patients")
        OPT_OUTS = "opt_outs", _("Opt-outs")
        RULE = "rule", _("First rule")
        SURVEY = "survey", _("First survey")

    step = models.CharField(max_length=8, choices=Step)
    later_at = models.DateTimeField(null=True, blank=True)
    later_by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    object_id = models.UUIDField(null=True, blank=True)  # of the message that went to oneself

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "step"], name="dashboard_startstep_once"),
            models.CheckConstraint(
                name="dashboard_startstep_done_has_person",
                condition=Q(done_at=None, done_by=None) | Q(done_at__isnull=False, done_by__isnull=False),
            ),
            models.CheckConstraint(
                name="dashboard_startstep_later_has_person",
                condition=Q(later_at=None, later_by=None) | Q(later_at__isnull=False, later_by__isnull=False),
            ),
            SamePractice(field="later_by", name="dashboard_startstep_later_by_same_practice"),
            SamePractice(field="done_by", name="dashboard_startstep_done_by_same_practice"),
        ]

    def __str__(self) -> str:
        return self.step
