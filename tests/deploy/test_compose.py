"""Docker Compose: from nothing to a site, and what may happen to it."""

import json
import re
import shlex
import socket
import subprocess
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contact.torture import open_forms, send_all
from tests.deploy.composed import DECOY, Composed, docker, logs_of, setup_path
from tests.deploy.owner import Owner, assert_photo_is_shown
from tests.server import next_release
from tests.site import ROOT, wait_for

pytestmark = pytest.mark.docker

OPERATOR = (ROOT / "docs" / "operator.md").read_text()


@pytest.fixture(scope="session")
def site(composed) -> Composed:
    return composed


@pytest.fixture
def message(site) -> str:
    return write(site)


def write(site: Composed) -> str:
    """Write to the owner; return the text, which the site has acknowledged."""
    visitors = open_forms(site, 1)
    assert send_all(site, visitors) == {302: 1}
    return visitors[0].text


@pytest.fixture(scope="session")
def owner(site) -> Owner:
    """The administrator, made by the link that the start prints."""
    owner = Owner(site)
    assert "Log out" in owner.set_up(setup_path(site)).text
    return owner


# Up


def test_visitor_gets_pages_with_all_that_is_in_them(site):
    page = site.get("/")
    assert page.status == 200
    [style] = re.findall(r'href="(/static/[^"]+\.css)"', page.text)
    css = site.get(style, Accept_Encoding="br")
    assert (css.status, css.headers["Content-Encoding"]) == (200, "br")
    assert "immutable" in css.headers["Cache-Control"]
    pictures = re.findall(r'(?:src|srcset)="(/media/[^ "]+)', "".join(site.get(path).text for path in ("/", "/rooms/")))
    assert pictures
    assert {site.get(path).status for path in pictures} == {200}
    assert site.get("/favicon.ico").status == 200


def test_owner_logs_in_and_edits_a_page(site, owner):
    owner = Owner(site)
    assert "Log out" in owner.log_in().text
    home = int(site.shell("print(Page.objects.get(path='/').pk)"))
    assert "is published." in owner.add_photo(home, "Mornings at the lake").text
    assert_photo_is_shown(site, "Mornings at the lake")


def test_visitor_writes_to_the_owner(site, message):
    assert message in site.messages()


def test_secret_key_is_made_once_for_the_volume(site):
    key = site.execute("app", "cat", "/var/lib/myweb/secret_key")
    assert len(key) == 64
    site.up()
    assert site.execute("app", "cat", "/var/lib/myweb/secret_key") == key
    assert site.execute("app", "stat", "--format=%a", "/var/lib/myweb/secret_key") == "600\n"


# Hardening


@pytest.mark.parametrize("service", ["app", "web", "prepare", "nightly"])
def test_limits(site, service):
    assert_limits(site, service)


def assert_limits(site: Composed, service: str) -> None:
    [container] = site.containers(service)
    host, configuration = container["HostConfig"], container["Config"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert 0 < host["Memory"] <= 1536 * 2**20
    assert 0 < host["PidsLimit"] <= 200
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}
    assert configuration["User"] in ("www-data", "proxy")
    assert host["RestartPolicy"]["Name"] == ("no" if service == "prepare" else "unless-stopped")
    assert ("Healthcheck" in configuration) is (service not in ("prepare", "nightly"))


@pytest.mark.parametrize("service", ["app", "web", "nightly"])
def test_limits_are_in_force(site, service):
    assert_confined(site, service)


def assert_confined(site: Composed, service: str) -> None:
    status = dict(re.findall(r"^(\w+):\s+(.*)$", site.execute(service, "cat", "/proc/1/status"), re.MULTILINE))
    assert "0" not in status["Uid"].split()
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "Read-only file system" in site.execute(service, "touch", "/usr/file", check=False)


@pytest.mark.parametrize("name", ["secret_key", "db.sqlite3", "database_url"])
def test_web_cannot_read_secrets(site, name):
    assert "Permission denied" in site.execute("web", "cat", f"/var/lib/myweb/{name}", check=False)


