"""Who gets in where: one row for every URL name (security.md I7). docs/reference/roles.md tells how to add one.

The letters are those of ui.md section 9: O owner, M manager, T therapist, F front desk, R read-only, P patient of the
practice, S operator of the platform, G the same under an owner's grant of a manager's eyes; X is the owner of another
practice, Q a patient of another, A anybody without a session. A row says what
the product should do, on its own: it does not ask accounts.access, which may be wrong.
"""

from dataclasses import dataclass

ROLES = {"O": "owner", "M": "manager", "T": "therapist", "F": "front_desk", "R": "read_only"}
EVERYBODY = "OMTFRPQSGXA"
DOORS = ("/signin/",)  # where who is not signed in is sent; who is no patient is answered 403 under /portal/


@dataclass(frozen=True, slots=True)
class Row:
    """`who` gets in, by the `methods` that the view answers (HEAD may come with GET).

    `acts`: who gets in by POST, where these are fewer (staff read a survey's page, but never answer for a patient).
    `scoped`: it is about one patient, and for who does not see him (a manager of another clinic, a therapist who sees
    only his own) it does not exist. `whole`: it shows the whole practice, or a colleague of
    another clinic: a manager of one clinic is refused.
    `missing`: for these it does not exist either, by a rule of its own (a recovery case that nobody gave them).
    """

    who: str
    methods: str = "GET"
    acts: str | None = None
    scoped: bool = False
    whole: bool = False
    missing: str = ""


