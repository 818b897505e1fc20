"""Enigma2 receivers: bouquets, replies of the web interface (OpenWebif), pages that panels make for such receivers.

A bouquet is a text of `#NAME`, `#SERVICE` and `#DESCRIPTION` lines; a service reference has ten fields in hexadecimal
(type, flags, service type, SID, TSID, ONID, namespace, ...) and may hold a URL with `%3a` for colons. The web interface
answers in XML (`<e2...>`) or JSON (`/api/...`); `enigma2.php` gives XML with titles in base64, `xplugin.php` JSON.

**Known limitations**: timers, signals and settings of the web interface are not read. In XML damage ends the reading.
Numbers in a service reference may be invented by an operator: they name a broadcast service only if it exists.
"""

from __future__ import annotations

from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES
from ..protocol import BLANK_BYTES, Opening, Parser, Protocol
from ._enigma2_detect import detect, start_of


def make_parser(opening: Opening) -> Parser:
    """Return the parser for the form that a body has; its code is loaded when the first one is made."""
    from ._enigma2_parser import BouquetParser, JsonParser, XmlParser

    first = start_of(opening)[:1]
    return (
        XmlParser(opening)
        if first == b"<"
        else JsonParser(opening)
        if first in (b"{", b"[")
        else BouquetParser(opening)
    )


PROTOCOL = Protocol(
    name="enigma2",
    title="Enigma2: bouquets, web interface, pages for its players",
    specification="none; Enigma2 and OpenWebif as they write and answer",
    carriers=("content",),
    read_beside=True,
    tables=(CATALOGUE_ENTRIES, ACCOUNT_REPLIES, PROGRAMMES),
    detect=detect,
    parser=make_parser,
    begins=BLANK_BYTES + b"#<{",
    limits="Timers, signals and settings of the web interface are not read. In XML damage ends the reading.",
)
