"""Files: room for them, and the rights of those who need them."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import gettempdir

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage

from myweb.installation import here
from myweb.operations.backup import keeping
from myweb.pages.blocks.picture import Picture

from .faults import Fault, NotChecked

ROOM = 500  # MB: pictures with their renditions, and a backup
ROOM_FOR_UPLOADS = 150  # MB, on their way: two of the largest
MOST_FILES = 20_000  # to look at
MOST_PICTURES = 2_000


def room() -> str:
    said = []
    for directory, needed in _directories().items():
        left = os.statvfs(directory)
        if left.f_files and not left.f_favail:
            raise Fault(
                f"The disk of {directory} cannot take any more files.",
                f"Move elsewhere what is not this site's, or delete {settings.PUBLISHED_ROOT}, which is made again.",
            )
        free = shutil.disk_usage(directory).free // 1_000_000
        if free < needed:
            raise Fault(
                f"Only {free} MB are free on the disk of {directory}; the site needs {needed}.",
                f"Make room: {settings.PUBLISHED_ROOT}, which is made again; logs; what else is on that disk. Of the"
                " backups keep the last that was proven.",
            )
        said.append((free, directory))
    free, directory = min(said)
    return f"{free / 1000:.1f} GB are free on the disk of {directory}"


def _directories() -> dict[Path, int]:
    """Return the directories that the site writes to, and how many MB each needs."""
    directories = [settings.VAR, Path(settings.MEDIA_ROOT)]
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        directories.append(Path(database["NAME"]).parent)
    needed = {Path(gettempdir()): ROOM_FOR_UPLOADS} | dict.fromkeys(directories, ROOM)
    return {directory: number for directory, number in needed.items() if directory.exists()}


def static() -> str:
    """Compare what is served with what the program has."""
    number = 0
    for finder in get_finders():
        for name, storage in finder.list([]):
            number += 1
            fault = _fault_of_static(name, storage.path(name))
            if fault:
                raise Fault(f"The static file {name} {fault}.", f"Run {here().manage} collectstatic --no-input.")
    return f"all {number} are collected, and as the program has them"


def _fault_of_static(name: str, source: str) -> str | None:
    collected = settings.STATIC_ROOT / name
    try:
        if collected.read_bytes() != Path(source).read_bytes():
            return "is older than the program's"
        served = staticfiles_storage.url(name).removeprefix(settings.STATIC_URL)
    except FileNotFoundError:
        return "was not collected"
    except ValueError:
        return "is not in the list of collected files"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if (settings.STATIC_ROOT / served).exists() else "was collected only by half"


def media() -> str:
    """What is uploaded: this site writes it, Nginx reads it."""
    root = Path(settings.MEDIA_ROOT)
    user = pwd.getpwuid(os.geteuid()).pw_name
    if not root.is_dir():
        raise Fault(
            f"The directory of uploads, {root}, is missing.",
            f"Correct MYWEB_VAR; if it is lost, make it, for {user}, and then: {keeping.how_to_restore()}",
        )
    readers = list(nginx_users())
    number = 0
    for path in [root, *islice(root.rglob("*"), MOST_FILES)]:
        if path.is_dir() and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise Fault(f"The site's user {user} may not write in {path}: uploads fail.", f"chown -R {user}: {root}")
        if not path.is_dir() and not os.access(path, os.R_OK):
            raise Fault(f"The site's user {user} may not read {path}.", f"chown -R {user}: {root}")
        needed = stat.S_IXOTH if path.is_dir() else stat.S_IROTH
        if readers and not any(reader.may(path, needed) for reader in readers):
            raise Fault(f"Nginx, which runs as {readers[0].name}, may not read {path}.", f"chmod -R o+rX {root}")
        number += not path.is_dir()
    return f"{user} can write there, and Nginx may read all {number} files" if readers else f"{user} can write there"


def own() -> str:
    """What nobody but this site writes: whatever root has made there, by hand or by a copy, stops it."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    readers = list(nginx_users())
    number = 0
    for name in ("published", "backups"):
        root = settings.VAR / name
        for path in [root, *islice(root.rglob("*"), MOST_FILES)] if root.exists() else []:
            right = os.R_OK | os.W_OK | os.X_OK if path.is_dir() else os.R_OK
            if not path.is_symlink() and not _may(path, right):
                raise Fault(f"{path} is not for the site's user {user}.", f"chown -R {user}: {root}")
            needed = stat.S_IXOTH if path.is_dir() else stat.S_IROTH
            if name == "published" and readers and not any(_can(reader, path, needed) for reader in readers):
                raise Fault(f"Nginx, which runs as {readers[0].name}, may not read {path}.", f"chmod -R o+rX {root}")
            number += 1
    return f"{user} may use all {number} files and directories of published pages and of backups"


