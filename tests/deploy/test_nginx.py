import json
import re
import shutil
import socket
import subprocess

import pytest

from tests.deploy.conftest import needs_root
from tests.site import wait_for

pytestmark = pytest.mark.nginx


def test_it_works(site):
    response = site.get("/")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.0", b"GET http://localhost/ HTTP/1.0"])
def test_http_1_0_without_host_gets_a_page(site, request_line):
    head, _, body = site.send(request_line + b"\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: text/html; charset=utf-8\r\n" in head
    assert body.rstrip().endswith(b"</html>")


def test_http_1_0_without_host_gets_a_picture(site, picture):
    head, _, body = site.send(f"GET {picture} HTTP/1.0\r\n\r\n".encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: image/jpeg\r\n" in head
    assert body == b"\xff\xd8\xff\xe0test"


# Hosts


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:8099", "LOCALHOST."])
def test_known_host(site, host):
    assert site.get("/", Host=host).status == 200


@pytest.mark.parametrize("host", ["www.example.org", "localhost.example.org", "127.0.0.2", "_"])
def test_unknown_host_is_refused_before_django(site, host):
    response = site.get("/", Host=host)
    assert response.status == 421
    assert "set SITE_URL" in response.text
    assert response.headers["Content-Type"].startswith("text/plain")
    asked_later = site.get("/contact/").headers["X-Request-ID"]
    wait_for(lambda: asked_later in site.log("uwsgi.log"), "a later request is in uWSGI's log", 5)
    assert response.headers["X-Request-ID"] not in site.log("uwsgi.log")


def test_host_in_the_request_line_counts(site):
    assert b" 421 " in site.send(
        b"GET http://www.example.org/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )


def test_site_url_names_the_site(site):
    with site.sibling(SITE_URL="https://www.bücher.example") as other:
        assert other.manage("nginx_config").returncode == 0
        other.spawn_nginx()
        assert other.get("/", Host="www.xn--bcher-kva.example").status == 503
        assert other.get("/", Host="www.example.org").status == 421


# What must be refused


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret_key",
        "/static/%2e%2e/secret_key",
        "/static/%2E%2e%2fsecret_key",
        "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/static/myweb/../../secret_key",
        "/static/..",
        "/static/%252e%252e/secret_key",
        "/static/..;/secret_key",
        "/static/..%5csecret_key",
        "/media/../secret_key",
        "/media/%2e%2e/secret_key",
        "/media/..%2fsecret_key",
        "/media/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/media//../db.sqlite3",
        "/media../secret_key",
        "/static../secret_key",
        "/static/%00",
        "/media/test.jpg%00.png",
        "/%00",
        "/?page=%00\x00",
        "/%ff%fe/",
        "/%c0%ae%c0%ae/",
        "/%ed%a0%80/",
        "/%zz/",
        "/" + "a" * 4000 + "/",
        "/" + "a" * 9000,
        "/" + "%E5%85%B3" * 200 + "/",
        "/static/" + "a" * 5000,
        "/media/" + "a" * 300 + ".jpg",
        "/static/",
        "/static/myweb/",
        "/static/.hidden",
        "/static/myweb/.hidden/site.css",
        "/media/",
        "/media/.hidden.jpg",
        "/media/page.html",
        "/media/picture.svg",
        "/.unavailable.html",
        "/.git/config",
    ],
    ids=lambda path: path[:40],
)
def test_bad_address(site, path):
    answer = site.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("latin-1"))
    status = answer.split(b" ", 2)[1]
    if status == b"301":
        # Django asks for the address with a slash at its end, which says it.
        location = answer.partition(b"Location: ")[2].partition(b"\r\n")[0].decode()
        status = str(site.get(location).status).encode()
    assert status.startswith(b"4"), answer[:200]
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: www.example.org\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: local/host\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: nonsense\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"c" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 7000) for i in range(6))
        + b"\r\n",
        b"TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
    ids=lambda request: request[:40].decode("latin-1").encode("unicode_escape").decode(),
)
def test_broken_http(site, request_bytes):
    answer = site.send(request_bytes)
    assert b"HTTP/1.1 4" in answer[:13] or b"<title>4" in answer, answer[:200]
    assert b"Traceback" not in answer


def test_large_but_permitted_headers_reach_django(site):
    headers = {f"X-{number}": "x" * 7000 for number in range(3)}
    assert site.request("GET", "/", headers).status == 200


@pytest.mark.parametrize(
    ("path", "size", "status"), [("/", 1, 413), ("/admin/login/", 75, 413), ("/admin/login/", 20, 413)]
)
def test_size_of_uploads(site, path, size, status):
    response = site.request("POST", path, body=bytes(size * 1024 * 1024 + 1))
    assert response.status == status
    assert "</html>" in response.text or "takes at once" in response.text


def test_body_that_django_does_not_read(site):
    assert site.request("POST", "/no-such-page/", body=bytes(900_000)).status == 403


# Files


