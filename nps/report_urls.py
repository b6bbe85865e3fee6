"""Addresses of the NPS report, under /<practice_slug>/."""

from django.urls import path

from nps.views import reports

app_name = "nps"
urlpatterns = [
    path("nps/", reports.report, name="report"),
    path("nps/charts/<slug:key>/", reports.report_chart, name="report_chart"),
    path("nps.pdf", reports.report_pdf, name="report_pdf"),
]
