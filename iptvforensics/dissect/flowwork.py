"""The work on one flow: which parser reads it, what it says, and what its bodies say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DecodeError
from ..protocol import (
    OPENING_BYTES,
    Anomaly,
    At,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    Event,
    Mark,
    Opening,
    Parser,
    Protocol,
    Row,
)
from ..schema import OBJECTS
from .contents import HELD_LIMIT, Content
from .places import Place, Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .engine import Dissector

SURE = 0.9
"""A score from which a parser is chosen at once, though others cannot tell yet."""
ENOUGH = 0.5
MAX_UNDECIDED_DATAGRAMS = 8
MAX_DEPTH = 4
"""Bodies in bodies: a tunnel in a tunnel is plausible, more is not."""

Held = tuple[str, bool, memoryview | bytes | int]


def choose(protocols: Iterable[Protocol], opening: Opening, *, final: bool) -> tuple[Protocol | None, bool]:
    """Return the protocol with the highest score, and whether the choice stands (False: wait for more bytes)."""
    best: Protocol | None = None
    best_score = 0.0
    undecided = False
    for protocol in protocols:
        score = protocol.detect(opening)
        if score is None:
            undecided = True
        elif score > best_score:
            best, best_score = protocol, score
    if best_score >= SURE or final or not undecided:
        return (best if best_score >= ENOUGH else None), True
    return None, False


class FlowWork:
    """One flow while it is being read."""

    __slots__ = (
        "_contents",
        "_held",
        "_held_bytes",
        "_marks",
        "_offset",
        "_open",
        "carrier",
        "dead",
        "engine",
        "flow_id",
        "midstream",
        "number",
        "parser",
        "places",
        "protocol",
    )

    def __init__(self, engine: Dissector, number: int, flow_id: int, carrier: str, midstream: bool) -> None:
        self.engine = engine
        self.number = number
        self.flow_id = flow_id
        self.carrier = carrier
        self.midstream = midstream
        self.parser: Parser | None = None
        self.protocol: Protocol | None = None
        self.dead = False
        self.places = (Places(), Places())  # originator's, responder's
        self._held: list[Held] = []
        self._held_bytes = 0
        self._open = [True, True]
        self._contents: dict[tuple[int, int], Content] = {}
        self._marks: dict[tuple[bool, int], Place] = {}
        self._offset = [0, 0]

    # --- what the engine brings ----------------------------------------------------------------------

    def data(self, data: memoryview, from_orig: bool) -> None:
        """Take the next bytes of one direction (UDP: one datagram, or several for bulk protocols)."""
        if self.dead:
            return
        if self.parser is None and not self._settle(("data", from_orig, data)):
            if self._held:  # undecided: what is kept must outlive the batch
                self._held[-1] = ("data", from_orig, bytes(data))
            return
        if self._held:
            self._replay()
        elif self.parser is not None:
            self._call(self.parser.feed, data, from_orig)

    def gap(self, length: int, from_orig: bool) -> None:
        """Take a gap of one direction."""
        if self.dead:
            return
        if self.parser is None:
            self._held.append(("gap", from_orig, length))
        else:
            self._call(self.parser.gap, length, from_orig)

    def end(self, from_orig: bool) -> None:
        """Take the end of one direction; a flow whose both directions have ended is finished."""
        if self.dead or not self._open[not from_orig]:
            return
        self._open[not from_orig] = False
        if self.parser is None:
            self._held.append(("end", from_orig, 0))
            if any(self._open):
                return
            self._settle(None)
            if self._held:
                self._replay()
        else:
            self._call(self.parser.end, from_orig)
        if not any(self._open):
            self._close()

    def rest(self, from_orig: bool) -> None:
        """Prepare for the next batch: its arrays replace those of this one."""
        if not self.dead:
            self.places[not from_orig].keep()

    # --- choosing a parser ------------------------------------------------------------------------------

    def _settle(self, held: Held | None) -> bool:
        """Return True once it is decided who reads this flow (or that nobody does)."""
        if held is not None:
            self._held.append(held)
            self._held_bytes += 0 if isinstance(held[2], int) else len(held[2])
        opening = self._opening()
        full = len(opening.orig) >= OPENING_BYTES or len(opening.resp) >= OPENING_BYTES
        final = held is None or full or self._held_bytes > HELD_LIMIT
        if self.carrier == "udp" and len(self._held) >= MAX_UNDECIDED_DATAGRAMS:
            final = True
        protocol, decided = choose(self.engine.by_carrier[self.carrier], opening, final=final)
        if not decided:
            return False
        if protocol is None:
            self.dead = True
            self._held.clear()
            return False
        self.protocol = protocol
        self.parser = protocol.parser(opening)
        return True

    def _opening(self) -> Opening:
        streams = {True: bytearray(), False: bytearray()}
        for _, from_orig, value in self._held:
            stream = streams[from_orig]
            if not isinstance(value, int) and len(stream) < OPENING_BYTES:
                if self.carrier == "udp" and stream:
                    continue
                stream += value[: OPENING_BYTES - len(stream)]
        orig_port, resp_port = self.engine.ports(self.number)
        return Opening(
            self.carrier,  # type: ignore[arg-type]
            bytes(streams[True]),
            bytes(streams[False]),
            orig_port,
            resp_port,
            midstream=self.midstream,
        )

    def _replay(self) -> None:
        held, self._held = self._held, []
        for what, from_orig, value in held:
            if self.dead or self.parser is None:
                return
            if not isinstance(value, int):
                self._call(self.parser.feed, memoryview(value), from_orig)
            elif what == "gap":
                self._call(self.parser.gap, value, from_orig)
            else:
                self._call(self.parser.end, from_orig)

    # --- running it ---------------------------------------------------------------------------------------

    def _call(self, method: Callable[..., list[Event]], *arguments: Any) -> None:
        try:
            events = method(*arguments)
        except DecodeError as error:
            self._give_up(error, arguments[-1])
            return
        if events:
            self._take(events, None)

    def _give_up(self, error: DecodeError, from_orig: bool) -> None:
        """Drop the parser: what it said stays, the rest of the flow is not read."""
        name = self.protocol.name if self.protocol is not None else "unknown"
        self._report(name, error, from_orig, error.offset or 0)
        self.engine.protocols[self.number] = f"-{name}"
        self._close()
        self.dead = True

    def _report(self, protocol: str, error: DecodeError, from_orig: bool, offset: int) -> None:
        anomaly = Anomaly(f"{protocol.upper()}_cannot_be_decoded", from_orig, offset, error.why)
        self.engine.rows.flow_anomaly(anomaly, self._place(from_orig, offset), self.flow_id)

    def _close(self) -> None:
        for key in list(self._contents):
            self._finish(self._contents.pop(key), complete=False)
        if self.protocol is not None:
            self.engine.protocols.setdefault(self.number, self.protocol.name)
        self.dead = True
        self._marks.clear()
        self.parser = None

    def _take(self, events: list[Event], scope: Content | None) -> None:
        """Act on what a parser returned; `scope` is the body that it reads, None for the flow itself."""
        depth = 0 if scope is None else scope.depth + 1
        for event in events:
            if isinstance(event, ContentData):
                self._content_data(self._contents[depth, event.key], event, scope)
            elif isinstance(event, Row):
                self._row(event, scope)
            elif isinstance(event, ContentBegin):
                offset = event.offset if scope is None else scope.stream_offset(event.offset)
                place = self._place(event.from_orig, offset)
                self._contents[depth, event.key] = Content(event.from_orig, offset, event.info, place, scope)
            elif isinstance(event, ContentEnd):
                self._finish(self._contents.pop((depth, event.key)), complete=event.complete)
            elif isinstance(event, ContentGap):
                self._content_gap(self._contents[depth, event.key], event.length)
            elif isinstance(event, Mark):
                offset = event.offset if scope is None else scope.stream_offset(event.offset)
                self._marks[event.from_orig, offset] = self._place(event.from_orig, offset)
            else:
                offset = event.offset if scope is None else scope.stream_offset(event.offset)
                self.engine.rows.flow_anomaly(event, self._place(event.from_orig, offset), self.flow_id)

    def _place(self, from_orig: bool, offset: int) -> Place:
        marked = self._marks.get((from_orig, offset))
        return marked if marked is not None else self.places[not from_orig].at(offset)

    def _row(self, row: Row, scope: Content | None) -> None:
        layout = self.engine.layouts[row.table]
        offset = row.offset if scope is None else scope.stream_offset(row.offset)
        frame, ns = self._place(row.from_orig, offset)
        out: list[Any] = [ns, self.flow_id, row.from_orig, frame, offset, *map(row.values.get, layout.names)]
        for index, kind in layout.special:
            value = out[index]
            if kind == "object":
                out[index] = None if scope is None else scope.begin_offset
            elif isinstance(value, At):
                there = value.offset if scope is None else scope.stream_offset(value.offset)
                place = self._place(value.from_orig, there)
                out[index] = place.frame_no if kind == "frame" else place.ns
        if layout.endpoints:
            out += self.engine.endpoints(self.number, self._client_is_orig())
        if self._marks:
            self._marks.pop((row.from_orig, offset), None)
        self.engine.rows.add(layout.table, tuple(out))

    def _client_is_orig(self) -> bool:
        return self.parser.client_is_orig if self.parser is not None else True

    # --- bodies ---------------------------------------------------------------------------------------------

    def _content_data(self, content: Content, event: ContentData, scope: Content | None) -> None:
        if scope is None:
            last = content.note(event.data, event.offset, event.places)
        else:
            last = content.note(event.data, scope.stream_offset(event.offset), None)
        if self.engine.on_content is not None:
            self.engine.on_content(self.flow_id, content, event.data)
        content.last = self._place(content.from_orig, last)
        if content.settled:
            if content.parser is not None:
                self._call_child(content, content.parser.feed, memoryview(event.data))
            return
        content.held.append(event.data)
        self._settle_content(content, final=content.seen >= OPENING_BYTES)
        if content.held:  # undecided: what is kept must outlive the batch
            content.held[-1] = bytes(event.data)

    def _content_gap(self, content: Content, length: int) -> None:
        content.note_gap(length)
        if content.parser is not None:
            self._call_child(content, content.parser.gap, length)
        elif not content.settled:
            content.held.append(length)

    def _settle_content(self, content: Content, *, final: bool) -> None:
        if content.depth >= MAX_DEPTH:
            protocol, decided = None, True
        else:
            protocol, decided = choose(self.engine.by_carrier["content"], content.opening(), final=final)
        if not decided:
            return
        content.settled = True
        held, content.held = content.held, []
        if protocol is None:
            return
        content.protocol = protocol
        parser = content.parser = protocol.parser(Opening("content", b"", b"", info=content.info))
        for part in held:
            if isinstance(part, int):
                self._call_child(content, parser.gap, part)
            else:
                self._call_child(content, parser.feed, memoryview(part))

    def _call_child(self, content: Content, method: Callable[..., list[Event]], *arguments: Any) -> None:
        if content.parser is None:
            return
        try:
            events = method(*arguments, content.from_orig)
        except DecodeError as error:
            name = content.protocol.name if content.protocol is not None else "unknown"
            self._report(name, error, content.from_orig, content.stream_offset(error.offset or 0))
            content.parser = None
            return
        if events:
            self._take(events, content)

    def _finish(self, content: Content, *, complete: bool) -> None:
        if not content.settled:
            self._settle_content(content, final=True)
        if content.parser is not None:
            parser = content.parser
            self._call_child(content, parser.end)
            content.parser = None
        info = content.info
        self.engine.rows.add(
            OBJECTS,
            (
                content.first.ns,
                self.flow_id,
                content.from_orig,
                content.first.frame_no,
                content.begin_offset,
                info.name,
                content.kind(),
                info.media_type,
                info.role,
                info.status,
                content.seen,
                info.declared_bytes,
                info.first_byte,
                info.total_bytes,
                content.missing,
                complete and content.missing == 0,
                content.digest(complete),
                content.last.ns,
                content.last.frame_no,
                *self.engine.endpoints(self.number, self._client_is_orig()),
            ),
        )
        if self.engine.on_content is not None:
            self.engine.on_content(self.flow_id, content, None)
