"""Asks a site that runs here, as a visitor would."""

import socket
import ssl
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

SILENCE, REFUSED = "silence", "refused"


def reachable(listen: str) -> str:
    """Return where somebody on this machine finds what listens on that address; :: stands for both kinds of all."""
    return "127.0.0.1" if listen in ("0.0.0.0", "::") else listen  # noqa: S104


def status_of(url: str, address: tuple[str, int], tls: bool = False, patience: float = 20) -> str:
    """
    Return the status that GET `url` is answered with by who listens on `address`; SILENCE if that takes longer than
    `patience` seconds for a step, REFUSED if there is no answer.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    # A proxy in front may be the one that has the certificate.
    headers = {"X-Forwarded-Proto": "https"} if parts.scheme == "https" and not tls else {}
    try:
        connection.sock = socket.create_connection(address, patience)
        if tls:
            # The visitor's browser looks at the certificate; this is about the site.
            context = ssl._create_unverified_context()  # noqa: S323
            connection.sock = context.wrap_socket(connection.sock, server_hostname=parts.hostname)
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except TimeoutError:
        return SILENCE
    except (OSError, HTTPException):
        return REFUSED
    finally:
        connection.close()
