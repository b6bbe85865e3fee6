"""Configuration, all of it from the environment; every variable is documented in `.env.example`."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from prm import databases

BASE_DIR = Path(__file__).resolve().parent.parent


def text(name: str, default: str | None = None) -> str:
    """The variable's text; ImproperlyConfigured names it where it is missing and has no default."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set (see .env.example)")
    return value


def flag(name: str, *, default: bool) -> bool:
    """True for 1, true, yes, on; False for 0, false, no, off and empty; anything else names the variable."""
    value = os.environ.get(name, "1" if default else "0").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"", "0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: expected 1 or 0")


def number(name: str, default: int) -> int:
    """A whole number; anything else names the variable."""
    value = os.environ.get(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r}: expected a whole number") from None


STATE_DIR = Path(text("PRM_STATE_DIR", str(BASE_DIR / ".prm")))
DEBUG = flag("PRM_DEBUG", default=False)
SECRET_KEY = text("PRM_SECRET_KEY")
MASTER_KEYS = text("PRM_MASTER_KEYS")  # key ring of prm.crypto: "id:base64,id:base64", the first one encrypts
LINK_PEPPER = text("PRM_LINK_PEPPER")
SITE_URL = text("PRM_SITE_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = text("PRM_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
# The listener for HL7 v2 (`manage.py mllp`): where, which ports a feed may have, TLS with clients' certificates.
MLLP_HOST = text("PRM_MLLP_HOST", "127.0.0.1")
MLLP_FIRST_PORT = number("PRM_MLLP_FIRST_PORT", 2575)
MLLP_LAST_PORT = number("PRM_MLLP_LAST_PORT", 2594)
MLLP_TLS_PORT = number("PRM_MLLP_TLS_PORT", 0)  # 0: no port that several feeds share
MLLP_TLS_CERTIFICATE = text("PRM_MLLP_TLS_CERTIFICATE", "")
MLLP_TLS_KEY = text("PRM_MLLP_TLS_KEY", "")
MLLP_METRICS_PORT = number("PRM_MLLP_METRICS_PORT", 0)  # 0: the listener's own metrics are not served
METRICS_TOKEN = text("PRM_METRICS_TOKEN", "")  # empty: /metrics answers this machine alone
DEVELOPMENT = flag("PRM_DEVELOPMENT", default=False)  # demo sign-ins, `ingest --rebase`, provider simulators
SIGN_UP = flag("PRM_SIGN_UP", default=DEVELOPMENT)  # whether anybody may start a practice at /signup/
OPERATOR = text("PRM_OPERATOR", "the operator of this service")  # the company that signs agreements with practices

INSTALLED_APPS = [
    "prm.tenancy",
    "prm.audit",
    "prm.ui",
    "prm.api",
    "accounts",
    "patients",
    "messaging",
    "messaging.channels.preview",
    "messaging.channels.smtp",
    "messaging.channels.sendgrid",
    "integrations",
    "campaigns",
    "nps",
    "portal",
    "dashboard",
    "prm.dev",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "django_otp",
    "django_otp_webauthn",  # its tables and checks of a passkey; the views are ours (accounts.passkeys)
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",  # for `manage.py clearsessions`; the rows are accounts.Session
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",  # its widgets' templates, for prm.ui.forms
]

MIDDLEWARE = [
    "prm.logs.RequestIdMiddleware",
    "prm.head.HeadMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.api_middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "prm.csrf.PortalCsrfMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.backends.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "prm.ui.middleware.PageHeadersMiddleware",
    "accounts.middleware.StaffMiddleware",
    "patients.middleware.PortalMiddleware",
]

SILENCED_SYSTEM_CHECKS = ["security.W003"]  # it looks for Django's CSRF middleware by name; ours is its subclass

ROOT_URLCONF = "prm.urls"
WSGI_APPLICATION = "prm.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "prm.ui.context.page",
            ],
            "builtins": [
                "template_partials.templatetags.partials",
                "prm.ui.templatetags.ui",
                "django.templatetags.i18n",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
        },
    }
]

FORM_RENDERER = "prm.ui.forms.PageRenderer"

DATABASES = databases.from_environment(os.environ)
DATABASE_ROUTERS = ["prm.tenancy.router.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = text("REDIS_URL", "")
CELERY_BROKER_URL = REDIS_URL or "memory://"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.StaffBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.GuessableValidator"},
]
# What the library's start-up checks want to see; accounts.passkeys decides by SITE_URL and the request.
OTP_WEBAUTHN_RP_NAME = "PRM"
OTP_WEBAUTHN_RP_ID = SITE_URL.partition("://")[2].partition(":")[0].partition("/")[0]
OTP_WEBAUTHN_ALLOWED_ORIGINS = [SITE_URL if SITE_URL.startswith("https://") else "http://localhost"]
LOGIN_URL = "signin"

SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_URL.startswith("https://")
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "prm.ui.system_pages.csrf_failure"
SECURE_SSL_REDIRECT = SITE_URL.startswith("https://")
SECURE_HSTS_SECONDS = 31_536_000 if SITE_URL.startswith("https://") else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SITE_URL.startswith("https://")
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]  # asked by the machine itself, over plain HTTP
BEHIND_PROXY = flag("PRM_BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "media-src": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "frame-src": ["'self'"],
        "report-uri": "/csp-report",
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(text("PRM_STATIC_ROOT", str(STATE_DIR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": STATE_DIR / "media"}},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEVELOPMENT  # files are served as they lie in the checkout

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20

# The API speaks JSON to holders of a key (prm/api, docs/reference/api.md): no session, no browsable renderer.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["prm.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["prm.api.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["prm.api.parsing.Utf8Json"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "prm.api.pagination.Cursor",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "prm.api.schema.Operation",
    "EXCEPTION_HANDLER": "prm.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "PRM API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "COMPONENT_SPLIT_PATCH": False,  # what a change takes in has a serializer of its own
    "DESCRIPTION": "The data of one practice for its own programs. A key decides the practice and what may be done.",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "prm.api.schema.add_problems"],
}

# Channels: where the real clients are pointed at (the simulators under `make run`) and the platform's own mail.
SENDGRID_API_BASE = text("SENDGRID_API_BASE", "https://api.sendgrid.com")
SMTP_URL = text("SMTP_URL", "")
MAIL_FROM = text("PRM_MAIL_FROM", f"PRM <no-reply@{urlsplit(SITE_URL).hostname}>")
DROP_DIR = text("PRM_DROP_DIR", "")  # integrations.csvfile.drop; empty: feeds of files take uploads alone
HTTP_CONNECT_TIMEOUT, HTTP_READ_TIMEOUT = 5, 20  # seconds; the providers' clients have no default timeout

# What a link to a map begins with; the clinic's address follows. A person's tap opens it, our pages ask it nothing.
MAP_URL = text("PRM_MAP_URL", "https://www.google.com/maps/search/?api=1&query=")

# Whether a process that finds no chart renderer starts one of its own; off where a supervisor runs `manage.py charts`.
CHARTS_AUTOSTART = flag("PRM_CHARTS_AUTOSTART", default=True)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "prm.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": text("PRM_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "fontTools": {"level": "WARNING"},  # tells at length what it subsets
        "django.server": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
