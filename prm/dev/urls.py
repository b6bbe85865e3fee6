"""Addresses that exist in development only; prm.urls includes them where PRM_DEVELOPMENT is on."""

from django.urls import path

from prm.dev.views.codes import codes
from prm.dev.views.mail import mail, mail_html, mail_message

urlpatterns = [
    path("dev/codes/", codes, name="dev_codes"),
    path("dev/mail/", mail, name="dev_mail"),
    path("dev/mail/<uuid:message_id>/", mail_message, name="dev_mail_message"),
    path("dev/mail/<uuid:message_id>/html", mail_html, name="dev_mail_html"),
]
