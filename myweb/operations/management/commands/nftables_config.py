from ipaddress import collapse_addresses, ip_network
from string import Template
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

CONNECTIONS = 1_000  # from one address; Nginx has 8,192 for each of its workers


class Command(BaseCommand):
    help = "Prints the rules by which deploy/install has nftables limit the connections from one address."
    # Runs on a machine that may lack everything else.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        values = {
            "MYWEB_CONNECTIONS": str(CONNECTIONS),
            "MYWEB_PORTS": ", ".join(map(str, sorted({80, 443, settings.PORT}))),
            "MYWEB_TRUSTED_IPV4": elements(4),
            "MYWEB_TRUSTED_IPV6": elements(6),
        }
        text = (settings.BASE_DIR / "deploy" / "myweb_nftables.conf").read_text()
        self.stdout.write(Template(text).safe_substitute(values), ending="")


def elements(version: int) -> str:
    """Return the proxies that are trusted, as the elements of a set, which may not be empty if they are named."""
    networks = [network for network in map(ip_network, settings.TRUSTED_PROXIES) if network.version == version]
    # nftables refuses one that is within another.
    apart = map(str, collapse_addresses(networks))  # type: ignore[type-var]
    return f"elements = {{ {', '.join(apart)} }}" if networks else ""
