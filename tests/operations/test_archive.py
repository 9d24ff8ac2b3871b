"""Every way in which a backup can be damaged is refused with the name of the part."""

import io
import json
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from myweb.operations.backup.archive import Archive, Damaged, Writer, is_harmless

PARTS = {
    "database.sqlite3": b"rows" * 5000,
    "media/pictures/lake.jpg": os.urandom(20_000),
    "media/__processed__/湖.webp": os.urandom(3_000),
    "settings.env": b"SITE_URL=https://example.org\n",
}
FACTS = {
    "kind": "sqlite",
    "version": "1.0",
    "made_at": "2026-01-01T00:00:00+00:00",
    "engine": "SQLite",
    "schema": "",
    "migrations": {},
    "counts": {"pages_page": 3},
    "sequences": {},
    "secrets": ["SECRET_KEY"],
}
EVERY_PART = [*PARTS, "manifest.json"]


@pytest.fixture
def backup(tmp_path) -> Path:
    path = tmp_path / "backup.zip"
    with Writer(path) as writer:
        for name, content in PARTS.items():
            with writer.part(name, compressed=not name.startswith("media/")) as part:
                part.write(content)
        writer.finish(**FACTS)
    return path


def verify(path: Path) -> None:
    with Archive(path) as archive:
        archive.verify()


def refused(path: Path) -> str:
    with pytest.raises(Damaged) as error:
        verify(path)
    return str(error.value)


def rewritten(backup: Path, change) -> Path:
    """Write the archive again, as `change(name, content)` says: another content, or None."""
    path = backup.with_name("changed.zip")
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return path


def with_entry(backup: Path, name: str, content: bytes = b"x", mode: int = stat.S_IFREG | 0o600) -> Path:
    """Add an entry, to the manifest as well."""
    info = zipfile.ZipInfo()
    info.filename = info.orig_filename = name
    info.external_attr = mode << 16
    with zipfile.ZipFile(backup, "a") as archive:
        archive.writestr(info, content)
    return backup


