"""Replies of Stalker (Ministra) portals and of those that imitate them: accounts, lists, guides, links to rows.

No specification was published; the shapes are those of Stalker 5 and Ministra and of the imitation in Xtream
software. A reply is `{"js": ...}` to `load.php` or `portal.php` with `type` and `action`. What a client claims of
itself (MAC in its cookie, serial, identifiers, token) stands in the row of the reply; a form that was posted gives a
row of its own (role `request`). Column `marks` says by which traits software may be told apart. Notices of PHP
that stand before a reply are skipped and told.

**Known limitations**: the REST interface of Ministra (`/api/v1` and up) and OAuth are not read. Times of lists and
guides without zone stay text. Of `tv_archive_duration` the unit is not sure: it stays in `raw`. A call by
which a box tells what it plays has its row in `portal_events` at the reply: one without a reply is in table `http`.
"""

from __future__ import annotations

from string import ascii_letters, digits

from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES, STREAM_LINKS
from ..protocol import BLANK_BYTES, Opening, Parser, Protocol
from ._stalker_detect import detect, start_of
from ._stalker_events import PORTAL_EVENTS


def make_parser(opening: Opening) -> Parser:
    """Return the parser for a reply in JSON, or any other body; its code is loaded when the first one is made."""
    from ._stalker_parser import StalkerParser, StalkerText

    is_json = (start_of(opening.orig or opening.resp) or b"")[:1] == b"{" and opening.info.role != "request"
    return StalkerParser(opening) if is_json else StalkerText(opening)


PROTOCOL = Protocol(
    name="stalker",
    title="Replies of Stalker and Ministra portals: accounts, channels, films, programmes, links, calls of boxes",
    specification="none published; Stalker 5, Ministra and imitations as their servers answer",
    carriers=("content",),
    read_beside=True,
    tables=(ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES, STREAM_LINKS, PORTAL_EVENTS),
    detect=detect,
    parser=make_parser,
    begins=BLANK_BYTES + b"{<_" + (ascii_letters + digits).encode(),
    limits="REST interface and OAuth of Ministra are not read. Calls without a reply are in table http only.",
)
