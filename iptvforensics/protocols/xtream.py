"""Replies of the Xtream API (`player_api.php`, `panel_api.php`): accounts, catalogues, guides to rows.

No specification was published; the shapes are those of Xtream Codes 1 and 2, XUI.one, XC_VM and of servers that
imitate them. Numbers may come as text, empty objects as `[]`, titles in base64, identifiers twice; all of it is read.
Notices of PHP that stand before a reply are skipped and told.
Forms posted to the same pages are read too (role `request`): what the client says of itself.

**Known limitations**: a refusal that looks like a missing page (status 404) is in table `http` only. Times of a guide
without zone stay text. Of an item the first 4,096 characters are kept in `raw`. After 1,000,000 items a body is not
read on.
"""

from __future__ import annotations

import re
from string import ascii_letters, digits

from ..listings.notices import end_of_notices
from ..listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES
from ..protocol import BLANK_BYTES, OPENING_BYTES, Opening, Parser, Protocol

_PAGE = re.compile(r"/(?:player_api|panel_api)(?:\.php)?(?:[/?]|\Z)")
_FORM_PAGE = re.compile(r"/(?:player_api|panel_api|get|xmltv|enigma2|xplugin)\.php(?:\?|\Z)")
_FORM = re.compile(rb"[A-Za-z0-9_]+(?:=|\Z)")
_SHAPES = (
    (b'"user_info"', b'"auth"'),
    (b'"user_info"', b'"server_info"'),
    (b'"epg_listings"', b'"epg_listings"'),
    (b'"available_channels"', b'"stream_id"'),
    (b'"stream_id"', b'"stream_type"'),
    (b'"series_id"', b'"cover"'),
    (b'"category_name"', b'"parent_id"'),
    (b'"movie_data"', b'"container_extension"'),
    (b'"episodes"', b'"episode_num"'),
)
"""Names that stand together in replies of this API only."""


def make_parser(opening: Opening) -> Parser:
    """Return the parser for a reply, or for a form that was posted; its code is loaded when the first one is made."""
    from ._xtream_parser import XtreamForm, XtreamParser

    return XtreamForm(opening) if opening.info.role == "request" else XtreamParser(opening)


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body is of this API: by the page asked for, else by names that stand together."""
    head, info = opening.orig or opening.resp, opening.info
    if info.role == "request":
        return 0.95 if _FORM.match(head) and _FORM_PAGE.search(info.name or "") else 0.0
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if start[:1] == b"<":
        behind = end_of_notices(head)
        start = b"" if behind is None else head[behind:].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    is_partial = len(head) < OPENING_BYTES
    if start[:1] not in (b"{", b"["):
        return None if not start and is_partial else 0.0
    if _PAGE.search(info.name or ""):
        return 0.95
    if any(one in head and other in head for one, other in _SHAPES):
        return 0.9
    return None if is_partial else 0.0


PROTOCOL = Protocol(
    name="xtream",
    title="Replies of the Xtream API: accounts, channels, films, series, programmes",
    specification="none published; Xtream Codes 1 and 2, XUI.one, XC_VM as their servers answer",
    carriers=("content",),
    read_beside=True,
    tables=(ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES),
    detect=detect,
    parser=make_parser,
    begins=BLANK_BYTES + b"{[<_" + (ascii_letters + digits).encode(),
    limits="Refusals in the form of a missing page are in table http only. Guide times without zone stay text.",
)
