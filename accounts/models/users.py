"""The people who sign in as staff."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from prm import clock, ids
from prm.tenancy.models import DatabaseUuid7


class UserManager(BaseUserManager["User"]):
    """Finds and makes users by e-mail."""

    def create_user(self, email: str, name: str, password: str | None = None, **fields: Any) -> "User":
        """A new user; without a password he cannot sign in until he sets one."""
        user = self.model(email=self.normalise(email), name=name, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of an e-mail address, whatever its case. User.DoesNotExist."""
        return self.get(email=self.normalise(username or ""))

    @staticmethod
    def normalise(email: str) -> str:
        """Lower case without surrounding space: how addresses are stored and compared."""
        return email.strip().lower()


class User(AbstractBaseUser):
    """A person who signs in as staff; global, since one person may work for several practices."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    is_platform_operator = models.BooleanField(default=False)
    language = models.CharField(max_length=5, default="en")
    shortcuts = models.BooleanField(default=True, db_default=True)  # single-key ones (WCAG 2.1.4)
    created_at = models.DateTimeField(default=clock.now)

    objects = UserManager()

    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def short_name(self) -> str:
        """“Dana K.”: as colleagues see it in lists."""
        first, _sep, rest = self.name.partition(" ")
        return f"{first} {rest[0]}." if rest else first
