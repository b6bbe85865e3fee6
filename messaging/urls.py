"""Addresses of messages."""

from django.urls import path

from messaging.channels.sendgrid import urls as sendgrid_urls
from messaging.views.redirect import follow

urlpatterns = [
    path("r/<str:signed_id>", follow, name="follow_link"),
    *sendgrid_urls.urlpatterns,
]
