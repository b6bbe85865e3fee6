"""Addresses of the patient's site: his own pages under /portal/, the practice's door under /portal/<practice>/."""

from django.urls import path

from portal.views import door, home, my_data, signin, staff

urlpatterns = [
    path("portal/", home.home, name="portal_home"),
    path("portal/help/", home.help_page, name="portal_help"),
    path("portal/my-data/", my_data.my_data, name="portal_my_data"),
    path("portal/my-data/copy.<str:form>", my_data.my_copy, name="portal_my_copy"),
    path("portal/check/", signin.check, name="portal_check"),
    path("portal/sign-out/", signin.sign_out, name="portal_sign_out"),
    path("portal/devices/<uuid:session_id>/end/", signin.device_end, name="portal_device_end"),
]

portal_urlpatterns = [
    path("", door.door, name="portal_door"),
    path("link/", door.new_link, name="portal_new_link"),
    path("privacy/", door.privacy, name="portal_privacy"),
]

staff_urlpatterns = [
    path("patients/<uuid:patient_id>/portal-link/", staff.send_link, name="patient_portal_link"),
    path(
        "patients/<uuid:patient_id>/portal-link/<uuid:message_id>/undo/", staff.undo_link,
        name="patient_portal_link_undo",
    ),
    path("patients/<uuid:patient_id>/portal-end/", staff.end_access, name="patient_portal_end"),
]  # fmt: skip
