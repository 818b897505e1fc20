"""Messages of one capture to its viewing sessions.

Each rule takes what is its own and leaves the rest to the next: playlists with what they name, numbered media
segments without a playlist, endless bodies, media files; what clients sent by HTTP, RTMP, SRT, WebSocket and bare
transport streams stand apart.
What was encrypted and not opened is left to `shape`, which infers.
"""

from __future__ import annotations

from .datagrams import datagram_sessions
from .endless import endless_sessions
from .families import family_sessions
from .fetches import read_fetches
from .hls import hls_sessions
from .model import Draft
from .progressive import progressive_sessions
from .pushed import pushed_sessions
from .records import TableReader
from .rtmp import rtmp_sessions
from .shape import shape_sessions
from .srt import srt_sessions
from .websocket import websocket_sessions


def drafts_of(reader: TableReader) -> list[Draft]:
    """Return the sessions of a capture, in no particular order.

    Args:
        reader: Tables of one capture. Those that it does not have count as empty.
    """
    fetches = read_fetches(reader)
    drafts, claimed = hls_sessions(reader, fetches)
    drafts += family_sessions(fetches, claimed)
    drafts += rtmp_sessions(reader, fetches.flows)
    drafts += endless_sessions(fetches, claimed, drafts)
    drafts += progressive_sessions(fetches, claimed)
    drafts += pushed_sessions(reader, fetches.sent)
    drafts += datagram_sessions(fetches)
    drafts += shape_sessions(reader, fetches.flows)
    drafts += srt_sessions(reader, fetches)
    drafts += websocket_sessions(reader, fetches)
    return drafts
