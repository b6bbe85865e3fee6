"""Where SendGrid's events arrive."""

from django.urls import path

from messaging.channels.sendgrid.views import events

urlpatterns = [path("hooks/sendgrid/<slug:hook_practice>/events", events, name="sendgrid_events")]
