"""
All settings. The environment names everything that differs between sites; docs/operator.md has the table.

Every variable can also be given as a file: NAME_FILE holds the path of a file with the value.
A missing or malformed value raises ImproperlyConfigured with one sentence that names the variable.
"""

import hashlib
import ipaddress
import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from django_prose_editor.config import html_tags
from environs import EnvError, FileAwareEnv
from js_asset import static_lazy

from myweb.editor import links_to_pages
from myweb.mail import address, addresses, domain_in_ascii

env = FileAwareEnv(strip_whitespace=True)

_digest = hashlib.sha256()
given: dict[str, str] = {}  # what the environment says, for backups


def read(name: str, kind: str = "str", **kwargs: Any) -> Any:
    """
    Return the environment variable `name`, parsed as `kind` (a method of environs.Env).

    Raises ImproperlyConfigured with a sentence that names the variable.
    """
    try:
        if (said := env.str(name, default=None)) is not None:
            given[name] = said
        value = getattr(env, kind)(name, **kwargs)
    except (EnvError, ValueError, OSError) as error:
        raise ImproperlyConfigured(f"{name} cannot be used: {error}") from error
    _digest.update(f"{name}={value!r}\0".encode())
    return value


# Where things are

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(read("MYWEB_VAR", default=str(BASE_DIR / "var"))).absolute()

DEBUG = read("DEBUG", "bool", default=False)

CSRF_FAILURE_VIEW = "myweb.pages.errors.csrf_failure"
ROOT_URLCONF = "myweb.urls"
WSGI_APPLICATION = "myweb.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# The secret key: from the environment, or the file that deploy/up makes once

SECRET_KEY = read("SECRET_KEY", default="")
if not SECRET_KEY:
    try:
        SECRET_KEY = (VAR / "secret_key").read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"SECRET_KEY is not set and {VAR / 'secret_key'} cannot be read: set SECRET_KEY, or run deploy/up once."
        ) from error
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY is too short: it needs at least 32 random characters.")


# Addresses. Nothing that goes out names another host than SITE_URL; no request can change that.

PORT = read("MYWEB_PORT", "int", default=8099)
if not 0 < PORT < 65536:
    raise ImproperlyConfigured(f"MYWEB_PORT is {PORT}, but has to be from 1 to 65535.")
LISTEN = read("MYWEB_LISTEN", default="127.0.0.1")
try:
    ipaddress.ip_address(LISTEN)
except ValueError as error:
    raise ImproperlyConfigured(f"MYWEB_LISTEN is “{LISTEN}”, but has to be an IP address of this machine.") from error
UWSGI_SOCKET = read("MYWEB_UWSGI_SOCKET", default=str(VAR / "run" / "uwsgi.sock"))
if UWSGI_SOCKET.startswith("/"):
    # uWSGI takes what has a colon for an address with a port; the kernel takes 107 bytes, of which servers need some.
    if ":" in UWSGI_SOCKET or len(UWSGI_SOCKET.encode()) > 100:
        raise ImproperlyConfigured(
            f"MYWEB_UWSGI_SOCKET is “{UWSGI_SOCKET}”, but the path of a Unix socket has at most 100 bytes and no colon:"
            " set it, or MYWEB_VAR, to another path."
        )
else:
    _host, _port = UWSGI_SOCKET.rpartition(":")[::2]
    try:
        _address = ipaddress.ip_address(_host.strip("[]"))
        _is_public = _address.is_unspecified or not _address.is_private
    except ValueError:
        _is_public = not _host
    if _is_public or not _port.isdigit():
        raise ImproperlyConfigured(
            f"MYWEB_UWSGI_SOCKET is “{UWSGI_SOCKET}”, but has to be like 127.0.0.1:8000 or /run/myweb.sock, and never a"
            " public address: whoever reaches that socket can run programs here."
        )

SITE_URL = read("SITE_URL", default=f"http://localhost:{PORT}").rstrip("/")
try:
    _site = urlsplit(SITE_URL)
    # With a dot at its end it is the same name.
    SITE_HOST = domain_in_ascii((_site.hostname or "").rstrip("."))
    _site_port = _site.port
except ValueError:  # UnicodeError is one
    SITE_HOST, _site_port = "", None
if not SITE_HOST or _site.scheme not in ("http", "https") or _site.path or _site.query or _site.username:
    raise ImproperlyConfigured(
        f"SITE_URL is “{SITE_URL}”, but has to look like https://www.example.org, with nothing after the host and port."
    )
if ":" in SITE_HOST:
    SITE_HOST = f"[{SITE_HOST}]"
_netloc = f"{SITE_HOST}:{_site_port}" if _site_port else SITE_HOST
SITE_URL = f"{_site.scheme}://{_netloc}"

_LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = [SITE_HOST, *_LOCAL_HOSTS]
# Debian's uwsgi_params passes the host without its port, so Django cannot compare it with the Origin header by itself.
CSRF_TRUSTED_ORIGINS = [SITE_URL, *(f"http://{host}:{PORT}" for host in _LOCAL_HOSTS)]
# Whoever typed the dot that ends the name
CSRF_TRUSTED_ORIGINS += [f"{_site.scheme}://{SITE_HOST}.{_netloc.removeprefix(SITE_HOST)}"]


def networks(name: str, values: list[str]) -> list[str]:
    """Return `values`, which the variable `name` has, as networks; raise ImproperlyConfigured if they are none."""
    try:
        return [str(ipaddress.ip_network(value)) for value in values]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be used: {error}.") from error


TRUSTED_PROXIES = networks("TRUSTED_PROXIES", read("TRUSTED_PROXIES", "list", default=["127.0.0.1", "::1"]))
METRICS_ALLOW = networks("METRICS_ALLOW", read("METRICS_ALLOW", "list", default=["127.0.0.1", "::1"]))

_HTTPS = SITE_URL.startswith("https:")
SECURE_SSL_REDIRECT = _HTTPS
SECURE_SSL_HOST = _netloc
SECURE_REDIRECT_EXEMPT = [r"^(healthz|metrics)$"]
# Nginx passes this header on from TRUSTED_PROXIES only.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
# No other site of the domain can set, or read, a cookie of such a name (RFC 6265bis, 4.1.3.2).
_cookie_prefix = "__Host-" if _HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_cookie_prefix}sessionid", f"{_cookie_prefix}csrftoken"
# For one release: what these cookies were called before
RENAMED_COOKIES = {"sessionid": SESSION_COOKIE_NAME, "csrftoken": CSRF_COOKIE_NAME} if _HTTPS else {}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _HTTPS else 0
# Subdomains and the preload list of browsers are not this site's to decide.
# An upload has no focal point: each use has its own.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021", "imagefield.I001"]


# Apps

INSTALLED_APPS = [
    "myweb.accounts",
    "myweb.pages",
    "myweb.desk",
    "myweb.contact",
    "myweb.publishing",
    "myweb.operations",
    "content_editor",
    "django_prose_editor",
    "imagefield",
    "js_asset",
    "reversion",  # as long as the release before, which writes to its tables, may come back
    "axes",
    "csp",
    "myweb.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "myweb.operations.logs.RequestIdMiddleware",
    "myweb.operations.metrics.MetricsMiddleware",
    "myweb.accounts.places.PlacesMiddleware",
    "myweb.publishing.middleware.PublishingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "myweb.middleware.CSPMiddleware",
    "myweb.middleware.SpeculationRulesMiddleware",
    "myweb.middleware.RenamedCookiesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "myweb.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "myweb.middleware.StorableTextMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "myweb.accounts.devices.DeviceMiddleware",
    "axes.middleware.AxesMiddleware",
]

# What visitors see, in folders called jinja2; and what is seen in the admin, or is a mail, in those called templates
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "myweb" / "jinja2"],
        "APP_DIRS": True,
        "OPTIONS": {"environment": "myweb.pages.environment.environment"},
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "myweb" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


# Database

DATABASES = {
    "default": read("DATABASE_URL", "dj_db_url", default=f"sqlite:///{VAR / 'db.sqlite3'}"),
}
_database = DATABASES["default"]
# Seconds. Connecting takes as long as some queries; myweb.db.sqlite3 notices when its file is exchanged.
_database["CONN_MAX_AGE"] = 60
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # WAL with several processes can corrupt the file before 3.51.3 (https://sqlite.org/wal.html#walresetbug);
    # with synchronous=NORMAL it also loses acknowledged rows in a power cut. Without secure_delete, which not every
    # build of SQLite has by itself, what was removed stays in the file, and so in backups of it.
    _journal = "WAL" if sqlite3.sqlite_version_info >= (3, 51, 3) else "DELETE"
    _database["ENGINE"] = "myweb.db.sqlite3"
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,  # seconds; shorter than uWSGI's harakiri
        "init_command": f"PRAGMA journal_mode={_journal}; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
    }
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _database["CONN_HEALTH_CHECKS"] = True
    _database["OPTIONS"] = {"connect_timeout": 5, **_database.get("OPTIONS", {})}
else:
    raise ImproperlyConfigured("DATABASE_URL has to begin with sqlite:/// or postgres://.")


# Pages as files

PUBLISHED_ROOT = VAR / "published"


# Language and time

LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_CODE = read("LANGUAGE_CODE", default="en").lower()
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f"LANGUAGE_CODE is “{LANGUAGE_CODE}”, but has to be one of en, zh-hans.")
LOCALE_PATHS = [BASE_DIR / "myweb" / "locale"]

TIME_ZONE = read("TIME_ZONE", default="UTC")
try:
    ZoneInfo(TIME_ZONE)
except (ValueError, OSError, LookupError) as error:
    raise ImproperlyConfigured(
        f"TIME_ZONE is “{TIME_ZONE}”, but has to be a name like Europe/Berlin or Asia/Shanghai."
    ) from error


