"""Addresses of the patients app: a link's page under /portal/<practice>/, the staff's under /<practice_slug>/."""

from django.urls import path, re_path

from patients.views import portal, rights, staff
from patients.views.consent_policy import consent_policy

TOKEN = r"^(?P<token>[A-Za-z0-9_-]{20,100})"  # noqa: S105  (a pattern, no token; longer than any fixed page's name)

portal_urlpatterns = [re_path(TOKEN + "$", portal.link, name="portal_link")]

staff_urlpatterns = [
    path("patients/", staff.patients, name="patients"),
    path("patients/<uuid:patient_id>/", staff.patient, name="patient"),
    path("patients/<uuid:patient_id>/episodes/", staff.episodes, name="patient_episodes"),
    path("patients/<uuid:patient_id>/consents/", staff.consents, name="patient_consents"),
    path("patients/<uuid:patient_id>/privacy/", rights.privacy, name="patient_privacy"),
    path("patients/<uuid:patient_id>/restriction/", rights.restriction, name="patient_restriction"),
    path("patients/<uuid:patient_id>/restriction/undo/", rights.restriction_undo, name="patient_restriction_undo"),
    path("patients/<uuid:patient_id>/amendments/", rights.amendments, name="patient_amendments"),
    path("patients/<uuid:patient_id>/disclosures/", rights.disclosures, name="patient_disclosures"),
    path("patients/<uuid:patient_id>/copy.<str:form>", rights.copy, name="patient_copy"),
    path("patients/amendments/<uuid:amendment_id>/", rights.amendment, name="patient_amendment"),
    path("settings/consent/", consent_policy, name="consent_policy"),
]
