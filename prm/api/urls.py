"""Addresses of the API's own pages; the endpoints stand in `api_urlpatterns` of each app's `urls.py`."""

from django.urls import path

from prm.api import pages

urlpatterns = [
    path("api/v1/openapi.json", pages.openapi, name="api_schema"),
    path("api/v1/docs", pages.docs, name="api_docs"),
]
