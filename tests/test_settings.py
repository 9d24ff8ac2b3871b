"""The settings are read anew, from an environment in which nothing else is set."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).parent.parent
KEY = "k" * 50
PRINT = "import json, django.conf as c; print(json.dumps({n: getattr(c.settings, n) for n in %r}, default=str))"


def start(*names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own, as a start does, and print those called `names` as JSON."""
    environment = {"DJANGO_SETTINGS_MODULE": "myweb.settings", "PATH": os.environ["PATH"]} | environment
    command = [sys.executable, "-c", PRINT % (names,)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def read(*names: str, **environment: str) -> dict[str, Any]:
    """Return the settings called `names`, with nothing but `environment` and a key set; raise what they raise."""
    with mock.patch.dict(os.environ, {"SECRET_KEY": KEY} | environment, clear=True):
        settings = runpy.run_path(str(ROOT / "myweb" / "settings.py"))
    return {name: settings[name] for name in names}


def test_start_reads_them():
    assert json.loads(start("PORT", SECRET_KEY=KEY, MYWEB_PORT="8100").stdout) == {"PORT": 8100}


def test_malformed_value_stops_the_start():
    result = start("DEBUG", SECRET_KEY=KEY, MYWEB_PORT="http")
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: MYWEB_PORT ")


def test_defaults():
    assert read("DEBUG", "SITE_URL", "LANGUAGE_CODE", "TIME_ZONE", "EMAIL_HOST", "LISTEN", "PORT", "UWSGI_SOCKET") == {
        "DEBUG": False,
        "SITE_URL": "http://localhost:8099",
        "LANGUAGE_CODE": "en",
        "TIME_ZONE": "UTC",
        "EMAIL_HOST": "",
        "LISTEN": "127.0.0.1",
        "PORT": 8099,
        "UWSGI_SOCKET": str(ROOT / "var" / "run" / "uwsgi.sock"),
    }


def test_everything_follows_from_the_sites_address():
    names = ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_HOST")
    names += ("SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "DEFAULT_FROM_EMAIL", "SITE_URL")
    settings = read(*names, SITE_URL="https://www.例子.org:8443/")
    assert settings["SITE_URL"] == "https://www.xn--fsqu00a.org:8443"
    assert settings["ALLOWED_HOSTS"] == ["www.xn--fsqu00a.org", "localhost", "127.0.0.1", "[::1]"]
    assert settings["CSRF_TRUSTED_ORIGINS"][0] == "https://www.xn--fsqu00a.org:8443"
    assert settings["SECURE_SSL_HOST"] == "www.xn--fsqu00a.org:8443"
    assert (
        settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is settings["SECURE_SSL_REDIRECT"] is True
    )
    assert settings["SECURE_HSTS_SECONDS"] == 31536000
    assert settings["DEFAULT_FROM_EMAIL"] == "webmaster@www.xn--fsqu00a.org"


def test_debugging_alone_does_not_take_mail_for_sent():
    assert read("EMAIL_HOST", DEBUG="1") == {"EMAIL_HOST": ""}
    assert read("EMAIL_HOST", DEBUG="1", MYWEB_DEV="1") == {"EMAIL_HOST": "terminal"}


def test_plain_http_has_none_of_it():
    settings = read("SESSION_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", SITE_URL="http://a.example")
    assert {name: value for name, value in settings.items() if value} == {}


def test_port_is_part_of_the_default_address():
    assert read("SITE_URL", MYWEB_PORT="8100") == {"SITE_URL": "http://localhost:8100"}


def test_sqlite_waits_for_the_lock_and_for_the_disk():
    options = read("DATABASES")["DATABASES"]["default"]["OPTIONS"]
    assert (options["transaction_mode"], options["timeout"]) == ("IMMEDIATE", 20)
    assert "synchronous=FULL" in options["init_command"]


def test_sqlite_leaves_nothing_of_what_was_deleted_in_its_file():
    assert "secure_delete=ON" in read("DATABASES")["DATABASES"]["default"]["OPTIONS"]["init_command"]


def test_postgresql():
    database = read("DATABASES", DATABASE_URL="postgres://me:p%40ss@db.example:5433/site")["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"]) == (
        "me",
        "p@ss",
        "db.example",
        5433,
    )


@pytest.mark.parametrize("name", ["SECRET_KEY", "EMAIL_HOST_PASSWORD"])
def test_secrets_can_be_files(tmp_path, name):
    (tmp_path / "secret").write_text(f"{KEY}-from-a-file\n")
    assert read(name, **{f"{name}_FILE": str(tmp_path / "secret")}) == {name: f"{KEY}-from-a-file"}


def test_database_url_can_be_a_file(tmp_path):
    (tmp_path / "url").write_text("postgres://me:secret@db.example/site\n")
    assert read("DATABASES", DATABASE_URL_FILE=str(tmp_path / "url"))["DATABASES"]["default"]["NAME"] == "site"


def test_key_of_the_data_directory_is_used(tmp_path):
    (tmp_path / "secret_key").write_text(KEY + "\n")
    assert read("SECRET_KEY", SECRET_KEY="", MYWEB_VAR=str(tmp_path)) == {"SECRET_KEY": KEY}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("SECRET_KEY_FILE", "/nowhere/at/all"),
        ("DEBUG", "perhaps"),
        ("SITE_URL", "www.example.org"),
        ("SITE_URL", "https://example.org/blog"),
        ("SITE_URL", "https://example.org:port"),
        ("SITE_URL", "https://[::1"),
        ("SITE_URL", "ftp://example.org"),
        ("DATABASE_URL", "mysql://localhost/site"),
        ("DATABASE_URL", "nonsense"),
        ("LANGUAGE_CODE", "tlh"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc/passwd"),
        ("MYWEB_PORT", "http"),
        ("MYWEB_PORT", "70000"),
        ("MYWEB_LISTEN", "everywhere"),
        ("MYWEB_UWSGI_SOCKET", "0.0.0.0:8000"),
        ("MYWEB_UWSGI_SOCKET", "8000"),
        ("MYWEB_UWSGI_SOCKET", "/tmp/" + "x" * 100),
        ("MYWEB_UWSGI_SOCKET", "/tmp/a:1/uwsgi.sock"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("METRICS_ALLOW", "10.0.0.1/8"),
        ("EMAIL_PORT", "smtp"),
        ("EMAIL_TIMEOUT", "0"),
        ("EMAIL_USE_TLS", "maybe"),
        ("CONTACT_RETENTION_DAYS", "-1"),
        ("CONTACT_RETENTION_DAYS", "36501"),
        ("CONTACT_RETENTION_DAYS", "a year"),
        ("DEFAULT_FROM_EMAIL", "me@example.org\nBcc: you@example.org"),
    ],
)
def test_malformed_value_is_refused_with_its_name(name, value):
    with pytest.raises(ImproperlyConfigured, match=name.removesuffix("_FILE")):
        read(**{name: value})


def test_missing_key_stops_the_start(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        read(SECRET_KEY="", MYWEB_VAR=str(tmp_path))


def test_both_kinds_of_tls_exclude_each_other():
    with pytest.raises(ImproperlyConfigured, match="EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other"):
        read(EMAIL_USE_TLS="1", EMAIL_USE_SSL="1")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://faß.de", "xn--fa-hia.de"),
        ("https://WWW.βόλος.com:8443", "www.xn--nxasmm1c.com"),
        ("https://www.example.org.", "www.example.org"),
    ],
)
def test_host_is_as_the_dns_has_it(url, host):
    """By IDNA 2008, and without the dot at its end, with which a form may be sent all the same."""
    port = ":8443" if "8443" in url else ""
    found = read("SITE_HOST", "SITE_URL", "CSRF_TRUSTED_ORIGINS", "DEFAULT_FROM_EMAIL", SITE_URL=url)
    assert (found["SITE_HOST"], found["SITE_URL"]) == (host, f"https://{host}{port}")
    assert {f"https://{host}{port}", f"https://{host}.{port}"} <= set(found["CSRF_TRUSTED_ORIGINS"])
    assert found["DEFAULT_FROM_EMAIL"] == f"webmaster@{host}"


def test_addresses_are_as_they_can_be_sent():
    found = read(
        "DEFAULT_FROM_EMAIL",
        "CONTACT_RECIPIENTS",
        "EMAIL_HOST",
        DEFAULT_FROM_EMAIL="Straße <me@faß.de>",
        CONTACT_RECIPIENTS='"House, Lake" <me@faß.de>, you@example.org',
        EMAIL_HOST="mail.faß.de",
    )
    assert found["DEFAULT_FROM_EMAIL"] == "Straße <me@xn--fa-hia.de>"
    assert found["CONTACT_RECIPIENTS"] == ['"House, Lake" <me@xn--fa-hia.de>', "you@example.org"]
    assert found["EMAIL_HOST"] == "mail.xn--fa-hia.de"