def test_web_cannot_write_data(site):
    assert "Read-only file system" in site.execute("web", "touch", "/var/lib/myweb/media/file", check=False)


def test_only_nginx_can_be_reached_and_only_from_here(site):
    [app], [web] = site.containers("app"), site.containers("web")
    assert [ports for ports in app["NetworkSettings"]["Ports"].values() if ports] == []
    port = str(site.port)
    assert web["NetworkSettings"]["Ports"] == {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]}


# Images


@pytest.mark.parametrize("service", ["app", "web"])
def test_image_is_small(site, service):
    assert_small(site, service)


def assert_small(site: Composed, service: str) -> None:
    assert int(docker("image", "inspect", "--format={{.Size}}", f"{site.project}-{service}")) <= 250_000_000


@pytest.mark.parametrize("service", ["app", "web"])
def test_image_has_no_compiler(site, service):
    assert "gcc" not in site.execute(service, "bash", "-c", "compgen -c")


@pytest.mark.parametrize("service", ["app", "web"])
def test_image_has_nothing_secret(site, service, tmp_path):
    image = f"{site.project}-{service}"
    assert DECOY not in docker("history", "--no-trunc", image) + docker("image", "inspect", image)
    docker("save", "--output", str(tmp_path / "image.tar"), image)
    content = (tmp_path / "image.tar").read_bytes()
    assert DECOY.encode() not in content
    key = site.execute("app", "cat", "/var/lib/myweb/secret_key")
    assert key.encode() not in content
    with tarfile.open(tmp_path / "image.tar") as archive:
        names = {name for member in archive.getmembers() if member.isfile() for name in layer_names(archive, member)}
    ours = {name for name in names if name.startswith("srv/myweb/")}
    assert bool(ours) is (service == "app")
    assert {name.split("/")[2] for name in ours} <= {
        *(".venv", "__pycache__", "collected", "deploy", "manage.py", "myweb", "requirements.txt", "static"),
    }
    in_data = {name for name in names if name.startswith("var/lib/myweb/")}
    directories = {f"var/lib/myweb/{name}" for name in ("log", "run")} if service == "app" else set()
    assert {name.rstrip("/") for name in in_data} - {"var/lib/myweb"} == directories


def layer_names(archive: tarfile.TarFile, member: tarfile.TarInfo) -> list[str]:
    try:
        with tarfile.open(fileobj=archive.extractfile(member)) as layer:
            return layer.getnames()
    except tarfile.ReadError:  # not a layer
        return []


# Faults


@pytest.mark.parametrize("service", ["app", "web", "nightly"])
def test_killed_container_is_healthy_again(site, message, service):
    [container] = site.containers(service)
    site.kill(container)
    wait_for(lambda: site.get("/contact/").status == 200, "the site answers")
    assert message in site.messages()


def test_request_that_runs_is_finished(site):
    """One that waits for the database, while app is told to end."""
    visitors = open_forms(site, 1)
    lock = "import sqlite3; c = sqlite3.connect('/var/lib/myweb/db.sqlite3'); c.execute('BEGIN IMMEDIATE')"
    command = ["docker", "compose", "--project-name", site.project, "exec", "--no-TTY", "app"]
    locker = subprocess.Popen(
        [*command, "python", "-c", f"{lock}; print('locked', flush=True); input()"],
        cwd=site.directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert locker.stdout.readline() == b"locked\n"
    [app] = site.containers("app")
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send_all, site, visitors)
        wait_for(lambda: "busy" in worker_states(site), "the request waits in uWSGI")
        ended = subprocess.Popen(["docker", "stop", app["Id"]], stdout=subprocess.DEVNULL)
        wait_for(lambda: "graceful shutdown triggered" in site.logs("app"), "uWSGI was told to end")
        locker.communicate(b"\n")
        assert sent.result(60) == {302: 1}
    assert ended.wait(90) == 0
    assert docker("inspect", "--format={{.State.ExitCode}}", app["Id"]).strip() == "0"
    assert site.get("/contact/").status == 503
    site.up()
    assert visitors[0].text in site.messages()


