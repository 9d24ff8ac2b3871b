"""Where a request comes from."""

import ipaddress


def network_of(address: str) -> str:
    """
    Return what stands for a visitor at the network address `address`, or "" where it says nothing about who is there.

    Behind a proxy or Docker, all visitors may share one private address.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if not parsed.is_global:
        return ""
    if parsed.version == 6:  # a household has a whole /64
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