def test_static_file(site, static_css):
    response = site.get(static_css)
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert site.get(static_css, If_None_Match=response.headers["ETag"]).status == 304


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip", "gzip"), ("gzip, br", "br")])
def test_static_file_is_compressed_beforehand(site, static_css, accepted, encoding):
    response = site.get(static_css, Accept_Encoding=accepted)
    assert response.headers["Content-Encoding"] == encoding
    assert response.headers["Vary"] == "Accept-Encoding"
    compressed = site.var / f"{static_css.strip('/')}.{ {'gzip': 'gz'}.get(encoding, encoding) }".replace(" ", "")
    assert response.body == compressed.read_bytes()


def test_name_without_hash_is_not_immutable(site):
    assert site.get("/static/myweb/site.css").headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("path", ["/static/myweb/site.0123456789ab.css", "/media/no-such.jpg"])
def test_missing_file_gets_the_404_page_of_the_site(site, path):
    response = site.get(path)
    assert response.status == 404
    assert "</html>" in response.text
    assert "nginx" not in response.text
    assert "immutable" not in response.headers.get("Cache-Control", "")


def test_picture(site, picture):
    response = site.get(picture)
    assert response.status == 200
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_link_out_of_media_is_not_followed(site):
    link = site.var / "media" / "link.jpg"
    link.symlink_to(site.var / "secret_key")
    try:
        assert site.get("/media/link.jpg").status == 404
    finally:
        link.unlink()


def test_favicon(site):
    response = site.get("/favicon.ico")
    assert response.status == 200
    assert response.headers["Content-Type"] == "image/x-icon"


