"""Addresses of messages."""

from django.urls import path

from messaging.channels.sendgrid import urls as sendgrid_urls
from messaging.views.redirect import follow
from messaging.views.settings import channel_settings, channel_test
from messaging.views.staff import message_html, outbox, outbox_message

urlpatterns = [
    path("r/<str:signed_id>", follow, name="follow_link"),
    *sendgrid_urls.urlpatterns,
]

staff_urlpatterns = [
    path("outbox/", outbox, name="outbox"),
    path("outbox/<uuid:message_id>/", outbox_message, name="outbox_message"),
    path("preview/<uuid:message_id>/html", message_html, name="message_html"),
    path("settings/channels/", channel_settings, name="channel_settings"),
    path("settings/channels/test/", channel_test, name="channel_test"),
]
