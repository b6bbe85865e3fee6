"""Addresses of surveys: the patient's pages under a link, the staff's under /<practice_slug>/nps/."""

from django.urls import include, path, re_path

from nps.views import feed, portal, sample

TOKEN = r"^(?P<token>[A-Za-z0-9_-]{20,100})"  # noqa: S105  (a pattern, no token)

portal_urlpatterns = [
    path("sample", sample.survey_sample, name="survey_sample"),
    re_path(TOKEN + r"/comment$", portal.comment, name="survey_comment"),
    re_path(TOKEN + r"/drivers$", portal.drivers, name="survey_drivers"),
    re_path(TOKEN + r"/contact$", portal.contact, name="survey_contact"),
    re_path(TOKEN + r"/stop$", portal.stop, name="survey_stop"),
    re_path(TOKEN + "$", portal.survey, name="survey"),
]

staff_urlpatterns = [
    path("nps/recovery/<uuid:case_id>/", feed.recovery_case, name="recovery_case"),
    path("", include("nps.report_urls")),
]