def worker_states(site: Composed) -> set[str]:
    code = (
        "import json, socket; s = socket.socket(socket.AF_UNIX); s.connect('/var/lib/myweb/run/stats.sock');"
        "print(*(w['status'] for w in json.loads(b''.join(iter(lambda: s.recv(65536), b'')))['workers']))"
    )
    return set(site.execute("app", "python", "-c", code).split())


def answers(site: Composed) -> bool:
    try:
        return site.get("/favicon.ico").status == 200
    except OSError:
        return False


def test_upload_that_runs_is_finished(site):
    """One that Nginx has only half of, while web is told to end."""
    [web] = site.containers("web")
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nfi")
        ended = subprocess.Popen(["docker", "stop", web["Id"]], stdout=subprocess.DEVNULL)
        wait_for(lambda: not answers(site), "Nginx takes no new visitors", 20)
        client.sendall(b"ve")
        assert client.recv(65536).startswith(b"HTTP/1.1 403 ")
    assert ended.wait(90) == 0
    assert docker("inspect", "--format={{.State.ExitCode}}", web["Id"]).strip() == "0"
    site.up()
    wait_for(lambda: answers(site), "Nginx answers")


def test_down_and_up_again(site, owner, message):
    key = site.execute("app", "cat", "/var/lib/myweb/secret_key")
    pages = site.shell("print(*sorted(Page.objects.values_list('path', 'title')))")
    site.compose("down")
    assert not site.containers("app")
    site.up()
    assert message in site.messages()
    assert site.shell("print(*sorted(Page.objects.values_list('path', 'title')))") == pages
    assert site.execute("app", "cat", "/var/lib/myweb/secret_key") == key
    assert "Log out" in owner.open("/admin/").text


# Backups


def backups(site: Composed) -> list[str]:
    return site.execute("app", "find", "/var/lib/myweb/backups", "-name", "myweb-*.zip").split()


def proven(site: Composed) -> int:
    return site.logs("nightly").count("Proven: ")


@pytest.fixture(scope="session")
def backed_up(site) -> None:
    wait_for(lambda: ".nightly" in site.execute("app", "ls", "-A", "/var/lib/myweb/backups"), "all of it was done", 120)


def test_site_is_backed_up_from_the_first_day_on(site, backed_up):
    assert site.shell("from myweb.operations.models import BackupProof; print(BackupProof.load())") in " ".join(
        backups(site)
    )


def test_nights_that_were_missed_are_made_up_for(site, backed_up):
    """As after a machine that was off, or a backup that failed."""
    before = proven(site)
    site.compose("stop", "nightly")
    assert docker("inspect", "--format={{.State.ExitCode}}", site.containers("nightly")[0]["Id"]).strip() == "0"
    site.execute("app", "touch", "--date", "2 days ago", "/var/lib/myweb/backups/.nightly")
    site.up()
    wait_for(lambda: proven(site) > before, "a backup was made and proven", 120)


# The doctor


def test_doctor_finds_nothing_wrong(site, backed_up):
    said = site.execute("app", "manage.py", "doctor")
    assert "Nothing is wrong." in said, said
    names = ["daemon", "public address", "origin of forms", "fresh pages", "backup"]
    for name in (*names, "published pages and backups", "nightly backup"):
        assert f"ok      {name}: " in said


def test_doctor_says_what_to_type_here(site):
    """With the documented command for when app does not run."""
    [command] = re.findall(r"^\| `docker compose (run .* doctor)`", OPERATOR, re.MULTILINE)
    site.compose("stop", "app")
    try:
        done = site.compose(*command.split(), check=False)
    finally:
        site.up()
    assert done.returncode == 1
    assert "FAILED  uWSGI: uWSGI does not run" in done.stdout
    assert "Run docker compose up --detach; docker compose logs app says why it ended." in done.stdout


