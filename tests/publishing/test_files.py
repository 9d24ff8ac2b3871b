import errno
import gzip
import os

import brotli
import pytest

from myweb.publishing import files
from myweb.publishing.files import Directory
from myweb.publishing.models import Number
from myweb.publishing.publisher import publisher

LONG = b"<p>Text.</p>" * 1000


@pytest.fixture
def directory(root) -> Directory:
    found = Directory(root, Number(1_700_000_000, "token"), "release")
    found.make()
    return found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "index.html"), ("/about-us/", "about-us/index.html"), ("/关于我们/x/", "关于我们/x/index.html"),
        ("/robots.txt", "robots.txt"), ("/sitemap.xml", "sitemap.xml"), ("/a b/", "a b/index.html"),
        ("/" + "x" * 255 + "/", "x" * 255 + "/index.html"), ("/index.html/", "index.html/index.html"),
    ],
)  # fmt: skip
def test_name_of_an_address(path, name):
    assert files.file_name(path) == name
    assert files.address(name) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "about-us/", "/about-us", "/index.html", "/page.html", "/../secret/", "/a/../b/", "/./", "/a//b/", "//",
        "/\0/", "/.hidden/",
        "/" + "x" * 256 + "/", "/" + "页" * 86 + "/", "/robots.txt.gz", "/robots.txt.br", "/picture.jpg", "/.txt",
    ],
)  # fmt: skip
def test_address_that_is_not_kept(path):
    assert files.file_name(path) is None


def test_it_writes_all_forms_with_the_time_of_the_generation(directory):
    publisher().write(directory, "关于/index.html", LONG)
    path = directory.path / "关于"
    assert (path / "index.html").read_bytes() == LONG
    assert gzip.decompress((path / "index.html.gz").read_bytes()) == LONG
    assert brotli.decompress((path / "index.html.br").read_bytes()) == LONG
    for file in path.iterdir():
        assert file.stat().st_mtime_ns == 1_700_000_000 * 10**9
        assert file.stat().st_mode & 0o777 == 0o644
    assert len(list(path.iterdir())) == 3
    assert list(directory.names()) == ["关于/index.html"]


def test_clock_that_was_ahead_leaves_times_that_differ(directory):
    """Its number is never undercut, and file systems take all that is too late for them for the same time."""
    times = set()
    for number in (2**31 - 1, 2**31, 2**31 + 1, 253_402_300_799, 253_402_300_800):
        ahead = directory._replace(generation=Number(number, "token"))
        ahead.make()
        publisher().write(ahead, "index.html", LONG)
        times.add((ahead.path / "index.html").stat().st_mtime)
    assert len(times) == 5
    assert max(times) < 2**31


def test_short_answers_are_not_compressed(directory):
    publisher().write(directory, "robots.txt", b"x" * (files.COMPRESS_FROM - 1))
    assert [file.name for file in directory.path.iterdir()] == ["robots.txt"]


def test_removed_directory_does_not_come_back(directory, caplog):
    directory.path.rmdir()
    publisher().write(directory, "about/index.html", LONG)
    assert not directory.path.exists()
    assert not caplog.records


def test_symbolic_links_are_not_followed(directory, tmp_path):
    (directory.path / "about").symlink_to(tmp_path)
    publisher().write(directory, "about/index.html", LONG)
    assert not (tmp_path / "index.html").exists()


@pytest.mark.parametrize("function", ["mkdir", "open", "utime", "rename"])
def test_full_disk_leaves_nothing_and_is_said_once(directory, monkeypatch, caplog, function):
    original = getattr(os, function)

    def full_disk(path, *args, **kwargs):
        if function == "open" and not str(path).startswith("."):
            return original(path, *args, **kwargs)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, full_disk)
        publisher().write(directory, "a/index.html", LONG)
        publisher().write(directory, "b/index.html", LONG)
    assert caplog.text.count("cannot be published") == 1
    assert not [path for path in directory.path.rglob("*") if path.is_file()]
    publisher().write(directory, "a/index.html", LONG)
    assert (directory.path / "a/index.html").read_bytes() == LONG


def test_page_where_another_has_a_file(directory, caplog):
    publisher().write(directory, "robots.txt", b"User-agent: *")
    publisher().write(directory, "robots.txt/index.html", LONG)
    assert list(directory.names()) == ["robots.txt"]
