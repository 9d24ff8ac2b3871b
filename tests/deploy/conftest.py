import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.composed import DECOY, Composed, refusal_of_docker
from tests.server import PREFIX, Server, checkout
from tests.site import ROOT, Site, wait_for


@contextmanager
def echoing(site: Site, **environment: str) -> Iterator[Site]:
    """Nginx as it is configured, in front of tests/deploy/echo.py instead of Django."""
    with site.sibling(**environment) as echo:
        assert echo.manage("nginx_config").returncode == 0
        echo.spawn_uwsgi(
            *(
                "--socket",
                echo.uwsgi_address,
                "--chmod-socket=660",
                "--buffer-size",
                "65535",
                "--master",
                "--die-on-term",
            ),
            *("--wsgi-file", ROOT / "tests" / "deploy" / "echo.py"),
        )
        wait_for(echo.uwsgi_listens, "uWSGI listens")
        echo.spawn_nginx()
        yield echo


@pytest.fixture(scope="module")
def echo(site):
    """Behind a proxy on 127.0.0.1, which is trusted."""
    with echoing(site) as echo:
        yield echo


@pytest.fixture(scope="module")
def exposed_echo(site):
    """With strangers on 127.0.0.1."""
    with echoing(site, TRUSTED_PROXIES="192.0.2.1,2001:db8::/32") as echo:
        yield echo


@pytest.fixture(scope="session")
def static_css(site) -> str:
    """The address of the stylesheet, with the hash in it."""
    return re.search(r'href="(/static/[^"]+\.css)"', site.get("/").text)[1]


@pytest.fixture
def picture(site):
    """The address of an uploaded picture of 8 bytes."""
    path = site.var / "media" / "test.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0test")
    path.chmod(0o644)
    yield "/media/test.jpg"
    path.unlink()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def user_of(process: int) -> str:
    return Path(f"/proc/{process}").owner()


@pytest.fixture(scope="session")
def fresh_server(tmp_path_factory) -> Server:
    """A machine on which nothing is installed yet, with this checkout in /root/myweb."""
    if not PREFIX:
        pytest.skip("MYWEB_TEST_SERVER does not say how to run a command on a new server")
    server = Server()
    server.push(checkout(tmp_path_factory.mktemp("checkout")), "/root/myweb")
    return server


@pytest.fixture(scope="session")
def server(fresh_server) -> Server:
    """
    The site, installed; whoever changes it for good puts it back.

    uWSGI is compiled there, too: that a new server can is what is shown. Later releases take it from pip's cache.
    """
    fresh_server.first_output = fresh_server.install()
    # Visitors of the tests come from one address, but say that they do not.
    fresh_server.set(TRUSTED_PROXIES="0.0.0.0/0,::/0")
    fresh_server.install()
    return fresh_server


@pytest.fixture(scope="session")
def docker_answers() -> None:
    if refusal := refusal_of_docker():
        pytest.skip(refusal)


@pytest.fixture(scope="session")
def composed(docker_answers, tmp_path_factory) -> Iterator[Composed]:
    """
    The site in containers, on SQLite, with nothing set but the port.

    uWSGI is compiled for the image, too, whose Python need not be the one outside; once, unless the builder forgets it.
    """
    site = Composed(tmp_path_factory.mktemp("compose") / "clone")
    for name in (".env.old", "var/secret_key", "deploy/.env", "myweb/__pycache__/settings.pyc", "id_rsa", "notes/key"):
        (site.directory / name).parent.mkdir(exist_ok=True)
        (site.directory / name).write_text(DECOY)
    (site.directory / "var" / ".git").mkdir()
    try:
        yield site.up()
    finally:
        site.remove()


@pytest.fixture(scope="session")
def composed_on_postgresql(docker_answers, tmp_path_factory) -> Iterator[Composed]:
    """The same on PostgreSQL; most of the images comes out of the builder's cache."""
    site = Composed(tmp_path_factory.mktemp("compose-postgres") / "clone")
    try:
        yield site.up(profile="postgres")
    finally:
        site.remove()
