"""Names and addresses to servers: which of them are one.

Rules: `same-address` (strong): edges at one address and port, to which one panel sends clients; names of one panel at
one address; an address, and the only name that answers there. `same-panel` (supporting): a name of a panel that no
client reached. What is one in several captures is told in `sites`.

**Known limitations**: an address of a delivery network serves many; the join asks for a common panel for that reason.
"""

from __future__ import annotations

from collections import defaultdict

from .model import Key, Resolution
from .servers import Servers
from .sites import were_parted


def join_servers(servers: Servers, undone: dict[str, str]) -> Resolution:
    """Return how names are one server (not resolved yet)."""
    joins = Resolution("server", "v-", undone, were_parted)
    at: dict[tuple[str, int], list[Key]] = defaultdict(list)
    by_address: dict[str, list[Key]] = defaultdict(list)
    for atom in servers.atoms:
        for ip in atom.facts.get("ips", ()):
            if atom.key != ("host", ip):
                by_address[ip].append(atom.key)
            if atom.key[0] == "host":
                for port in atom.facts.get("ports", ()):
                    at[ip, port].append(atom.key)
    for ip, keys in sorted(by_address.items()):
        if ("host", ip) in servers.atoms and len(keys) == 1:
            joins.join(keys[0], ("host", ip), "same-address", "strong", f"{keys[0][-1]} answers at {ip}")
    for (ip, port), keys in sorted(at.items()):
        for other in keys[1:]:
            one, two = servers.atoms[keys[0]], servers.atoms[other]
            if set(one.facts.get("panel", ())) & set(two.facts.get("panel", ())):
                why = f"both answer at {ip} port {port}, and one panel sends clients to both"
                joins.join(keys[0], other, "same-address", "strong", why)
    _join_names_of_panels(servers, by_address, joins)
    return joins


def _join_names_of_panels(servers: Servers, by_address: dict[str, list[Key]], joins: Resolution) -> None:
    """Join names of one panel at one address; names at other addresses are other servers, for example proxies."""
    first: dict[str, Key] = {}
    for atom in servers.atoms:
        if atom.key[0] == "panel" and atom.facts.get("ips"):
            first.setdefault(atom.key[1], atom.key)
    for atom in servers.atoms:
        if atom.key[0] == "panel" and not atom.facts.get("ips") and atom.key[1] in first:
            why = "a name of the panel that no client reached"
            joins.join(first[atom.key[1]], atom.key, "same-panel", "supporting", why)
    for ip, keys in sorted(by_address.items()):
        names = [key for key in keys if key[0] == "panel"]
        for other in names[1:]:
            if other[1] == names[0][1]:
                joins.join(names[0], other, "same-address", "strong", f"names of one panel, both at {ip}")
