"""What a chunk header and the first payload bytes can look like: the tests by which lost sync is noticed and found.

They apply only where bytes were lost or the beginning was not captured; elsewhere every header is taken as sent.
"""

from __future__ import annotations

from typing import Any

from ..kernel import inline, kernel
from . import _rtmp_layout as L
from ._rtmp_bytes import be24, le32

MEDIA_LIMIT = 1 << 22  # no coded picture of a broadcast is longer
MSID_LIMIT = 1 << 16
HEADER_WINDOW = 20  # bytes that a candidate header and its first payload bytes take
STEP_LIMIT_MS = 10_000


@inline
def plausible_type(kind: int, length: int, csid: int, msid: int) -> int:
    """Return 1 if a message of this type may have this length and these ids."""
    if msid < 0 or msid >= MSID_LIMIT:
        return 0
    if kind == L.AUDIO or kind == L.VIDEO:
        return 1 if length <= MEDIA_LIMIT and csid > 2 else 0
    if kind == L.AGGREGATE:
        return 1 if 11 < length <= MEDIA_LIMIT and csid > 2 else 0
    if L.DATA_AMF3 <= kind <= L.COMMAND_AMF0:
        return 1 if 3 <= length <= L.KEPT_LIMIT and csid > 2 else 0
    if msid != 0:
        return 0
    if kind == L.USER_CONTROL:
        return 1 if 6 <= length <= 48 else 0
    if kind == L.PEER_BANDWIDTH:
        return 1 if length == 5 else 0
    return 1 if L.SET_CHUNK_SIZE <= kind <= L.WINDOW_SIZE and length == 4 else 0


@inline
def plausible_video(data: Any, at: int, end: int) -> int:
    """Return 1 if video payload may begin like this."""
    first = data[at] & 0xFF
    frame = (first >> 4) & 7
    if frame < 1 or frame > 5:
        return 1 if first >= 0x80 and frame == 0 else 0
    if first & 0x80:
        return 1 if (first & 15) <= 7 else 0
    codec = first & 15
    if codec == 7 or codec == 12:
        return 1 if at + 1 >= end or data[at + 1] <= 2 else 0
    return 1 if 2 <= codec <= 6 or codec >= 13 else 0


@inline
def plausible_payload(data: Any, at: int, end: int, kind: int) -> int:
    """Return 1 if the payload of a message of this type may begin with the bytes at `at`, as far as they are there."""
    if at >= end:
        return 1
    first = data[at] & 0xFF
    if kind == L.VIDEO:
        return plausible_video(data, at, end)
    if kind == L.AUDIO:
        codec = first >> 4
        if codec == 10:
            return 1 if at + 1 >= end or data[at + 1] <= 1 else 0
        if codec == 9:
            return 1 if (first & 15) <= 7 else 0
        return 0 if codec == 12 else 1
    if kind == L.COMMAND_AMF0 or kind == L.DATA_AMF0:
        return 1 if first == 2 else 0
    if kind == L.COMMAND_AMF3 or kind == L.DATA_AMF3:
        return 1 if first == 0 or first == 2 else 0
    if kind == L.SET_CHUNK_SIZE:
        return 1 if first == 0 else 0
    return 1


@inline
def is_candidate(data: Any, p: int, end: int) -> int:
    """Return 1 if a chunk header of type 0 or 1 with its first payload bytes may stand at `p`."""
    fmt = (data[p] & 0xFF) >> 6
    csid = data[p] & 63
    if fmt > 1 or csid < 2:
        return 0
    kind = data[p + 7] & 0xFF
    size = be24(data, p + 4)
    field = be24(data, p + 1)
    msid = 0
    if fmt == 0:
        msid = le32(data, p + 8)
    elif field > STEP_LIMIT_MS or (kind > L.PEER_BANDWIDTH and kind != L.AUDIO and kind != L.VIDEO):
        return 0
    if size == 0 or plausible_type(kind, size, csid, msid) == 0:
        return 0
    at = p + (12 if fmt == 0 else 8) + (4 if field == 0xFFFFFF else 0)
    return plausible_payload(data, at, min(end, at + min(size, 2)), kind)


@kernel("B[] q q")
def find_candidate(data: Any, begin: int, end: int) -> int:
    """Return where the first plausible chunk header stands, or the first position that could not be judged yet."""
    last = end - HEADER_WINDOW
    for p in range(begin, last + 1):
        kind = data[p + 7]
        if 0 < kind <= L.AGGREGATE and is_candidate(data, p, end) == 1:
            return p
    return max(begin, last + 1)
