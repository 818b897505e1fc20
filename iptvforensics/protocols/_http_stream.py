"""One direction of an HTTP connection: heads, bodies, holes, and the way back to the next message.

`Stream` holds what requests and responses have in common; `_http_requests` and `_http_responses` say what a head means.
"""

from __future__ import annotations

from enum import Enum

from ..protocol import ContentBegin, ContentData, ContentEnd, ContentGap, ContentInfo
from ._http_arrivals import Arrivals
from ._http_body import Body
from ._http_head import MAX_HEAD_BYTES, Head, find_head_end, parse_head
from ._http_pairing import Pairing

_WINDOWS = (1 << 10, 8 << 10, MAX_HEAD_BYTES)
"""Bytes looked at for the end of a head, one after the other: most heads are short, and what follows is not copied."""
_PREFIX = 64
_NEAR_REACH = 1 << 10
_FARTHEST_REACH = 1 << 18
_NOTHING = memoryview(b"")
_UNKNOWN = ContentInfo(role="message")
_FRAMING_DEVIATIONS = {
    "conflicting_content_length",
    "content_length_with_chunked",
    "doubled_content_length",
    "unreadable_content_length",
}


class State(Enum):
    """What the next byte of a stream is taken for."""

    HEAD = "head of a message"
    BODY = "body"
    SKIP = "anything up to the next start line"
    TUNNEL = "another protocol"


