"""Killed at every point, with a full disk at every point: what visitors are shown is never old for long."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.publishing.site_tools import (
    FOLLOWING,
    Server,
    Truth,
    Visitor,
    Writer,
    current_of,
    is_publishing,
    living,
)
from tests.site import Site, give, wait_for

pytestmark = pytest.mark.nginx

SAVE = [["atomic", ["save", "settings", "text"], False]]
# Where a process dies that saves, and whether before or after what is named; and whether the change is saved.
DEATHS = [
    ("raise", True, False),
    ("raise", False, False),
    ("mkdir", False, False),
    ("make", False, False),
    ("commit", True, False),
    ("commit", False, True),
    ("switch", True, True),
    ("lock", True, True),
    ("rename", True, True),
    ("rename", False, True),
]
FUNCTIONS = ["mkdir", "symlink", "replace", "open", "rename", "utime", "write"]


@pytest.fixture(scope="module")
def truth(site: Site) -> Iterator[Truth]:
    with living(site) as (_, truth):
        yield truth


@pytest.fixture(scope="module")
def server(truth: Truth) -> Server:
    return Server(truth.site)


@pytest.fixture
def published(truth, server) -> Truth:
    """Every page is published."""
    wait_for(lambda: is_publishing(truth.site), "pages are published")
    truth.writer.do("run", program=SAVE)
    truth.check()
    truth.check()
    return truth


def kill_at(truth: Truth, point: str, before: bool, command: str, **arguments: object) -> None:
    killed = Writer(truth.site)
    killed.do("kill", point=point, before=before)
    killed.die(command, **arguments)


class TestKilledWhileSaving:
    @pytest.mark.parametrize(("point", "before", "is_saved"), DEATHS)
    def test_site_follows(self, published, point, before, is_saved):
        titles = published.writer.do("titles")
        kill_at(published, point, before, "run", program=SAVE)
        published.check(FOLLOWING)
        assert (published.writer.do("titles") != titles) is is_saved
        print(published.counts["longest following (ms)"], "ms")
        published.writer.do("run", program=SAVE)
        published.check()
        published.check()
        assert is_publishing(published.site)

    @pytest.mark.parametrize(
        ("point", "before"),
        [
            ("commit", True), ("commit", False), ("switch", True), ("lock", True), ("take over", True),
            ("unlink", True), ("unlink", False), ("take over", False), ("rename", True), ("rename", False),
        ],
    )  # fmt: skip
    def test_site_follows_what_keeps_other_pages(self, published, point, before):
        kill_at(published, point, before, "publish", page=1, change="text")
        published.check(FOLLOWING)
        published.check()
        for page in range(3):
            published.writer.do("publish", page=page, change="text")
            published.check()
        assert is_publishing(published.site)

    def test_nothing_old_after_a_restart(self, published, server):
        """All deaths one after the other, while nobody follows; the last one leaves something old to be seen."""
        server.stop()
        try:
            before = Visitor(published.site).ask("/about/")
            assert before.is_published
            # The last one dies when everything is done.
            for point, is_before, _ in DEATHS[:-1]:
                kill_at(published, point, is_before, "run", program=SAVE)
            assert Visitor(published.site).ask("/about/") == before
        finally:
            server.start()
        published.check()
        assert Visitor(published.site).ask("/about/") != before
        published.check()
        assert is_publishing(published.site)


class TestKilledWhilePublishing:
    @pytest.mark.parametrize(
        ("point", "before"), [("file", True), ("utime", True), ("file's rename", True), ("file's rename", False)]
    )
    def test_file(self, published, point, before):
        published.writer.do("run", program=SAVE)
        kill_at(published, point, before, "publish_file", path="/about/")
        published.check()
        published.check()
        assert is_publishing(published.site)

    def test_another_process_publishes_at_all(self, published):
        """Otherwise the test above would prove nothing."""
        directory = published.site.var / "published"
        published.writer.do("run", program=SAVE)
        file = directory / (current_of(published.site) or "") / "about" / "index.html"
        assert published.writer.do("publish_file", path="/about/") == 200
        assert file.exists()
        assert file.with_name("index.html.br").exists()

    @pytest.mark.parametrize("before", [True, False])
    def test_removal(self, published, server, before):
        server.stop()
        old = published.site.var / "published" / f"{int(time.time()) - 10_000}-0123456789abcdef-0123456789abcdef"
        try:
            shutil.copytree(published.site.var / "published" / "current", old)
            for path in [old, *old.rglob("*")]:
                give(path, published.site.var.owner())
            kill_at(published, "removal", before, "follow")
        finally:
            server.start()
        published.check()
        wait_for(lambda: not old.exists(), "what is outdated is removed")
        published.check()


class TestFullDisk:
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_save_succeeds(self, published, function):
        with Writer(published.site) as unlucky:
            unlucky.do("fill", function=function)
            titles = unlucky.do("titles")
            for _ in range(2):
                unlucky.do("run", program=SAVE)
                published.check()
                assert unlucky.do("publish_file", path="/about/") == 200
                published.check()
                unlucky.do("publish", page=1, change="text")
                published.check()
            assert unlucky.do("titles") != titles
            unlucky.do("heal")
            unlucky.do("run", program=SAVE)
        published.check()
        wait_for(lambda: is_publishing(published.site), "pages are published again")
        published.check()

    @pytest.mark.parametrize("kind", ["blocks", "inodes"])
    def test_real_one(self, site, kind):
        with living(site) as (full, truth), small_disk(full) as disk:
            server = Server(full)
            truth.check()
            truth.check()
            assert is_publishing(full)
            for _ in range(5):
                fill(disk, kind)  # what is outdated makes room
                truth.writer.do("run", program=SAVE)
                fill(disk, kind)
                truth.check()
            log = full.directory / "uwsgi.log"
            wait_for(lambda: "cannot be published" in log.read_text(), "the log says so")
            for ballast in disk.glob("ballast*"):
                ballast.unlink()
            wait_for(lambda: is_publishing(full), "pages are published again")
            truth.writer.do("run", program=SAVE)
            truth.check()
            truth.check()
            assert is_publishing(full)
            # Each process says it once, and again after there was room for a file in between.
            assert log.read_text().count("cannot be published") <= 6 * (len(server.site.workers()) + 1)
            server.stop()


def is_able_to_mount() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@contextmanager
def small_disk(site: Site) -> Iterator[Path]:
    """Give published/ a file system of its own."""
    if not is_able_to_mount():
        pytest.skip("only root can mount a small disk")
    disk = site.var / "published"
    disk.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=400,mode=755", "tmpfs", disk], check=True)
    try:
        give(disk, site.var.owner())
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path, kind: str) -> None:
    with suppress(OSError):
        if kind == "blocks":
            with (disk / "ballast").open("ab", buffering=0) as file:
                while file.write(b"\0" * 4096):
                    pass
        for number in range(10_000):
            (disk / f"ballast{number}").touch()


def test_directory_that_cannot_be_written(published):
    """Whether the save is refused or taken: visitors are shown what is in the database."""
    directory = published.site.var / "published"
    owner = directory.stat()
    directory.chmod(0o555)
    if os.geteuid() == 0:
        give(directory, 0, 0)
    try:
        with suppress(AssertionError):
            published.writer.do("run", program=SAVE)
        published.check()
    finally:
        give(directory, owner.st_uid, owner.st_gid)
        directory.chmod(0o755)
        published.check(FOLLOWING)
    wait_for(lambda: is_publishing(published.site), "pages are published again")
    published.check()


def test_everything_is_thrown_away(published):
    """All of published/ can be removed at any time."""
    remove = ["rm", "-rf", published.site.var / "published"]
    # The site writes, and removes what is outdated, meanwhile.
    wait_for(lambda: subprocess.run(remove).returncode == 0, "everything is removed")
    published.check()
    wait_for(lambda: is_publishing(published.site), "pages are published again")
    published.check()


def test_current_is_a_directory(published, server):
    """As a copy leaves it that follows symbolic links."""
    server.stop()
    try:
        link = published.site.var / "published" / "current"
        copy = link.with_name("copy")
        shutil.copytree(link, copy)
        for path in [copy, *copy.rglob("*")]:
            give(path, published.site.var.owner())
        link.unlink()
        copy.rename(link)
        published.writer.do("run", program=SAVE)
    finally:
        server.start()
    published.check()
    wait_for(lambda: current_of(published.site), "it is a link again")
    published.check()


def test_page_that_cannot_be_shown_holds_nobody_up(published):
    """A page is due, but saving it fails every time: somebody has given it another one's address."""
    published.writer.do("spoil")
    try:
        published.check()
        kill_at(published, "switch", True, "run", program=["settings"])
        published.check(FOLLOWING)
    finally:
        published.writer.do("reset")


def test_very_many_old_generations(published, server):
    """More than the kernel takes as arguments of one program, after a long import while the site was stopped."""
    directory = published.site.var / "published"
    server.stop()
    try:
        for number in range(9_000):
            old = directory / f"{number + 1:010}-0123456789abcdef-{'0' * 220}"
            old.mkdir()
            give(old, published.site.var.owner())
    finally:
        server.start()
    published.check()
    kill_at(published, "switch", True, "run", program=["settings"])
    published.check(FOLLOWING)
    wait_for(lambda: len(list(directory.iterdir())) < 100, "what is outdated is removed")


def test_everything_is_killed_at_once(published, server):
    server.process.kill()
    server.process.wait()
    kill_at(published, "switch", True, "run", program=SAVE)
    server.start()
    published.check()
    published.check()
    assert is_publishing(published.site)
