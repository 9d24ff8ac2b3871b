"""Published answers as files, in the way deploy/myweb_nginx.conf looks for them."""

import fcntl
import gzip
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

import brotli

from .models import Number

# By the end of the file's name
TYPES = {"html": "text/html", "txt": "text/plain", "xml": "application/xml"}
# Bytes; gzip_min_length in Nginx's configuration, for the answers that Django gives.
COMPRESS_FROM = 256
NAME_MAX = 255  # bytes, on every file system of Linux
VARIANTS = ("", ".gz", ".br")
END_OF_TIME = 2**31  # seconds since 1970, on older file systems of Linux

_NAME = re.compile(r"(?:next-)?([0-9]+)-([^-]+)-(.+)")


class Directory(NamedTuple):
    """
    Where the files of one generation are, as far as one release made them. Its name is never used again.

    What is in it is right for that generation. So that this stays true when it becomes that of a newer one, whoever
    writes into it holds a lock from when it is looked up by its name.
    """

    root: Path
    generation: Number
    release: str

    @classmethod
    def parse(cls, path: Path) -> Self | None:
        """Return the directory whose path, or that of whose link, it is; None for any other path."""
        found = _NAME.fullmatch(path.name)
        return cls(path.parent, Number(int(found[1]), found[2]), found[3]) if found else None

    def __str__(self) -> str:
        return f"{self.number}-{self.generation.token}-{self.release}"

    @property
    def number(self) -> int:
        return self.generation.number

    @property
    def path(self) -> Path:
        return self.root / str(self)

    @property
    def next_link(self) -> Path:
        """The link that becomes `current`."""
        return self.root / f"next-{self}"

    def make(self) -> None:
        """Make the directory, and the link that leads there; raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.next_link.is_symlink():
            self.next_link.symlink_to(str(self))

    def has(self, path: str) -> bool:
        """Return whether the answer for the address `path` is there."""
        name = file_name(path)
        return name is not None and (self.path / name).exists()

    def names(self) -> Iterator[str]:
        """Go through the names of all files, without their compressed forms."""
        for parent, _, files in os.walk(self.path):
            for file in files:
                if not file.startswith(".") and content_type(file):
                    yield str(Path(parent, file).relative_to(self.path))

    def write(self, name: str, content: bytes) -> None:
        """Write the file `name`, also compressed; raises FileNotFoundError if the directory is gone, and OSError."""
        variants = {name: content}
        if len(content) >= COMPRESS_FROM:
            variants[f"{name}.gz"] = gzip.compress(content, compresslevel=6, mtime=0)
            variants[f"{name}.br"] = brotli.compress(content, quality=5)
        with locked(self.root, fcntl.LOCK_SH), _opened(self.path, name) as parent:
            for variant, data in variants.items():
                _write(parent, variant.rpartition("/")[2], data, self.number)

    def take_over(self, older: Self, addresses: Iterable[str]) -> None:
        """
        Become what `older` is, but for `addresses`, and for what is no page, such as a sitemap. Raises OSError.

        Run it under a lock that nobody shares. If this directory has files already, it stays as it is.
        """
        changed = [older.path / name for name in map(file_name, addresses) if name]
        for path in changed:
            for variant in VARIANTS:
                path.with_name(f"{path.name}{variant}").unlink(missing_ok=True)
        with os.scandir(older.path) as entries:
            others = [entry.name for entry in entries if entry.is_file() and not entry.name.startswith("index.html")]
        for other in others:
            (older.path / other).unlink()
        older.path.rename(self.path)


@contextmanager
def locked(root: Path, operation: int) -> Iterator[None]:
    """Hold a lock, as flock() has it, on the folder that all processes of this machine share."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)


def file_name(path: str) -> str | None:
    """Return where the answer for the address `path` is kept in a generation's directory, or None if it cannot be."""
    name = path.removeprefix("/") + ("index.html" if path.endswith("/") else "")
    parts = name.split("/")
    if not path.startswith("/") or any(not part or part.startswith(".") or "\0" in part for part in parts):
        return None
    if max(len(os.fsencode(part)) for part in parts[:-1] or [""]) > NAME_MAX:
        return None
    if not path.endswith("/") and content_type(name) in (None, content_type("index.html")):
        return None
    return name


def address(name: str) -> str:
    """Return the address that is answered with the file `name`."""
    return "/" + (name.removesuffix("index.html") if name.rpartition("/")[2] == "index.html" else name)


def content_type(name: str) -> str | None:
    """Return the type that Nginx sends for a file, or None if it sends none that we know."""
    kind = TYPES.get(name.rpartition(".")[2])
    return f"{kind}; charset=utf-8" if kind else None


@contextmanager
def _opened(root: Path, name: str) -> Iterator[int]:
    """Give a descriptor of the directory for the file `name`; never make `root`, which may just have been removed."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in name.split("/")[:-1]:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=descriptor)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _write(parent: int, name: str, data: bytes, modified: int) -> None:
    """Write a file in one step, so that Nginx never sends half of it."""
    temporary = f".{secrets.token_hex(8)}"
    try:
        with open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, 0o644, dir_fd=parent)) as file:
            file.write(data)
        # Brought to what every file system can tell apart: a clock that was ahead for a night has raised it for good.
        modified %= END_OF_TIME
        os.utime(temporary, (modified, modified), dir_fd=parent)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=parent)
        raise
