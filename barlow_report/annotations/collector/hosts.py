"""Names of hosts and addresses of peers, read strictly: what cannot be read is nobody's."""

import ipaddress
import re
from collections.abc import Sequence

__all__ = ["host_of", "named_host", "network", "origin_host", "peer_of"]

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?", re.ASCII | re.IGNORECASE)
_WITH_PORT = re.compile(r"\[(.*)\](?::[0-9]+)?|([0-9.]+):[0-9]+")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def host_of(authority: str) -> str | None:
    """Return the host of `example.org:80` or `[::1]:80` in lower case without the port; None for anything else."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None or int(match[2] or 0) > 65535:
        return None
    host = match[1].lower()
    if not host.startswith("["):
        return host
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
    except ValueError:
        return None


def origin_host(origin: str) -> str | None:
    """Return the host of an origin, `https://example.org:80`; None for anything else, such as `null`."""
    scheme, _, authority = origin.partition("://")
    return host_of(authority) if scheme.lower() in ("http", "https") else None


def named_host(name: str) -> str | None:
    """Return what a browser calls a host that somebody has typed: without port, IPv6 in brackets, IDNA in ASCII."""
    name = name.strip()
    try:
        name = name if name.isascii() else name.encode("idna").decode()
        return f"[{ipaddress.IPv6Address(name).compressed}]"
    except UnicodeError:
        return None
    except ValueError:
        found = host_of(name)
        return found if found is not None and found == name.lower() else None


def network(text: str) -> Network | None:
    """Return an address or network, `10.0.0.0/8`; None for anything else."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def peer_of(client: str, forwarded: Sequence[str], *, trusted: Sequence[Network]) -> str:
    """Return who sends a request: the connection's own end, or whom a trusted proxy names.

    Args:
        client: The address at the connection's other end.
        forwarded: The values of X-Forwarded-For, in order. They are read from the last, and only as long as each
            was written by a trusted proxy: everybody can send the rest.
        trusted: The proxies.

    Returns:
        The address; of IPv6 the first 64 bits, which belong to one household. What is no address is one peer.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    address = _address(client)
    while hops and address is not None and any(address in net for net in trusted):
        address = _address(hops.pop())
    if address is None:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _address(text: str) -> Address | None:
    match = _WITH_PORT.fullmatch(text)
    text = (match[1] or match[2]) if match else text
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
