"""Hosts whose tokens show one secret, to servers and links: whose edges they are, which panels are one or copies."""

from __future__ import annotations

from collections.abc import Mapping

from .links import Links, Resolved
from .servers import Servers
from .tokens import Tokens

_RULE = "token-block"


def add_token_edges(servers: Servers, owners: Mapping[str, str], tokens: Tokens) -> None:
    """Add whose edges are hosts that no panel was seen to send clients to.

    Args:
        servers: takes the evidence.
        owners: panels of such hosts.
        tokens: which hosts share blocks.
    """
    for host, panel in sorted(owners.items()):
        edge, owner = servers.key(host), servers.key(panel)
        pair = tokens.of(host, panel)
        if edge is None or owner is None or edge[0] == "panel" or owner[0] != "panel" or pair is None:
            continue
        atom = servers.atoms[edge]
        atom.seen(_RULE, "strong", pair.place, pair.why, count=0)
        atom.fact("roles", "media")
        atom.fact("hosts", host)
        atom.fact("why", f"its tokens begin with an encrypted block that leads to panel {panel}")
        atom.fact("panel", owner[1])


def link_tokens(links: Links, tokens: Tokens, owners: Mapping[str, str], resolved: Resolved, servers: Servers) -> None:
    """Add which panels share a secret, and which servers share that of a panel."""

    def panel_at(host: str) -> str | None:
        return found.id if (found := resolved.panels.of((host,))) is not None else None

    for (one, other), pair in tokens.between(panel_at).items():
        links.add(one, other, "same-tokens", _RULE, "strong", pair.place, pair.why)
    for host, owner in sorted(owners.items()):
        shared, panel = tokens.of(host, owner), resolved.panels.of((owner,))
        server = resolved.id(resolved.servers, servers.key(host))
        if shared is not None and panel is not None:
            links.add(panel.id, server, "same-tokens", _RULE, "strong", shared.place, shared.why)