def _may(path: Path, right: int) -> bool:
    """Return whether this user has `right` on `path`, or it is gone meanwhile."""
    return os.access(path, right) or not path.exists()


def _can(user: "User", path: Path, needed: int) -> bool:
    try:
        return user.may(path, needed)
    except FileNotFoundError:  # published anew meanwhile
        return True


def pictures() -> str:
    """Look for the files of all pictures that pages show."""
    number, lost = 0, list[str]()
    root = Path(settings.MEDIA_ROOT)
    for picture in Picture.objects.select_related("parent")[:MOST_PICTURES]:
        name = picture.image.name
        if not (root / name).exists():
            raise Fault(
                f"The picture {name} of the page {picture.parent.path} is missing in {root}.",
                f"Upload it again in the admin, or put it back from a backup, which has it as media/{name}.",
            )
        if not picture.needs_renditions:
            lost += [name for name in picture.made_files() if not (root / name).exists()]
        number += 1
    if lost:
        raise Fault(
            f"{len(lost)} files that pages show are missing, the first is {root / lost[0]}.",
            f"Run {here().manage} update_pages, which makes them again.",
        )
    return f"all {number} have their files"


def sockets() -> str:
    address = settings.UWSGI_SOCKET
    if not address.startswith("/"):
        raise NotChecked(f"uWSGI listens on {address}, which needs no rights.")
    path = Path(address)
    if not path.is_socket():
        raise Fault(f"There is no socket at {path}, so uWSGI does not run.", f"{here().start}.")
    users = list(nginx_users())
    if not users:
        raise NotChecked("No Nginx runs where this command can see it.")
    if not any(_may_connect(user, path) for user in users):
        raise Fault(
            f"Nginx, which runs as {users[0].name}, may not connect to uWSGI's socket {path}.",
            f"Put {users[0].name} into the socket's group, and let that write to it and enter its directory.",
        )
    return f"Nginx, which runs as {users[0].name}, may connect to {path}"


def _may_connect(user: "User", path: Path) -> bool:
    return user.may(path, stat.S_IWOTH) and all(user.may(directory, stat.S_IXOTH) for directory in path.parents)


def secret() -> str:
    """What nobody else on this machine may read."""
    paths = [settings.VAR / "secret_key"]
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        paths.append(Path(settings.DATABASES["default"]["NAME"]))
    for path in paths:
        if path.exists() and path.stat().st_mode & stat.S_IROTH:
            raise Fault(f"Everybody on this machine may read {path}.", f"chmod o-rwx {path}")
    return "the secret key and the database are not for everybody on this machine"


@dataclass(frozen=True)
class User:
    """Who a process runs as."""

    name: str
    number: int
    groups: frozenset[int]

    def may(self, path: Path, right: int) -> bool:
        """Return whether this user has `right`, a constant for others such as S_IROTH, on `path`."""
        status = path.stat()
        if self.number == 0:
            return True
        if status.st_uid == self.number:
            right <<= 6
        elif status.st_gid in self.groups:
            right <<= 3
        return bool(status.st_mode & right)


def nginx_users() -> Iterator[User]:
    """Yield whom the Nginx workers run as that this command can see; the master, which is often root, serves nobody."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not (process / "cmdline").read_bytes().startswith(b"nginx: worker process"):
                continue
            status = (process / "status").read_text()
        except OSError:
            continue
        values = {line.partition(":")[0]: line.partition(":")[2].split() for line in status.splitlines()}
        number = int(values["Uid"][1])
        groups = {int(values["Gid"][1]), *map(int, values["Groups"])}
        try:
            name = pwd.getpwuid(number).pw_name
        except KeyError:
            name = f"user {number}"
        found.add(User(name, number, frozenset(groups)))
    yield from sorted(found, key=lambda user: user.number)