def test_pages_are_compressed(site):
    response = site.get("/", Accept_Encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["Vary"]


# What Django is told


def environ(response) -> dict[str, str]:
    return json.loads(response.text)


def test_request_id_is_ours(echo):
    response = echo.get("/", X_Request_ID="forged")
    assert environ(response)["HTTP_X_REQUEST_ID"] == response.headers["X-Request-ID"] != "forged"


def test_host_has_the_port_that_the_visitor_used(echo):
    assert environ(echo.get("/", Host="localhost:8443"))["HTTP_HOST"] == "localhost:8443"
    assert environ(echo.get("/", Host="localhost"))["HTTP_HOST"] == "localhost"


FORWARDED = {
    "Forwarded": "for=198.51.100.7;proto=https",
    "Proxy": "http://evil.example",
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
    "X-Real-IP": "198.51.100.7",
    "X_Forwarded_Proto": "https",
}


def test_proxy_that_is_trusted(echo):
    seen = environ(echo.request("GET", "/", FORWARDED))
    assert seen["REMOTE_ADDR"] == "198.51.100.7"
    assert seen["HTTP_X_FORWARDED_PROTO"] == "https"
    assert not {
        "HTTP_X_FORWARDED_FOR",
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_REAL_IP",
        "HTTP_PROXY",
        "HTTP_FORWARDED",
    } & set(seen)


def test_nearest_address_that_is_not_a_proxy_counts(echo):
    assert (
        environ(echo.get("/", X_Forwarded_For="203.0.113.9, 198.51.100.7, 127.0.0.1"))["REMOTE_ADDR"] == "198.51.100.7"
    )


def test_stranger_is_not_believed(exposed_echo):
    seen = environ(exposed_echo.request("GET", "/", FORWARDED))
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert not [name for name in seen if "FORWARDED" in name or name in ("HTTP_X_REAL_IP", "HTTP_PROXY")]


def test_protocol_is_one_of_two(echo):
    assert "HTTP_X_FORWARDED_PROTO" not in environ(echo.get("/", X_Forwarded_Proto="https, http"))


@pytest.mark.parametrize("status", [404, 500, 502, 503, 504])
def test_answers_of_django_pass_untouched(echo, status):
    response = echo.get(f"/{status}/")
    assert response.status == status
    assert environ(response)["PATH_INFO"] == f"/{status}/"


# Logs


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_who_watches_is_not_logged(site, path):
    answer = site.get(path)
    assert answer.status == 200
    asked_later = site.get("/contact/").headers["X-Request-ID"]
    for log in ("access.log", "uwsgi.log"):
        wait_for(lambda log=log: asked_later in site.log(log), f"a later request is in {log}", 5)
        assert answer.headers["X-Request-ID"] not in site.log(log)


# While uWSGI is down


def test_page_of_its_own_until_uwsgi_is_back(site):
    with site.sibling() as other:
        assert other.manage("nginx_config").returncode == 0
        other.spawn_nginx()
        for path in ("/", "/admin/", "/healthz", "/static/no-such-file.css"):
            response = other.get(path)
            assert response.status == 503
            assert "Back in a moment" in response.text
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert response.headers["Retry-After"] == "10"
            assert response.headers["Cache-Control"] == "no-store"
        assert other.request("POST", "/", body=b"x").status == 503

        other.spawn_uwsgi()
        wait_for(lambda: other.get("/").status == 200, "the site is back")


# The file as such


def test_configuration_fits_into_another_nginx(site, tmp_path):
    """As /etc/nginx/nginx.conf includes it, next to settings that Debian has there."""
    shutil.copytree("/etc/nginx", tmp_path / "nginx", ignore=shutil.ignore_patterns("sites-enabled", "modules-enabled"))
    main = tmp_path / "nginx" / "nginx.conf"
    main.write_text(
        f"""
        pid {tmp_path}/nginx.pid;
        error_log stderr;
        load_module /usr/lib/nginx/modules/ngx_http_brotli_static_module.so;
        events {{}}
        http {{
            include {tmp_path}/nginx/mime.types;
            default_type application/octet-stream;
            sendfile on;
            tcp_nopush on;
            gzip on;
            ssl_prefer_server_ciphers on;
            access_log {tmp_path}/access.log;
            include {site.var}/nginx/myweb_nginx.conf;
        }}
        """
    )
    result = subprocess.run(
        [shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-t", "-e", "stderr", "-c", main],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "[warn]" not in result.stderr


def test_nginx_has_nothing_to_complain_of(site):
    assert "[warn]" not in site.log("error.log")
    assert "[alert]" not in site.log("error.log")
    assert "[emerg]" not in site.log("error.log")


@needs_root
def test_logs_are_not_for_everybody(site):
    assert (site.var / "log").stat().st_mode & 0o007 == 0
    assert (site.var / "run").stat().st_mode & 0o007 == 0


def test_slow_visitor_is_kept_alive(site):
    """One connection, several requests."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as client:
        for _ in range(2):
            client.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"Connection: keep-alive" in client.recv(65536)


def test_form_at_the_name_with_a_final_dot(site):
    """Which is the same name."""
    page = site.get("/contact/", Host="localhost.")
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
    headers = {"Host": f"localhost.:{site.port}", "Cookie": page.headers["Set-Cookie"].partition(";")[0]}
    headers |= {"Origin": f"http://localhost.:{site.port}", "Content-Type": "application/x-www-form-urlencoded"}
    assert site.request("POST", "/contact/", headers, f"csrfmiddlewaretoken={token}".encode()).status == 200


# HTTPS, which ends in a proxy in front


@pytest.fixture(scope="module")
def https(site):
    with site.sibling(SITE_URL="https://localhost") as other:
        yield other.start()


@pytest.mark.parametrize(
    "path",
    ["/", "/contact/", "/static/myweb/icon.svg", "/static/missing.css", "/favicon.ico", "/media/no.jpg", "/a/%2e%2e/"],
)
def test_hsts_on_every_answer(https, path):
    """Also on those that Nginx gives itself; once, and over https only (RFC 6797, 7.2)."""
    for _again in range(2):  # made by Django, and published
        answer = https.get(path, X_Forwarded_Proto="https")
        assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"], answer.status
    assert "Strict-Transport-Security" not in https.get(path).headers


def test_hsts_while_uwsgi_is_away(https):
    with https.sibling(SITE_URL="https://localhost") as other:
        other.manage("nginx_config")
        other.spawn_nginx()
        answer = other.get("/contact/", X_Forwarded_Proto="https")
    assert answer.status == 503
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]


def test_cookies_of_https(https):
    cookie = https.get("/contact/", X_Forwarded_Proto="https").headers["Set-Cookie"]
    assert cookie.startswith("__Host-csrftoken=")
    assert "; Secure" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize("name", ["sessionid", "__Host-sessionid"])
@pytest.mark.parametrize("others", ["%s", "a=b; %s", "%s; a=b"])
def test_files_are_for_those_who_are_not_logged_in(https, name, others):
    """By either name of the cookie: files have an ETag, and what Django makes has not."""
    wait_for(lambda: "ETag" in https.get("/", X_Forwarded_Proto="https").headers, "the page is published")
    cookie = others % f"{name}=somebody"
    assert "ETag" not in https.get("/", X_Forwarded_Proto="https", Cookie=cookie).headers
    assert (
        "ETag" in https.get("/", X_Forwarded_Proto="https", Cookie=f"x{cookie}" if others[0] == "%" else "a=b").headers
    )


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Ssl: on", "X-Forwarded-SSL: 1", "X_Forwarded_Ssl: on", "X-Forwarded-Proto: https"]
)
def test_stranger_does_not_say_that_it_is_https(site, header):
    """uWSGI itself believes the first of these."""
    with site.sibling(SITE_URL="https://localhost", TRUSTED_PROXIES="192.0.2.1") as other:
        other.start()
        request = f"GET /contact/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\r\n"
        answer = other.send(request.encode())
    assert answer.startswith(b"HTTP/1.1 301 ")


def test_nobody_is_told_a_version(site):
    for path in ("/", "/contact/", "/admin/login/", "/static/missing.css", "/%2e%2e/", "/healthz"):
        answer = site.get(path, X_Forwarded_For="198.51.100.7")
        assert answer.headers["Server"] == "nginx"
        assert not {"X-Powered-By", "Via"} & set(answer.headers)
        assert "version" not in answer.text.lower() or path != "/healthz"
