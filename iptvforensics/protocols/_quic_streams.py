"""STREAM frames of one direction, as they were captured -> the same in order, for whoever reads the streams.

Of each stream the bytes come in order and never twice; an offset that leaps says how many are missing. Frames that go
on where the last one ended become one frame. A frame that is written anew has the places of its bytes in the packets.
"""

from __future__ import annotations

from bisect import insort

from ..protocol import Event, Hold, OpenedData
from ..tls.wire import number_bytes
from ._quic_frames import RESET_STREAM, STREAM

HELD_LIMIT = 4 << 20
"""Bytes of a direction that wait for missing ones before them: what a window of flow control holds on a fast line."""
HELD_PIECES = 1 << 14
MAX_STREAMS = 1024
"""Streams that are open at the same time; the oldest gives way."""
MAX_CLOSED = 1 << 14
"""Streams that are remembered as ended, so that what is sent again is not taken for a new one."""
MAX_STREAM_BYTES = 1 << 44
"""No stream is as long; an offset beyond it was made up, and a gap before it would be."""
FLUSH_BYTES = 1 << 18
_OFFSET_LENGTH = 0x06

Piece = tuple[int, bytes, int]
"""Offset in its stream, bytes, and where they stand in the flow."""


class Stream:
    """One direction of one stream."""

    __slots__ = ("final", "held", "position")

    def __init__(self) -> None:
        self.position = 0
        """Offset of the next byte that is handed on."""
        self.held: list[Piece] = []
        self.final: int | None = None


