"""Addresses of signing in and of choosing a practice."""

from django.urls import path

from accounts.views import practices, settings, signin, support

urlpatterns = [
    path("", practices.start, name="start"),
    path("signin/", signin.sign_in, name="signin"),
    path("signin/verify/", signin.verify, name="signin_verify"),
    path("signin/factor/", signin.factor, name="signin_factor"),
    path("signout", signin.sign_out, name="signout"),
    path("practices/", practices.choose, name="practices"),
]

staff_urlpatterns = [
    path("settings/", settings.index, name="settings"),
    path("settings/support/", support.support_access, name="support_access"),
    path("settings/support/<uuid:grant_id>/end/", support.support_end, name="support_end"),
]
