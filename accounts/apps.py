from typing import NamedTuple

from django.apps import AppConfig

from prm.ui.settings_pages import DATA, MINE, PATIENTS, PEOPLE, PRACTICE


class Page(NamedTuple):
    """One page of Settings as this app registers it; `url_name` where it is not the key."""

    group: str
    order: int
    key: str
    label: str
    line: str
    icon: str
    permission: str
    url_name: str = ""


PAGES = (
    Page(PRACTICE, 0, "practice", "Practice", "Name, languages, time zone, phone, postal address", "building-2",
         "settings.manage", "settings_practice"),
    Page(PRACTICE, 1, "branding", "Branding", "Logo and colour, as patients see them", "palette",
         "settings.manage", "settings_branding"),
    Page(PRACTICE, 2, "clinics", "Clinics", "Where you treat, when you are open", "map-pin", "clinics.manage"),
    Page(PRACTICE, 80, "agreements", "Agreements", "What you have signed with us and with your providers",
         "file-check", "practice.own"),
    Page(PEOPLE, 10, "people", "People and roles", "Who works here, as what, and who was invited", "users-round",
         "people.manage"),
    Page(PEOPLE, 15, "roles", "Who may do what", "What each role may do, and whose patients therapists see",
         "shield-check", "people.manage", "people_roles"),
    Page(PEOPLE, 20, "therapists", "Therapists", "Credentials, NPI, languages, who supervises whom", "stethoscope",
         "people.manage"),
    Page(PEOPLE, 80, "signin_security", "Sign-in security", "Idle time, colleagues’ sessions, who lost a second step",
         "shield-check", "people.manage"),
    Page(PATIENTS, 3, "sending", "Quiet hours and caps", "When messages leave, and how many reach one patient",
         "moon", "settings.manage", "settings_sending"),
    Page(DATA, 4, "retention", "Retention", "What is kept, for how long, and why", "archive",
         "practice.own", "settings_retention"),
    Page(DATA, 60, "api_keys", "API keys", "Programs that may read and write", "key-round", "api_keys.manage"),
    Page(DATA, 70, "data_export", "Export of all data", "A copy of everything, to take along", "file-archive",
         "practice.own"),
    Page(DATA, 80, "support", "Support access", "Whether our support may look in, and until when", "door-open",
         "practice.own", "support_access"),
    Page(DATA, 95, "data_closing", "Close the practice", "End it, and erase everything after 30 days", "circle-x",
         "practice.own"),
    Page(MINE, 10, "mine", "My settings", "Your name, language, theme and shortcuts", "circle-user-round", "mine"),
    Page(MINE, 20, "mine_sign_in", "My sign-in", "Password, second steps, recovery codes, where you are signed in",
         "key-round", "mine"),
    Page(MINE, 30, "absence", "My absence", "When you are away, and who covers", "calendar-off", "mine",
         "my_absence"),
)  # fmt: skip

SCOPES = {
    "practice:read": "Read the practice: name, address, time zone",
    "practice:write": "Change the practice: name, address, time zone, languages",
    "clinics:read": "Read clinics: address, hours, time zone",
    "clinics:write": "Open, change and close clinics",
    "staff:read": "Read staff and therapists: name, e-mail, role, NPI",
}


class AccountsConfig(AppConfig):
    """Registers what `accounts` adds to the layers below it (docs/reference/registries.md)."""

    name = "accounts"

    def ready(self) -> None:
        """Tell the page shell how a permission is decided; add the settings."""
        from accounts import kept
        from accounts.access import may
        from prm.api import scopes
        from prm.ui import navigation, settings_pages, system_pages

        navigation.check_permissions_with(may)
        system_pages.keep_typed_with(kept.keep_of_signed_in)
        navigation.register(
            "settings", "Settings", icon="settings", url_name="settings", permission="clinics.manage",
            group=navigation.FOOT,
        )  # fmt: skip
        for page in PAGES:
            settings_pages.register(
                page.key, page.label, line=page.line, icon=page.icon, url_name=page.url_name or page.key,
                permission=page.permission, group=page.group, order=page.order,
            )  # fmt: skip
        for scope, line in SCOPES.items():
            scopes.register(scope, line)
