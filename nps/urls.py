"""Addresses of surveys: the patient's pages under a link, the staff's under /<practice_slug>/nps/."""

from django.urls import include, path, re_path

from nps.views import feed, portal, sample
from patients.urls import TOKEN

urlpatterns = [path("portal/survey/", portal.open_survey, name="portal_survey")]

# The survey itself is what a link of its purpose opens (patients.portal.register_link_page).
portal_urlpatterns = [
    path("sample", sample.survey_sample, name="survey_sample"),
    re_path(TOKEN + r"/comment$", portal.comment, name="survey_comment"),
    re_path(TOKEN + r"/drivers$", portal.drivers, name="survey_drivers"),
    re_path(TOKEN + r"/contact$", portal.contact, name="survey_contact"),
    re_path(TOKEN + r"/stop$", portal.stop, name="survey_stop"),
]

staff_urlpatterns = [
    path("nps/recovery/<uuid:case_id>/", feed.recovery_case, name="recovery_case"),
    path("", include("nps.report_urls")),
]