class Stream(Arrivals):
    """One direction of a connection."""

    def __init__(self, pairing: Pairing, from_orig: bool, midstream: bool) -> None:
        super().__init__()
        self.pairing = pairing
        self.from_orig = from_orig
        self.note_at = pairing.noter(from_orig)
        """Records an anomaly at a place in this direction."""
        self.offset = 0
        """Stream offset of the first byte that is not yet read."""
        self.state = State.HEAD
        self.fresh = midstream
        """True as long as nothing was read of a direction whose beginning was not captured."""
        self.after_hole = midstream
        """True if the next bytes need not start a message."""
        self.uncertain = False
        """True once messages of this direction may have gone unnoticed."""
        self.leading_lines = False
        self._refused = False
        self._reach = _NEAR_REACH
        self.body: Body | None = None
        self.head_bytes = 0
        self.tunnel_info = _UNKNOWN
        self._key = -1
        self._content: int | None = None

    # -- what requests and responses differ in

    def may_be_start(self, window: bytes) -> bool:
        """Return False once bytes cannot become a start line."""
        raise NotImplementedError

    def find_start(self, window: bytes) -> tuple[int, int]:
        """Return where the next start line begins (-1: nowhere), and how many bytes precede any."""
        raise NotImplementedError

    def may_read(self, view: memoryview) -> bool:
        """Return False if what starts with these bytes cannot be read before the other direction goes on."""
        return True

    def may_answer(self) -> bool:
        """Return False if a complete head has to wait for the other direction."""
        return True

    def take_head(self, head: Head) -> bool:
        """Take the head that starts at `offset`; return False if it is none."""
        raise NotImplementedError

    def take_cut_head(self, head: Head, trouble: str) -> None:
        """Take what there is of a head that is not complete."""
        raise NotImplementedError

    def message_lost(self, length: int, *, taken: bool) -> None:
        """Account for messages of this length that a gap swallowed; one of them may have been taken by its head."""
        raise NotImplementedError

    def message_done(self) -> None:
        """Account for the end of a message with its body."""
        raise NotImplementedError

    def stream_done(self) -> None:
        """Account for the end of the direction."""
        raise NotImplementedError

    def found_inside(self) -> None:
        """Account for a capture that begins within a message of this direction."""

    # -- reading

    def next_key(self) -> int:
        """Return a content key: unique in the connection, whatever the order of the directions."""
        self._key += 1
        return 2 * self._key + (not self.from_orig)

    @property
    def reads_little(self) -> bool:
        """Return True within a head."""
        return self.state is State.HEAD

    def is_worth_reading(self, added: int) -> bool:
        """Return False if a head of which a part is kept has surely not become complete."""
        rest = self._rest
        if self.state is not State.HEAD:
            return True
        begin = max(len(rest) - added - 2, 0)
        if rest.find(b"\n\n", begin) >= 0 or rest.find(b"\n\r\n", begin) >= 0 or len(rest) >= MAX_HEAD_BYTES:
            return True
        return not self.may_be_start(bytes(rest[:_PREFIX]))

    def read(self, view: memoryview) -> int:
        """Return how many bytes could be read."""
        position, length = 0, len(view)
        while position < length and not self.blocked:
            state = self.state
            part = view[position:] if position else view
            if self.body is not None:
                consumed = self._read_body(self.body, part)
            elif state is State.HEAD:
                consumed = self._read_head(part)
            elif state is State.SKIP:
                consumed = self._skip(part)
            else:
                consumed = self._hand_on(part)
            position += consumed
            self.offset += consumed
            if consumed == 0 and self.state is state:
                break
        return position

    def _read_body(self, body: Body, view: memoryview) -> int:
        consumed = body.feed(view, self.offset)
        if body.done:
            self._body_done(body)
        return consumed

    def _body_done(self, body: Body) -> None:
        body.close()
        self.state = State.HEAD
        self.message_done()
        self.body = None

    def _read_head(self, view: memoryview) -> int:
        if not self.may_read(view):
            self.blocked = True
            return 0
        if self.state is not State.HEAD:
            return 0
        window = bytes(view[: _WINDOWS[0]])
        if window[0] in b"\r\n":
            self.leading_lines = not self.after_hole
            return len(window) - len(window.lstrip(b"\r\n"))
        block, size = find_head_end(window)
        for reach in _WINDOWS[1:]:
            if block >= 0 or len(window) == len(view):
                break
            window = bytes(view[:reach])
            block, size = find_head_end(window)
        if block < 0 and not self.may_be_start(window):
            return self._refuse()
        if block < 0 and len(window) < MAX_HEAD_BYTES:
            return 0
        if not self.may_answer():
            self.blocked = True
            return 0
        if block < 0:
            return self._head_too_long(window)
        self.head_bytes = size
        if not self.take_head(parse_head(window[:block], window[block:size])):
            return self._refuse()
        self.after_hole = self.leading_lines = self.fresh = False
        return size

    def _head_too_long(self, window: bytes) -> int:
        head = _cut_head(window)
        if head is None:
            return self._refuse()
        self.note("header_too_long", f"no end within {MAX_HEAD_BYTES} bytes")
        head.deviations.add("header_too_long")
        self.take_cut_head(head, "header too long")
        self.state = State.SKIP
        self._reach = _NEAR_REACH
        self.after_hole = self.leading_lines = self.fresh = False
        return len(window)

    def _refuse(self) -> int:
        """Give up on a message here: look for one behind the first byte."""
        if self.fresh:
            self.found_inside()
        elif not self.after_hole:
            self.note("no_start_line")
        self.fresh = self.after_hole = self.leading_lines = False
        self.state = State.SKIP
        self._refused = True
        self._reach = _NEAR_REACH
        return 0

    def _skip(self, view: memoryview) -> int:
        """Return how many bytes precede the next start line; looks at more and more, as it may be near or far."""
        refused = int(self._refused)
        while True:
            window = bytes(view[: self._reach])
            start, keep = self.find_start(window[refused:] if refused else window)
            self._reach = min(4 * self._reach, _FARTHEST_REACH)
            if start >= 0 or keep + refused or len(window) == len(view):
                break
        consumed = self._hand_on(view[: refused + (start if start >= 0 else keep)])
        self._refused = self._refused and consumed == 0
        if start >= 0:
            self._close_content(whole=True)
            self.state = State.HEAD
        return consumed

    def _hand_on(self, view: memoryview) -> int:
        """Hand on bytes that are no HTTP message (RFC 9110 section 7.8: another protocol; or not understood)."""
        if len(view):
            if self._content is None:
                self._content = self.next_key()
                info = self.tunnel_info if self.state is State.TUNNEL else _UNKNOWN
                self.pairing.events.append(ContentBegin(self._content, self.from_orig, self.offset, info))
            self.pairing.events.append(ContentData(self._content, self.offset, view))
        return len(view)

    def _close_content(self, *, whole: bool) -> None:
        if self._content is not None:
            self.pairing.events.append(ContentEnd(self._content, whole))
            self._content = None

    # -- holes and the end

    def _settle_rest(self) -> bool:
        """Read what was kept back before a hole or the end; return False if that has to wait."""
        if self.state is State.HEAD:
            if self._rest:
                self.read_rest()
            if self.state is State.HEAD and not self.blocked and not (self.may_read(_NOTHING) and self.may_answer()):
                self.blocked = True
        return not self.blocked

    def read_gap(self, length: int) -> None:
        """Account for missing bytes."""
        if not self._settle_rest():
            self.gap_must_wait(length)
            return
        rest = self.take_rest()
        if self.body is not None:
            self._gap_in_body(self.body, rest, length)
        elif self.state is State.HEAD:
            self._gap_in_head(rest, length)
        else:
            self._hand_on(memoryview(rest))
            if self._content is not None:
                self.pairing.events.append(ContentGap(self._content, length))
            self.offset += len(rest) + length

    def _gap_in_body(self, body: Body, rest: bytes, length: int) -> None:
        body.flush(rest, self.offset)
        self.offset += len(rest)
        behind = body.gap(length, self.offset)
        self.offset += length - behind
        if body.done:
            self._body_done(body)
        if behind:
            self.read_gap(behind)

    def _gap_in_head(self, rest: bytes, length: int) -> None:
        self.note("gap_in_head", f"{length} bytes are missing")
        head = _cut_head(rest)
        if head is not None:
            self.take_cut_head(head, "gap")
        self.message_lost(len(rest) + length, taken=head is not None)
        self.offset += len(rest) + length
        self.uncertain = self.after_hole = True
        self.leading_lines = self.fresh = False

    def read_end(self) -> None:
        """Account for the end of the direction."""
        if not self.ends_freely and not self._settle_rest():
            return
        rest = self.take_rest()
        if self.body is not None:
            self.body.flush(rest, self.offset)
            self.body.stream_ends()
            self.message_done()
            self.body = None
        elif self.state is State.HEAD:
            if rest:
                self.note("head_cut", f"the stream ends after {len(rest)} bytes of a head")
                head = _cut_head(rest)
                if head is not None:
                    self.take_cut_head(head, "ended early")
        else:
            self._hand_on(memoryview(rest))
            self._close_content(whole=self.state is State.TUNNEL)
        self.offset += len(rest)
        self._ended = True
        self.stream_done()

    @property
    def ends_freely(self) -> bool:
        """Return True if nothing is kept that the end would have to wait for."""
        return self.state is State.HEAD and not self._rest

    def note(self, name: str, detail: str = "") -> None:
        """Record an anomaly at the place reached."""
        self.pairing.note(name, self.from_orig, self.offset, detail)

    def note_framing(self, head: Head) -> None:
        """Record what is wrong with the declared length of a body."""
        if head.deviations:
            for name in sorted(_FRAMING_DEVIATIONS & head.deviations):
                self.note(name, head.get("content-length") or "")


def _cut_head(rest: bytes) -> Head | None:
    """Return what the whole lines of a cut head say, or None if there is none."""
    last = rest.rfind(b"\n")
    return parse_head(rest[:last]) if last >= 0 else None