# Static files and uploads: Nginx serves both for a year, so every name carries a hash of the content

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR / "media"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
FILE_UPLOAD_PERMISSIONS = 0o644
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # a page with hundreds of blocks is one form
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # bytes, without files; Nginx limits the whole request

IMAGEFIELD_AUTOGENERATE = False  # see pages.pictures
IMAGEFIELD_VALIDATE_ON_SAVE = False  # pages.pictures has done so, and chosen the name
IMAGEFIELD_BIN_DEPTH = 2

# What we add to the editor. Names and Pasting are no elements of HTML.
DJANGO_PROSE_EDITOR_EXTENSIONS = [
    {"js": [static_lazy("myweb/combobox.js"), static_lazy("myweb/links.js")], "extensions": {"Link": links_to_pages}},
    {
        "js": [static_lazy("myweb/text_editor.js")],
        "extensions": {"Names": html_tags([]), "Pasting": html_tags([])},
    },
]


# Logging in

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "myweb.accounts.passwords.GuessableValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

PASSWORD_RESET_TIMEOUT = 3600  # seconds

# What it would count after the password was checked, our handler counts before.
AXES_HANDLER = "myweb.accounts.lockout.Handler"
AXES_LOCKOUT_CALLABLE = "myweb.accounts.lockout.locked_out"
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False


# Mail

EMAIL_BACKEND = "myweb.mail.EmailBackend"
EMAIL_HOST = read("EMAIL_HOST", default="")
try:
    EMAIL_HOST = domain_in_ascii(EMAIL_HOST)
except UnicodeError as error:
    raise ImproperlyConfigured(f"EMAIL_HOST is “{EMAIL_HOST}”, which cannot be the name of a host.") from error
if "MYWEB_DEV" in os.environ and not EMAIL_HOST:  # manage.py dev
    EMAIL_BACKEND, EMAIL_HOST = "django.core.mail.backends.console.EmailBackend", "terminal"
EMAIL_PORT = read("EMAIL_PORT", "int", default=25)
EMAIL_HOST_USER = read("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = read("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = read("EMAIL_USE_TLS", "bool", default=False)
EMAIL_USE_SSL = read("EMAIL_USE_SSL", "bool", default=False)
EMAIL_TIMEOUT = read("EMAIL_TIMEOUT", "int", default=10)  # seconds for each step of a delivery
DEFAULT_FROM_EMAIL = read("DEFAULT_FROM_EMAIL", default=f"webmaster@{SITE_HOST}")
if EMAIL_TIMEOUT < 1:
    raise ImproperlyConfigured("EMAIL_TIMEOUT has to be at least 1 second.")
try:
    DEFAULT_FROM_EMAIL = str(address(DEFAULT_FROM_EMAIL))
except ValueError as error:
    raise ImproperlyConfigured(
        f"DEFAULT_FROM_EMAIL has to look like me@example.org or My Site <me@example.org>: {error}."
    ) from error
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured("EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other: set only one of them.")

# What manage.py work does: publish at its time what is planned; mail in turn, so that links for a new password do not
# wait for all messages; and delete after so many seconds again what is kept no longer.
PUBLISHERS = ["myweb.desk.schedule"]
MAILERS = ["myweb.accounts.resets", "myweb.contact.outbox"]
CLEANERS = {
    "myweb.accounts.cleaning.clean_up": 60,
    "myweb.contact.cleaning.forget_senders": 60,
    "myweb.contact.cleaning.clean_up": 3600,
    "myweb.desk.cleaning.clean_up": 3600,
}


# The contact form

try:
    CONTACT_RECIPIENTS = [str(recipient) for recipient in addresses(read("CONTACT_RECIPIENTS", default=""))]
except ValueError as error:
    raise ImproperlyConfigured(
        f"CONTACT_RECIPIENTS has to be e-mail addresses with commas between: {error}."
    ) from error
CONTACT_RETENTION_DAYS = read("CONTACT_RETENTION_DAYS", "int", default=None)
if CONTACT_RETENTION_DAYS is not None and not 0 <= CONTACT_RETENTION_DAYS <= 36_500:
    raise ImproperlyConfigured("CONTACT_RETENTION_DAYS has to be 0, to keep messages, or at most 36500 days.")


# Headers

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
# The editor sets styles on its elements and needs one inline script, the import map, which carries the nonce.
ADMIN_CONTENT_SECURITY_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF, NONCE],
    "style-src": [SELF, "'unsafe-inline'"],
    "img-src": [SELF, "data:", "blob:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "frame-src": [SELF],  # previews
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


# Logs go to stderr, which uWSGI writes down

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "myweb.operations.logs.JSONFormatter"},
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "text" if DEBUG else "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # 404s are in the access log.
        "django.request": {"level": "ERROR"},
    },
}


# What was read, for publishing.release

ENVIRONMENT_DIGEST = _digest.hexdigest()
