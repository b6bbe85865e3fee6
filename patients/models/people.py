"""Patients and the ids that other systems know them by."""

import unicodedata
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, check_zone
from prm import clock
from prm.tenancy.models import DatabaseClock, PracticeForeignKey, PracticeManager, PracticeModel, PracticeQuerySet
from prm.tenancy.walls import SamePractice


def search_form(*names: str) -> str:
    """Names as searches compare them: without accents, case-folded, one space between words (“perez luis”)."""
    decomposed = unicodedata.normalize("NFKD", " ".join(n for n in names if n))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


class PatientQuerySet(PracticeQuerySet):
    """Questions about patients."""

    def visible_to(self, viewer: Any) -> "PatientQuerySet":
        """Those that a member of staff, or a Scope, may see (patients/scope.py)."""
        from patients import scope  # noqa: PLC0415  (episodes, which it asks, are defined on top of patients)

        return self.filter(scope.sees_patient(viewer))

    def living(self) -> "PatientQuerySet":
        """Neither merged away, archived nor deceased."""
        return self.filter(merged_into=None, archived_at=None, deceased_at=None)

    def real(self) -> "PatientQuerySet":
        """All but sample patients."""
        return self.filter(is_sample=False)

    def set_aside(self) -> "PatientQuerySet":
        """Sample patients once there are real ones: figures leave them out from then on."""
        return self.filter(models.Exists(Patient.objects.real()), is_sample=True)

    def counted_samples(self) -> "PatientQuerySet":
        """Sample patients while there are no others: figures count them."""
        return self.filter(~models.Exists(Patient.objects.real()), is_sample=True)


class Patient(PracticeModel):
    """A person in care, or who was. The EMR owns the facts; `merged_into` leads to the survivor of a merge."""

    class Sex(models.TextChoices):
        FEMALE = "female", _("Female")
        MALE = "male", _("Male")
        OTHER = "other", _("Other")
        UNKNOWN = "unknown", _("Unknown")

    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    suffix = models.CharField(max_length=20, blank=True)
    search_name = models.CharField(max_length=260, blank=True, editable=False, db_collation="C")  # “last first”
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=8, choices=Sex, default=Sex.UNKNOWN)
    language = models.CharField(max_length=5, default="en")
    time_zone = models.CharField(max_length=64, blank=True, validators=[check_zone])  # empty: the clinic's
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)  # E.164
    address = models.JSONField(default=dict, blank=True)  # line, line2, city, state, postal_code, country
    attributes = models.JSONField(default=dict, blank=True)
    home_clinic = PracticeForeignKey(Clinic, models.PROTECT, null=True, blank=True, related_name="+")
    test_name = models.BooleanField(default=False)  # ZZTEST and the like: kept, never sent to
    is_sample = models.BooleanField(default=False, db_default=False, editable=False)  # of a sample feed: never sent to
    deceased_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    restricted_at = models.DateTimeField(null=True, blank=True)  # “do not contact”: security notices alone are sent
    merged_into = PracticeForeignKey("self", models.PROTECT, null=True, blank=True, related_name="merged_from")
    last_answer_at = models.DateTimeField(null=True, editable=False)  # these four: projections written by nps
    last_nps = models.SmallIntegerField(null=True, editable=False)
    last_nps_bucket = models.CharField(max_length=9, blank=True, editable=False)
    last_nps_before = models.SmallIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(db_default=DatabaseClock(), editable=False)  # writers set DatabaseClock()

    objects = PracticeManager.from_queryset(PatientQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="home_clinic", name="patients_patient_home_clinic_same_practice"),
            SamePractice(field="merged_into", name="patients_patient_merged_into_same_practice"),
            models.CheckConstraint(
                name="patients_patient_not_merged_into_itself",
                condition=models.Q(merged_into=None) | ~models.Q(merged_into=models.F("id")),
            ),
        ]
        indexes = [
            models.Index(fields=["practice", "search_name"], name="patients_patient_name"),
            GinIndex(  # for prm_search_patients
                fields=["practice", "search_name"],
                name="patients_patient_any_part",
                opclasses=["uuid_ops", "gin_trgm_ops"],
            ),
            models.Index(fields=["practice", "birth_date"], name="patients_patient_birth"),
            models.Index(fields=["practice", "phone"], name="patients_patient_phone", condition=~models.Q(phone="")),
            models.Index(fields=["practice", "email"], name="patients_patient_email", condition=~models.Q(email="")),
            models.Index(fields=["practice"], name="patients_patient_sample", condition=models.Q(is_sample=True)),
        ]

    def __str__(self) -> str:
        return self.full_name or "Patient without a name"

    @property
    def full_name(self) -> str:
        """First and last name with suffix."""
        return " ".join(part for part in (self.first_name, self.last_name, self.suffix) if part)

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        return f"{self.first_name[:1]}{self.last_name[:1]}".upper() or "?"

    def age_on(self, day: date) -> int | None:
        """Whole years on `day`; None where the birth date is unknown."""
        born = self.birth_date
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day)) if born else None

    def zone(self, fallback: ZoneInfo) -> ZoneInfo:
        """The patient's time zone, else `fallback` (the clinic's or the practice's)."""
        return ZoneInfo(self.time_zone) if self.time_zone else fallback


class ExternalId(PracticeModel):
    """An id by which another system knows the patient; the current ones, projected from `integrations.IdentityLink`."""

    patient = PracticeForeignKey(Patient, models.CASCADE, related_name="external_ids")
    source = models.CharField(max_length=64)  # the feed's id as text: no foreign key upward
    kind = models.CharField(max_length=80, blank=True)  # assigning authority or identifier system
    value = models.CharField(max_length=120)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "source", "kind", "value"], name="patients_externalid_one_patient"
            ),
            SamePractice(field="patient", name="patients_externalid_patient_same_practice"),
        ]
        indexes = [
            models.Index(fields=["practice", "patient"], name="patients_externalid_patient"),
            models.Index(fields=["practice", "value"], name="patients_externalid_value"),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.value}"