def test_it_works(backup, tmp_path):
    with Archive(backup) as archive:
        archive.verify()
        assert {name: archive.read(name) for name in archive.manifest.parts} == PARTS
        assert archive.size == sum(map(len, PARTS.values()))
        assert archive.manifest.counts == {"pages_page": 3}
        archive.extract("settings.env", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == PARTS["settings.env"]


def test_only_the_owner_can_read_it_from_the_first_byte(tmp_path):
    before = os.umask(0)
    try:
        with Writer(tmp_path / "backup.zip") as writer:
            [temporary] = tmp_path.iterdir()
            assert temporary.stat().st_mode & 0o777 == 0o600
            with writer.part("database.sqlite3") as part:
                part.write(b"x")
            with writer.part("settings.env") as part:
                part.write(b"x")
            assert not (tmp_path / "backup.zip").exists()
            writer.finish(**FACTS)
    finally:
        os.umask(before)
    assert [path.name for path in tmp_path.iterdir()] == ["backup.zip"]
    assert (tmp_path / "backup.zip").stat().st_mode & 0o777 == 0o600


def test_nothing_stays_of_what_was_not_finished(tmp_path):
    with pytest.raises(OSError, match="full"), Writer(tmp_path / "backup.zip") as writer, writer.part("settings.env"):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", EVERY_PART)
def test_part_is_missing(backup, name):
    path = rewritten(backup, lambda part, content: None if part == name else content)
    assert refused(path) == f"{path} is damaged: {name} is missing."


@pytest.mark.parametrize("name", EVERY_PART)
def test_part_is_cut_off(backup, name):
    path = rewritten(backup, lambda part, content: content[: len(content) // 2] if part == name else content)
    assert f"{path} is damaged: {name} " in refused(path)


@pytest.mark.parametrize("name", PARTS)
def test_one_byte_of_a_part_was_changed(backup, name):
    """And the archive written again, so that only the manifest can tell."""
    path = rewritten(backup, lambda part, content: b"!" + content[1:] if part == name else content)
    assert f"{path} is damaged: {name} does not have the content that was backed up." == refused(path)


@pytest.mark.parametrize("name", EVERY_PART)
def test_one_byte_on_the_disk_was_changed(backup, name):
    with zipfile.ZipFile(backup) as archive:
        entry = archive.getinfo(name)
        data = entry.header_offset + 30 + len(name.encode()) + 20
    content = bytearray(backup.read_bytes())
    for offset in (data, data + entry.compress_size // 2, data + entry.compress_size - 21):
        changed = bytearray(content)
        changed[offset] ^= 0x10
        backup.write_bytes(changed)
        assert name in refused(backup)


def test_any_byte_of_the_table_of_contents_was_changed(backup):
    """It is refused, or makes no difference."""
    content = backup.read_bytes()
    begin = content.index(b"PK\x01\x02")
    outcomes = set()
    for offset in range(begin, len(content)):
        changed = bytearray(content)
        changed[offset] ^= 0xFF
        backup.write_bytes(changed)
        try:
            with Archive(backup) as archive:
                assert {name: archive.read(name) for name in archive.manifest.parts} == PARTS
            outcomes.add("no difference")
        except Damaged:
            outcomes.add("refused")
    assert outcomes == {"refused", "no difference"}


def test_cut_off_anywhere(backup):
    content = backup.read_bytes()
    for length in [0, 1, 100, *range(1000, len(content), 997), len(content) - 1]:
        backup.write_bytes(content[:length])
        assert "its table of contents, which is at the end, cannot be read" in refused(backup)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../secret_key",
        "media/../../secret_key",
        "media/pictures/../../db.sqlite3",
        "media//etc/passwd",
        "media/./lake.jpg",
        "media\\..\\secret_key",
        "media/..\\secret_key",
        "media/",
        "secret_key",
        "db.sqlite3",
    ],
)
def test_names_that_lead_elsewhere(backup, name):
    assert not is_harmless(name)
    assert f"{name} is a name that no backup has" in refused(with_entry(backup, name))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_what_is_no_plain_file(backup, kind):
    path = with_entry(backup, "media/link.jpg", b"/etc/passwd", kind | 0o777)
    assert "media/link.jpg is not a plain file" in refused(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice(backup):
    assert "settings.env is there twice" in refused(with_entry(backup, "settings.env"))


def test_part_that_the_manifest_does_not_know(backup):
    assert "media/more.jpg is not in the manifest" in refused(with_entry(backup, "media/more.jpg"))


def test_part_that_unpacks_to_more_than_it_says(backup):
    """A gigabyte of zeros, in a megabyte that claims to be 20,000 bytes."""
    name = "media/pictures/lake.jpg"
    path = backup.with_name("bomb.zip")
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            with new.open(part, "w") as file:
                if part == name:
                    for _ in range(200):
                        file.write(bytes(1024 * 1024))
                else:
                    file.write(old.read(part))
        new.getinfo(name).file_size = 20_000
    assert name in refused(path)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        json.dumps(FACTS).encode(),
        json.dumps(FACTS | {"parts": {}}).encode(),
        json.dumps(FACTS | {"kind": "oracle", "parts": {}}).encode(),
        json.dumps(FACTS | {"parts": {"settings.env": {"size": -1, "sha256": ""}}}).encode(),
        json.dumps(FACTS | {"parts": {"settings.env": {"size": "1", "sha256": ""}}}).encode(),
    ],
)
def test_manifest_that_is_none(backup, manifest):
    path = rewritten(backup, lambda part, content: manifest if part == "manifest.json" else content)
    assert refused(path) == f"{path} is damaged: manifest.json cannot be read."


def test_what_is_no_archive(tmp_path):
    path = tmp_path / "backup.zip"
    path.write_bytes(struct.pack("<I", 42) * 1000)
    assert "or no backup" in refused(path)
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    path.write_bytes(buffer.getvalue())
    assert "manifest.json is missing" in refused(path)
