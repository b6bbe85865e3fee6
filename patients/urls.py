"""Addresses of the patients app."""

from django.urls import path

from patients.views import staff
from patients.views.consent_policy import consent_policy

staff_urlpatterns = [
    path("patients/", staff.patients, name="patients"),
    path("patients/<uuid:patient_id>/", staff.patient, name="patient"),
    path("patients/<uuid:patient_id>/episodes/", staff.episodes, name="patient_episodes"),
    path("patients/<uuid:patient_id>/consents/", staff.consents, name="patient_consents"),
    path("settings/consent/", consent_policy, name="consent_policy"),
]
