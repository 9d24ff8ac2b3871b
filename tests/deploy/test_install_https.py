"""deploy/install --domain, with Debian's test authority, pebble, on the server itself."""

import json
import re
import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.server import SETTINGS, Server
from tests.site import wait_for

pytestmark = pytest.mark.server

DOMAIN = "www.example.org"
ROOT_CERTIFICATE = "/usr/local/share/ca-certificates/pebble.crt"
ARGUMENTS = ("--domain", DOMAIN, "--email", "owner@example.org")
PEBBLE = {
    "pebble": {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/root/pebble/cert.pem",
        "privateKey": "/root/pebble/key.pem",
        "httpPort": 80,
        "tlsPort": 443,
    }
}


@pytest.fixture(scope="module")
def authority(server) -> Iterator[Server]:
    """The server with an authority that certbot asks, as /etc/letsencrypt/cli.ini says."""
    server.run("/root/myweb/deploy/install_packages", "pebble")
    # A new authority knows no account of an earlier one.
    server.run("rm", "-rf", "/etc/letsencrypt")
    server.run("mkdir", "-p", "/root/pebble", "/etc/letsencrypt")
    server.run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9"),
        *("-subj", "/CN=localhost", "-keyout", "/root/pebble/key.pem", "-out", "/root/pebble/cert.pem"),
    )
    server.write("/root/pebble/config.json", json.dumps(PEBBLE))
    server.write("/etc/letsencrypt/cli.ini", "server = https://127.0.0.1:14000/dir\nno-verify-ssl = true\n")
    quick = ("--setenv=PEBBLE_VA_NOSLEEP=1", "--setenv=PEBBLE_WFE_NONCEREJECT=0")
    server.run("systemd-run", "--unit=pebble", *quick, "pebble", "-config", "/root/pebble/config.json")
    server.run("sh", "-c", f"echo {server.address} {DOMAIN} >>/etc/hosts")
    fetch_root = f"curl --silent --insecure --fail https://127.0.0.1:15000/roots/0 >{ROOT_CERTIFICATE}"
    wait_for(lambda: server.try_to("sh", "-c", fetch_root)[0] == 0, "the authority tells its certificate")
    server.run("update-ca-certificates")
    yield server
    server.run("systemctl", "stop", "pebble.service")
    server.run("rm", ROOT_CERTIFICATE)
    server.run("update-ca-certificates")


@pytest.fixture(scope="module")
def before(authority) -> str:
    """What deploy/install said of a domain that does not lead here."""
    status, output = authority.try_to("/root/myweb/deploy/install", "--domain", "elsewhere.example.org", *ARGUMENTS[2:])
    assert status == 1
    assert authority.get("/").status == 200
    assert f"SITE_URL=http://{authority.address}\n" in authority.run("cat", SETTINGS)
    return output


@pytest.fixture(scope="module")
def secured(authority, before) -> Iterator[Server]:
    authority.install("/root/myweb", *ARGUMENTS)
    authority.domain = DOMAIN
    yield authority
    authority.domain = ""
    authority.set(SITE_URL=f"http://{authority.address}")
    authority.install()
    assert authority.get("/").status == 200


def served(server: Server, name: str = DOMAIN, version: ssl.TLSVersion | None = None) -> str:
    """Return the certificate that Nginx shows to who asks for `name`."""
    context = ssl._create_unverified_context()
    if version:
        context.minimum_version = context.maximum_version = version
    connection = socket.create_connection((server.address, 443), timeout=30)
    with connection, context.wrap_socket(connection, server_hostname=name) as client:
        return ssl.DER_cert_to_PEM_cert(client.getpeercert(True))


def curl(server: Server, *arguments: str) -> str:
    """Ask for the home page on the server itself, whose curl speaks all versions of HTTP."""
    return server.run("curl", "-sSk", "-o", "/dev/null", *arguments, f"https://{DOMAIN}/")


def test_domain_that_does_not_lead_here(before):
    assert "Does elsewhere.example.org lead to this server" in before


def test_it_works(secured):
    answer = secured.get("/")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert f"SITE_URL=https://{DOMAIN}\n" in secured.run("cat", SETTINGS)
    assert secured.get("/admin/login/").headers["Set-Cookie"].endswith("; Secure")


def test_plain_http_leads_to_https(secured):
    secured.domain = ""
    answer = secured.get("/contact/?a=b")
    secured.domain = DOMAIN
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{DOMAIN}/contact/?a=b")


def test_http2(secured):
    assert curl(secured, "--http2", "-w", "%{http_version}") == "2"


def test_http3_where_nginx_has_it(secured):
    has_it = "http_v3_module" in secured.run("nginx", "-V")
    assert (secured.get("/admin/login/").headers["Alt-Svc"] is not None) == has_it
    if has_it and "HTTP3" in secured.run("curl", "-V"):
        assert curl(secured, "--http3-only", "-w", "%{http_version}") == "3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls(secured, version):
    assert "BEGIN CERTIFICATE" in served(secured, version=version)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_older_tls_is_refused(secured):
    with pytest.raises(ssl.SSLError, match=r"(?i)version|alert|unsupported"):
        served(secured, version=ssl.TLSVersion.TLSv1_1)


def test_other_name_is_shown_no_certificate(secured):
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        served(secured, "other.example.org")


def test_again_changes_nothing(secured):
    nginx = secured.run("systemctl", "show", "--property", "MainPID,StateChangeTimestamp", "nginx.service")
    for arguments in (ARGUMENTS, ()):
        assert "Nothing had to be changed." in secured.install("/root/myweb", *arguments)
    assert secured.run("systemctl", "show", "--property", "MainPID,StateChangeTimestamp", "nginx.service") == nginx


def test_doctor_finds_nothing_wrong(secured):
    said = secured.manage("doctor")
    assert "Nothing is wrong." in said, said
    for name in ("port of Nginx", "certificate", "certificate's end", "http or https", "fresh pages"):
        assert f"ok      {name}: " in said


def test_renewal_is_served(secured):
    """As certbot.timer does it; only the force is added, since the certificate is still young."""
    assert "active" in secured.run("systemctl", "is-active", "certbot.timer")
    command = re.search(r"ExecStart=(.*)", secured.run("systemctl", "cat", "certbot.service"))[1]
    before = served(secured)
    secured.run(*command.split(), "--force-renewal", "--no-random-sleep-on-renew")
    wait_for(lambda: served(secured) != before, "the new certificate is served")
    assert secured.get("/").status == 200
