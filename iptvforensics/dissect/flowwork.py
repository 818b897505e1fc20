"""The work on one flow: which parser reads it, what it says, and what its bodies say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DecodeError
from ..protocol import OPENING_BYTES, Carrier, Event, Opening, Parser, Protocol
from .choice import choose
from .ends import FlowEnds
from .findings import Findings
from .places import Places
from .waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..flows.batch import DirectionPieces
    from .engine import Dissector

MAX_UNDECIDED_DATAGRAMS = 8

TCP, UDP = 6, 17
CARRIERS: dict[int, Carrier] = {TCP: "tcp", UDP: "udp"}


class FlowWork:
    """One flow while it is being read."""

    __slots__ = (
        "_findings",
        "_open",
        "_waiting",
        "carrier",
        "dead",
        "ends",
        "engine",
        "flow_id",
        "midstream",
        "number",
        "parser",
        "places",
        "protocol",
    )

    def __init__(self, engine: Dissector, number: int, entry: DirectionPieces) -> None:
        self.engine = engine
        self.number = number
        self.flow_id = entry.flow_id
        self.carrier: Carrier = CARRIERS[entry.transport]
        self.midstream = self.carrier == "tcp" and entry.midstream
        self.ends = FlowEnds(entry.ends)
        self.parser: Parser | None = None
        self.protocol: Protocol | None = None
        self.dead = False
        self.places = (Places(), Places())  # originator's, responder's
        self._waiting = Waiting(joins=self.carrier == "tcp")
        self._open = [True, True]
        self._findings: Findings | None = None

    # --- what the engine brings ----------------------------------------------------------------------

    def data(self, data: memoryview, from_orig: bool) -> None:
        """Take the next bytes of one direction (UDP: one datagram, or several for bulk protocols)."""
        if self.parser is not None:
            self._call(self.parser.feed, data, from_orig)
        elif not self.dead:
            self._waiting.data(data, from_orig)
            if self._settle(final=False):
                self._replay()
            else:
                self._waiting.keep()

    def gap(self, length: int, from_orig: bool) -> None:
        """Take a gap of one direction."""
        if self.dead:
            return
        if self.parser is None:
            self._waiting.gap(length, from_orig)
            if self._waiting.is_full and self._settle(final=True):
                self._replay()
        else:
            self._call(self.parser.gap, length, from_orig)

    def end(self, from_orig: bool) -> None:
        """Take the end of one direction; a flow whose both directions have ended is finished."""
        if self.dead or not self._open[not from_orig]:
            return
        self._open[not from_orig] = False
        if self.parser is None:
            self._waiting.end(from_orig)
            if any(self._open):
                return
            if self._settle(final=True):
                self._replay()
        else:
            self._call(self.parser.end, from_orig)
        if not any(self._open):
            self._close()

    # --- choosing a parser ------------------------------------------------------------------------------

    def _settle(self, *, final: bool) -> bool:
        """Return True once it is decided who reads this flow; where nobody does, it is dead."""
        opening = self._opening()
        full = len(opening.orig) >= OPENING_BYTES or len(opening.resp) >= OPENING_BYTES
        final = final or full or self._waiting.is_full
        if self.carrier == "udp" and len(self._waiting) >= MAX_UNDECIDED_DATAGRAMS:
            final = True
        protocol, decided = choose(self.engine.by_carrier[self.carrier].of(opening), opening, final=final)
        if not decided:
            return False
        if protocol is None:
            self._let_go()
            return False
        self.protocol = protocol
        self.parser = protocol.parser(opening)
        self._findings = Findings(self.engine, self.ends, self.flow_id, self.places, self.parser)
        return True

    def _opening(self) -> Opening:
        orig, from_begin = self._waiting.first_bytes(True)
        resp, resp_from_begin = self._waiting.first_bytes(False)
        orig_port, resp_port = self.ends.ports
        midstream = self.midstream or not (from_begin and resp_from_begin)
        secrets = self.engine.secrets
        return Opening(self.carrier, orig, resp, orig_port, resp_port, midstream=midstream, secrets=secrets)

    def _let_go(self) -> None:
        self.dead = True
        self.parser = self._findings = None
        self._waiting.take()
        for places in self.places:
            places.forget()

    def _replay(self) -> None:
        for from_orig, what, _ in self._waiting.take():
            if self.dead or self.parser is None:
                return
            if what is None:
                self._call(self.parser.end, from_orig)
            elif isinstance(what, int):
                self._call(self.parser.gap, what, from_orig)
            else:
                self._call(self.parser.feed, memoryview(what), from_orig)

    # --- running it ---------------------------------------------------------------------------------------

    def _call(self, method: Callable[..., list[Event]], *arguments: Any) -> None:
        """Have the parser read on; the last argument is the direction."""
        try:
            events = method(*arguments)
        except DecodeError as error:
            self._give_up(error, arguments[-1])
            return
        if events and self._findings is not None:
            self._findings.take(events)

    def _give_up(self, error: DecodeError, from_orig: bool) -> None:
        """Drop the parser: what it said stays, the rest of the flow is not read."""
        name = self.protocol.name if self.protocol is not None else "unknown"
        if self._findings is not None:
            self._findings.report(name, error, from_orig)
        self.engine.protocols[self.number] = f"-{name}"
        self._close()

    def _close(self) -> None:
        if self._findings is not None:
            self._findings.close()
        if self.protocol is not None:
            self.engine.protocols.setdefault(self.number, self.protocol.name)
        self._let_go()
