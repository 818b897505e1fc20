"""Compressed evidence -> its bytes: gzip, Zstandard, LZ4 frames, xz, bzip2, recognised by their first bytes.

Formats: RFC 1952 (gzip, several members), RFC 8878 (Zstandard, several and skippable frames), LZ4 frame
format 1.6, .xz 1.2, bzip2. Output is produced in bounded pieces, so that a small file that unpacks to a
very large one costs time but no memory. Behind a fault the file is read again up to the fault, so that nothing
that can be unpacked before it is lost; a gzip member whose check sum or length is wrong is kept whole.

**Known limitations**: of compressed bytes that are damaged (not just cut), what follows the fault is not unpacked.
From a pipe, which cannot be read again, up to 1 MiB before such a fault is lost, too. The check sum of a gzip
header is not compared. Zstandard needs Python 3.14 or the extra `compress`, LZ4 the extra `compress`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import MissingProgramError
from .gzip_member import GzipError, GzipMember

INPUT_BYTES = 128 << 10
OUTPUT_BYTES = 1 << 20

_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
)
MAGIC_BYTES = 6
SKIPPING = ("zstd", "lz4")
"""Formats that may have skippable frames before, between and behind their own."""


class Unpacker(NamedTuple):
    """How one format is unpacked: a maker of decompressors (one per member), and what they raise."""

    name: str
    make: Callable[[], Any]
    errors: tuple[type[Exception], ...]


def recognise(head: bytes) -> str | None:
    """Return the name of the compression that these first bytes belong to, or None."""
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return name
    return None


def is_skippable(head: bytes) -> bool:
    """Return True if a frame begins like this that holds no content: Zstandard and LZ4 have it in common."""
    return len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5


def unpacker(name: str) -> Unpacker:
    """Return the unpacker for a name that `recognise` gave.

    Raises:
        MissingProgramError: the package for this format is not installed.
    """
    return _UNPACKERS[name]()


def _gzip() -> Unpacker:
    import zlib

    try:
        isal: Any = importlib.import_module("isal.isal_zlib")
    except ImportError:
        return Unpacker("gzip", lambda: GzipMember(zlib), (GzipError, zlib.error))
    return Unpacker("gzip", lambda: GzipMember(isal), (GzipError, isal.error, zlib.error))


def _zstd() -> Unpacker:
    for module in ("compression.zstd", "backports.zstd"):
        try:
            zstd: Any = importlib.import_module(module)
        except ImportError:
            continue
        return Unpacker("zstd", zstd.ZstdDecompressor, (zstd.ZstdError,))
    raise MissingProgramError(_missing("Zstandard"))


def _lz4() -> Unpacker:
    try:
        frame: Any = importlib.import_module("lz4.frame")
    except ImportError:
        raise MissingProgramError(_missing("LZ4")) from None
    return Unpacker("lz4", frame.LZ4FrameDecompressor, (RuntimeError,))


def _missing(title: str) -> str:
    return (
        f'the evidence file is {title}-compressed: install the extra "compress" (pip install iptvforensics[compress])'
    )


def _xz() -> Unpacker:
    import lzma

    # No limit on the decoder's memory is set by default; a file made for a 4 GiB dictionary must not get it.
    return Unpacker("xz", lambda: lzma.LZMADecompressor(memlimit=256 << 20), (lzma.LZMAError,))


def _bzip2() -> Unpacker:
    import bz2

    return Unpacker("bzip2", bz2.BZ2Decompressor, (OSError, ValueError))


_UNPACKERS: dict[str, Callable[[], Unpacker]] = {
    "gzip": _gzip,
    "zstd": _zstd,
    "lz4": _lz4,
    "xz": _xz,
    "bzip2": _bzip2,
}


class Problem(NamedTuple):
    """What went wrong while unpacking: where in the evidence file it was first, and how often."""

    place: int
    detail: str
    times: int = 1


Read = Callable[[int], bytes]
"""Gives at most as many bytes as asked for, and none at the end."""


class Unpacking:
    """Turns the bytes that `read` gives into unpacked bytes; notes cuts and damage instead of raising.

    Args:
        unpacker: the format.
        read: what gives the file's bytes.
        head: bytes already read.
        taken: place in the file behind them.
        again: returns what gives the file's bytes from a place on once more; None: that cannot be had.
    """

    def __init__(
        self, unpacker: Unpacker, read: Read, head: bytes, taken: int, again: Callable[[int], Read | None]
    ) -> None:
        self._unpacker = unpacker
        self._read = read
        self._again = again
        self._pending = head
        self._taken = taken
        self._finished = False
        self._begin_member()
        self.problems: dict[str, Problem] = {}
        """What went wrong, by name."""

    def fill(self, view: memoryview) -> int:
        """Return how many bytes were written to `view`; fewer than it holds only at the end."""
        done = 0
        while done < len(view) and not self._finished:
            piece = self._next(min(OUTPUT_BYTES, len(view) - done))
            view[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def _begin_member(self) -> None:
        self._decompressor: Any = self._unpacker.make()
        self._member_at = self._place()
        self._is_begun = False
        self._last_fed = b""
        self._last_fed_at = self._member_at
        self._came = 0
        """Bytes that the member gave so far."""
        self._repeated = 0
        """How many of them it still gives a second time, when it is unpacked again."""
        self._is_careful = False
        """Bytes are fed one by one, to find the fault among them."""

    def _place(self) -> int:
        """Return the place in the evidence file behind the bytes that were fed."""
        return self._taken - len(self._pending)

    def _next(self, limit: int) -> bytes:
        """Return some unpacked bytes, perhaps none; sets `_finished` at the end."""
        if self._decompressor.eof and not self._next_member():
            return b""
        if not self._pending and self._decompressor.needs_input:
            self._is_careful = False
            self._pending = self._take()
            if not self._pending:
                self._finished = True
                if self._is_begun:
                    detail = f"the {self._unpacker.name} stream ends before its end mark"
                    self._note("CAPTURE_cut_compression", self._taken, detail)
                return b""
        try:
            piece = bytes(self._decompressor.decompress(self._feed(), limit))
        except self._unpacker.errors as error:
            if self._is_careful or not self._start_again():
                self._finished = True
                detail = f"{error}; what follows in the file is hashed, not read"
                self._note("CAPTURE_damaged_compression", max(0, self._place() - 1), detail)
            return b""
        again = min(self._repeated, len(piece))
        self._repeated -= again
        self._came += len(piece) - again
        return piece[again:]

    def _feed(self) -> bytes:
        """Return the bytes that the decompressor gets next."""
        if not self._decompressor.needs_input:
            return b""
        data = self._pending[:1] if self._is_careful else self._pending
        if not self._is_careful:
            self._last_fed, self._last_fed_at = data, self._place()
        self._pending = self._pending[len(data) :]
        self._is_begun = True
        return data

    def _start_again(self) -> bool:
        """Return True if the member was unpacked once more up to the piece that holds the fault.

        A decompressor that met a fault gives none of the bytes before it that it was asked for in the same call.
        """
        read = self._again(self._member_at)
        if read is None:
            return False
        decompressor = self._unpacker.make()
        left = self._last_fed_at - self._member_at
        given = 0
        try:
            while left > 0 and (data := read(min(left, INPUT_BYTES))):
                left -= len(data)
                given += len(decompressor.decompress(data, OUTPUT_BYTES))
                while not decompressor.needs_input:
                    given += len(decompressor.decompress(b"", OUTPUT_BYTES))
        except self._unpacker.errors:  # it was written to meanwhile
            return False
        except EOFError:  # so that another member ends there now
            return False
        self._decompressor = decompressor
        self._repeated = self._came - given
        self._pending = self._last_fed + self._pending
        self._is_careful = True
        return True

    def _take(self) -> bytes:
        piece = self._read(INPUT_BYTES)
        self._taken += len(piece)
        return piece

    def _next_member(self) -> bool:
        """Return True if another member follows the finished one; padding of zeros is skipped."""
        if wrong := getattr(self._decompressor, "wrong", ""):
            self._note("CAPTURE_wrong_checksum", self._member_at, wrong)
        rest = (bytes(self._decompressor.unused_data or b"") + self._pending).lstrip(b"\0")
        while len(rest) < MAGIC_BYTES:
            piece = self._take()
            if not piece:
                break
            rest = (rest + piece).lstrip(b"\0")
        self._pending = rest
        is_one = recognise(rest) == self._unpacker.name
        if not is_one and not (is_skippable(rest) and self._unpacker.name in SKIPPING):
            self._finished = True
            if rest:
                self._note("CAPTURE_trailing_bytes", self._place(), f"what follows is not {self._unpacker.name}")
            return False
        self._begin_member()
        return True

    def _note(self, name: str, place: int, detail: str) -> None:
        first = self.problems.get(name)
        self.problems[name] = first._replace(times=first.times + 1) if first else Problem(place, detail)
