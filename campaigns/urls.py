"""Addresses of rules, under /<practice_slug>/."""

from django.urls import path

from campaigns.views import staff

staff_urlpatterns = [
    path("campaigns/", staff.index, name="campaigns"),
    path("campaigns/new/", staff.create, name="campaign_new"),
    path("campaigns/<uuid:rule_id>/", staff.detail, name="campaign"),
    path("campaigns/<uuid:rule_id>/edit/", staff.edit, name="campaign_edit"),
    path("campaigns/<uuid:rule_id>/explain/", staff.why, name="campaign_explain"),
    path("campaigns/<uuid:rule_id>/activation", staff.activation, name="campaign_activation"),
    path("campaigns/<uuid:rule_id>/publication", staff.publication, name="campaign_publication"),
    path("campaigns/<uuid:rule_id>/pause", staff.pause, name="campaign_pause"),
    path("campaigns/<uuid:rule_id>/resumption", staff.resumption, name="campaign_resumption"),
    path("campaigns/<uuid:rule_id>/archive", staff.archive, name="campaign_archive"),
    path("campaigns/<uuid:rule_id>/discarding", staff.discarding, name="campaign_discarding"),
]
