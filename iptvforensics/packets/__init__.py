"""Blocks to packet columns."""

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
