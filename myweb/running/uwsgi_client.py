"""
Asks uWSGI in its own protocol, as Nginx does.

python -m myweb.running.uwsgi_client ADDRESS ends with 0 if Django and the database answer there.
"""

import socket
import struct
import sys


def ask(address: str, question: str, host: str, patience: float) -> bytes:
    """
    Return the whole answer to GET `question` (a path with its query), asked of the uWSGI on `address`.

    Raises OSError if there is none within `patience` seconds for each step.
    """
    path, _mark, query = question.partition("?")
    variables = {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": path,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": host,
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": host,
        "CONTENT_LENGTH": "",
    }
    parts = [part.encode() for pair in variables.items() for part in pair]
    body = b"".join(struct.pack("<H", len(part)) + part for part in parts)
    with _connection(address, patience) as client:
        client.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
        return b"".join(iter(lambda: client.recv(65536), b""))


def _connection(address: str, patience: float) -> socket.socket:
    if not address.startswith("/"):
        host, _colon, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), patience)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(patience)
    try:
        client.connect(address)
    except OSError:
        client.close()
        raise
    return client


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], "/healthz", "localhost", 9).split()[1] != b"200")
