"""Addresses of the patients app."""

from django.urls import path

from patients.views.consent_policy import consent_policy

staff_urlpatterns = [
    path("settings/consent/", consent_policy, name="consent_policy"),
]
