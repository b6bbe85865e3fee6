"""Addresses that exist in development only; prm.urls includes them where PRM_DEVELOPMENT is on."""

from django.urls import path

from prm.dev.views.codes import codes

urlpatterns = [path("dev/codes/", codes, name="dev_codes")]
