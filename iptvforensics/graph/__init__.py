"""The tables of a case to a networkx graph of clients, streams, hosts and addresses, and the graph to files.

`build` reads the tables, `write` makes GraphML, GEXF, JSON, CSV or an offline page, `picture` an SVG.

**Known limitations**: clients and addresses are told apart by address alone: a private address that occurs in
several captures may be several devices (the node's `note` says so). Two recordings of the same traffic count
twice. What was sent inside TLS shows only by the names that were looked up.
"""

from __future__ import annotations

from .build import TableReader, build
from .model import STRENGTHS, EvidenceGraph
from .picture import picture
from .writers import FORMATS, write

__all__ = ["FORMATS", "STRENGTHS", "EvidenceGraph", "TableReader", "build", "picture", "write"]
