"""Names and connections, and what it looks like when there is none."""

import errno
import os
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from myweb.operations.asking import begin

from .faults import Fault, quote

T = TypeVar("T")

PATIENCE = 5.0  # seconds for a name, a connection or an answer
PATIENCE_WITH_NEIGHBOURS = 1.5  # seconds for each other port that is tried for comparison
PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy")


class TooSlow(Exception):
    """Something did not come to an end in its time."""


@dataclass(frozen=True)
class Service:
    """What is to be reached, and where a person says so; other `ports` of its host are tried for comparison."""

    what: str
    host: str
    port: int
    host_setting: str
    port_setting: str
    ports: tuple[int, ...]


def in_time(function: Callable[[], T], seconds: float) -> T:
    """Return or raise what `function` does; raise TooSlow if it takes longer, and leave it to itself."""
    future = begin(function)
    if not wait([future], seconds).done:
        raise TooSlow
    return future.result()


def resolve(service: Service) -> list[str]:
    """Return the addresses of the service's host."""
    host = service.host.strip("[]")
    fix = f"Check the spelling of {service.host_setting}, and that this name exists in the DNS."
    try:
        found = in_time(lambda: socket.getaddrinfo(host, service.port, type=socket.SOCK_STREAM), PATIENCE)
    except TooSlow as error:
        sentence = f"No name server tells the address of {host} within {PATIENCE:.0f} seconds."
        raise Fault(sentence, "Check this machine's network and /etc/resolv.conf.") from error
    except OSError as error:
        raise Fault(f"The name {host} does not resolve: {quote(error.strerror)}.", fix) from error
    return list(dict.fromkeys(str(address[0]) for *_rest, address in found))


def connect(service: Service) -> socket.socket:
    """Return a connection whose every step has PATIENCE."""
    began = time.monotonic()
    try:
        return socket.create_connection((service.host.strip("[]"), service.port), PATIENCE)
    except OSError as error:
        raise explain(service, error, time.monotonic() - began) from error


def explain(service: Service, error: OSError, seconds: float) -> Fault:
    """Return what it looks like: server down, wrong port, firewall or proxy; and how that shows."""
    where = f"{service.host}, port {service.port}"
    if isinstance(error, ConnectionRefusedError):
        said = f"{where}, refuses connections ({seconds * 1000:.0f} ms)"
        if other := open_neighbour(service):
            sentence = f"{said}, but port {other} of the same machine answers: this looks like the wrong port."
            return Fault(sentence, f"Set {service.port_setting} to {other}, or let the {service.what} listen there.")
        if is_this_machine(service) and in_container():
            sentence = f"{said}: nothing listens there, in this container, which is all that {service.host} means."
            return Fault(sentence, f"Start the {service.what} here, or name its container in {service.host_setting}.")
        if is_this_machine(service):
            sentence = f"{said}: nothing listens there on this machine, so the {service.what} is down."
            return Fault(sentence, f"Start the {service.what}, or correct {service.port_setting}.")
        if proxy := proxy_variable():
            sentence = f"{said}, and {proxy} is set: this network seems to let traffic out through a proxy only."
            return Fault(sentence, f"Ask who runs the network to let this machine reach {where}.")
        sentence = (
            f"{said}, and so do others ({_list(service)}): the machine or a firewall is there to say no, so the"
            f" {service.what} is down, or that firewall rejects all of it."
        )
        return Fault(sentence, f"Ask who runs {service.host}; check {service.host_setting}.")
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        said = f"{where}, does not answer within {seconds:.0f} seconds"
        if other := open_neighbour(service):
            sentence = (
                f"{said}, but its port {other} does: a firewall drops what goes to port {service.port},"
                " as many providers do with port 25."
            )
            return Fault(sentence, f"Set {service.port_setting} to {other}, or have port {service.port} opened.")
        if proxy := proxy_variable():
            sentence = f"{said}, and {proxy} is set: this network seems to let traffic out through a proxy only."
            return Fault(sentence, f"Ask who runs the network to let this machine reach {where}.")
        sentence = (
            f"{said}, nor do others ({_list(service)}): the machine is down, or a firewall drops everything"
            " (a machine that is up would refuse at once)."
        )
        return Fault(sentence, f"Check {service.host_setting}, the firewall, and that the machine runs.")
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        sentence = f"There is no way to {where}: {quote(error.strerror)}, say this machine or a router on the way."
        return Fault(sentence, f"Check this machine's network, and that {service.host} is up.")
    if error.errno in (errno.EACCES, errno.EPERM):
        sentence = f"This machine's own firewall forbids connections to {where}: {quote(error.strerror)}."
        return Fault(sentence, f"Open port {service.port} for outgoing connections.")
    return Fault(f"{where}, cannot be reached: {quote(error.strerror or error)}.", f"Check {service.host_setting}.")


def open_neighbour(service: Service) -> int | None:
    """Return another port of the same host that can be connected to."""
    for port in service.ports:
        if port != service.port:
            try:
                socket.create_connection((service.host.strip("[]"), port), PATIENCE_WITH_NEIGHBOURS).close()
            except OSError:
                continue
            return port
    return None


def is_this_machine(service: Service) -> bool:
    try:
        return all(_is_own(address) for address in resolve(service))
    except Fault:
        return False


def _is_own(address: str) -> bool:
    """Return whether this machine has that address: nobody can listen on another's."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


def in_container() -> bool:
    return "container" in os.environ or any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))


def proxy_variable() -> str | None:
    return next((name for name in PROXIES if os.environ.get(name)), None)


def _list(service: Service) -> str:
    return ", ".join(str(port) for port in service.ports if port != service.port)


def tls_with_anybody() -> ssl.SSLContext:
    """Return what speaks TLS whatever the certificate: that one is looked at elsewhere."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
