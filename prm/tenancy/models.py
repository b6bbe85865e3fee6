"""Base class and manager of every row that belongs to a practice."""

from typing import Any

from django.db import models
from django.db.models.expressions import Func

from prm import clock, ids
from prm.tenancy.context import current_practice_id
from prm.tenancy.walls import RowSecurity


class DatabaseUuid7(Func):
    """Our SQL function of daily.md §18: `uuidv7()` on PostgreSQL 18, the same layout by hand below it."""

    function = "prm_uuid7"
    template = "%(function)s()"
    output_field = models.UUIDField()


class DatabaseClock(Func):
    """The database's clock, moving within a transaction: what `changed_at` holds (campaigns.md §7.3).

    Not `prm.clock`: the evaluator compares it with the start of open transactions; a played history must not move it.
    """

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = models.DateTimeField()


class PracticeQuerySet(models.QuerySet):
    """Rows of one practice; what it creates in bulk gets the practice of the context."""

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        practice_id = current_practice_id()
        objs = list(objs)
        for obj in objs:
            if obj.practice_id is None:
                obj.practice_id = practice_id
        return super().bulk_create(objs, *args, **kwargs)


class PracticeManager(models.Manager.from_queryset(PracticeQuerySet)):
    """The door: filters by the practice of the context, NoPractice where none is set (row security is the wall)."""

    use_in_migrations = False

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(practice_id=current_practice_id())


class PracticeForeignKey(models.ForeignKey):
    """A key to another tenant row: the database's check is the composite one (`SamePractice`), and so is the index.

    Django's own single-column constraint would let a row point into another practice, and its index would not start
    with the practice; both are left out. A catalogue test (I1) fails where the `SamePractice` beside it is forgotten.
    """

    def __init__(self, to: Any, on_delete: Any, **options: Any) -> None:
        super().__init__(to, on_delete, **{**options, "db_constraint": False, "db_index": False})


class PracticeModel(models.Model):
    """A row of one practice, behind row level security, with a time-ordered id that tells no volume."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    practice = models.ForeignKey("accounts.Practice", models.PROTECT, related_name="+", db_index=False, editable=False)

    objects = PracticeManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        constraints = [
            RowSecurity(name="%(app_label)s_%(class)s_wall"),
            models.UniqueConstraint(fields=["practice", "id"], name="%(app_label)s_%(class)s_practice_id"),
        ]

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As Django's; a new row takes the practice of the context. NoPractice where none is set."""
        if self.practice_id is None:
            self.practice_id = current_practice_id()
        super().save(*args, **kwargs)


class DataKey(PracticeModel):
    """A key that encrypts one practice's columns, itself encrypted ("wrapped") by a master key of PRM_MASTER_KEYS.

    Written by `prm.tenancy.data_keys`. The application may not delete one: erasing a practice does.
    """

    number = models.PositiveIntegerField()  # stands in each ciphertext; the highest encrypts
    master = models.CharField(max_length=4)  # id of the master key that wraps it
    wrapped = models.CharField(max_length=80)  # base64 of nonce and ciphertext
    created_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True)  # since when no column was found under it

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "number"], name="tenancy_datakey_number"),
        ]

    def __str__(self) -> str:
        return f"data key {self.number}"


class PracticeExport(PracticeModel):
    """A copy of all of a practice's data, made in slices into encrypted parts, to be fetched for seven days."""

    export_leaves_out = True

    asked_by = models.UUIDField()  # the user
    asked_at = models.DateTimeField()
    label = models.CharField(max_length=100, blank=True)  # the model that the next slice begins with
    after = models.UUIDField(null=True)  # its last row that is in a part
    parts = models.JSONField(default=list)  # [{"model", "name", "rows"}] in order
    rows = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    sealed_key = models.BinaryField()  # of the parts
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)  # the parts are gone

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice"], condition=models.Q(finished_at=None), name="tenancy_practiceexport_one_at_a_time"
            ),
        ]
        indexes = [models.Index(fields=["practice", "-asked_at"], name="tenancy_practiceexport_newest")]

    def __str__(self) -> str:
        return f"export of {self.asked_at:%Y-%m-%d %H:%M}"


class PracticeClosure(models.Model):
    """The end of a practice: asked for, waited for, done. Global, since it outlives the practice; holds no PHI."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    closed_practice = models.UUIDField()  # not a key: the row it named is gone in the end
    slug = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    asked_by = models.CharField(max_length=254)  # who closed it: a name and an e-mail address, or an operator's command
    asked_at = models.DateTimeField()
    erase_after = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)
    archive = models.CharField(max_length=200, blank=True)  # file name in the archive folder
    archive_sha256 = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict)  # table to rows erased
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["closed_practice"], condition=models.Q(cancelled_at=None), name="tenancy_practiceclosure_one"
            ),
        ]

    def __str__(self) -> str:
        return f"closing of {self.slug}"
