"""RTMPT: the bodies of HTTP exchanges turned into the two directions of one RTMP stream.

Specification: none was published by Adobe; what Flash Player, librtmp and ffmpeg send. The client POSTs bodies of
media type `application/x-fcs`: `/open/1` (the answer is a session id and LF), `/send/<id>/<n>` with RTMP bytes,
`/idle/<id>/<n>` when it has nothing to say, and `/close/<id>/<n>`; `/fcs/ident2` before them is a probe. Answers to
send, idle and close are a byte that says how long to wait before the next one, and RTMP bytes. The number n grows
by one with each request of the session.

This file says which bodies belong together; the engine feeds them to the parser of RTMP, whose rows carry the flow
of the HTTP exchanges and point at the frames of the bodies.

**Known limitations**

* Each TCP connection is read by itself. If a session is spread over several, the numbers that are left out count
  as lost bytes, RTMP is found again behind each, and every flow has rows of its own.
* A body whose request was not captured has no session id: its bytes are not read, which is reported.
* Encrypted tunnels (RTMPTE) give the row of the handshake and the anomaly of RTMPE; RTMPTS is TLS.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..protocol import Anomaly, ContentInfo, Event, Opening, Protocol, Tunnel

MEDIA_TYPE = "application/x-fcs"
LAST_EARLY_NUMBER = 2
"""The first message of a session is number 0, 1 or 2, as clients count differently."""

_SURE = 1.0
_MAX_NUMBER_DIGITS = 18
_COMMAND = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://[^/?#]*)?/(?:(fcs)/ident2?|(open)/\d+|(send|idle|close)/([^/?#]+)(?:/(\d+))?)/?(?:[?#].*)?",
    re.IGNORECASE | re.DOTALL,
)


class Command(NamedTuple):
    """What the path of a request asks for."""

    name: str
    """`fcs`, `open`, `send`, `idle` or `close`."""
    session: str | None
    number: int | None


def read_command(name: str | None) -> Command | None:
    """Return the command in a URL or request target, None if there is none.

    Example:
        >>> read_command("http://media.example/idle/Xq7/12")
        Command(name='idle', session='Xq7', number=12)
    """
    match = _COMMAND.fullmatch(name or "")
    if match is None:
        return None
    probe, opening, other, session, digits = match.groups()
    number = int(digits) if digits and len(digits) <= _MAX_NUMBER_DIGITS else None
    return Command((probe or opening or other).lower(), session, number)


def tunnel(info: ContentInfo) -> Tunnel | None:
    """Return the RTMP stream that a body is a part of, None for bodies outside any."""
    command = read_command(info.name)
    if command is None or command.session is None:
        return None
    skip: int | None = None
    if info.role == "response":
        refused = info.status is not None and info.status != 200
        skip = None if refused else 1  # how long to wait before the next request
    elif command.name == "send":
        skip = 0
    number = command.number
    late = number is not None and number > LAST_EARLY_NUMBER
    return Tunnel(command.session, skip, number, is_midstream=late, is_last=command.name == "close")


class RtmptParser:
    """Reads the bodies that are no part of a stream: there is nothing in them to tell."""

    client_is_orig = True

    def __init__(self, opening: Opening) -> None:
        self._is_known = read_command(opening.info.name) is not None
        self._bytes = 0

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return nothing; bytes that may be part of a stream are counted."""
        self._bytes += len(data)
        return []

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return nothing."""
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return that bytes were left out, if it is not known which stream they belong to."""
        if self._is_known or not self._bytes:
            return []
        return [Anomaly("RTMPT_session_not_known", from_orig, 0, f"{self._bytes} bytes were not read")]


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a body belongs to RTMPT: by what its carrier says, whatever its bytes are."""
    media_type = (opening.info.media_type or "").partition(";")[0].strip().lower()
    return _SURE if media_type == MEDIA_TYPE else 0.0


PROTOCOL = Protocol(
    name="rtmpt",
    title="RTMPT: RTMP in the bodies of HTTP exchanges",
    specification="none published; Flash Player, librtmp and ffmpeg as they are",
    carriers=("content",),
    tables=(),
    detect=detect,
    parser=RtmptParser,
    limits="The TCP connections of a session are read apart from each other; bodies whose request was not captured "
    "are not read.",
    tunnel=tunnel,
    inner=("rtmp",),
)
