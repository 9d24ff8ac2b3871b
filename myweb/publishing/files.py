"""Published answers as files, in the way deploy/myweb_nginx.conf looks for them."""

import gzip
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import brotli

from .current import Directory

logger = logging.getLogger(__name__)

# By the end of the file's name
TYPES = {"html": "text/html", "txt": "text/plain", "xml": "application/xml"}
# Bytes; gzip_min_length in Nginx's configuration, for the answers that Django gives.
COMPRESS_FROM = 256
NAME_MAX = 255  # bytes, on every file system of Linux
END_OF_TIME = 2**31  # seconds since 1970, on older file systems of Linux

_has_failed = False


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


def content_type(name: str) -> str | None:
    """Return the type that Nginx sends for a file, or None if it sends none that we know."""
    kind = TYPES.get(name.rpartition(".")[2])
    return f"{kind}; charset=utf-8" if kind else None


def write(directory: Directory, name: str, content: bytes) -> None:
    """Keep `content`, also compressed, unless the directory is gone. On a full disk there is just no file."""
    global _has_failed
    variants = {name: content}
    if len(content) >= COMPRESS_FROM:
        variants[f"{name}.gz"] = gzip.compress(content, compresslevel=6, mtime=0)
        variants[f"{name}.br"] = brotli.compress(content, quality=5)
    try:
        with _opened(directory.path, name) as parent:
            for variant, data in variants.items():
                _write(parent, variant.rpartition("/")[2], data, directory.number)
        _has_failed = False
    except FileNotFoundError:
        pass  # there is a newer generation
    except OSError:
        if not _has_failed:
            logger.exception("%s cannot be published, so it is slower: is the disk full?", name)
        _has_failed = True


def names(directory: Directory) -> Iterator[str]:
    """Go through the names of all files that are published in a directory, without their compressed forms."""
    for parent, _, files in os.walk(directory.path):
        for file in files:
            if not file.startswith(".") and content_type(file):
                yield str(Path(parent, file).relative_to(directory.path))


def address(name: str) -> str:
    """Return the address that is answered with the file `name`."""
    return "/" + (name.removesuffix("index.html") if name.rpartition("/")[2] == "index.html" else name)


def is_there(directory: Directory, name: str) -> bool:
    return (directory.path / name).exists()


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
