"""The archive: a ZIP file of parts, and a manifest that says what each of them has to be."""

import hashlib
import json
import os
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, Self

from django.core.management import CommandError
from tqdm import tqdm

MANIFEST = "manifest.json"
SETTINGS = "settings.env"
MEDIA = "media/"
DUMPS = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump", "portable": "database.jsonl"}

CHUNK = 1024 * 1024  # bytes
LARGEST_MANIFEST = 256 * 1024 * 1024  # bytes, a million files

# All that zipfile raises on a file that somebody, or something, has changed.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, OverflowError)


class Damaged(CommandError):
    """Something in the archive is not what it was; the message names it."""


@dataclass
class Manifest:
    kind: str  # a key of DUMPS
    version: str
    made_at: str
    engine: str
    schema: str
    migrations: dict[str, list[str]]
    counts: dict[str, int]  # rows by table
    sequences: dict[str, int]  # the last number given by table
    secrets: list[str]  # the names of settings whose values are not in SETTINGS
    parts: dict[str, dict[str, Any]]  # size and sha256 by name

    @property
    def dump(self) -> str:
        return DUMPS[self.kind]

    @property
    def media(self) -> list[str]:
        return [name for name in self.parts if name.startswith(MEDIA)]

    @classmethod
    def parse(cls, text: bytes) -> Self:
        content = json.loads(text)
        manifest = cls(**{field.name: content[field.name] for field in fields(cls)})
        datetime.fromisoformat(manifest.made_at)
        for name, part in manifest.parts.items():
            if not isinstance(part["size"], int) or part["size"] < 0 or not isinstance(part["sha256"], str):
                raise ValueError(name)
        for table, number in [*manifest.counts.items(), *manifest.sequences.items()]:
            if not isinstance(number, int):
                raise ValueError(table)
        if manifest.dump not in manifest.parts or SETTINGS not in manifest.parts:
            raise ValueError(list(manifest.parts))
        return manifest


def progress(total: int, what: str) -> "tqdm[Any]":
    """Return a bar that counts bytes, which only a terminal shows."""
    return tqdm(total=total, desc=what, unit="B", unit_scale=True, disable=None, leave=False)


