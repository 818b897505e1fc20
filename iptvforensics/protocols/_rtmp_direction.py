"""One direction of an RTMP connection: bytes and gaps turned into messages, in order.

The handshake is read here; the chunk layer is the kernel of `_rtmp_chunks`; where bytes are missing, `_rtmp_sync`
finds the next chunk. What is found goes to a `Listener`.
"""

from __future__ import annotations

from ..protocol import Anomaly
from . import _rtmp_handshake as handshake
from . import _rtmp_layout as L
from ._flv_tag import TAG_AT, TAG_LENGTH, TAG_TIME, TAG_TYPE, TAG_WIDTH, walk_tags
from ._rtmp_listener import Listener, Message
from ._rtmp_sync import Arrays, Found, Synchroniser

HEADER_BYTES = 32
"""More than the longest chunk header and the payload bytes by which it is judged."""
SEARCH_BYTES = 1 << 18
MILESTONE_BYTES = 1 << 19
PENDING_LIMIT = 4 << 20
SAME_ANOMALY_LIMIT = 16
_HANDSHAKE, _CHUNKS, _SEARCH, _ENCRYPTED = range(4)


class Direction:
    """The state of one direction."""

    def __init__(self, from_orig: bool, listener: Listener, *, midstream: bool) -> None:
        self.from_orig = from_orig
        self.offset = 0
        """Stream offset of the next byte to come."""
        self.damaged = False
        """True once bytes were lost or skipped, or the beginning was not seen."""
        self.arrays = Arrays()
        self._listener = listener
        self._midstream = midstream
        self._phase = _HANDSHAKE
        self._first = bytearray()
        self._after_handshake = handshake.WHOLE_BYTES
        self._pending = b""
        self._partial: dict[int, bytearray] = {}
        self._partial_bytes = 0
        self._sync = Synchroniser(self.arrays)
        self._lost_at = 0
        self._lost_gaps = 0
        self._counts: dict[str, int] = {}
        self._suppressed: dict[str, int] = {}

    # --- what comes in ------------------------------------------------------------------------------

    def feed(self, data: memoryview) -> None:
        """Read the next bytes."""
        while len(data):
            left = MILESTONE_BYTES - self.offset % MILESTONE_BYTES
            self._feed(data[:left])
            if len(data) >= left:
                self._listener.on_milestone(self)
            data = data[left:]

    def _feed(self, data: memoryview) -> None:
        while len(data):
            if self._phase == _HANDSHAKE:
                taken = self._read_handshake(data)
            elif self._phase == _CHUNKS:
                taken = self._read_chunks(data)
            elif self._phase == _SEARCH:
                taken = self._search(data)
            else:
                taken = len(data)
            self.offset += taken
            data = data[taken:]

    def gap(self, length: int) -> None:
        """Go on after bytes that were not captured."""
        known = max(length, 0)
        self.damaged = True
        self._settle_handshake()
        if self._phase == _HANDSHAKE:
            self._gap_in_handshake(length)
        elif self._phase == _CHUNKS:
            self._gap_in_chunks(length)
        elif self._phase == _SEARCH:
            self._find(final=True)
            if self._phase == _CHUNKS:
                self._gap_in_chunks(length)
            else:
                self._lost_gaps += known
                self._sync.start(b"", self.offset + known)
        self.offset += known
        self._listener.on_missing(self, known)

    def end(self) -> None:
        """Finish: no more bytes will come."""
        self._settle_handshake()
        if self._phase == _HANDSHAKE and 0 < len(self._first) < handshake.FIRST_BYTES:
            self.anomaly("RTMP_handshake_incomplete", 0, f"{len(self._first)} of {handshake.FIRST_BYTES} bytes seen")
        if self._phase == _SEARCH:
            self._find(final=True)
        if self._phase == _CHUNKS:
            self._flush()
        skipped = self.offset - self._lost_at - self._lost_gaps
        if self._phase == _SEARCH and skipped > 0:
            self.anomaly("RTMP_not_synchronised", self._lost_at, f"{skipped} bytes to the end could not be read")
        if self._phase == _CHUNKS and (self._pending or self.unfinished):
            self.damaged = True
            self.anomaly("RTMP_stream_ends_inside_message", self.offset, "")
        if self.arrays.state[L.UNKNOWN_TYPES]:
            self.anomaly("RTMP_unknown_message_type", 0, "", int(self.arrays.state[L.UNKNOWN_TYPES]))
        if self.arrays.state[L.UNCOUNTED]:
            self.anomaly("RTMP_too_many_message_streams", 0, "", int(self.arrays.state[L.UNCOUNTED]))
        for name, count in self._suppressed.items():
            self._listener.on_anomaly(Anomaly(name, self.from_orig, self.offset, "further ones, not listed", count))
        self._suppressed.clear()
        self._phase = _ENCRYPTED
        self._partial.clear()

    @property
    def unfinished(self) -> bool:
        """True while a message has begun and is not whole."""
        return self.arrays.state[L.CURRENT] >= 0 or bool((self.arrays.slots[L.REMAINING :: L.SLOT_WIDTH] > 0).any())

    def anomaly(self, name: str, offset: int, detail: str, count: int = 1) -> None:
        """Report something that broke a rule; many of one name are summed up at the end."""
        seen = self._counts[name] = self._counts.get(name, 0) + 1
        if seen > SAME_ANOMALY_LIMIT:
            self._suppressed[name] = self._suppressed.get(name, 0) + count
            return
        self._listener.on_anomaly(Anomaly(name, self.from_orig, offset, detail, count))

    # --- handshake ----------------------------------------------------------------------------------

    def _read_handshake(self, data: memoryview) -> int:
        if self.offset >= handshake.FIRST_BYTES or (not self._first and self.offset > 0):
            taken = min(len(data), self._after_handshake - self.offset)
            if self.offset + taken == self._after_handshake:
                self._phase = _CHUNKS
            return taken
        taken = min(len(data), handshake.FIRST_BYTES - len(self._first))
        self._first += data[:taken]
        if not self._is_hello():
            self._lose_handshake()
        elif len(self._first) == handshake.FIRST_BYTES:
            hello = handshake.read_hello(bytes(self._first))
            self._listener.on_hello(self, hello)
            if hello.handshake == "encrypted":
                self.anomaly("RTMP_encrypted_not_decoded", 0, "RTMPE: everything after the handshake is encrypted")
                self._phase = _ENCRYPTED
        return taken

    def _is_hello(self) -> bool:
        """Return False once the bytes can be no handshake (any version 3 will do unless we came late)."""
        first = self._first
        if first[0] != handshake.PLAIN_VERSION and first[0] not in handshake.ENCRYPTED_VERSIONS:
            return False
        if not self._midstream or len(first) < 9:
            return True
        if first[0] == handshake.PLAIN_VERSION and first[5:9] == bytes(4):
            return True
        return len(first) < handshake.FIRST_BYTES or handshake.digest_signer(bytes(first[1:])) is not None

    def _settle_handshake(self) -> None:
        """Decide what a handshake that goes no further is: if we came late, chunks that begin like one."""
        undecided = self._phase == _HANDSHAKE and self._midstream and 0 < len(self._first) < handshake.FIRST_BYTES
        if undecided and (self._first[0] != handshake.PLAIN_VERSION or any(self._first[5:9])):
            self._lose_handshake()

    def _lose_handshake(self) -> None:
        """Take the bytes for chunks of a connection whose beginning was not captured."""
        if not self._midstream:
            self.anomaly("RTMP_no_handshake", 0, f"first byte is {self._first[0]}, expected 3")
        rest = bytes(self._first)
        self._first.clear()
        self._lose(0)
        self._sync.start(rest, 0)
        self._find(final=False)

    def _gap_in_handshake(self, length: int) -> None:
        if self._first and len(self._first) < handshake.FIRST_BYTES:
            self.anomaly("RTMP_handshake_incomplete", 0, f"{len(self._first)} of {handshake.FIRST_BYTES} bytes seen")
        started = bool(self._first) and not self._midstream
        if started and self.offset == len(self._first) < handshake.FIRST_BYTES:
            self._first.clear()
        after = self.offset + length
        if started and length > 0 and after <= self._after_handshake:
            if after == self._after_handshake:
                self._phase = _CHUNKS
            return
        self._lose(self.offset)
        self._lost_gaps = max(length, 0)
        self._sync.start(b"", self.offset + max(length, 0))

    # --- chunks -------------------------------------------------------------------------------------

    def _read_chunks(self, data: memoryview) -> int:
        if not self._pending:
            taken = self._walk(data, self.offset)
            if self._phase != _CHUNKS:
                return taken
            self._pending = bytes(data[taken:])
            return len(data)
        waiting = len(self._pending)
        joined = self._pending + bytes(data[:HEADER_BYTES])
        taken = self._walk(joined, self.offset - waiting)
        if self._phase != _CHUNKS:
            if taken < waiting:
                self._sync.start(self._pending[taken:], self.offset - waiting + taken)
            self._pending = b""
            return max(taken - waiting, 0)
        if taken < waiting:  # all of `data` is in `joined`, and the header is still not whole
            self._pending = joined[taken:]
            return len(data)
        self._pending = b""
        return taken - waiting

    def _walk(self, data: memoryview | bytes, base: int, final: bool = False) -> int:
        """Return how many bytes the chunk layer took; a header that is not yet whole is left."""
        position = 0
        state = self.arrays.state
        while True:
            position = self.arrays.walk(data, position, len(data), base, int(final))
            if state[L.RECORDS]:
                self._take_records()
            if state[L.REASON] == L.BAD_HEADER:
                self.damaged = True
                self._lose(base + position)
                self._sync.start(b"", base + position)
                self._listener.on_missing(self, 0)
                return position
            if state[L.REASON] == L.NEED_MORE:
                return position

    def _flush(self) -> None:
        """Read what was waiting for bytes that will not come."""
        pending, self._pending = self._pending, b""
        taken = self._walk(pending, self.offset - len(pending), final=True)
        if self._phase == _CHUNKS:
            self._pending = pending[taken:]

    def _gap_in_chunks(self, length: int) -> None:
        self._flush()
        state, slots = self.arrays.state, self.arrays.slots
        slot = int(state[L.CURRENT])
        if self._phase == _CHUNKS and slot >= 0 and not self._pending and 0 < length <= state[L.CHUNK_LEFT]:
            at = slot * L.SLOT_WIDTH
            slots[at + L.LOST] += length
            slots[at + L.REMAINING] -= length
            state[L.CHUNK_LEFT] -= length
            if slots[at + L.MODE] == L.MODE_KEEP:
                self._drop(slot)
                self.anomaly("RTMP_message_incomplete", int(slots[at + L.BEGIN]), f"{length} bytes not captured")
            slots[at + L.MODE] = L.MODE_SKIP
            state[L.TRUSTED] = 0
            return
        if self._phase == _CHUNKS:
            self._lose(self.offset - len(self._pending))
        self._pending = b""
        self._lost_gaps += max(length, 0)
        self._sync.start(b"", self.offset + max(length, 0))

    # --- search -------------------------------------------------------------------------------------

    def _lose(self, offset: int) -> None:
        """Begin to search: from this offset on, the place of chunk headers is unknown."""
        state = self.arrays.state
        size = int(state[L.CHUNK_SIZE])
        was_handshake = self._phase == _HANDSHAKE
        self._sync.known_size = None if was_handshake else size
        if self._partial:
            self.anomaly("RTMP_message_incomplete", offset, "", len(self._partial))
        self.arrays.forget_messages()
        self._partial.clear()
        self._partial_bytes = 0
        self.damaged = True
        self._phase = _SEARCH
        self._lost_at = offset
        self._lost_gaps = 0

    def _search(self, data: memoryview) -> int:
        taken = min(len(data), SEARCH_BYTES)
        self._sync.buffer += data[:taken]
        self._find(final=False)
        return taken

    def _find(self, final: bool) -> None:
        """Look for chunks in the bytes seen since sync was lost, and read them."""
        while self._phase == _SEARCH:
            found = self._sync.find(final)
            if found is None:
                return
            self._resume(found)

    def _resume(self, found: Found) -> None:
        state = self.arrays.state
        known = found.chunk_size == self._sync.known_size
        how = "known from before" if known else "guessed" if found.proved else "guessed, not proved"
        skipped = found.place - self._lost_at - self._lost_gaps
        detail = f"chunk size {found.chunk_size} {how}; {skipped} captured bytes skipped"
        self.anomaly("RTMP_resynchronised", found.place, detail)
        state[L.CHUNK_SIZE] = found.chunk_size
        self._phase = _CHUNKS
        data = bytes(self._sync.buffer)
        self._sync.buffer.clear()
        taken = self._walk(data, found.place)
        if self._phase == _CHUNKS:
            self._pending = data[taken:]
        else:
            self._sync.start(data[taken:], found.place + taken)

    # --- messages -----------------------------------------------------------------------------------

    def _take_records(self) -> None:
        out, side = self.arrays.out, self.arrays.side
        count = int(self.arrays.state[L.RECORDS])
        for record in out[: count * L.RECORD_WIDTH].reshape(-1, L.RECORD_WIDTH).tolist():
            kind, slot = record[L.R_KIND], record[L.R_SLOT]
            if kind == L.PIECE:
                self._keep(slot, side[record[L.R_FROM] : record[L.R_FROM] + record[L.R_LENGTH]].tobytes(), record)
            elif kind == L.DONE:
                self._deliver(slot, record)
            else:
                self._drop(slot)
                self._report_drop(record)

    def _keep(self, slot: int, piece: bytes, record: list[int]) -> None:
        if self._partial_bytes + len(piece) > PENDING_LIMIT:
            self._drop(slot)
            if self.arrays.slots[slot * L.SLOT_WIDTH + L.BEGIN] == record[L.R_BEGIN]:
                self.arrays.slots[slot * L.SLOT_WIDTH + L.MODE] = L.MODE_SKIP
            self.anomaly("RTMP_message_too_large", record[L.R_BEGIN], "too many unfinished messages at once")
            return
        self._partial.setdefault(slot, bytearray()).extend(piece)
        self._partial_bytes += len(piece)

    def _drop(self, slot: int) -> None:
        self._partial_bytes -= len(self._partial.pop(slot, b""))

    def _report_drop(self, record: list[int]) -> None:
        what = f"message type {record[L.R_TYPE]}, {record[L.R_LENGTH]} bytes"
        begin, value = record[L.R_BEGIN], record[L.R_VALUE]
        if value == L.DROP_TOO_LARGE:
            self.anomaly("RTMP_message_too_large", begin, f"{what}, limit {L.KEPT_LIMIT}: not read")
        elif value == L.DROP_CUT:
            self.anomaly("RTMP_message_cut", begin, f"{what}: another header came before its end")
        elif value == L.DROP_ABORTED:
            self.anomaly("RTMP_message_aborted", begin, what)
        else:
            self.anomaly("RTMP_too_many_chunk_streams", begin, f"{what}: its chunk stream was given up")

    def _deliver(self, slot: int, record: list[int]) -> None:
        payload = bytes(self._partial.get(slot, b""))
        self._drop(slot)
        kind = record[L.R_TYPE]
        if kind != L.SET_CHUNK_SIZE and len(payload) != record[L.R_LENGTH]:
            return  # given up when too many messages were unfinished
        msid = record[L.R_MSID] if record[L.R_MSID] >= 0 else None
        time = record[L.R_TIME] if record[L.R_TIME_KNOWN] == L.SENT else None
        place = record[L.R_BEGIN], record[L.R_END]
        message = Message(kind, record[L.R_CSID], msid, time, *place, payload, record[L.R_VALUE])
        if kind == L.AGGREGATE:
            self._open_aggregate(message, record)
        else:
            self._listener.on_message(self, message)

    def _open_aggregate(self, message: Message, record: list[int]) -> None:
        position = 0
        arrays, payload = self.arrays, message.payload
        while position < len(payload):
            begin = position
            position = walk_tags(
                payload, position, len(payload), record[L.R_MSID], record[L.R_TIME], record[L.R_TIME_KNOWN],
                message.offset, message.end, arrays.media, arrays.state, arrays.out,
            )  # fmt: skip
            found = int(arrays.state[L.RECORDS])
            for tag in arrays.out[: found * TAG_WIDTH].reshape(-1, TAG_WIDTH).tolist():
                kind = L.DATA_AMF0 if tag[TAG_TYPE] == 18 else tag[TAG_TYPE]
                body = payload[tag[TAG_AT] : tag[TAG_AT] + tag[TAG_LENGTH]]
                time = tag[TAG_TIME] if record[L.R_TIME_KNOWN] == L.SENT else None
                self._listener.on_message(self, message._replace(type=kind, timestamp_ms=time, payload=body))
            if position == begin:
                self.anomaly("RTMP_bad_aggregate", message.offset, f"tag at {position} of {len(payload)} is cut")
                return
