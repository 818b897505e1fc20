"""Keeps what comes before it is known who reads a flow, a body or a decrypted stream; and gives its first bytes."""

from __future__ import annotations

from collections.abc import Sequence

from ..protocol import OPENING_BYTES

HELD_BYTES = 8 * OPENING_BYTES
HELD_ENTRIES = 512
"""Pieces, gaps and ends that wait: a capture full of holes must not make one wait for ever."""

Runs = tuple[Sequence[int], Sequence[int | None]]
Held = tuple[bool, "memoryview | bytes | int | None", "Runs | None"]
"""Direction; bytes, the length of a gap (-1: unknown), or None for the end; and places of the bytes."""


class Waiting:
    """Both directions; the work for each entry does not grow with what is there already."""

    __slots__ = ("_best", "_bytes", "_entries", "_joins", "_run")

    def __init__(self, *, joins: bool = True) -> None:
        """Begin with nothing; `joins` is False for datagrams, of which the first one tells, not what follows."""
        self._entries: list[Held] = []
        self._bytes = 0
        self._joins = joins
        self._run = [b"", b""]
        """First bytes behind the last gap, of originator and responder."""
        self._best: list[tuple[bytes, bool] | None] = [None, None]
        """The longest run before that gap, and whether it is the first one."""

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Return True if it has to be decided now."""
        return self._bytes > HELD_BYTES or len(self._entries) >= HELD_ENTRIES

    def data(self, data: memoryview | bytes, from_orig: bool, runs: Runs | None = None) -> None:
        """Add bytes; they must stay as they are until `keep`."""
        self._entries.append((from_orig, data, runs))
        self._bytes += len(data)
        run = self._run[not from_orig]
        if not run:
            self._run[not from_orig] = bytes(data[:OPENING_BYTES])
        elif self._joins and len(run) < OPENING_BYTES:
            self._run[not from_orig] = run + data[: OPENING_BYTES - len(run)]

    def keep(self) -> None:
        """Copy the bytes that came last: they must outlive the buffer in which they lie."""
        if self._entries:
            from_orig, what, runs = self._entries[-1]
            if isinstance(what, memoryview):
                self._entries[-1] = from_orig, bytes(what), runs

    def gap(self, length: int, from_orig: bool) -> None:
        """Add a gap; gaps that follow each other are one."""
        side = not from_orig
        if self._entries and self._entries[-1][0] == from_orig:
            before = self._entries[-1][1]
            if isinstance(before, int) and before >= 0 and length >= 0:
                self._entries[-1] = from_orig, before + length, None
                return
        self._entries.append((from_orig, length, None))
        if self._joins:
            self._best[side] = self.first_bytes(from_orig)
            self._run[side] = b""

    def end(self, from_orig: bool) -> None:
        """Add the end of a direction."""
        self._entries.append((from_orig, None, None))

    def first_bytes(self, from_orig: bool) -> tuple[bytes, bool]:
        """Return the bytes by which a parser is chosen, and whether they are the first ones.

        Bytes around a gap do not stand together: the longest run counts, the first among equals.
        """
        run, best = self._run[not from_orig], self._best[not from_orig]
        if best is None:
            return run, True
        return (run, False) if len(run) > len(best[0]) else best

    def take(self) -> list[Held]:
        """Return all entries, which do not wait any more."""
        entries, self._entries = self._entries, []
        return entries
