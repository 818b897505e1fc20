"""XMLTV programme guides, in clear or as a gzip file, to channels and programmes.

xmltv.dtd (the XMLTV project): `<tv>`, `<channel id>` with `<display-name>`, `<programme start stop channel>`. The
document is read by expat while it comes; of programmes that are all written alike it is only asked whether they are
well-formed. Declarations of entities are refused: reading ends there. A body that is itself a gzip file (`epg.xml.gz`)
is unpacked, with limits.

**Known limitations**: damage and gaps end the reading of a guide: expat cannot go on behind them. What programmes say
beyond title, description, language and category is in `raw` as JSON, of repeated elements the first 16. Times without
offset are null and stay text.
"""

from __future__ import annotations

import re
import zlib

from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES
from ..protocol import BLANK_BYTES, OPENING_BYTES, Opening, Parser, Protocol

_START = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE\s+tv\b[^>\[]*(?:\[.*?\]\s*)?>\s*)?(?:<!--.*?-->\s*)*<tv[\s>/]",
    re.DOTALL,
)
_MAY_START = (b"<?xml", b"<!DOCTYPE", b"<!--", b"<tv")


def make_parser(opening: Opening) -> Parser:
    """Return the parser of one guide; its code is loaded when the first one is made."""
    from ._xmltv_parser import XmltvParser

    return XmltvParser(opening)


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is an XMLTV guide, in clear or as a gzip file."""
    head = opening.orig or opening.resp
    is_partial = len(head) < OPENING_BYTES
    if opening.info.role == "request":
        return 0.0
    if head == b"\x1f":
        return None
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(31).decompress(head, OPENING_BYTES)
        except zlib.error:
            return 0.0
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _START.match(start):
        return 0.95
    may_start = any(start[: len(mark)] == mark[: len(start)] for mark in _MAY_START)
    return None if is_partial and (may_start or not start) and len(start) < 4096 else 0.0


PROTOCOL = Protocol(
    name="xmltv",
    title="XMLTV programme guides",
    specification="xmltv.dtd of the XMLTV project",
    carriers=("content",),
    read_beside=True,
    tables=(PROGRAMMES, CATALOGUE_ENTRIES, ACCOUNT_REPLIES),
    detect=detect,
    parser=make_parser,
    begins=BLANK_BYTES + b"\x1f<",
    limits="A gap or damage ends the reading of a guide. Times without offset stay text.",
)
