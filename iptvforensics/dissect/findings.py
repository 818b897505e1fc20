"""What the parsers of one flow say: rows with their places, and bodies for further parsers."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ..errors import DecodeError
from ..parquet import ByColumn, Same
from ..protocol import (
    OPENING_BYTES,
    Anomaly,
    At,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    Event,
    Hold,
    Mark,
    OpenedBegin,
    OpenedData,
    OpenedEnd,
    OpenedGap,
    Opening,
    Row,
    Rows,
    Tunnel,
)
from ..schema import OBJECTS
from .beside import parser_of
from .choice import choose
from .contents import Content
from .opened import MAX_DEPTH, OpenedStreams, lifted
from .places import NOWHERE, Marks, Places, Spot
from .tunnels import MAX_INNER_STREAMS, InnerStream, protocol_within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..protocol import Parser
    from .ends import FlowEnds
    from .engine import Dissector

FEED_BYTES = 4 << 20
"""Fed to the parser of a body at a time: what it finds in one call stays in memory until it returns."""

Scope = Content | InnerStream | None
"""What a parser reads: a body, an inner stream, or (None) the flow itself."""


class Findings:
    """Takes the events of a flow's parser, and runs the parsers of what it carries."""

    __slots__ = (
        "__weakref__",
        "_contents",
        "_inner",
        "_marks",
        "_opened",
        "ends",
        "engine",
        "flow_id",
        "parser",
        "places",
    )

    def __init__(
        self, engine: Dissector, ends: FlowEnds, flow_id: int, places: tuple[Places, Places], parser: Parser
    ) -> None:
        self.engine = engine
        self.ends = ends
        self.flow_id = flow_id
        self.places = places
        self.parser = parser
        self._marks = Marks()
        self._contents: dict[tuple[Scope, int], Content] = {}
        self._inner: dict[tuple[str, str], InnerStream] = {}
        self._opened: OpenedStreams | None = None

    def take(self, events: list[Event], scope: Scope = None) -> None:
        """Act on what a parser returned."""
        for event in events:
            _BY_KIND[type(event)](self, event, scope)

    def close(self) -> None:
        """End all bodies and inner streams: the flow is over, or its parser gave up."""
        self._close_contents(None)
        self._close_opened(None)
        for inner in self._inner.values():
            for from_orig in (True, False):
                self.call(inner, inner.end, from_orig)
            self._close_opened(inner)
        self._inner.clear()

    def report(self, protocol: str, error: DecodeError, from_orig: bool, scope: Scope = None) -> None:
        """Record that a parser gave up."""
        offset, place = (None, NOWHERE) if error.offset is None else self._spot(scope, from_orig, error.offset)
        self.engine.rows.anomaly(
            f"{protocol.upper()}_cannot_be_decoded",
            place=place,
            flow_id=self.flow_id,
            from_orig=from_orig,
            offset=offset,
            detail=error.why,
        )

    def _ends(self, scope: Scope) -> tuple[Any, ...]:
        """Return addresses and ports of client and server; those of a server behind a proxy are not known."""
        ends = self.ends.endpoints(self.parser.client_is_orig)
        return (*ends[:2], None, None) if scope is not None and scope.is_proxied else ends

    # --- places -------------------------------------------------------------------------------------------

    def _spot(self, scope: Scope, from_orig: bool, offset: int) -> Spot:
        """Return where an offset of a parser lies in the stream of the flow, and what was captured there."""
        marks = self._marks if scope is None else scope.marks
        return marks.find(from_orig, offset) or self._locate(scope, from_orig, offset)

    def _locate(self, scope: Scope, from_orig: bool, offset: int) -> Spot:
        """Return the same for an offset that was not marked."""
        if scope is None:
            return offset, self.places[not from_orig].at(offset)
        there = scope.stream_offset(offset, from_orig)
        if there is None:
            return None, NOWHERE
        if there == scope.begin_offset:
            return there, scope.first
        return there, self.places[not from_orig].at(there)

    def _mark(self, event: Mark, scope: Scope) -> None:
        """Remember a place for a later row."""
        from_orig, offset = event
        marks = self._marks if scope is None else scope.marks
        marks.add(from_orig, offset, marks.find(from_orig, offset) or self._locate(scope, from_orig, offset))

    def _hold(self, event: Hold, scope: Scope) -> None:
        """Have the places of a direction remembered from an offset on, or not any more."""
        offset = event.offset
        if scope is not None and offset is not None:
            offset = scope.stream_offset(offset, event.from_orig)
        self.places[not event.from_orig].hold(offset)

    def _row(self, row: Row, scope: Scope) -> None:
        table, from_orig, at, values = row
        layout = self.engine.layouts[table]
        marks = self._marks if scope is None else scope.marks
        offset, place = marks.use(from_orig, at) or self._locate(scope, from_orig, at)
        own: dict[str, Any] = {**layout.nulls, **values}
        if scope is not None:
            if layout.has_object:
                own["object_offset"] = scope.begin_offset
            if own["secret_sha256"] is None:
                own["secret_sha256"] = scope.secret_of(from_orig, at)
        before: At | None = None
        there = NOWHERE
        for name, kind in layout.special:
            value = own[name]
            if not isinstance(value, At):
                continue
            if kind == "offset":
                spot = None if scope is None else marks.use(*value) or self._locate(scope, *value)
                own[name] = value.offset if spot is None else spot[0]
                continue
            if value != before:  # frame and time of one place stand side by side
                before = value
                _, there = marks.use(*value) or self._locate(scope, *value)
            own[name] = there.frame_no if kind == "frame" else there.ns
        ends = self._ends(scope) if layout.endpoints else ()
        leading = place.ns, self.flow_id, from_orig, place.frame_no, offset
        self.engine.rows.add(layout.table, (*leading, *own.values(), *ends))

    def _rows(self, rows: Rows, scope: Scope) -> None:
        """Put many rows of a table together, without a step per value."""
        layout = self.engine.layouts[rows.table]
        marks = self._marks if scope is None else scope.marks
        from_orig, count = rows.from_orig, len(rows.offsets)
        columns: list[Sequence[Any] | Same]
        is_sorted = isinstance(scope, Content) and scope.is_coded
        if is_sorted:  # no byte has a place of its own: all rows stand where the body begins
            offset, place = self._locate(scope, from_orig, 0)
            columns = [Same(value) for value in (place.ns, self.flow_id, from_orig, place.frame_no, offset)]
        else:
            spots = [marks.use(from_orig, at) or self._locate(scope, from_orig, at) for at in rows.offsets]
            columns = [[place.ns for _, place in spots], Same(self.flow_id), Same(from_orig)]
            columns += [[place.frame_no for _, place in spots], [offset for offset, _ in spots]]
        shared = {name: Same(value) for name, value in rows.shared.items()}
        own: dict[str, Any] = {**layout.nulls, **rows.columns, **shared}
        if scope is not None:
            own["secret_sha256"] = Same(scope.secret_of(from_orig))
            if layout.has_object:
                own["object_offset"] = Same(scope.begin_offset)
        columns += [column or Same(None) for column in own.values()]
        if layout.endpoints:
            columns += map(Same, self._ends(scope))
        self.engine.rows.add_columns(layout.table, ByColumn(count, columns, is_sorted=is_sorted))

    def anomaly(self, anomaly: Anomaly, scope: Scope) -> None:
        """Record what broke a rule or could not be seen."""
        offset, place = self._spot(scope, anomaly.from_orig, anomaly.offset)
        self.engine.rows.anomaly(
            anomaly.name,
            place=place,
            flow_id=self.flow_id,
            from_orig=anomaly.from_orig,
            offset=offset,
            count=anomaly.count,
            detail=anomaly.detail,
        )

    # --- bodies -------------------------------------------------------------------------------------------

    def _content_begin(self, event: ContentBegin, scope: Scope) -> None:
        key, from_orig, begin, info = event
        offset, place = self._spot(scope, from_orig, begin)
        self._contents[scope, key] = Content(from_orig, offset, info, place, scope)
        if scope is not None:  # its row comes when the body is over, and says where that began
            scope.marks.add(from_orig, begin, (offset, place))

    def _content_data(self, event: ContentData, scope: Scope) -> None:
        content = self._contents[scope, event.key]
        position = content.passed
        if scope is None:
            last = content.note(event.data, event.offset, event.places)
        else:
            offset, places = lifted(event, scope, content.from_orig)
            last = content.note(event.data, offset, places)
        if self.engine.on_content is not None:
            self.engine.on_content(self.flow_id, content, event.data)
        if last is not None:
            content.last = self.places[not content.from_orig].at(last)
        if content.settled:
            self._feed(content, event.data, position)
            return
        content.waiting.data(event.data, True)
        self._settle(content, final=content.seen >= OPENING_BYTES or content.waiting.is_full)
        content.waiting.keep()

    def _content_gap(self, event: ContentGap, scope: Scope) -> None:
        content, length = self._contents[scope, event.key], event.length
        content.note_gap(length)
        if content.settled:
            self._gap(content, length)
        else:
            content.waiting.gap(length, True)
            if content.waiting.is_full:
                self._settle(content, final=True)

    def _content_end(self, event: ContentEnd, scope: Scope) -> None:
        self._finish(self._contents.pop((scope, event.key)), complete=event.complete)

    def _open(self, event: OpenedBegin | OpenedData | OpenedGap | OpenedEnd, scope: Scope) -> None:
        if self._opened is None:
            self._opened = OpenedStreams(self.engine, self.ends.ports, weakref.proxy(self))
        self._opened.take(event, scope)

    def _close_opened(self, scope: Scope) -> None:
        if self._opened is not None:
            self._opened.close(scope)

    def _settle(self, content: Content, *, final: bool) -> None:
        """Choose who reads a body, if that can be decided, and feed what was held."""
        opening = content.opening()
        if content.depth >= MAX_DEPTH:
            protocol, decided = None, True
        else:
            protocol, decided = choose(self.engine.by_carrier["content"].of(opening), opening, final=final)
        if not decided:
            return
        if protocol is None and content.depth < MAX_DEPTH:
            opening = opening._replace(carrier="rest")
            protocol, _ = choose(self.engine.by_carrier["rest"].of(opening), opening, final=True)
        content.settled = True
        held = content.waiting.take()
        if protocol is None:
            return
        content.protocol = protocol
        part = protocol.tunnel(content.info) if protocol.tunnel is not None else None
        if part is None:
            content.parser = parser_of(protocol, opening, self.engine.by_carrier["beside"])
        else:
            content.skip, content.ends_inner = part.skip, part.is_last
            content.inner = self._inner_of(content, part, opening)
        position = 0
        for _, piece, _ in held:
            if isinstance(piece, int):
                self._gap(content, piece)
                position += max(piece, 0)
            elif piece is not None:
                self._feed(content, piece, position)
                position += len(piece)

    def _inner_of(self, content: Content, part: Tunnel, first: Opening) -> InnerStream | None:
        """Return the inner stream that a body is a part of; None if nobody reads it."""
        carrier = content.protocol
        protocol = None if carrier is None else protocol_within(carrier, self.engine.by_name, first)
        if carrier is None or protocol is None:
            return None
        key = carrier.name, part.key
        inner = self._inner.get(key)
        if inner is None:
            if len(self._inner) >= MAX_INNER_STREAMS:
                self._forget_ended()
            if len(self._inner) >= MAX_INNER_STREAMS:
                why = f"more than {MAX_INNER_STREAMS} at the same time"
                name = f"{carrier.name.upper()}_too_many_streams"
                self.anomaly(Anomaly(name, content.from_orig, 0, why), content)
                return None
            orig_port, resp_port = self.ends.ports
            opening = Opening(
                "tcp", b"", b"", orig_port, resp_port, content.info, part.is_midstream, self.engine.secrets
            )
            inner = InnerStream(protocol, protocol.parser(opening), content.depth)
            inner.opened, inner.is_proxied = content.opened, part.is_proxied or content.is_proxied
            self._inner[key] = inner
        inner.begin_part(part, content.from_orig)
        return inner

    def _forget_ended(self) -> None:
        for key in [key for key, inner in self._inner.items() if inner.parser is None]:
            self._close_opened(self._inner.pop(key))

    def _feed(self, content: Content, data: memoryview | bytes, position: int) -> None:
        if content.parser is not None:
            view = memoryview(data)
            for at in range(0, len(view), FEED_BYTES):
                if content.parser is not None:
                    self.call(content, content.parser.feed, view[at : at + FEED_BYTES], content.from_orig)
        elif content.inner is not None and content.skip is not None:
            skipped = min(content.skip, len(data))
            content.skip -= skipped
            part = memoryview(data)[skipped:]
            if part:
                inner, from_orig = content.inner, content.from_orig
                self.call(inner, inner.mend, from_orig)
                runs = content.runs(position + skipped, len(part), from_orig)
                self.call(inner, inner.feed, part, runs, from_orig)

    def _gap(self, content: Content, length: int) -> None:
        if content.parser is not None:
            self.call(content, content.parser.gap, length, content.from_orig)
        elif content.inner is not None and content.skip is not None:
            skipped = min(content.skip, max(length, 0))
            content.skip = content.skip - skipped if length >= 0 else 0
            self.call(content.inner, content.inner.mend, content.from_orig)
            self.call(content.inner, content.inner.gap, length - skipped, content.from_orig)

    def call(self, scope: Content | InnerStream, method: Callable[..., list[Event]], *arguments: Any) -> None:
        """Have a parser read on; the last argument is the direction."""
        try:
            events = method(*arguments)
        except DecodeError as error:
            name = scope.protocol.name if scope.protocol is not None else "unknown"
            self.report(name, error, arguments[-1], scope)
            scope.parser = None
            self._close_contents(scope)
            self._close_opened(scope)
            return
        if events:
            self.take(events, scope)

    def _close_contents(self, scope: Scope) -> None:
        """End the bodies that a parser has left open."""
        while open_keys := [key for key in self._contents if key[0] is scope]:
            self._finish(self._contents.pop(open_keys[0]), complete=False)

    def _finish(self, content: Content, *, complete: bool) -> None:
        if not content.settled:
            self._settle(content, final=True)
        if content.parser is not None:
            self.call(content, content.parser.end, content.from_orig)
            content.parser = None
            self._close_contents(content)
        elif content.inner is not None:
            content.inner.end_part(content.from_orig, complete=complete)
            if content.ends_inner:
                self.call(content.inner, content.inner.end, content.from_orig)
        self.engine.rows.add(OBJECTS, content.row(self.flow_id, self._ends(content), complete=complete))
        if self.engine.on_content is not None:
            self.engine.on_content(self.flow_id, content, None)


_BY_KIND: dict[type[Event], Callable[[Findings, Any, Scope], None]] = {
    Row: Findings._row,
    Rows: Findings._rows,
    Mark: Findings._mark,
    Hold: Findings._hold,
    Anomaly: Findings.anomaly,
    ContentBegin: Findings._content_begin,
    ContentData: Findings._content_data,
    ContentGap: Findings._content_gap,
    ContentEnd: Findings._content_end,
    OpenedBegin: Findings._open,
    OpenedData: Findings._open,
    OpenedGap: Findings._open,
    OpenedEnd: Findings._open,
}
"""What is done with each kind of event."""
