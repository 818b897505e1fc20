"""Blocks to packet columns."""

from .columns import Note, Packets, Status, Tunnel, address_text
from .decoder import FrameBlock, LedgerEntry, PacketAnomaly, PacketDecoder

__all__ = [
    "FrameBlock",
    "LedgerEntry",
    "Note",
    "PacketAnomaly",
    "PacketDecoder",
    "Packets",
    "Status",
    "Tunnel",
    "address_text",
]
