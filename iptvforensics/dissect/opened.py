"""Streams that a flow's parser decrypted: a protocol is chosen by their first bytes, as for a flow."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..protocol import OPENING_BYTES, Anomaly, ContentData, OpenedBegin, OpenedData, OpenedEnd, OpenedGap, Opening
from .choice import choose
from .contents import Content
from .tunnels import InnerStream
from .waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..protocol import Carrier, Event
    from .choice import Candidates
    from .engine import Dissector
    from .findings import Findings
    from .waiting import Held, Runs

MAX_DEPTH = 4
"""Bodies in bodies, streams in streams: a tunnel in a tunnel is plausible, more is not."""
MAX_SECRETS = 16
"""Secrets that one direction may have had; then the oldest is forgotten."""


class OpenedStream(InnerStream):
    """Both directions of a decrypted stream; offsets count its bytes, gaps included."""

    __slots__ = ("_begin", "_ports", "_received", "_secrets", "_waiting", "is_settled")

    def __init__(self, ports: tuple[int, int], depth: int, begin: OpenedBegin) -> None:
        super().__init__(None, None, depth)
        self._begin = begin
        self._secrets: dict[bool, list[tuple[int, str]]] = {True: [], False: []}
        """From which of its bytes on a direction was decrypted with a secret, and the digest of that."""
        self._received = [0, 0]
        self.is_settled = False
        self._ports = ports
        self._waiting = Waiting()

    def opened_stream(self) -> OpenedStream:
        """Return the decrypted stream in which it lies: itself."""
        return self

    def secret_of(self, from_orig: bool, offset: int | None = None) -> str | None:
        """Return the digest of the secret that opened a direction (or the other one, if it was not opened).

        `offset` asks for the secret that opened the byte there, otherwise for the latest one.
        """
        known = self._secrets[from_orig]
        if offset is not None and len(known) > 1:
            return next((digest for begin, digest in reversed(known) if begin <= offset), None)
        known = known or self._secrets[not from_orig]
        return known[-1][1] if known else None

    def receive(self, from_orig: bool, length: int, secret_sha256: str | None = None) -> None:
        """Take note of bytes that were decrypted, or (without a secret) are missing."""
        known = self._secrets[from_orig]
        if secret_sha256 is not None and (not known or known[-1][1] != secret_sha256):
            del known[: len(known) + 1 - MAX_SECRETS]
            known.append((self._received[not from_orig], secret_sha256))
        self._received[not from_orig] += length

    def hold(self, from_orig: bool, what: memoryview | bytes | int | None, runs: Runs | None = None) -> None:
        """Keep what comes before it is known who reads it."""
        if what is None:
            self._waiting.end(from_orig)
        elif isinstance(what, int):
            self._waiting.gap(what, from_orig)
        else:
            self._waiting.data(what, from_orig, runs)
            self._waiting.keep()

    def settle(self, candidates: Candidates | None, *, final: bool) -> list[Held]:
        """Choose who reads the stream, if that can be decided; return what was held."""
        orig, resp = self._waiting.first_bytes(True)[0], self._waiting.first_bytes(False)[0]
        begin = self._begin
        opening = Opening(
            begin.carrier, orig, resp, *self._ports,
            is_opened=True, client_is_orig=begin.client_is_orig, is_half_opened=begin.is_half,
        )  # fmt: skip
        full = max(len(orig), len(resp)) >= OPENING_BYTES or self._waiting.is_full
        protocols = () if candidates is None else candidates.of(opening)
        protocol, decided = choose(protocols, opening, final=final or full)
        if not decided:
            return []
        self.is_settled = True
        held = self._waiting.take()
        if protocol is not None:
            self.protocol, self.parser = protocol, protocol.parser(opening)
        return held

    @property
    def carrier(self) -> Carrier:
        """Return what the stream is read as."""
        return self._begin.carrier

    def lost(self, from_orig: bool) -> list[Event]:
        """Return what follows from bytes of which nobody knows how many there were."""
        self.end_part(from_orig, complete=False)
        return self.mend(from_orig)


class OpenedStreams:
    """The decrypted streams of one flow: of each parser that decrypts, and by the key that it gives them."""

    __slots__ = ("_engine", "_findings", "_ports", "_streams")

    def __init__(
        self,
        engine: Dissector,
        ports: tuple[int, int],
        findings: Findings,
    ) -> None:
        self._engine = engine
        self._ports = ports
        self._findings = findings
        """Has parsers read on, and takes what they return (a weak reference: no cycle keeps them)."""
        self._streams: dict[Content | InnerStream | None, dict[int, OpenedStream]] = {}

    def take(
        self, event: OpenedBegin | OpenedData | OpenedGap | OpenedEnd, scope: Content | InnerStream | None
    ) -> None:
        """Hand on what the parser that reads `scope` decrypted."""
        streams = self._streams.setdefault(scope, {})
        stream = streams.get(event.key)
        if stream is None:
            depth = 0 if scope is None else scope.depth + 1
            begin = event if isinstance(event, OpenedBegin) else OpenedBegin(event.key, "tcp", True)
            stream = streams[event.key] = OpenedStream(self._ports, depth, begin)
            stream.is_proxied = scope is not None and scope.is_proxied
        if isinstance(event, OpenedBegin):
            return
        side = event.from_orig
        if not isinstance(event, OpenedData):
            length = event.length if isinstance(event, OpenedGap) else None
            stream.receive(side, max(length or 0, 0))
            self._step(stream, side, length)
            return
        stream.receive(side, len(event.data), event.secret_sha256)
        runs: Runs = event.places or ([0], [event.offset])
        if scope is not None:
            offset, places = lifted(event, scope, side)
            runs = places or ([0], [offset])
        self._step(stream, side, event.data, runs)

    def close(self, scope: Content | InnerStream | None) -> None:
        """End the streams that the parser of `scope` decrypted."""
        for stream in self._streams.pop(scope, {}).values():
            if not stream.is_settled:
                self._settle(stream, final=True)
            for side in (True, False):
                self._findings.call(stream, stream.end, side)
            self.close(stream)

    def _say_closed(self, held: list[Held]) -> None:
        """Report that nobody reads a stream, and how it begins."""
        for side, what, runs in held:
            if isinstance(what, bytes) and runs is not None:
                detail = f"decrypted bytes of a protocol that is not read; they begin with {what[:16]!r}"
                self._findings.anomaly(Anomaly("OPENED_not_recognised", side, runs[1][0] or 0, detail), None)
                return

    def _step(
        self, stream: OpenedStream, side: bool, what: memoryview | bytes | int | None, runs: Runs | None = None
    ) -> None:
        """Hand on bytes, the length of a gap, or None for the end, as soon as it is known who reads them."""
        if not stream.is_settled:
            stream.hold(side, what, runs)
            self._settle(stream, final=False)
        elif what is None:
            self._findings.call(stream, stream.end, side)
        elif isinstance(what, int):
            self._findings.call(stream, stream.lost if what < 0 else partial(stream.gap, what), side)
        elif runs is not None:
            self._findings.call(stream, stream.feed, memoryview(what), runs, side)

    def _settle(self, stream: OpenedStream, *, final: bool) -> None:
        candidates = self._engine.by_carrier[stream.carrier] if stream.depth < MAX_DEPTH else None
        held = stream.settle(candidates, final=final)
        if stream.is_settled and stream.protocol is None:
            self._say_closed(held)
        for side, what, runs in held:
            self._step(stream, side, what, runs)


def lifted(
    event: ContentData | OpenedData, scope: Content | InnerStream, from_orig: bool
) -> tuple[int | None, tuple[Sequence[int], Sequence[int | None]] | None]:
    """Return offset and places of a part of a body, given by the parser of `scope`, in the stream of the flow."""
    if event.places is not None and not event.places[0]:
        return scope.stream_offset(event.offset, from_orig), event.places
    starts, offsets = event.places or ([0], [event.offset])
    out_starts: list[int] = []
    out_offsets: list[int | None] = []
    for start, end, offset in zip(starts, [*starts[1:], len(event.data)], offsets, strict=True):
        begins, places = scope.runs(offset, end - start, from_orig)
        out_starts += [start + begin for begin in begins]
        out_offsets += places
    return out_offsets[0], (out_starts, out_offsets)
