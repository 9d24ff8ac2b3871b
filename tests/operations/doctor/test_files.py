import json
import os
import shutil
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from myweb.operations.doctor import files
from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault
from tests.site import copy_directory


@pytest.fixture
def copy(real, settings, tmp_path) -> Path:
    """A copy of what the site has in var/, without its database."""
    copy_directory(real.var, tmp_path / "var", "db.sqlite3*", "log", "run", "nginx", "published")
    settings.VAR = tmp_path / "var"
    settings.MEDIA_ROOT, settings.STATIC_ROOT = settings.VAR / "media", settings.VAR / "static"
    return settings.VAR


@pytest.fixture
def small_disk(settings, tmp_path):
    """Return a function that makes a disk with mount's options, and puts var/ on it."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def make(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk]
        if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("a small disk needs root, and a system that lets it mount one")
        settings.VAR = settings.MEDIA_ROOT = disk
        return disk

    yield make
    if os.path.ismount(disk):
        subprocess.run(["umount", disk], check=True)


@fault("secrets", "Everybody on this machine may read .*secret_key. chmod o-rwx ")
def readable_key(copy):
    (copy / "secret_key").chmod(0o644)
    yield


@fault("disk space", "Only 0 MB are free on the disk of .*disk; the site needs 500")
def full_disk(small_disk):
    disk = small_disk("size=1m")
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(65536)):
                pass
        except OSError:
            yield


@fault("disk space", "cannot take any more files")
def too_many_files(small_disk):
    disk = small_disk("nr_inodes=10")
    try:
        for number in range(20):
            (disk / str(number)).touch()
    except OSError:
        yield


@fault("disk space", "Only [0-9]+ MB are free")
def nearly_full_disk(settings, tmp_path, monkeypatch):
    settings.VAR = tmp_path
    monkeypatch.setattr(files, "ROOM", 10**12)
    yield


@fault("static files", "myweb/site.css was not collected. Run ./manage.py collectstatic")
def not_collected(copy):
    (copy / "static/myweb/site.css").unlink()
    yield


@fault("static files", "myweb/site.css is older than the program's")
def old_static_file(copy):
    (copy / "static/myweb/site.css").write_text("body {}")
    yield


@fault("static files", "was collected only by half")
def half_collected(copy):
    for path in (copy / "static/myweb").glob("site.*.css"):
        path.unlink()
    yield


@fault("static files", "not in the list of collected files")
def no_manifest(copy):
    (copy / "static/staticfiles.json").write_text('{"paths": {}, "version": "1.1", "hash": ""}')
    yield


@fault("uploads", "The directory of uploads, .*, is missing")
def no_media(copy):
    shutil.rmtree(copy / "media")
    yield


@fault("uploads", "may not read .*test.jpg")
def closed_picture(copy):
    picture = copy / "media" / "test.jpg"
    picture.touch()
    picture.chmod(0)
    yield


@fault("published pages and backups", "Nginx, which runs as .*, may not read .*published/secret. chmod -R o.rX ")
def closed_publication(copy):
    (copy / "published" / "secret").mkdir(parents=True)
    (copy / "published" / "secret").chmod(0)
    yield


def shown_file(copy: Path, database: Path, kind: str) -> Path:
    """Return a file of the first picture that has renditions."""
    with closing(sqlite3.connect(database)) as other:
        image, renditions = other.execute("SELECT image, renditions FROM pages_picture ORDER BY id").fetchone()
    return copy / "media" / (image if kind == "original" else json.loads(renditions)["image/webp"][0][1])


@fault(
    "files of pictures",
    "The picture pictures/.* of the page /.* is missing in .*Upload it again.*media/pictures/",
)
def lost_original(copy, copied_database):
    shown_file(copy, copied_database, "original").unlink()
    yield


@fault("files of pictures", "1 files that pages show are missing, the first is .*webp. Run ./manage.py update_pages")
def lost_rendition(copy, copied_database):
    shown_file(copy, copied_database, "rendition").unlink()
    yield


@pytest.fixture
def unix_socket(real, settings, tmp_path):
    path = tmp_path / "uwsgi.sock"
    settings.UWSGI_SOCKET = str(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        yield path


@fault("socket of uWSGI", "There is no socket at .*uwsgi.sock, so uWSGI does not run")
def no_socket(unix_socket):
    unix_socket.unlink()
    yield


@fault("socket of uWSGI", "Nginx, which runs as .*, may not connect to uWSGI's socket .*uwsgi.sock.*group")
def closed_socket(unix_socket):
    unix_socket.chmod(0)
    yield


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


@pytest.mark.nginx
def test_open_socket(unix_socket):
    for directory in [unix_socket, *unix_socket.parents]:
        if directory.stat().st_uid == os.geteuid() and str(directory).startswith("/tmp/pytest"):
            directory.chmod(0o777)
    finding = faults.look("socket of uWSGI")
    assert finding.state is faults.State.OK, finding
    assert "may connect" in finding.sentence


OWNER, GROUP, STRANGER = (12345, ()), (1, (12345,)), (1, (1,))


@pytest.mark.parametrize(
    ("user", "mode", "allowed"),
    [
        ((0, ()), 0o000, True),
        (OWNER, 0o400, True),
        (OWNER, 0o044, False),
        (GROUP, 0o040, True),
        (GROUP, 0o404, False),
        (STRANGER, 0o004, True),
        (STRANGER, 0o440, False),
    ],
)
def test_rights(monkeypatch, user, mode, allowed):
    number, groups = user
    monkeypatch.setattr(Path, "stat", lambda self: os.stat_result((mode, 0, 0, 0, 12345, 12345, 0, 0, 0, 0)))
    assert files.User("somebody", number, frozenset(groups)).may(Path("file"), 0o004) is allowed
