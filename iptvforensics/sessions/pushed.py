"""Media that clients sent by HTTP (PUT, POST) to hls-publish, http-ts-publish and http-flv-publish sessions.

RFC 9110 sections 9.3.3 and 9.3.4; RFC 8216. Encoders send the media segments and the playlists of HLS one by one, or
one body without an end. The rules are those for what servers send: who sent stands where who watched does.

**Known limitations**: a file that is sent with its length is no session. Media segments of names in rotation, whose
playlist comes after them, count once per name. Of a body whose request was not captured it is not told who sent it.
"""

from __future__ import annotations

from .endless import endless_sessions
from .families import family_sessions
from .fetches import Fetches
from .hls import hls_sessions
from .model import Draft
from .records import TableReader


def pushed_sessions(reader: TableReader, sent: Fetches | None) -> list[Draft]:
    """Return the sessions of what clients sent; None stands for nothing."""
    if sent is None:
        return []
    drafts, claimed = hls_sessions(reader, sent)
    drafts += family_sessions(sent, claimed)
    drafts += endless_sessions(sent, claimed)
    for draft in drafts:
        draft.session.published = True
        draft.session.delivery += "-publish"
    return drafts
