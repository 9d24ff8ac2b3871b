"""uWSGI itself, asked as Nginx asks it."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from myweb.installation import here
from myweb.running import uwsgi_client

from . import network
from .faults import Fault, quote
from .received import question


def running() -> str:
    ask()
    return f"it answers on {settings.UWSGI_SOCKET}"


def ask() -> dict[str, Any]:
    """Return what the site itself answers to the doctor's question."""
    address = settings.UWSGI_SOCKET
    try:
        received = uwsgi_client.ask(address, question(), settings.SITE_HOST, network.PATIENCE)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise Fault(
            f"uWSGI does not run: nothing listens on {address}.",
            f"{here().start}; {here().log} says why it ended.",
        ) from error
    except PermissionError as error:
        raise Fault(f"This user may not connect to {address}.", "Start this command as root.") from error
    except TimeoutError as error:
        if address.startswith("/") and not _has_master():
            raise Fault(
                f"uWSGI does not run: systemd holds {address} open for it, in which requests wait.",
                f"Read why it does not start: {here().log}.",
            ) from error
        raise Fault(
            f"What listens on {address} does not answer within {network.PATIENCE:.0f} seconds: uWSGI's workers hang,"
            " or it is another program.",
            f"{here().restart}; {here().log} says why.",
        ) from error
    except ConnectionError as error:
        raise Fault(f"What listens on {address} is not uWSGI: it cut the connection.", _fix(address)) from error
    except OSError as error:
        raise Fault(f"uWSGI's {address} cannot be reached: {quote(error)}.", "Check MYWEB_UWSGI_SOCKET.") from error
    return _read(received, address)


def _read(received: bytes, address: str) -> dict[str, Any]:
    head, _gap, body = received.partition(b"\r\n\r\n")
    try:
        answer = json.loads(body)
        assert isinstance(answer, dict)  # noqa: S101
    except (ValueError, AssertionError) as error:
        said = quote(head.decode(errors="replace").splitlines()[0]) if head else "nothing"
        raise Fault(f"What listens on {address} is not this site's uWSGI: it says {said}.", _fix(address)) from error
    if "received" not in answer:
        raise Fault(
            f"The site behind {address} is another one, or has another SECRET_KEY, or an older program.",
            f"{here().restart}; if two sites run here, give each its own MYWEB_UWSGI_SOCKET.",
        )
    return answer


def _fix(address: str) -> str:
    return f"{who_listens('MYWEB_UWSGI_SOCKET', address) or 'End it, or set MYWEB_UWSGI_SOCKET to another address'}."


def who_listens(variable: str, address: str) -> str | None:
    """Return what deploy/check_listen says of `address`, if it is in use: who uses it, and what to do."""
    script = settings.BASE_DIR / "deploy" / "check_listen"
    result = subprocess.run(
        [sys.executable, script, f"{variable}={address}"],
        capture_output=True,
        text=True,
        timeout=network.PATIENCE,
        check=False,
    )
    return result.stderr.strip().rstrip(".") or None


def status() -> dict[str, Any]:
    """Return what uWSGI says of itself; raise OSError if it cannot be asked."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(network.PATIENCE)
        client.connect(str(settings.VAR / "run" / "stats.sock"))
        told: dict[str, Any] = json.loads(b"".join(iter(lambda: client.recv(65536), b"")))
    return told


def _has_master() -> bool:
    """Return whether there is an uWSGI, unless it runs elsewhere; those that start or end count, too."""
    try:
        status()
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except OSError:
        return True
    return True


def daemons() -> list[int]:
    """Return the processes of `manage.py work` that this uWSGI keeps, without those that are stopped."""
    master = status()["pid"]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == master and b"work" in words and state not in "TtZ":
            found.append(int(process.name))
    return found
