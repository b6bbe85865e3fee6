"""Second factors, and the guesses at them."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin, VerifyNotAllowed
from django_otp.oath import hotp

from accounts.models.users import User
from prm import clock, crypto, ids
from prm.tenancy.models import DatabaseUuid7


class TotpDevice(ThrottlingMixin, Device):
    """An authenticator app (RFC 6238: SHA-1, 30 s, 6 digits). Global as its user is; the key is encrypted for him.

    `last_t`: the time step of the newest accepted code; none of that step or before is accepted again.
    """

    STEP = 30  # seconds
    TOLERANCE = 1  # steps that a phone's clock may be off, either way
    WAIT = 1  # seconds after the first wrong code, doubled with each further one

    sealed_for = "user_id"  # the ciphertext belongs to the person, not to the row
    sealed_key = models.BinaryField()
    last_t = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="accounts_totpdevice_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"

    @property
    def key(self) -> bytes:
        """The shared secret. CannotDecrypt where the row was moved to another user."""
        return crypto.decrypt(self.sealed_key, **self._place())

    @key.setter
    def key(self, secret: bytes) -> None:
        self.sealed_key = crypto.encrypt(secret, **self._place())

    def code_at(self, moment: datetime) -> str:
        """The six digits that the app shows at `moment` (aware)."""
        return f"{hotp(self.key, self._step(moment)):06d}"

    def verify_is_allowed(self) -> tuple[bool, dict[str, Any] | None]:
        """False with `locked_until` while the wait after wrong codes lasts (1 s, 2 s, 4 s …)."""
        if self.throttling_failure_count and self.throttling_failure_timestamp:
            wait = timedelta(seconds=self.WAIT * 2 ** min(self.throttling_failure_count - 1, 20))
            until = self.throttling_failure_timestamp + wait
            if clock.now() < until:
                return False, {"reason": VerifyNotAllowed.N_FAILED_ATTEMPTS, "locked_until": until}
        return True, None

    def verify_token(self, token: str) -> bool:
        """True for a code of now (one step of tolerance) that is newer than any accepted before; it is then spent.

        Spent by one UPDATE with the old state in its condition, so that of two requests with one code only one passes.
        """
        if not self.verify_is_allowed()[0]:
            return False
        step = self._matching_step(token)
        if step is None:
            TotpDevice.objects.filter(pk=self.pk).update(
                throttling_failure_timestamp=clock.now(),
                throttling_failure_count=models.F("throttling_failure_count") + 1,
            )
            self.refresh_from_db()
            return False
        return bool(
            TotpDevice.objects.filter(pk=self.pk, last_t__lt=step).update(
                last_t=step, last_used_at=clock.now(), throttling_failure_count=0, throttling_failure_timestamp=None
            )
        )

    def _matching_step(self, token: str) -> int | None:
        now, key, found = self._step(clock.now()), self.key, None
        for step in range(now - self.TOLERANCE, now + self.TOLERANCE + 1):
            if secrets.compare_digest(f"{hotp(key, step):06d}".encode(), token.encode()) and step > self.last_t:
                found = step
        return found

    def _step(self, moment: datetime) -> int:
        return int(moment.timestamp()) // self.STEP

    def _place(self) -> dict[str, Any]:
        return {"practice_id": None, "table": self._meta.db_table, "row": self.user_id, "column": "sealed_key"}


class RecoveryCodes(Device):
    """A person's printed recovery codes, as one device: it is what a session is verified by that one of them opened."""

    NAME = "Recovery codes"

    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="accounts_recoverycodes_one_a_user")]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"


class RecoveryCode(models.Model):
    """One printed code; it passes once.

    The hash is HMAC-SHA256 with the pepper, which no dump holds: 60 random bits against ten guesses an hour need no
    slow hash, and nothing can be computed from the table alone.
    """

    codes = models.ForeignKey(RecoveryCodes, models.CASCADE, related_name="each")
    code_hash = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"code {self.pk}"


class FactorRecovery(models.Model):
    """Somebody who lost the second factor asks a second person to confirm who he is. Global as its person is.

    Confirmed, a link is mailed to him; used, he has set up a new factor. `link_hash` is that of the mailed token.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("Waits for a second person")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUSED = "refused", _("Refused")
        USED = "used", _("Used")

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField()
    asked_from = models.GenericIPAddressField(null=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    link_hash = models.CharField(max_length=64, blank=True)
    link_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(state="asked"), name="accounts_factorrecovery_one_open"
            ),
            models.UniqueConstraint(
                fields=["link_hash"], condition=~models.Q(link_hash=""), name="accounts_factorrecovery_link"
            ),
            models.CheckConstraint(
                name="accounts_factorrecovery_second_person",
                condition=models.Q(decided_by=None) | ~models.Q(decided_by=models.F("user")),
            ),
            models.CheckConstraint(
                name="accounts_factorrecovery_decided",
                condition=models.Q(state="asked", decided_at=None)
                | (~models.Q(state="asked") & models.Q(decided_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.pk}"


class PasswordReset(models.Model):
    """Somebody typed an e-mail at “Forgot it?”. A row for each request, known address or not: same work, same time.

    `user` is None where nobody has that address; the worker then has nothing to do.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    asked_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True)
    link_hash = models.CharField(max_length=64, blank=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["asked_at"], condition=models.Q(mailed_at=None), name="accounts_reset_to_mail")]

    def __str__(self) -> str:
        return f"reset {self.pk}"


class SignInAttempt(models.Model):
    """One guess at a password or a code; written as failed before it is checked, so that racing guesses all count."""

    class Step(models.TextChoices):
        PASSWORD = "password", _("Password")
        CODE = "code", _("Code")
        PASSKEY = "passkey", _("Passkey")
        RECOVERY = "recovery", _("Recovery code")
        RESET = "reset", _("Password reset")  # counted apart: asking for a mail locks nobody out

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    at = models.DateTimeField()
    account = models.CharField(max_length=64)  # HMAC of the e-mail typed: people type passwords there
    address = models.GenericIPAddressField(null=True)
    step = models.CharField(max_length=8, choices=Step)
    passed = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["account", "at"], name="accounts_signin_account"),
            models.Index(fields=["address", "at"], name="accounts_signin_address"),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.at:%Y-%m-%d %H:%M} {'passed' if self.passed else 'failed'}"