class Writer:
    """
    Writes an archive beside where it is to be, and puts it there with `finish()`, complete and on the disk.

    Left before that, nothing stays. Nobody but the owner can read it from its first byte on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, dict[str, Any]] = {}
        self._temporary = path.with_name(f".{path.name}.part")

    def __enter__(self) -> Self:
        if self.path.exists():
            raise CommandError(f"{self.path} exists already.")
        self._temporary.unlink(missing_ok=True)  # of a process that was killed; there is only one at a time
        descriptor = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError, ValueError):  # of a disk that is full, a second time
            self._zip.close()
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    @contextmanager
    def part(self, name: str, compressed: bool = True) -> Iterator["_Part"]:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        info.external_attr = (stat.S_IFREG | 0o600) << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            part = _Part(file)
            yield part
        self.parts[name] = {"size": part.size, "sha256": part.sha256.hexdigest()}

    def add_file(self, name: str, file: IO[bytes], bar: "tqdm[Any]", compressed: bool = True) -> None:
        with self.part(name, compressed) as part:
            while chunk := file.read(CHUNK):
                part.write(chunk)
                bar.update(len(chunk))

    def add_media(self, root: Path, without: Collection[Path] = ()) -> None:
        """Add all uploads that are not in the archive yet."""
        files = {f"{MEDIA}{path.relative_to(root).as_posix()}": path for path in media_files(root)}
        new = {name: path for name, path in sorted(files.items()) if name not in self.parts and path not in without}
        with progress(sum(map(_size, new.values())), "Uploads") as bar:
            for name, path in new.items():
                # The preview of a page removes what was uploaded for it.
                with suppress(FileNotFoundError), path.open("rb") as file:
                    self.add_file(name, file, bar, compressed=False)

    def finish(self, **facts: Any) -> Manifest:
        manifest = Manifest(parts=self.parts, **facts)
        with self._zip.open(MANIFEST, "w") as file:
            file.write(json.dumps(asdict(manifest), indent=1).encode())
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._temporary.replace(self.path)
        synchronise(self.path.parent)
        return manifest


class _Part:
    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.size, self.sha256 = file, 0, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.sha256.update(data)
        self.size += len(data)


def media_files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def synchronise(path: Path) -> None:
    """Have a file, or the names in a directory, on the disk, too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Archive:
    """
    An archive to read from. What cannot be read as it was written raises Damaged.

    Nothing in it is believed: a name is used only if it is harmless, and a content only if its checksum is right.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise CommandError(f"There is no {path}.") from error
        except PermissionError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        except _UNREADABLE as error:
            raise Damaged(
                f"{path} is damaged, or no backup: its table of contents, which is at the end, cannot be read. "
                "Perhaps it was not copied completely."
            ) from error
        self._entries = self._check_entries()
        self.manifest = self._read_manifest()
        self._check_parts()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()

    @property
    def size(self) -> int:
        """Of all parts, unpacked, in bytes."""
        return sum(part["size"] for part in self.manifest.parts.values())

    def _damaged(self, name: str, what: str) -> Damaged:
        return Damaged(f"{self.path} is damaged: {printable(name)} {what}.")

    def _check_entries(self) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._zip.infolist():
            name = entry.filename
            if entry.orig_filename != name or not is_harmless(name):
                raise self._damaged(entry.orig_filename, "is a name that no backup has")
            if name in entries:
                raise self._damaged(name, "is there twice")
            # 0 is what some programs write that know no types.
            if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
                raise self._damaged(name, "is not a plain file")
            entries[name] = entry
        return entries

    def _read_manifest(self) -> Manifest:
        if MANIFEST not in self._entries:
            raise self._damaged(MANIFEST, "is missing")
        if self._entries[MANIFEST].file_size > LARGEST_MANIFEST:
            raise self._damaged(MANIFEST, "is too large")
        try:
            return Manifest.parse(self._zip.read(MANIFEST))
        except (*_UNREADABLE, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(MANIFEST, "cannot be read") from error

    def _check_parts(self) -> None:
        for name, part in self.manifest.parts.items():
            if name not in self._entries:
                raise self._damaged(name, "is missing")
            if self._entries[name].file_size != part["size"]:
                raise self._damaged(name, f"has {self._entries[name].file_size} bytes instead of {part['size']}")
        for name in self._entries:
            if name != MANIFEST and name not in self.manifest.parts:
                raise self._damaged(name, "is not in the manifest")

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a part; raise Damaged in the end if it was not what it should have been."""
        sha256, left = hashlib.sha256(), self.manifest.parts[name]["size"]
        try:
            with self._zip.open(self._entries[name]) as file:
                while left > 0 and (chunk := file.read(min(CHUNK, left))):
                    sha256.update(chunk)
                    left -= len(chunk)
                    yield chunk
        except _UNREADABLE as error:
            raise self._damaged(name, "cannot be read") from error
        if sha256.hexdigest() != self.manifest.parts[name]["sha256"]:
            raise self._damaged(name, "does not have the content that was backed up")

    def verify(self) -> None:
        """Read everything."""
        with progress(self.size, "Checking") as bar:
            for name in self.manifest.parts:
                for chunk in self.chunks(name):
                    bar.update(len(chunk))

    def read(self, name: str) -> bytes:
        return b"".join(self.chunks(name))

    def extract_manifest(self, path: Path) -> None:
        path.write_bytes(self._zip.read(MANIFEST))

    def extract(self, name: str, path: Path, mode: int = 0o600) -> None:
        """Write a part to `path`, which has it completely and on the disk, or not at all."""
        temporary = path.with_name(f".{path.name}.part")
        temporary.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                os.fchmod(file.fileno(), mode)
                for chunk in self.chunks(name):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def is_harmless(name: str) -> bool:
    """Return whether `name` can only be the name of a part, wherever it is unpacked."""
    if name in (MANIFEST, SETTINGS, *DUMPS.values()):
        return True
    path = PurePosixPath(name)
    return (
        name.startswith(MEDIA)
        and name == str(path)
        and ".." not in path.parts
        and "\\" not in name
        and "\0" not in name
        and len(path.parts) > 1
    )


def printable(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name)
