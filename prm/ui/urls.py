"""Addresses of the page shell."""

from django.urls import path

from prm.ui.appearance import appearance

urlpatterns = [
    path("appearance/", appearance, name="appearance"),
]
