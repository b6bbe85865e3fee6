from django.apps import AppConfig

# Key, label, line, icon, URL name, group and permission of the practice's own settings, in order.
PAGES = (
    ("practice", "Practice", "Name, languages, time zone, phone, postal address", "building-2", "settings_practice",
     "practice", "settings.manage"),
    ("branding", "Branding", "Logo and colour, as patients see them", "palette", "settings_branding", "practice",
     "settings.manage"),
    ("clinics", "Clinics", "Where you treat, when you are open", "map-pin", "clinics", "practice", "settings.manage"),
    ("sending", "Quiet hours and caps", "When messages leave, and how many reach one patient", "moon",
     "settings_sending", "patients", "settings.manage"),
    ("retention", "Retention", "What is kept, for how long, and why", "archive", "settings_retention", "data",
     "practice.own"),
)  # fmt: skip


class AccountsConfig(AppConfig):
    """Registers what `accounts` adds to the layers below it (docs/reference/registries.md)."""

    name = "accounts"

    def ready(self) -> None:
        """Tell the page shell how a permission is decided; add the settings."""
        from accounts.access import may
        from prm.api import scopes
        from prm.ui import navigation, settings_pages

        navigation.check_permissions_with(may)
        navigation.register(
            "settings", "Settings", icon="settings", url_name="settings", permission="settings.manage",
            group=navigation.FOOT,
        )  # fmt: skip
        for order, (key, label, line, icon, url_name, group, permission) in enumerate(PAGES):
            settings_pages.register(
                key, label, line=line, icon=icon, url_name=url_name, permission=permission, group=group, order=order,
            )  # fmt: skip
        settings_pages.register(
            "agreements", "Agreements", line="What you have signed with us and with your providers", icon="file-check",
            url_name="agreements", permission="practice.own", group=settings_pages.PRACTICE, order=80,
        )  # fmt: skip
        settings_pages.register(
            "people", "People and roles", line="Who works here, as what, and who was invited", icon="users-round",
            url_name="people", permission="people.manage", group=settings_pages.PEOPLE, order=10,
        )  # fmt: skip
        settings_pages.register(
            "roles", "Who may do what", line="What each role may do, and whose patients therapists see",
            icon="shield-check", url_name="people_roles", permission="people.manage", group=settings_pages.PEOPLE,
            order=15,
        )  # fmt: skip
        settings_pages.register(
            "therapists", "Therapists", line="Credentials, NPI, languages, who supervises whom", icon="stethoscope",
            url_name="therapists", permission="people.manage", group=settings_pages.PEOPLE, order=20,
        )  # fmt: skip
        settings_pages.register(
            "absence", "My absence", line="When you are away, and who covers", icon="calendar-off",
            url_name="my_absence", permission="mine", group=settings_pages.MINE, order=30,
        )  # fmt: skip
        settings_pages.register(
            "support", "Support access", line="Whether our support may look in, and until when", icon="door-open",
            url_name="support_access", permission="practice.own", group=settings_pages.DATA, order=80,
        )  # fmt: skip
        settings_pages.register(
            "data_export", "Export of all data", line="A copy of everything, to take along", icon="file-archive",
            url_name="data_export", permission="practice.own", group=settings_pages.DATA, order=70,
        )  # fmt: skip
        settings_pages.register(
            "data_closing", "Close the practice", line="End it, and erase everything after 30 days", icon="circle-x",
            url_name="data_closing", permission="practice.own", group=settings_pages.DATA, order=95,
        )  # fmt: skip
        settings_pages.register(
            "api_keys", "API keys", line="Programs that may read and write", icon="key-round", url_name="api_keys",
            permission="api_keys.manage", group=settings_pages.DATA, order=60,
        )  # fmt: skip
        settings_pages.register(
            "signin_security", "Sign-in security", line="Idle time, colleagues’ sessions, who lost a second step.",
            icon="shield-check", url_name="signin_security", permission="people.manage", group=settings_pages.PEOPLE,
            order=80,
        )  # fmt: skip
        settings_pages.register(
            "mine", "My settings", line="Your name, language, theme and shortcuts.", icon="circle-user-round",
            url_name="mine", permission="mine", group=settings_pages.MINE, order=10,
        )  # fmt: skip
        settings_pages.register(
            "mine_sign_in", "My sign-in", line="Password, second steps, recovery codes, where you are signed in.",
            icon="key-round", url_name="mine_sign_in", permission="mine", group=settings_pages.MINE, order=20,
        )  # fmt: skip
        scopes.register("practice:read", "Read the practice: name, address, time zone")
        scopes.register("practice:write", "Change the practice: name, address, time zone, languages")
        scopes.register("clinics:read", "Read clinics: address, hours, time zone")
        scopes.register("clinics:write", "Open, change and close clinics")
        scopes.register("staff:read", "Read staff and therapists: name, e-mail, role, NPI")