def test_doctor_misses_the_backups(site):
    site.compose("stop", "nightly")
    try:
        said = site.execute("app", "manage.py", "doctor", check=False)
    finally:
        site.up()
    assert "FAILED  nightly backup: The container nightly does not run: no backups are made." in said


def test_doctor_misses_nginx(site):
    site.compose("stop", "web")
    try:
        said = site.execute("app", "manage.py", "doctor", check=False)
    finally:
        site.up()
    assert "Nginx does not run: no container web answers" in said


# Settings


def test_settings_of_env_count(site):
    """Behind a proxy on the Docker host, which reaches Nginx from the gateway of the network."""
    [command] = re.findall(r"`docker (network inspect [^`]*) myweb_default`", OPERATOR)
    gateway = docker(*shlex.split(command), f"{site.project}_default").strip()
    allowed = {"TRUSTED_PROXIES": gateway, "METRICS_ALLOW": gateway}
    site.configure(SITE_URL="https://www.example.org", EMAIL_HOST_PASSWORD="'a$b \"c\" #d'", **allowed)
    try:
        site.up()
        secure = {"Host": "www.example.org", "X_Forwarded_Proto": "https"}
        wait_for(lambda: site.get("/", **secure).status == 200, "Nginx has the new configuration")
        assert site.get("/contact/", Host="www.example.org").headers["Location"] == "https://www.example.org/contact/"
        assert site.shell("from django.conf import settings; print(settings.EMAIL_HOST_PASSWORD)") == 'a$b "c" #d'
        assert "myweb_request_seconds_count" in site.get("/metrics").text
        assert site.get("/metrics", X_Forwarded_For="198.51.100.7").status == 404
    finally:
        site.configure()
        site.up()
    wait_for(lambda: site.get("/").status == 200, "Nginx has the old configuration")


def test_malformed_setting_is_said_in_a_sentence(site):
    site.configure(SITE_URL="example")
    try:
        done = site.compose("up", "--detach", "--wait", check=False)
        assert done.returncode != 0
        assert "prepare" in done.stderr
        assert re.search(r"^myweb: SITE_URL is “example”", site.logs("prepare"), re.MULTILINE), done.stderr
        assert "Traceback" not in site.logs("prepare")
    finally:
        site.configure()
        site.compose("up", "--detach")
        # Nginx went on meanwhile, and is called unhealthy until it is asked again.
        wait_for(lambda: site.containers("web")[0]["State"]["Health"]["Status"] == "healthy", "Nginx is well", 120)
        site.up()


# Upgrade


def test_newer_image_keeps_everything(site, owner, message):
    before = re.search(r'href="(/static/[^"]+\.css)"', site.get("/").text)[1]
    [web] = site.containers("web")
    style = next_release(site.directory, "99.0") / "static" / "myweb" / "site.css"
    backed_up = backups(site)
    style.write_text(style.read_text() + "\nmain { outline-color: red }\n")
    with Reader(site, before) as style_reader, Reader(site, "/") as page_reader:
        site.up("--build")
    assert site.shell("import myweb; print(myweb.__version__)") == "99.0"
    after = re.search(r'href="(/static/[^"]+\.css)"', site.get("/").text)[1]
    assert after != before
    assert "outline-color" in site.get(after).text
    assert style_reader.statuses == {200}  # pages that are open find the files that they name
    assert page_reader.statuses == {200}
    assert site.containers("web")[0]["State"]["Pid"] == web["State"]["Pid"]
    assert message in site.messages()
    assert site.shell("print({m.since_99_0 for m in ContactMessage.objects.all()})") == "{'new'}"
    assert len(backups(site)) == len(backed_up) + 1  # with what was there before the new column
    assert "Log out" in owner.open("/admin/").text


class Reader:
    """Asks for one address again and again, in a thread."""

    def __init__(self, site: Composed, path: str) -> None:
        self.statuses: set[int] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(site, path))

    def _read(self, site: Composed, path: str) -> None:
        while not self._end.wait(0.1):
            self.statuses.add(site.get(path).status)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()


