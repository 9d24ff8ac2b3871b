import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from myweb import nginx_pages
from myweb.running import nginx


@pytest.fixture
def var(settings, tmp_path):
    settings.VAR = tmp_path
    return tmp_path


def site_file(var) -> str:
    call_command("nginx_config")
    return (var / "nginx" / "myweb_nginx.conf").read_text()


def test_it_works(var, settings):
    text = site_file(var)
    assert "listen 127.0.0.1:8099;" in text
    assert 'server_name localhost 127.0.0.1 [::1] "";' in text
    assert f'default "unix:{settings.UWSGI_SOCKET}";' in text
    assert "resolver" not in text
    assert "set_real_ip_from 127.0.0.1/32;" in text
    assert f'root "{var}";' in text
    for path in (var / "nginx").iterdir():
        assert "${MYWEB" not in path.read_text()


def test_site_url_is_the_first_name(var, settings):
    settings.SITE_HOST = "www.example.org"
    assert 'server_name www.example.org localhost 127.0.0.1 [::1] "";' in site_file(var)


def test_ipv6(var, settings):
    settings.LISTEN = "::1"
    assert "listen [::1]:8099;" in site_file(var)


def test_all_addresses_of_both_kinds(var, settings):
    settings.LISTEN = "::"
    text = site_file(var)
    assert "listen 0.0.0.0:8099;" in text
    assert "listen [::]:8099;" in text


def test_unix_socket(var, settings):
    settings.UWSGI_SOCKET = "/run/myweb.sock"
    text = site_file(var)
    assert 'default "unix:/run/myweb.sock";' in text
    assert "resolver" not in text


def test_name_is_looked_up_while_nginx_runs(var, settings):
    settings.UWSGI_SOCKET = "app:8000"
    text = site_file(var)
    assert 'default "app:8000";' in text
    assert re.search(r"^resolver [0-9a-f.:\[\] ]+ valid=2s;$", text, re.MULTILINE)


@pytest.mark.parametrize("socket", ["localhost:8000", "[::1]:8000"])
def test_nameservers_are_not_asked_for_this_machine(var, settings, socket):
    settings.UWSGI_SOCKET = socket
    text = site_file(var)
    assert f'default "{socket.replace("localhost", "127.0.0.1")}";' in text
    assert "resolver" not in text


def test_no_proxy_is_trusted(var, settings):
    settings.TRUSTED_PROXIES = []
    text = site_file(var)
    assert "set_real_ip_from" not in text
    assert " 1;\n}" not in text.partition("geo ")[2].partition("map ")[0]


def test_metrics_are_for_this_machine(var):
    geo = site_file(var).partition("geo $myweb_asker $myweb_stranger {")[2].partition("}")[0]
    assert geo.split() == ["default", "1;", "127.0.0.1/32", "0;", "::1/128", "0;"]


def test_metrics_for_others(var, settings):
    settings.METRICS_ALLOW = ["10.0.0.0/8"]
    assert "    10.0.0.0/8 0;\n}" in site_file(var)


def test_same_names_as_in_etc_nginx(var):
    call_command("nginx_config")
    for name in ("uwsgi_params", "mime.types"):
        assert str((var / "nginx" / name).readlink()) == f"/etc/nginx/{name}"


def test_files_are_left_alone_when_nothing_changed(var):
    def written() -> dict[Path, tuple[int, int]]:
        found = {path: path.lstat() for path in (var / "nginx").iterdir()}
        return {path: (status.st_ino, status.st_mtime_ns) for path, status in found.items()}

    site_file(var)
    before = written()
    site_file(var)
    assert written() == before


def test_nothing_else_is_left_behind(var, settings):
    site_file(var)
    settings.PORT = 8100
    assert "8100" in site_file(var)
    names = {path.name for path in (var / "nginx").iterdir()}
    pages = {f"{name}.{language}.html" for name in nginx_pages.PAGES for language in ("en", "zh-hans")}
    assert names == {*nginx.TEMPLATES, *nginx.DISTRIBUTION_FILES, *pages}


def test_directory_that_cannot_be_written(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.VAR = tmp_path / "file"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("nginx_config")


@pytest.fixture
def installed_nginx(monkeypatch):
    """Let another Nginx be installed: its version, and what it was built with."""

    def install(built: str) -> None:
        answer = subprocess.CompletedProcess([], 0, stderr=f"nginx version: nginx/{built}")
        monkeypatch.setattr(nginx.subprocess, "run", lambda *args, **kwargs: answer)

    return install


def system_file(*arguments: str) -> str:
    output = StringIO()
    call_command("nginx_config", "--system", *arguments, stdout=output)
    assert "${MYWEB" not in output.getvalue()
    return output.getvalue()


def test_nginx_of_the_system_logs_where_only_root_writes(var):
    text = system_file()
    assert 'access_log "/var/log/nginx/myweb_access.log" myweb ' in text
    assert str(var / "log") not in text
    assert not (var / "nginx").exists()


def test_nginx_of_the_system_answers_the_authority(settings):
    assert system_file().count("location ^~ /.well-known/acme-challenge/ { root /var/www/letsencrypt; }") == 2


@pytest.mark.parametrize(
    ("built", "expected", "unexpected"),
    [
        ("1.22.1", "listen 0.0.0.0:443 ssl http2;", "http2 on;"),
        ("1.26.3 --with-http_v3_module", "http2 on;", "ssl http2"),
    ],
)
def test_certificate(settings, installed_nginx, built, expected, unexpected):
    settings.LISTEN, settings.PORT, settings.SITE_URL = "::", 80, "https://www.example.org"
    installed_nginx(built)
    text = system_file("--certificate", "/etc/letsencrypt/live/myweb")
    assert 'ssl_certificate "/etc/letsencrypt/live/myweb/fullchain.pem";' in text
    assert "return 301 https://www.example.org$request_uri;" in text
    assert expected in text
    assert unexpected not in text
    assert ("listen [::]:443 quic;" in text) == ("v3" in built) == ("Alt-Svc" in text)
    assert text.count("acme-challenge") == 1
    # Nothing of the site is answered without TLS.
    assert text.count("listen 0.0.0.0:80") == 1


def test_brotli_is_not_asked_where_links_are_refused(var):
    """It hands on paths that are too long by what lies behind them in memory, and then some files are not found."""
    locations = re.findall(r"^    location .*?^    }$", site_file(var), re.MULTILINE | re.DOTALL)
    [static] = [location for location in locations if location.startswith("    location ^~ /static/")]
    assert "brotli_static on;" in static
    for location in locations:
        assert not ("brotli_static on;" in location and "disable_symlinks on" in location), location
