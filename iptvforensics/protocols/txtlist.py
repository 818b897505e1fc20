"""Channel lists in the text form of Chinese-language players: from their lines to catalogue entries.

A line `NAME,#genre#` begins a group; `NAME,URL#URL$LABEL` names a channel with one URL or more. Between them stand
settings (`ua=...`, `referer=...`). The whole list may be in base64. The same in JSON is a list of groups with their
channels and URLs. No specification exists: the grammar is that which players read.

**Known limitations**: settings are kept in `raw` of the list's own row, not applied to the entries. In a list in
base64 every row points at the start of the body. In JSON a group over 1 MiB is skipped, and told. Names in other
encodings than UTF-8 and UTF-16 stand as escapes, and an anomaly says so.
"""

from __future__ import annotations

from ..listings.recoded import Recoded, is_recoded
from ..listings.tables import CATALOGUE_ENTRIES
from ..protocol import Opening, Parser, Protocol
from ._txtlist_detect import detect


def make_parser(opening: Opening) -> Parser:
    """Return the parser of one list; its code is loaded when the first one is made."""
    if is_recoded(opening):
        return Recoded(opening, "TXTLIST", _plain_parser)
    return _plain_parser(opening)


def _plain_parser(opening: Opening) -> Parser:
    from ._txtlist_json import TxtListJsonParser
    from ._txtlist_parser import TxtListParser

    start = (opening.orig or opening.resp).removeprefix(b"\xef\xbb\xbf").lstrip()
    return TxtListJsonParser(opening) if start[:1] == b"[" else TxtListParser(opening)


PROTOCOL = Protocol(
    name="txtlist",
    title="Channel lists as text: NAME,URL lines in groups that end in #genre#, or JSON",
    specification="none; the grammar that players of such lists read",
    carriers=("content",),
    tables=(CATALOGUE_ENTRIES,),
    detect=detect,
    parser=make_parser,
    limits="Settings between the lines are kept, not applied. Entries over 1,000,000 are not read.",
)
