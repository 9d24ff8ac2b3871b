"""Everything at once that one visitor did to all others; shared by test_attack.py and tests/torture/attack."""

import contextlib
import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.contact.torture import open_forms
from tests.site import Site

MAKE_USERS = (
    "from django.contrib.auth.models import User;"
    "[User.objects.create_user(f'user{n}', f'user{n}@example.com', 'a long password') for n in range(30)]"
)


@dataclass
class Outcome:
    pages: Counter[int] = field(default_factory=Counter)  # by status; 0 without an answer
    messages: Counter[int] = field(default_factory=Counter)
    attacks: Counter[str] = field(default_factory=Counter)  # how many, by address and status, or by kind
    seconds: list[float] = field(default_factory=list)

    def p99(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """A mail server that takes connections and says nothing; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as server:
        yield server.getsockname()[1]


def attack(site: Site, visitors: int, seconds: float, connections: int) -> Outcome:
    """Let visitors read and write for so long while strangers, some of one address, do their worst."""
    made = site.manage("shell", "--no-imports", "-c", MAKE_USERS)
    assert made.returncode == 0, made.stderr
    people = open_forms(site, visitors)
    outcome, end, lock = Outcome(), time.monotonic() + seconds, threading.Lock()

    def count(counter: Counter, key: object) -> None:
        with lock:
            counter[key] += 1

    def post(path: str, address: str, body: str) -> None:
        headers = {
            "X-Forwarded-For": address,
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"csrftoken={'a' * 32}",
        }
        status = 0
        with contextlib.suppress(OSError):
            status = site.request("POST", path, headers, f"csrfmiddlewaretoken={'a' * 32}&{body}".encode()).status
        count(outcome.attacks, f"{path} {status}")

    def log_in(number: int) -> None:
        post("/admin/login/", f"198.51.100.{number % 250}", f"username=user{number % 30}&password=wrong{number}")

    def ask_for_a_reset(number: int) -> None:
        post("/admin/password_reset/", f"203.0.113.{number % 250}", f"email=user{number % 30}@example.com")

    def keep(head: bytes, number: int) -> None:
        """Send the beginning of a request, and then now and then a byte."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", site.port), timeout=5) as client:
            client.sendall(head)
            while time.monotonic() < end:
                time.sleep(1)  # of the attacker
                client.sendall(b"x")

    def send_slow_header(number: int) -> None:
        keep(b"GET / HTTP/1.1\r\nX-Slow: ", number)

    def send_part_of_a_body(number: int) -> None:
        path = ["/admin/login/", "/admin/pages/page/add/", "/contact/"][number % 3]
        size = 900_000 if number % 2 else 70_000_000
        keep(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode(), number)

    def repeat(deed: Callable[[int], None], first: int, step: int) -> None:
        for number in itertools.count(first, step):
            if time.monotonic() > end:
                return
            deed(number)
            count(outcome.attacks, deed.__name__)

    def read() -> None:
        while time.monotonic() < end:
            for path in ("/", "/contact/"):
                began = time.monotonic()
                try:
                    status = site.get(path).status
                except OSError:
                    status = 0
                outcome.seconds.append(time.monotonic() - began)
                count(outcome.pages, status)

    def write() -> None:
        for person in people:
            began = time.monotonic()
            count(outcome.messages, person.send(site))
            outcome.seconds.append(time.monotonic() - began)

    deeds = [(log_in, 30), (ask_for_a_reset, 15), (send_part_of_a_body, 30), (send_slow_header, connections)]
    threads = [
        threading.Thread(target=repeat, args=(deed, first, number), daemon=True)
        for deed, number in deeds
        for first in range(number)
    ]
    threads += [threading.Thread(target=read, daemon=True), threading.Thread(target=write, daemon=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 120)
    return outcome
