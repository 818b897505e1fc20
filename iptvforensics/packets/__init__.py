"""Blocks to packet columns.

Names are loaded when they are first asked for: parsers and rows need the text of addresses only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .columns import Note, Packets, Status, Tunnel, address_text
    from .decoder import FrameBlock, LedgerEntry, PacketAnomaly, PacketDecoder
    from .memberships import Membership, Memberships
    from .neighbours import Neighbour, Neighbours

__all__ = [
    "FrameBlock",
    "LedgerEntry",
    "Membership",
    "Memberships",
    "Neighbour",
    "Neighbours",
    "Note",
    "PacketAnomaly",
    "PacketDecoder",
    "Packets",
    "Status",
    "Tunnel",
    "address_text",
]
_ELSEWHERE = {
    "FrameBlock": "decoder",
    "LedgerEntry": "decoder",
    "Membership": "memberships",
    "Memberships": "memberships",
    "Neighbour": "neighbours",
    "Neighbours": "neighbours",
    "PacketAnomaly": "decoder",
    "PacketDecoder": "decoder",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ELSEWHERE.get(name, 'columns')}", __name__), name)