class Streams:
    """The streams of one direction of a connection."""

    def __init__(self, side: bool, key: int) -> None:
        self._side = side
        self._key = key
        self._streams: dict[int, Stream] = {}
        self._closed: dict[int, None] = {}
        self._held_bytes = self._held_pieces = 0
        self._last: int | None = None
        """Stream of the frame that is being written."""
        self._last_at = (0, 0)
        """Its offset in the stream, and the place of its first byte."""
        self._frame: list[Piece] = []
        self._ready: list[tuple[bytes, int]] = []
        self._new_bytes = 0
        """Bytes that came since the last time that anything was handed on."""
        self.secret_sha256 = ""
        """Digest of the secret with which what waits was decrypted."""
        self._is_holding = False
        self.gaps = 0
        self.missing = 0
        """Bytes of streams that are known to be missing."""
        self.first_gap: int | None = None

    # --- frames in ------------------------------------------------------------------------------------------

    def add(self, stream: int, offset: int, data: bytes, place: int, *, is_last: bool) -> None:
        """Take the data of a STREAM frame; `place` is where they stand in the flow."""
        found = self._stream(stream)
        if found is None:
            return
        self._new_bytes += len(data)
        end = offset + len(data)
        if end > MAX_STREAM_BYTES:
            return
        if is_last and found.final is None:
            found.final = end
        if offset > found.position:
            if data:
                self._hold(found, (offset, data, place))
                if self._held_bytes > HELD_LIMIT or self._held_pieces > HELD_PIECES:
                    self._leap(stream, found)
        elif end > found.position:
            skipped = found.position - offset
            self._write(stream, found, data[skipped:] if skipped else data, place + skipped)
            if found.held:
                self._drain(stream, found)
        if found.final is not None:
            self._settle(stream, found, place)

    def reset(self, stream: int, place: int) -> None:
        """Take a RESET_STREAM frame: what was not captured of the stream was given up."""
        found = self._stream(stream)
        if found is None:
            return
        while found.held:
            self._leap(stream, found)
        self._end_frame()
        self._put(bytes([RESET_STREAM]) + number_bytes(stream) + b"\0" + number_bytes(found.position), place)
        self._close(stream)

    def finish(self) -> None:
        """Hand on all that waits for bytes that did not come."""
        for stream, found in list(self._streams.items()):
            while found.held:
                self._leap(stream, found)
            if found.final is not None and found.position < found.final:
                self._end_frame()
                self._missed(found.final - found.position, self._last_at[1])
                found.position = found.final
            self._settle(stream, found, self._last_at[1])
        self._end_frame()

    # --- one stream -----------------------------------------------------------------------------------------

    def _stream(self, number: int) -> Stream | None:
        """Return the state of a stream, None if it has ended."""
        found = self._streams.get(number)
        if found is None and number not in self._closed:
            if len(self._streams) >= MAX_STREAMS:
                oldest = next(iter(self._streams))
                while self._streams[oldest].held:
                    self._leap(oldest, self._streams[oldest])
                self._close(oldest)
            found = self._streams[number] = Stream()
        return found

    def _hold(self, found: Stream, piece: Piece) -> None:
        insort(found.held, piece)
        self._held_bytes += len(piece[1])
        self._held_pieces += 1

    def _drain(self, stream: int, found: Stream) -> None:
        """Hand on what waited for the bytes that came just now."""
        taken = 0
        for offset, data, place in found.held:
            if offset > found.position:
                break
            taken += 1
            self._held_bytes -= len(data)
            self._held_pieces -= 1
            skipped = found.position - offset
            if skipped < len(data):
                self._write(stream, found, data[skipped:] if skipped else data, place + skipped)
        del found.held[:taken]

    def _leap(self, stream: int, found: Stream) -> None:
        """Leave out the bytes that are missing before those that wait."""
        self._missed(found.held[0][0] - found.position, found.held[0][2])
        found.position = found.held[0][0]
        self._drain(stream, found)

    def _missed(self, count: int, place: int) -> None:
        self.gaps += 1
        self.missing += count
        if self.first_gap is None:
            self.first_gap = place

    def _settle(self, stream: int, found: Stream, place: int) -> None:
        """End a stream of which everything has come."""
        if found.final is None or found.held or found.position < found.final:
            return
        if self._last != stream:
            self._begin_frame(stream, found.position, place)
        self._end_frame(is_last=True)
        self._close(stream)

    def _close(self, stream: int) -> None:
        del self._streams[stream]
        if len(self._closed) >= MAX_CLOSED:
            del self._closed[next(iter(self._closed))]
        self._closed[stream] = None

    # --- frames out -----------------------------------------------------------------------------------------

    def _write(self, stream: int, found: Stream, data: bytes, place: int) -> None:
        frame = self._frame
        if self._last != stream or not frame or found.position != frame[-1][0] + len(frame[-1][1]):
            self._begin_frame(stream, found.position, place)
        self._frame.append((found.position, data, place))
        found.position += len(data)

    def _begin_frame(self, stream: int, offset: int, place: int) -> None:
        self._end_frame()
        self._last, self._last_at = stream, (offset, place)

    def _end_frame(self, *, is_last: bool = False) -> None:
        """Write the frame that has come together."""
        stream, pieces = self._last, self._frame
        if stream is None or not (pieces or is_last):
            return
        offset, place = self._last_at
        size = sum(len(data) for _, data, _ in pieces)
        kind = STREAM | _OFFSET_LENGTH | is_last
        header = bytes([kind]) + number_bytes(stream) + number_bytes(offset) + number_bytes(size)
        self._put(header, max(place - len(header), 0))
        for _, data, at in pieces:
            self._put(data, at)
        self._last, self._frame = None, []

    def _put(self, data: bytes, place: int) -> None:
        self._ready.append((data, place))

    @property
    def is_full(self) -> bool:
        """Return True if enough has come together to be handed on."""
        return self._new_bytes >= FLUSH_BYTES

    def flush(self) -> list[Event]:
        """Return what has come together, and how long the places of its bytes must be remembered."""
        self._end_frame()
        self._new_bytes = 0
        events: list[Event] = []
        if self._ready:
            starts, offsets, position = [], [], 0
            for data, place in self._ready:
                starts.append(position)
                offsets.append(place)
                position += len(data)
            data = b"".join(data for data, _ in self._ready)
            self._ready = []
            events.append(OpenedData(self._side, offsets[0], data, self.secret_sha256, (starts, offsets), self._key))
        return events + self._holding()

    def _holding(self) -> list[Event]:
        """Return the request to remember the places of what waits, or to forget them again."""
        if self._is_holding == bool(self._held_pieces):
            return []
        self._is_holding = not self._is_holding
        first = min((place for found in self._streams.values() for _, _, place in found.held), default=None)
        return [Hold(self._side, first if self._is_holding else None)]