# PostgreSQL


def test_profile_postgres(composed_on_postgresql):
    site = composed_on_postgresql
    assert site.get("/").status == 200
    assert site.shell("from django.db import connection; print(connection.vendor)") == "postgresql"
    assert "db.sqlite3" not in site.execute("app", "ls", "/var/lib/myweb")
    assert_limits(site, "database")
    assert_confined(site, "database")
    assert_small(site, "database")
    password = site.execute("database", "cat", "/run/database-secret/password")
    assert len(password) == 64
    for service in ("app", "prepare", "database", "web"):
        [container] = site.containers(service)
        assert password not in json.dumps(container) + site.logs(service)
    assert "Permission denied" in site.execute("web", "cat", "/var/lib/myweb/database_url", check=False)
    refused = site.execute("database", "psql", "postgres://myweb:guess@127.0.0.1/myweb", check=False)
    assert "password authentication failed" in refused


def test_backups_find_the_tools_of_postgresql(composed_on_postgresql):
    dump = composed_on_postgresql.execute("app", "bash", "-c", 'pg_dump "$(cat "$DATABASE_URL_FILE")"')
    assert "COPY public.pages_page " in dump


def test_three_replicas(composed_on_postgresql):
    site = composed_on_postgresql
    [web] = site.containers("web")
    link = setup_path(site)
    site.up("--scale", "app=3", profile="postgres")
    replicas = site.containers("app")
    assert len(replicas) == 3

    def all_answer() -> bool:
        answers = [site.get("/no-such-page/") for _ in range(30)]
        assert {answer.status for answer in answers} == {404}
        logs = [logs_of(replica) for replica in replicas]
        return all(any(answer.headers["X-Request-ID"] in log for answer in answers) for log in logs)

    wait_for(all_answer, "all replicas answer", 30)
    assert site.containers("web")[0]["State"]["Pid"] == web["State"]["Pid"]
    assert setup_path(site) != link  # the start prints a new one
    assert Owner(site).open(setup_path(site)).status == 200  # and no replica ends that
    for replica in replicas:
        assert "Applying" not in logs_of(replica)


def test_killed_replica_is_not_missed(composed_on_postgresql):
    site = composed_on_postgresql
    text = write(site)
    [killed, *others] = site.containers("app")
    assert others
    with Reader(site, "/contact/") as reader:
        site.kill(killed)
    assert reader.statuses == {200}
    assert text in site.messages()


def test_killed_database_is_healthy_again(composed_on_postgresql):
    site = composed_on_postgresql
    text = write(site)
    [database] = site.containers("database")
    site.kill(database)
    wait_for(lambda: site.get("/contact/").status == 200, "the site answers")
    assert text in site.messages()


def test_down_and_up_again_on_postgresql(composed_on_postgresql):
    site = composed_on_postgresql
    text = write(site)
    site.compose("--profile", "postgres", "down")
    site.up(profile="postgres")
    assert text in site.messages()


def test_without_the_profile_nothing_looks_lost(composed_on_postgresql):
    site = composed_on_postgresql
    site.compose("--profile", "postgres", "down")
    done = site.compose("up", "--detach", "--wait", check=False)
    assert done.returncode != 0
    assert (
        "this site keeps its data in PostgreSQL, which does not run: docker compose --profile postgres up"
        in site.logs("prepare")
    )
    site.configure(COMPOSE_PROFILES="postgres")
    site.up()
    assert site.get("/").status == 200


def test_with_the_profile_nothing_looks_lost(site, message):
    done = site.compose("--profile", "postgres", "up", "--detach", "--wait", check=False)
    assert done.returncode != 0
    assert "this site keeps its data in SQLite, so leave out --profile postgres." in site.logs("prepare")
    site.compose("--profile", "postgres", "down")
    site.up()
    assert message in site.messages()
