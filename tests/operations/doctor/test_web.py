import shutil
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from myweb.operations.doctor import mail, network, web
from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault
from tests.operations.doctor.servers import Proxy, dropping, talking
from tests.site import ROOT, free_port, own_address, wait_for

SSH = b"SSH-2.0-OpenSSH_9.2\r\n"
APACHE = b"HTTP/1.1 200 OK\r\nServer: Apache\r\nContent-Length: 9\r\n\r\nIt works!"


def lead_to(settings, port: int, scheme: str = "http") -> None:
    settings.SITE_URL = f"{scheme}://localhost:{port}"


# uWSGI


@fault("uWSGI", r"uWSGI does not run: nothing listens on 127.0.0.1:\d+.*uwsgi.log")
def uwsgi_is_down(settings):
    settings.UWSGI_SOCKET = f"127.0.0.1:{free_port()}"
    yield


@fault("uWSGI", "uWSGI does not run: nothing listens on /.*uwsgi.sock")
def uwsgi_left_its_socket(settings, tmp_path):
    settings.UWSGI_SOCKET = str(tmp_path / "uwsgi.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(settings.UWSGI_SOCKET)
    yield


@fault("uWSGI", r"What listens on 127.0.0.1:\d+ is not this site's uWSGI: it says “HTTP/1.1 200 OK”.*in use")
def another_program_has_the_port_of_uwsgi(settings):
    with talking(APACHE) as port:
        settings.UWSGI_SOCKET = f"127.0.0.1:{port}"
        yield


@fault("uWSGI", "does not answer within 1 seconds: uWSGI's workers hang")
def uwsgi_hangs(settings, patience):
    with talking(None) as port:
        settings.UWSGI_SOCKET = f"127.0.0.1:{port}"
        yield


@fault("uWSGI", "uWSGI does not run: systemd holds /.*uwsgi.sock open for it.*why it does not start: var/log/uwsgi.log")
def uwsgi_does_not_start_behind_its_socket(settings, patience, tmp_path):
    settings.VAR = tmp_path
    settings.UWSGI_SOCKET = str(tmp_path / "uwsgi.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(settings.UWSGI_SOCKET)
        server.listen()
        yield


@fault("uWSGI", "is another one, or has another SECRET_KEY")
def uwsgi_of_another_site(real, settings):
    settings.SECRET_KEY = "another key than that of the site that runs"
    yield


# The port of Nginx


@fault("port of Nginx", r"Somebody else listens: port \d+ is in use.*End that, or set MYWEB_PORT")
def another_program_has_the_port_of_nginx(settings, patience):
    with talking(APACHE) as port:
        settings.PORT = port
        yield


@fault("port of Nginx", r"Somebody else listens: port \d+ is in use")
def silent_program_on_the_port_of_nginx(settings, patience):
    with talking(None) as port:
        settings.PORT = port
        yield


# The public address


@fault("name of the site", "nowhere.invalid does not resolve|No name server tells the address of nowhere.invalid")
def name_of_the_site(settings):
    settings.SITE_URL = "http://nowhere.invalid"
    yield


@fault("name of the site", "No name server tells the address of localhost within 1 seconds.*resolv.conf")
def no_name_server(settings, patience, monkeypatch):
    """As getaddrinfo waits when packets to the name server are lost, which cannot be had on loopback."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: time.sleep(3))
    yield


@fault("public address", r"localhost, port \d+, refuses connections .* so the web server is down. Start the web server")
def nginx_is_down(settings, patience):
    settings.PORT = free_port()
    lead_to(settings, free_port())
    yield


@fault("public address", r"refuses connections .* nothing listens there on this machine, so the web server is down")
def nginx_is_down_at_an_address_of_this_machine(settings, patience):
    settings.PORT = free_port()
    settings.SITE_URL = f"http://{own_address()}:{free_port()}"
    yield


@fault("public address", "nothing listens there, in this container, which is all that localhost means")
def localhost_in_a_container(settings, patience, monkeypatch):
    settings.PORT = free_port()
    monkeypatch.setattr(network, "in_container", lambda: True)
    lead_to(settings, free_port())
    yield


@fault(
    "public address",
    r"refuses connections .*, but port \d+ of the same machine answers: .*wrong port",
)
def wrong_port(real, settings):
    lead_to(settings, free_port())
    yield


@fault("public address", r"Nginx does not run: no container web answers on port \d+. Run docker compose up")
def nginx_is_down_in_compose(settings, patience, monkeypatch):
    settings.PORT = free_port()
    monkeypatch.setattr(network, "in_container", lambda: True)
    monkeypatch.setenv("MYWEB_PREPARED", "true")
    lead_to(settings, free_port())
    yield


@fault("public address", r"does not answer within 1 seconds, nor do others .*the machine is down, or a firewall")
def firewall_drops(settings, patience):
    settings.PORT = free_port()
    with dropping() as port:
        lead_to(settings, port)
        yield


@fault("public address", "takes the connection, but does not answer within 1 seconds")
def silence(settings, patience):
    with talking(None) as port:
        lead_to(settings, port)
        yield


@fault("public address", "is no web server: .*SSH-2.0")
def no_web_server(settings, patience):
    with talking(SSH) as port:
        lead_to(settings, port)
        yield


@fault("public address", "does not speak TLS, although SITE_URL is https")
def no_tls(real, settings):
    lead_to(settings, real.port, "https")
    yield


@fault("public address", r"Something else answers at http://localhost:\d+: status 200, from “Apache”")
def another_web_server(settings, patience):
    with talking(APACHE) as port:
        lead_to(settings, port)
        yield


@fault("public address", "leads elsewhere: 301 to “https://parking.example/”, says “Parking”")
def redirect(settings, patience):
    location = b"Location: https://parking.example/\r\nServer: Parking\r\nContent-Length: 0\r\n\r\n"
    with talking(b"HTTP/1.1 301 Moved\r\n" + location) as port:
        lead_to(settings, port)
        yield


@fault("public address", r"asked for another name than localhost:\d+: a proxy in front does not pass the Host on")
def wrong_host(proxy):
    proxy.headers["Host"] = "other.example"
    yield


@fault("public address", "Nginx is there, but does not reach uWSGI. Run ./manage.py nginx_config")
def nginx_does_not_reach_uwsgi(nginx_alone):
    yield


@fault("public address", "is a site of this kind, but not this one")
def another_site(real, settings):
    settings.SECRET_KEY = "another key than that of the site that runs"
    yield


@pytest.fixture
def nginx_alone(real, settings):
    """Nginx with an uWSGI that is nowhere."""
    with real.sibling() as other:
        assert other.manage("nginx_config").returncode == 0
        other.spawn_nginx()
        lead_to(settings, other.port)
        yield


# What arrives


@fault("Host", r"A request for localhost:\d+ arrives as one for “127.0.0.1:\d+”.*proxy_set_header Host")
def proxy_changes_the_host(proxy, real):
    proxy.headers["Host"] = f"127.0.0.1:{real.port}"
    yield


@fault("http or https", "over https arrives as http: the proxy at 127.0.0.1 does not say so.*X-Forwarded-Proto")
def proxy_does_not_tell_of_https(tls_proxy):
    tls_proxy.headers["X-Forwarded-Proto"] = None
    yield


@fault("http or https", "arrives as http: a proxy stands in front, at 127.0.0.2, whose word is not.*TRUSTED_PROXIES")
def untrusted_proxy_tells_of_https(tls_proxy):
    tls_proxy.source = "127.0.0.2"
    yield


@fault("http or https", "over http arrives as https. Set SITE_URL to the address with https")
def site_url_without_https(proxy):
    proxy.headers["X-Forwarded-Proto"] = "https"
    yield


@fault("visitors' addresses", "All visitors seem to come from 127.0.0.9, the proxy in front.*X-Forwarded-For")
def proxy_does_not_tell_of_visitors(proxy):
    proxy.source = "127.0.0.9"
    proxy.headers["X-Forwarded-For"] = None
    yield


@fault("visitors' addresses", "All visitors seem to come from 127.0.0.2: .* Add 127.0.0.2 to TRUSTED_PROXIES")
def untrusted_proxy_tells_of_visitors(proxy):
    proxy.source = "127.0.0.2"
    yield


@fault("origin of forms", "The header Origin of a visitor arrives as “null”.*proxy_set_header Origin .http_origin")
def proxy_changes_the_origin(proxy):
    proxy.headers["Origin"] = "null"
    yield


@fault("origin of forms", "The header Referer of a visitor arrives as “”.*proxy_set_header Referer .http_referer")
def proxy_drops_the_referer(proxy):
    proxy.headers["Referer"] = None
    yield


@fault("origin of forms", "adds Referrer-Policy: no-referrer to pages.*remove the line that adds Referrer-Policy")
def proxy_hides_the_origin(proxy):
    proxy.answers["/contact/"] = (200, {"Referrer-Policy": "same-origin, No-Referrer"}, b"")
    yield


@fault("public address", "Another site of this machine's Nginx has the name localhost, too, in .*/shop; Nginx passes")
def another_site_of_the_same_name(settings, patience, monkeypatch, tmp_path):
    (tmp_path / "sites-enabled").mkdir()
    (tmp_path / "sites-enabled/myweb").write_text(f'server_name localhost;\nalias "{settings.VAR}/published/current/";')
    (tmp_path / "sites-enabled/shop").write_text("server {\n    server_name shop.example LOCALHOST;\n}\n")
    monkeypatch.setattr(web, "NGINX", tmp_path)
    with talking(b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n") as port:
        lead_to(settings, port)
        yield


@fault("upload limit", "Uploads of 75 MB, which the admin takes, are refused on the way.*client_max_body_size 75m")
def proxy_with_a_small_limit(proxy):
    proxy.answers["/admin/pages/page/add/"] = (413, {}, b"")
    yield


@fault("stylesheet", r"/static/myweb/site\.\w+\.css is not served as it is in .*: status 404")
def nginx_serves_another_directory(proxy, settings):
    path = next((settings.STATIC_ROOT / "myweb").glob("site.*.css"))
    proxy.answers[f"/static/myweb/{path.name}"] = (404, {}, b"")
    yield


@fault("pictures", r"/media/photograph.jpg is not served as it is in .*: status 404")
def nginx_does_not_see_the_uploads(real, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "photograph.jpg").touch()
    yield


@fault("pictures", r"/media/.* is not served as it is in .*: another content")
def nginx_serves_older_uploads(real, settings, tmp_path):
    path = next(path for path in settings.MEDIA_ROOT.rglob("*.webp"))
    copy = tmp_path / path.relative_to(settings.MEDIA_ROOT)
    copy.parent.mkdir(parents=True)
    shutil.copy(path, copy)
    copy.write_bytes(copy.read_bytes() + b"changed")
    settings.MEDIA_ROOT = tmp_path
    yield


@pytest.fixture
def tls_proxy(real, authority, settings):
    with Proxy(real.port, authority.context()) as proxy:
        lead_to(settings, proxy.port, "https")
        yield proxy


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


@pytest.mark.nginx
@pytest.mark.parametrize("name", ["certificate", "public address", "http or https", "visitors' addresses"])
def test_good_proxy_is_no_fault(tls_proxy, name):
    finding = faults.look(name)
    assert finding.state is faults.State.OK, finding


def test_nginx_leads_to_https_from_its_port(settings, patience):
    settings.SITE_URL = "https://lake.example"
    location = b"Location: https://lake.example/healthz\r\nContent-Length: 0\r\n\r\n"
    with talking(b"HTTP/1.1 301 Moved Permanently\r\n" + location) as settings.PORT:
        assert faults.look("port of Nginx").state is faults.State.OK


@pytest.mark.nginx
def test_nginx_has_its_port_while_uwsgi_hangs(real, settings):
    with real.sibling() as other:
        assert other.manage("nginx_config").returncode == 0
        other.spawn_nginx()
        settings.PORT = other.port
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(other.uwsgi_address)
            server.listen()
            assert faults.look("port of Nginx").sentence == f"Nginx has port {other.port}."


@pytest.mark.nginx
def test_nginx_in_another_container_of_compose(real, settings, monkeypatch):
    monkeypatch.setattr(network, "in_container", lambda: True)
    monkeypatch.setattr(web, "CONTAINER", "127.0.0.1")
    lead_to(settings, free_port())
    for name in ("public address", "Host", "visitors' addresses", "upload limit", "stylesheet"):
        finding = faults.look(name)
        assert finding.state is faults.State.OK, finding


@pytest.mark.nginx
def test_strangers_are_told_nothing(serving, settings):
    assert "received" not in serving.get("/healthz").text
    forged = web.question()  # signed with the key of the tests
    assert "received" not in serving.get(forged).text
    settings.SECRET_KEY = (serving.var / "secret_key").read_text().strip()
    asked = web.question()
    assert "received" in serving.get(asked).text
    assert "received" not in serving.get(asked[:-1]).text


@pytest.mark.nginx
def test_question_is_not_answered_for_long(real):
    old = web.question()
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=61)):
        older = web.question()
    assert "received" in real.get(old).text
    assert "received" not in real.get(older).text
    assert "healthz?doctor" not in real.log("uwsgi.log")


@pytest.mark.nginx
def test_upload_never_comes(real):
    """It is announced only, and leaves no trace in Django."""

    def refused() -> list[str]:
        lines = real.log("access.log").splitlines()
        return [line for line in lines if '"method":"POST","uri":"/admin/pages/page/add/"' in line]

    before = len(refused())
    assert "75 MB" in web.upload()
    wait_for(lambda: len(refused()) > before, "Nginx has refused it")
    assert '"status":403' in refused()[-1]


def test_limit_is_that_of_nginx():
    template = (ROOT / "deploy" / "myweb_nginx.conf").read_text()
    admin = template.partition('location ~ "^/admin/pages/')[2].partition("\n    }")[0]
    assert f"client_max_body_size {web.UPLOAD // 1024 // 1024}m;" in admin


# What refused connections look like, for any server


REMOTE = network.Service("mail server", "192.0.2.1", 25, "EMAIL_HOST", "EMAIL_PORT", mail.PORTS)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            ConnectionRefusedError(111, "Connection refused"),
            "the machine or a firewall is there to say no, so the mail server",
        ),
        (TimeoutError(), "the machine is down, or a firewall drops everything"),
        (OSError(113, "No route to host"), "There is no way to 192.0.2.1, port 25: “No route to host”"),
        (OSError(1, "Operation not permitted"), "This machine's own firewall forbids"),
    ],
)
def test_what_it_looks_like_from_afar(patience, monkeypatch, error, sentence):
    monkeypatch.setattr(network, "open_neighbour", lambda service: None)
    assert sentence in network.explain(REMOTE, error, 0.02).sentence


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "Connection refused"), TimeoutError()])
def test_proxy_is_the_only_way_out(patience, monkeypatch, error):
    monkeypatch.setattr(network, "open_neighbour", lambda service: None)
    monkeypatch.setenv("HTTPS_PROXY", "http://user:password@proxy.example:3128")
    fault = network.explain(REMOTE, error, 0.02)
    assert "HTTPS_PROXY is set: this network seems to let traffic out through a proxy only" in fault.sentence
    assert "password" not in fault.sentence + fault.fix
