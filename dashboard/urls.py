"""Addresses of the staff's home and inbox."""

from django.urls import path

from dashboard.views import audit, inbox, palette, platform, pulse, sample, start, today

urlpatterns = [
    path("platform/", platform.practices, name="console"),
    path("platform/service/", platform.service, name="console_service"),
    path("platform/usage/", platform.usage, name="console_usage"),
    path("platform/<uuid:platform_practice>/", platform.practice, name="console_practice"),
    path("platform/<uuid:platform_practice>/suspension/", platform.suspension, name="console_suspension"),
    path("platform/<uuid:platform_practice>/resumption/", platform.resumption, name="console_resumption"),
]

staff_urlpatterns = [
    path("", today.home, name="today"),
    path("settings/sample/", sample.sample_data, name="sample_data"),
    path("settings/sample/loading", sample.sample_load, name="sample_load"),
    path("settings/sample/removal", sample.sample_removal, name="sample_removal"),
    path("start/", start.first_day, name="first_day"),
    path("start/survey/", start.survey, name="first_day_survey"),
    path("start/<slug:step>/later/", start.later, name="first_day_later"),
    path("start/<slug:step>/statement/", start.statement, name="first_day_statement"),
    path("inbox/", inbox.index, name="inbox"),
    path("inbox/list/", inbox.listing, name="inbox_list"),
    path("inbox/<uuid:item_id>/", inbox.item, name="inbox_item"),
    path("inbox/<uuid:item_id>/ownership/", inbox.ownership, name="inbox_ownership"),
    path("inbox/<uuid:item_id>/contact/", inbox.contact, name="inbox_contact"),
    path("inbox/<uuid:item_id>/resolution/", inbox.resolution, name="inbox_resolution"),
    path("inbox/<uuid:item_id>/resolution/undo/", inbox.resolution_undo, name="inbox_resolution_undo"),
    path("inbox/<uuid:item_id>/closure/", inbox.closure, name="inbox_closure"),
    path("inbox/<uuid:item_id>/closure/undo/", inbox.closure_undo, name="inbox_closure_undo"),
    path("settings/audit/", audit.audit, name="audit"),
    path("settings/audit/export.csv", audit.audit_export, name="audit_export"),
    path("settings/audit/check/", audit.audit_check, name="audit_check"),
    path("palette/", palette.palette, name="palette"),
    path("keyboard/", palette.keyboard, name="keyboard"),
    path("_pulse", pulse.pulse, name="pulse"),
]
