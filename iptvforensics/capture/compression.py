"""Compressed evidence -> its bytes: gzip, Zstandard, LZ4 frames, xz, bzip2, recognised by their first bytes.

Formats: RFC 1952 (gzip, several members), RFC 8878 (Zstandard, several and skippable frames), LZ4 frame
format 1.6, .xz 1.2, bzip2. Output is produced in bounded pieces, so that a small file that unpacks to a
very large one costs time but no memory.

**Known limitations**: compressed bytes that are damaged (not just cut) end the stream where the decompressor
notices it: up to one piece before that place is lost. Zstandard needs Python 3.14 or the extra `compress`,
LZ4 the extra `compress`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import MissingProgramError

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
    skippable = len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5
    return "zstd" if skippable else None


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
        return Unpacker("gzip", lambda: _Tailed(zlib.decompressobj(31)), (zlib.error,))
    return Unpacker("gzip", lambda: _Tailed(isal.decompressobj(31)), (isal.error, zlib.error))


class _Tailed:
    """Gives zlib's decompressor the manners of the others: it keeps the input that it has not used."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return bytes(self._inner.decompress(self._inner.unconsumed_tail + data, max_length))


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


class Unpacking:
    """Turns the bytes that `read` gives into unpacked bytes; notes cuts and damage instead of raising.

    `read(n)` returns at most n bytes, and none at the end. `head` are bytes already read.
    """

    def __init__(self, unpacker: Unpacker, read: Callable[[int], bytes], head: bytes) -> None:
        self._unpacker = unpacker
        self._read = read
        self._decompressor: Any = unpacker.make()
        self._pending = head
        self._taken = len(head)
        self._member_begun = bool(head)
        self._finished = False
        self.problem: tuple[str, int, str] | None = None
        """Name, place in the evidence file and detail of what went wrong, if something did."""

    def fill(self, view: memoryview) -> int:
        """Return how many bytes were written to `view`; fewer than it holds only at the end."""
        done = 0
        while done < len(view) and not self._finished:
            piece = self._next(min(OUTPUT_BYTES, len(view) - done))
            view[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def _next(self, limit: int) -> bytes:
        """Return some unpacked bytes, perhaps none; sets `_finished` at the end."""
        if self._decompressor.eof and not self._next_member():
            return b""
        if not self._pending and self._decompressor.needs_input:
            self._pending = self._take()
            if not self._pending:
                self._finished = True
                if self._member_begun:
                    name = f"the {self._unpacker.name} stream ends before its end mark"
                    self.problem = ("CAPTURE_cut_compression", self._taken, name)
                return b""
        data, self._pending = self._pending, b""
        self._member_begun = True
        try:
            return bytes(self._decompressor.decompress(data, limit))
        except self._unpacker.errors as error:
            self._finished = True
            self.problem = ("CAPTURE_damaged_compression", max(0, self._taken - len(data)), str(error))
            return b""

    def _take(self) -> bytes:
        piece = self._read(INPUT_BYTES)
        self._taken += len(piece)
        return piece

    def _next_member(self) -> bool:
        """Return True if another member follows the finished one; padding of zeros is skipped."""
        rest = bytes(self._decompressor.unused_data or b"").lstrip(b"\0")
        while len(rest) < MAGIC_BYTES:
            piece = self._take()
            if not piece:
                break
            rest = (rest + piece).lstrip(b"\0")
        if recognise(rest) != self._unpacker.name:
            self._finished = True
            if rest:
                place = self._taken - len(rest)
                self.problem = ("CAPTURE_trailing_bytes", place, f"what follows is not {self._unpacker.name}")
            return False
        self._decompressor = self._unpacker.make()
        self._pending = rest
        self._member_begun = False
        return True
