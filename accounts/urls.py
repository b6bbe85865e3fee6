"""Addresses of signing in and of choosing a practice."""

from django.urls import path

from accounts import api
from accounts.views import agreements, api_keys, practices, settings, signin, signup, support
from prm.api.routing import routes, single

urlpatterns = [
    path("", practices.start, name="start"),
    path("signin/", signin.sign_in, name="signin"),
    path("signin/verify/", signin.verify, name="signin_verify"),
    path("signin/factor/", signin.factor, name="signin_factor"),
    path("signout", signin.sign_out, name="signout"),
    path("practices/", practices.choose, name="practices"),
    path("signup/", signup.sign_up, name="sign_up"),
    path("signup/sent/", signup.sent, name="sign_up_sent"),
    path("signup/<str:sign_up_token>", signup.confirm, name="sign_up_confirm"),
]

staff_urlpatterns = [
    path("settings/", settings.index, name="settings"),
    path("settings/agreements/", agreements.register, name="agreements"),
    path("settings/agreements/new/", agreements.new, name="agreement_new"),
    path("settings/agreements/signature", agreements.signature, name="agreement_signature"),
    path("settings/agreements/text/<str:version>/", agreements.text, name="agreement_text"),
    path("settings/agreements/<uuid:agreement_id>/", agreements.edit, name="agreement"),
    path("settings/agreements/<uuid:agreement_id>/paper", agreements.paper, name="agreement_paper"),
    path("settings/support/", support.support_access, name="support_access"),
    path("settings/support/<uuid:grant_id>/end/", support.support_end, name="support_end"),
    path("settings/api-keys/", api_keys.keys, name="api_keys"),
    path("settings/api-keys/new/", api_keys.new, name="api_key_new"),
    path("settings/api-keys/<uuid:apikey_id>/revocation/", api_keys.revocation, name="api_key_revocation"),
]

api_urlpatterns = [
    *single("practice", api.PracticeEndpoint, {"get": "retrieve"}),
    *routes("clinics", api.ClinicEndpoint, argument="clinic_id"),
    *routes("staff", api.MemberEndpoint, argument="membership_id"),
    *routes("therapists", api.TherapistEndpoint, argument="therapist_id"),
]
