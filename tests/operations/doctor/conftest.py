import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dns.resolver
import pytest
from django.conf import settings as site_settings

from myweb.operations.doctor import network
from tests.operations.doctor.servers import Authority, Proxy, name_server
from tests.site import Site, copy_database
from tests.smtp import OWNER, MailServer, certificate

GOOD_RECORDS = {
    "lake.example": ["v=spf1 include:mail.example -all"],
    "key._domainkey.lake.example": ["v=DKIM1; p=AAAA"],
    "_dmarc.lake.example": ["v=DMARC1; p=none"],
}
MAIL_PASSWORD = "open-sesame"
SENDER = "Lake House <owner@lake.example>"


@pytest.fixture(scope="session")
def post_office() -> Iterator[MailServer]:
    with MailServer(tls=True, login=f"owner:{MAIL_PASSWORD}") as server:
        yield server


@pytest.fixture(scope="session")
def serving(site, post_office) -> Iterator[Site]:
    """A site where all is as it should be."""
    mail = {
        "EMAIL_HOST": "localhost",
        "EMAIL_PORT": str(post_office.port),
        "EMAIL_USE_TLS": "true",
        "EMAIL_HOST_USER": "owner",
        "EMAIL_HOST_PASSWORD": MAIL_PASSWORD,
        "DEFAULT_FROM_EMAIL": SENDER,
        "CONTACT_RECIPIENTS": OWNER,
    }
    with site.sibling(TRUSTED_PROXIES="127.0.0.1,::1,127.0.0.9", **mail) as site:
        with closing(sqlite3.connect(site.var / "db.sqlite3")) as database, database:
            # What other tests wrote there would be mailed.
            database.execute("DELETE FROM contact_delivery")
            database.execute("DELETE FROM contact_contactmessage")
        yield site.start()


@pytest.fixture
def patience(monkeypatch) -> None:
    """Nobody here is far away."""
    monkeypatch.setattr(network, "PATIENCE", 1.0)
    monkeypatch.setattr(network, "PATIENCE_WITH_NEIGHBOURS", 0.2)
    monkeypatch.setattr(network, "in_container", lambda: False)
    for name in (*network.PROXIES, "MYWEB_PREPARED"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def real(serving, settings, monkeypatch, patience, db_of) -> Site:
    """The same settings as those of the site that runs."""
    settings.VAR = serving.var
    settings.SECRET_KEY = (serving.var / "secret_key").read_text().strip()
    settings.PORT = serving.port
    settings.UWSGI_SOCKET = serving.uwsgi_address
    settings.SITE_URL, settings.SITE_HOST = f"http://localhost:{serving.port}", "localhost"
    settings.STATIC_ROOT, settings.MEDIA_ROOT = serving.var / "static", serving.var / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    settings.PUBLISHED_ROOT = serving.var / "published"
    # With all of its environment, this process would have the same.
    monkeypatch.setattr(
        "myweb.publishing.publisher.own_release", lambda: (settings.PUBLISHED_ROOT / "release").readlink().stem
    )
    settings.TRUSTED_PROXIES = ["127.0.0.1/32", "::1/128", "127.0.0.9/32"]
    use_mail(settings, monkeypatch, int(serving.env["EMAIL_PORT"]))
    db_of(serving.var / "db.sqlite3")
    return serving


@pytest.fixture
def db_of(monkeypatch):
    """Return a function that makes SQLite's file at a path the database of the probes, which have their own thread."""

    def use(path: Path) -> None:
        database = {
            **site_settings.DATABASES["default"],
            "ENGINE": "myweb.db.sqlite3",
            "NAME": str(path),
            **dict.fromkeys(("HOST", "PORT", "USER", "PASSWORD"), ""),
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
        monkeypatch.setitem(site_settings.DATABASES, "default", database)

    return use


def use_mail(settings, monkeypatch, port: int) -> None:
    settings.EMAIL_BACKEND = "myweb.mail.EmailBackend"  # pytest-django puts another there
    settings.EMAIL_HOST, settings.EMAIL_PORT = "localhost", port
    settings.EMAIL_USE_TLS = True
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "owner", MAIL_PASSWORD
    settings.DEFAULT_FROM_EMAIL = SENDER
    settings.CONTACT_RECIPIENTS = [OWNER]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))


@pytest.fixture
def mail(settings, monkeypatch, post_office, patience) -> MailServer:
    """A mail server that works, with a login over STARTTLS."""
    use_mail(settings, monkeypatch, post_office.port)
    post_office.received.clear()
    return post_office


@pytest.fixture
def dns_records(monkeypatch) -> Iterator[dict[str, list[str]]]:
    """What the DNS says, which may be changed."""
    records = dict(GOOD_RECORDS)
    with name_server(records) as port:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
        yield records


@pytest.fixture
def authority(tmp_path, monkeypatch) -> Authority:
    """Somebody whom this machine believes."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


@pytest.fixture
def proxy(real, settings) -> Iterator[Proxy]:
    """A proxy in front of the site, at its public address."""
    with Proxy(real.port) as proxy:
        settings.SITE_URL = f"http://localhost:{proxy.port}"
        yield proxy


@pytest.fixture
def copied_database(real, tmp_path, db_of) -> Path:
    """A copy of the site's database, which is then the one that is looked at."""
    path = tmp_path / "copy" / "db.sqlite3"
    path.parent.mkdir()
    copy_database(real.var / "db.sqlite3", path)
    db_of(path)
    return path
