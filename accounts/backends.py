"""Who a session belongs to."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.middleware import OTPMiddleware

from accounts.models import TotpDevice, User

PATH = "accounts.backends.StaffBackend"


class StaffBackend(ModelBackend):
    """Loads a person and the authenticator app in one statement: every page of a signed-in person needs both."""

    def get_user(self, user_id: Any) -> User | None:
        """The person, where active; one with a confirmed app carries it as `authenticator_app`."""
        app = TotpDevice.objects.select_related("user").filter(user=user_id, confirmed=True).order_by("pk").first()
        if app is None:
            return super().get_user(user_id)
        app.user.authenticator_app = app
        return app.user if self.user_can_authenticate(app.user) else None


class SecondFactorMiddleware(OTPMiddleware):
    """django-otp's own, which need not ask for the device of the session where `StaffBackend` has just loaded it."""

    def _verify_user_sync(self, request: Any, user: Any) -> Any:
        app = getattr(user, "authenticator_app", None)
        if app is None or request.session.get(DEVICE_ID_SESSION_KEY) != app.persistent_id:
            return super()._verify_user_sync(request, user)
        self._init_user_fields(user)
        user.otp_device = self._finalize_device(request, user, app)
        return user