ROWS: dict[str, Row] = {
    # Open to everybody: signing in, links that carry their own right, what browsers and providers report, health.
    "appearance": Row(EVERYBODY, "POST"),
    "csp_report": Row(EVERYBODY, "POST"),
    "dev_codes": Row(EVERYBODY),
    "dev_mail": Row(EVERYBODY),
    "dev_mail_html": Row(EVERYBODY),
    "dev_mail_message": Row(EVERYBODY),
    "dev_parts": Row(EVERYBODY),
    "follow_link": Row(EVERYBODY),
    "invitation": Row(EVERYBODY, "GET POST"),
    "invitation_join": Row(EVERYBODY, "GET POST"),
    "livez": Row(EVERYBODY),
    "metrics": Row(EVERYBODY),
    "readyz": Row(EVERYBODY),
    "sendgrid_events": Row("", "POST"),  # the example is not signed
    "signin": Row(EVERYBODY, "GET POST"),
    "signin_factor": Row(EVERYBODY, "GET POST"),
    "signin_factor_passkey": Row(EVERYBODY, "GET POST"),
    "signin_factor_passkey_options": Row(EVERYBODY, "POST"),
    "signin_verify": Row(EVERYBODY, "GET POST"),
    "sign_up": Row(EVERYBODY, "GET POST"),
    "sign_up_confirm": Row(EVERYBODY, "GET POST"),
    "sign_up_sent": Row(EVERYBODY),
    "signout": Row(EVERYBODY, "POST"),
    "start": Row(EVERYBODY),
    "portal_door": Row(EVERYBODY),
    "portal_link": Row(EVERYBODY, "GET POST", acts="PQA"),  # the example is a survey's
    "portal_new_link": Row(EVERYBODY, "GET POST"),
    "portal_privacy": Row(EVERYBODY),
    "survey_comment": Row(EVERYBODY, "GET POST", acts="PQA"),
    "survey_contact": Row(EVERYBODY, "GET POST", acts="PQA"),
    "survey_drivers": Row(EVERYBODY, "GET POST", acts="PQA"),
    "survey_sample": Row(EVERYBODY, "GET POST"),
    "survey_stop": Row(EVERYBODY, "GET POST", acts="PQA"),
    # The patient's own pages: each sees his own, whatever else this browser is signed in to.
    "portal_check": Row("PQ", "GET POST"),
    "portal_device_end": Row("", "POST"),  # the example is another patient's device
    "portal_help": Row("PQ"),
    "portal_home": Row("PQ"),
    "portal_my_copy": Row("PQ"),
    "portal_my_data": Row("PQ", "GET POST"),
    "portal_sign_out": Row("PQ", "POST"),
    "portal_survey": Row("PQ", "POST"),
    # The API asks for a key, never for a session (tests/api/test_matrix.py has the keys).
    "api:clinics-closure": Row("", "PUT DELETE"),
    "api:clinics-detail": Row("", "GET PATCH"),
    "api:clinics-list": Row("", "GET POST"),
    "api:practice-detail": Row("", "GET PATCH"),
    "api:staff-detail": Row(""),
    "api:staff-list": Row(""),
    "api:therapists-detail": Row(""),
    "api:therapists-list": Row(""),
    "api_docs": Row(EVERYBODY),
    "api_missing": Row("", "GET POST HEAD OPTIONS PUT PATCH DELETE", missing=EVERYBODY),
    "api_schema": Row(EVERYBODY),
    # The platform's console: for everybody else there is no such page.
    "console": Row("SG", missing="OMTFRX"),
    "console_practice": Row("SG", missing="OMTFRX"),
    "console_resumption": Row("SG", "POST", missing="OMTFRX"),
    "console_service": Row("SG", missing="OMTFRX"),
    "console_suspension": Row("SG", "POST", missing="OMTFRX"),
    "console_usage": Row("SG", missing="OMTFRX"),
    # Staff, outside a practice.
    "practices": Row("OMTFRSGX"),
    # The day's work.
    "inbox": Row("OMTFR"),
    "inbox_closure": Row("", "POST", missing="OMTF"),  # the example is a recovery case, which ends by a resolution
    "inbox_closure_undo": Row("", "POST", missing="OMTF"),
    "inbox_contact": Row("OM", "POST", scoped=True, missing="TF"),
    "inbox_item": Row("OM", scoped=True, missing="TFR"),
    "inbox_list": Row("OMTFR"),
    "inbox_ownership": Row("OM", "POST", scoped=True, missing="TF"),
    "inbox_resolution": Row("OM", "POST", scoped=True, missing="TF"),
    "inbox_resolution_undo": Row("OM", "POST", scoped=True, missing="TF"),
    "kept": Row("OMTFR", "POST"),
    "keyboard": Row("OMTFR"),
    "palette": Row("OMTFR"),
    "pulse": Row("OMTFR"),
    "today": Row("OMTFR"),
    # The first day.
    "first_day": Row("OM"),
    "first_day_later": Row("OM", "POST"),
    "first_day_statement": Row("OM", "POST"),
    "first_day_survey": Row("OM", "POST"),
    # Patients.
    "patient": Row("OMTFR", scoped=True),
    "patient_amendment": Row("OM", "GET POST", scoped=True),
    "patient_amendments": Row("OM", "POST", scoped=True),
    "patient_consents": Row("OMTFR", scoped=True),
    "patient_copy": Row("OM", scoped=True),
    "patient_disclosures": Row("OM", "POST", scoped=True),
    "patient_episodes": Row("OMTFR", scoped=True),
    "patient_portal_end": Row("OMTF", "POST", scoped=True),
    "patient_portal_link": Row("OMTF", "POST", scoped=True),
    "patient_portal_link_undo": Row("OMTF", "POST", scoped=True),
    "patient_privacy": Row("OMTFR", scoped=True),
    "patient_restriction": Row("OMTF", "POST", scoped=True),
    "patient_restriction_undo": Row("OMTF", "POST", scoped=True),
    "patients": Row("OMTFR"),
    # Campaigns: therapist and front desk draft and pause (campaigns.md section 1).
    "campaign": Row("OMTF"),
    "campaign_activation": Row("OM", "POST"),
    "campaign_archive": Row("OM", "POST"),
    "campaign_discarding": Row("OMTF", "POST"),
    "campaign_edit": Row("OMTF", "GET POST"),
    "campaign_explain": Row("OMTF", scoped=True),
    "campaign_new": Row("OMTF", "GET POST"),
    "campaign_pause": Row("OMTF", "POST"),
    "campaign_publication": Row("OM", "POST"),
    "campaign_resumption": Row("OM", "POST"),
    "campaigns": Row("OMTF"),
    # Messages.
    "message_html": Row("OMF", scoped=True),
    "outbox": Row("OMF"),
    "outbox_message": Row("OMF", scoped=True),
    # Feedback: what a named patient answered is for owner and manager (nps.md section 4).
    "nps:recovery": Row("OMF"),
    "nps:report": Row("OMR"),
    "nps:report_chart": Row("OMR"),
    "nps:report_pdf": Row("OMR"),
    "nps:responses": Row("OM"),
    "nps:review_removal": Row("OM", "POST"),
    "nps:reviews": Row("OM", "GET POST"),
    "nps:reviews_policy": Row("OM", "POST"),
    "recovery_case": Row("OM", scoped=True, missing="F"),
    # Settings.
    "agreement": Row("O", "GET POST", whole=True),
    "agreement_new": Row("O", "GET POST", whole=True),
    "agreement_paper": Row("O", whole=True),
    "agreement_signature": Row("O", "POST", whole=True),
    "agreement_text": Row("O", whole=True),
    "agreements": Row("O", whole=True),
    "api_key_new": Row("O", "GET POST", whole=True),
    "api_key_revocation": Row("O", "GET POST", whole=True),
    "api_keys": Row("O", whole=True),
    "audit": Row("O", whole=True),
    "audit_check": Row("O", "POST", whole=True),
    "audit_export": Row("O", whole=True),
    "channel_settings": Row("OM", "GET POST", whole=True),
    "channel_test": Row("OM", "POST", whole=True),
    "consent_policy": Row("OM", "GET POST", whole=True),
    "data_closing": Row("O", "GET POST", whole=True),
    "data_export": Row("O", "GET POST", whole=True),
    "data_export_file": Row("O", whole=True),
    "feed": Row("OM", "GET POST", whole=True),
    "feed_dead": Row("OM", whole=True),
    "feed_dead_letter": Row("OM", whole=True),
    "feed_dead_raw": Row("OM", "POST", whole=True),
    "feed_dead_replay": Row("OM", "POST", whole=True),
    "feed_dead_replay_all": Row("OM", "POST", whole=True),
    "feed_dead_rest": Row("OM", "POST", whole=True),
    "feed_import": Row("OM", whole=True),
    "feed_import_cancel": Row("OM", "POST", whole=True),
    "feed_import_mapping": Row("OM", "POST", whole=True),
    "feed_import_rows": Row("OM", whole=True),
    "feed_import_sheet": Row("OM", "POST", whole=True),
    "feed_import_start": Row("OM", "POST", whole=True),
    "feed_import_undo": Row("OM", "POST", whole=True),
    "feed_live": Row("OM", "POST", whole=True),
    "feed_new": Row("OM", "GET POST", whole=True),
    "feed_pause": Row("OM", "POST", whole=True),
    "feeds": Row("OM", whole=True),
    "sample_data": Row("OM"),
    "sample_load": Row("OM", "POST"),
    "sample_removal": Row("OM", "POST"),
    "settings": Row("OM"),
    "absence_end": Row("OM", "POST", whole=True),  # of somebody else
    "departure": Row("OM", "POST", whole=True),
    "departure_undo": Row("OM", "POST", whole=True),
    "invitation_renewal": Row("OM", "POST", whole=True),
    "invitation_withdrawal": Row("OM", "POST", whole=True),
    "member": Row("OM"),
    "member_absence": Row("OM", "GET POST", whole=True),
    "member_access": Row("OM", "POST", whole=True),
    "my_absence": Row("OMTFR", "GET POST"),
    "people": Row("OM"),
    "people_invite": Row("OM", "GET POST"),
    "people_roles": Row("OM"),
    "therapist": Row("OM", "GET POST"),
    "therapist_join": Row("OM", "POST"),
    "therapist_join_undo": Row("OM", "POST"),
    "therapist_new": Row("OM", "GET POST"),
    "therapists": Row("OM"),
    "therapists_see": Row("O", "POST", whole=True),
    "support_access": Row("O", "GET POST", whole=True),
    "support_end": Row("O", "POST", whole=True),
    # People, their second factors and sessions, what is one's own.
    "factor_recovery": Row("OM", "GET POST"),
    "member_sessions_end": Row("OM", "POST", whole=True),
    "mine": Row("OMTFR", "GET POST"),
    "mine_app": Row("OMTFR", "GET POST"),
    "mine_app_name": Row("OMTFR", "POST"),
    "mine_app_removal": Row("OMTFR", "POST"),
    "mine_codes": Row("OMTFR", "POST"),
    "mine_passkey": Row("OMTFR", "POST"),
    "mine_passkey_options": Row("OMTFR", "POST"),
    "mine_passkey_name": Row("OMTFR", "POST", missing="OMTFR"),
    "mine_passkey_removal": Row("OMTFR", "POST", missing="OMTFR"),
    "mine_password": Row("OMTFR", "GET POST"),
    "mine_session_end": Row("OMTFR", "POST"),
    "mine_sign_in": Row("OMTFR", "GET"),
    "platform_recovery": Row("", "GET POST", missing="OMTFRSGX"),  # here another owner may decide: no operator does
    "signin_check": Row("OMTFRSGX", "GET POST"),
    "signin_check_passkey": Row(EVERYBODY, "GET POST"),
    "signin_check_passkey_options": Row("OMTFRSGX", "POST"),
    "signin_passkey": Row(EVERYBODY, "GET POST"),
    "signin_passkey_options": Row(EVERYBODY, "POST"),
    "signin_recover": Row(EVERYBODY, "GET POST"),
    "signin_recover_link": Row(EVERYBODY, "GET POST"),
    "signin_recover_request": Row(EVERYBODY, "POST"),
    "signin_reset": Row(EVERYBODY, "GET POST"),
    "signin_reset_link": Row(EVERYBODY, "GET POST"),
    "signin_security": Row("OM", "GET POST"),
    "signin_verify_passkey": Row(EVERYBODY, "GET POST"),
    "signin_verify_passkey_options": Row(EVERYBODY, "POST"),
    "clinic": Row("OM", "GET POST", scoped=True),
    "clinic_closure": Row("OM", "POST", scoped=True),
    "clinic_new": Row("OM", "GET POST", whole=True),
    "clinic_reopening": Row("OM", "POST", scoped=True),
    "clinics": Row("OM", "GET"),
    "logo": Row("", missing=EVERYBODY),  # open to everybody; the example has none
    "logo_choice": Row("OM", "POST", whole=True),
    "logo_upload": Row("OM", "POST", whole=True),
    "settings_branding": Row("OM", "GET POST", whole=True),
    "settings_practice": Row("OM", "GET POST", whole=True),
    "settings_retention": Row("O", "GET POST", whole=True),
    "settings_sending": Row("OM", "GET POST", whole=True),
}
