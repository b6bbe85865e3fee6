"""Addresses of signing in and of choosing a practice."""

from django.urls import path

from accounts import api
from accounts.views import (
    absences,
    agreements,
    api_keys,
    invitations,
    people,
    practices,
    settings,
    signin,
    signup,
    support,
    therapists,
)
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
    path("invite/join/<slug:practice_public_id>/", invitations.invitation_join, name="invitation_join"),
    path("invite/<slug:practice_public_id>/<str:token>", invitations.invitation, name="invitation"),
]

staff_urlpatterns = [
    path("settings/", settings.index, name="settings"),
    path("settings/agreements/", agreements.register, name="agreements"),
    path("settings/agreements/new/", agreements.new, name="agreement_new"),
    path("settings/agreements/signature", agreements.signature, name="agreement_signature"),
    path("settings/agreements/text/<str:version>/", agreements.text, name="agreement_text"),
    path("settings/agreements/<uuid:agreement_id>/", agreements.edit, name="agreement"),
    path("settings/agreements/<uuid:agreement_id>/paper", agreements.paper, name="agreement_paper"),
    path("settings/absence/", absences.my_absence, name="my_absence"),
    path("settings/absence/<uuid:absence_id>/end/", absences.absence_end, name="absence_end"),
    path("settings/people/", people.members, name="people"),
    path("settings/people/invite/", people.invite, name="people_invite"),
    path("settings/people/roles/", people.roles, name="people_roles"),
    path("settings/people/<uuid:membership_id>/", people.member, name="member"),
    path("settings/people/<uuid:membership_id>/absence/", absences.member_absence, name="member_absence"),
    path("settings/people/<uuid:membership_id>/access/", people.access, name="member_access"),
    path("settings/people/<uuid:membership_id>/departure/", people.departure, name="departure"),
    path("settings/people/<uuid:membership_id>/departure/undo/", people.departure_undo, name="departure_undo"),
    path(
        "settings/people/invitations/<uuid:invitation_id>/renewal/",
        people.invitation_renewal,
        name="invitation_renewal",
    ),
    path(
        "settings/people/invitations/<uuid:invitation_id>/withdrawal/",
        people.invitation_withdrawal,
        name="invitation_withdrawal",
    ),
    path("settings/therapists/", therapists.therapists, name="therapists"),
    path("settings/therapists/new/", therapists.therapist_new, name="therapist_new"),
    path("settings/therapists/<uuid:therapist_id>/", therapists.therapist, name="therapist"),
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
