"""A host name or address to whom it names: one server for everybody, a server of one network, or nobody.

What names nobody (`localhost`, 0.0.0.0, the placeholders of installers) stands in the settings of strangers by default,
and what names a server of one network (private addresses, names of one label) is another server in the next one. So
neither shows that two panels are one. Registries: RFC 6890 (addresses), RFC 6598 (carrier's translation), RFC 6761,
6762 and 8375 (names). What is reserved for documentation is taken as anything else is, except for `example.com` and
its like, which stand in settings that nobody filled in.

**Known limitations**: a public name that a panel's author ships as a setting is not known as a default; names of an
organisation's own zone that look public are held to be public.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Literal

Scope = Literal["public", "local", "nobody"]

PRIVATE_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10", "fec0::/10",
    )
)  # fmt: skip
"""Private, link-local, unique local and (given up) site-local: what a home gives its devices."""
_LOCAL_NETWORKS = (*PRIVATE_NETWORKS, ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("198.18.0.0/15"))
"""These, a carrier's translation, and tests of networks."""
_NOBODYS_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in ("0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/24", "224.0.0.0/3", "::/127", "ff00::/8")
)
"""This host, loopback, protocol assignments, groups, reserved and broadcast."""
_LOCAL_ENDS = (
    ".local", ".lan", ".home", ".home.arpa", ".internal", ".intranet", ".corp", ".private", ".localdomain",
    ".fritz.box",
)  # fmt: skip
_NOBODYS_NAMES = frozenset({"localhost", "localhost.localdomain", "_", "localdomain", "default", "null", "none", "nil"})
_NOBODYS_DOMAINS = (
    "localhost", "invalid", "example.com", "example.net", "example.org", "domain.com", "domain.tld", "yourdomain.com",
    "your-domain.com", "yourdomain.tld", "mydomain.com", "yourserver.com", "server.com", "in-addr.arpa", "ip6.arpa",
)  # fmt: skip
"""Names that settings hold in place of one, and those of no host."""


@lru_cache(1 << 14)
def scope_of(host: str | None) -> Scope:
    """Return whom a host name or address names.

    Example:
        >>> scope_of("tv.example"), scope_of("192.168.1.50"), scope_of("localhost")
        ('public', 'local', 'nobody')
    """
    name = (host or "").strip().strip("[]").partition("%")[0].rstrip(".").lower()
    if not name or "*" in name or name in _NOBODYS_NAMES:
        return "nobody"
    try:
        return _of_address(ipaddress.ip_address(name))
    except ValueError:
        pass
    labels = name.split(".")
    if labels[-1].isdigit() or not all(labels):
        return "nobody"
    if any(name == domain or name.endswith(f".{domain}") for domain in _NOBODYS_DOMAINS):
        return "nobody"
    return "local" if len(labels) == 1 or name.endswith(_LOCAL_ENDS) else "public"


def _of_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Scope:
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return _of_address(mapped)
    if any(address in network for network in _NOBODYS_NETWORKS):
        return "nobody"
    return "local" if any(address in network for network in _LOCAL_NETWORKS) else "public"
