"""Streams to rows: chooses parsers by score, feeds them, hands bodies to child protocols, collects rows."""

from .engine import Dissector
from .rows import RowCollector

__all__ = ["Dissector", "RowCollector"]
