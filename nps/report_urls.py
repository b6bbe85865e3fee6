"""Addresses of the NPS report, under /<practice_slug>/."""

from django.urls import path

from nps.views import feed, reports, reviews

app_name = "nps"
urlpatterns = [
    path("nps/", reports.report, name="report"),
    path("nps/charts/<slug:key>/", reports.report_chart, name="report_chart"),
    path("nps/responses/", feed.responses, name="responses"),
    path("nps/recovery/", feed.recovery_list, name="recovery"),
    path("nps/reviews/", reviews.sites, name="reviews"),
    path("nps/reviews/policy/", reviews.policy, name="reviews_policy"),
    path("nps/reviews/<uuid:site_id>/removal/", reviews.removal, name="review_removal"),
    path("nps.pdf", reports.report_pdf, name="report_pdf"),
]
