"""The work on one flow: which parser reads it, what it says, and what its bodies say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DecodeError
from ..protocol import OPENING_BYTES, Carrier, Event, Opening, Parser, Protocol
from .choice import choose
from .contents import HELD_LIMIT, first_bytes_of
from .ends import FlowEnds
from .findings import Findings
from .places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..flows.batch import DirectionPieces
    from .engine import Dissector

MAX_UNDECIDED_DATAGRAMS = 8

TCP, UDP = 6, 17
CARRIERS: dict[int, Carrier] = {TCP: "tcp", UDP: "udp"}


Held = tuple[str, bool, memoryview | bytes | int]


class FlowWork:
    """One flow while it is being read."""

    __slots__ = (
        "_findings",
        "_held",
        "_held_bytes",
        "_open",
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
        self._held: list[Held] = []
        self._held_bytes = 0
        self._open = [True, True]
        self._findings: Findings | None = None

    # --- what the engine brings ----------------------------------------------------------------------

    def data(self, data: memoryview, from_orig: bool) -> None:
        """Take the next bytes of one direction (UDP: one datagram, or several for bulk protocols)."""
        if self.parser is not None:
            self._call(self.parser.feed, data, from_orig)
        elif not self.dead:
            if self._settle(("data", from_orig, data)):
                self._replay()
            elif self._held:  # undecided: what is kept must outlive the batch
                self._held[-1] = ("data", from_orig, bytes(data))

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
        orig, from_begin = self._first_bytes(True)
        resp, resp_from_begin = self._first_bytes(False)
        orig_port, resp_port = self.ends.ports
        midstream = self.midstream or not (from_begin and resp_from_begin)
        secrets = self.engine.secrets
        return Opening(self.carrier, orig, resp, orig_port, resp_port, midstream=midstream, secrets=secrets)

    def _first_bytes(self, from_orig: bool) -> tuple[bytes, bool]:
        """Return the first bytes of a direction (UDP: its first datagram), and False if others came before."""
        if self.carrier == "udp":
            for _, side, value in self._held:
                if side == from_orig and not isinstance(value, int):
                    return bytes(value[:OPENING_BYTES]), True
            return b"", True
        return first_bytes_of([value for what, side, value in self._held if side == from_orig and what != "end"])

    def _let_go(self) -> None:
        self.dead = True
        self.parser = self._findings = None
        self._held.clear()
        for places in self.places:
            places.forget()

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
