"""Who a session belongs to, and what verified it."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.middleware import OTPMiddleware

from accounts import factors
from accounts.models import User

PATH = "accounts.backends.StaffBackend"


class StaffBackend(ModelBackend):
    """Loads a person and the ids of his second factors in one statement: every signed-in person's page needs both."""

    def get_user(self, user_id: Any) -> User | None:
        """The person, where active, with `<kind>_devices` of `accounts.factors`."""
        user = User.objects.annotate(**factors.device_ids()).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


class SecondFactorMiddleware(OTPMiddleware):
    """django-otp's own, which need not ask for the device of the session where `StaffBackend` has just read its id."""

    def _verify_user_sync(self, request: Any, user: Any) -> Any:
        if not user.is_authenticated or not hasattr(user, "totp_devices"):
            return super()._verify_user_sync(request, user)
        self._init_user_fields(user)
        device = factors.device_of_session(user, request.session.get(DEVICE_ID_SESSION_KEY))
        user.otp_device = self._finalize_device(request, user, device)
        return user
