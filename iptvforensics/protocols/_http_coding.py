"""Content codings (RFC 9110 section 8.4): coded body bytes in, decoded pieces out, with limits.

`gzip`, `x-gzip` and `deflate` (with or without the zlib wrapper) are always there; `br` needs the optional package
`brotli`, `zstd` needs `backports.zstd` or Python 3.14. Bodies come from strangers: what a body may grow to is
limited in total and in proportion to its coded length.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from typing import Any

MAX_DECODED_BYTES = 256 << 20
"""Per body. The largest programme guides and catalogues seen in the field stay below."""
MAX_RATIO = 100
"""Playlists and guides shrink 10 to 30 times; more than this, beyond `FREE_BYTES`, is a decompression bomb."""
FREE_BYTES = 1 << 20
PIECE_BYTES = 1 << 20
MAX_CODINGS = 4
MAX_MEMBERS = 1000
"""gzip members, zstd frames per body."""
_STEP_BYTES = 512
"""Coded bytes are decoded in steps that start at multiples of this: what comes out before damage must not depend on
how the bytes came in."""


class CodingError(Exception):
    """A body cannot be decoded further; `name` is the end of the anomaly's name."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name
        self.detail = detail


class _Members:
    """Runs decompressors one after the other over a body of several members; yields limited pieces."""

    ended = False
    """True after the end of a member: the body may end here."""

    def __init__(self, make: Callable[[], Any], magic: bytes, error: type[Exception]) -> None:
        self.error = error
        self._make = make
        self._machine = make()
        self._magic = magic
        self._after = b""
        self._members = 1

    def push(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self.ended:
                data = self._next_member(data)
                if not data:
                    return
            data, more = yield from self._step(data)
            if not (data or more or self._machine.eof):
                return
            if self._machine.eof:
                self.ended = True
                data = self._machine.unused_data

    def _next_member(self, data: bytes) -> bytes:
        """Return the bytes of the next member, or nothing if none begins (bytes after the last are padding)."""
        data = self._after + data
        self._after = data[: len(self._magic)]
        if len(data) < len(self._magic) or not (self._magic and data.startswith(self._magic)):
            return b""
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise CodingError("coding_bomb", f"more than {MAX_MEMBERS} compressed members in one body")
        self._machine, self._after, self.ended = self._make(), b"", False
        return data

    def _step(self, data: bytes) -> Generator[bytes, None, tuple[bytes, bool]]:
        """Yield the next piece; return the bytes not yet read, and whether more output is pending."""
        raise NotImplementedError


class _Zlib(_Members):
    def _step(self, data: bytes) -> Generator[bytes, None, tuple[bytes, bool]]:
        piece = self._machine.decompress(data, PIECE_BYTES)
        if piece:
            yield piece
        return self._machine.unconsumed_tail, len(piece) == PIECE_BYTES


class _Zstd(_Members):
    def _step(self, data: bytes) -> Generator[bytes, None, tuple[bytes, bool]]:
        piece = self._machine.decompress(data, PIECE_BYTES)
        if piece:
            yield piece
        return b"", not self._machine.eof and not self._machine.needs_input


class _Brotli:
    def __init__(self, module: Any) -> None:
        self.error: type[Exception] = module.error
        self._machine = module.Decompressor()

    @property
    def ended(self) -> bool:
        return bool(self._machine.is_finished())

    def push(self, data: bytes) -> Iterator[bytes]:
        if self.ended:
            return
        while True:
            piece = self._machine.process(data, output_buffer_limit=PIECE_BYTES)
            if piece:
                yield piece
            if self.ended or self._machine.can_accept_more_data():
                return
            data = b""


def _gzip(start: bytes) -> Any:
    """Return a machine unless the body does not begin like gzip (a body of one byte may)."""
    return _Zlib(lambda: zlib.decompressobj(31), b"\x1f\x8b", zlib.error) if b"\x1f\x8b".startswith(start) else None


def _deflate(start: bytes) -> Any:
    wrapped = start[0] & 15 == 8 and int.from_bytes(start, "big") % 31 == 0
    return _Zlib(lambda: zlib.decompressobj(15 if wrapped else -15), b"", zlib.error)


def _brotli(_start: bytes) -> Any:
    return _Brotli(import_module("brotli"))


def _zstd(start: bytes) -> Any:
    module = _zstd_module()
    window = {module.DecompressionParameter.window_log_max: 23}  # RFC 9659: at most 8 MiB
    if start[0] != 0x28 and start[0] & 0xF0 != 0x50:
        return None
    return _Zstd(lambda: module.ZstdDecompressor(options=window), b"\x28\xb5\x2f\xfd", module.ZstdError)


def _zstd_module() -> Any:
    try:
        return import_module("compression.zstd")
    except ImportError:
        return import_module("backports.zstd")


_MAKERS: dict[str, tuple[Callable[[bytes], Any], Callable[[], Any]]] = {
    "gzip": (_gzip, lambda: None),
    "x-gzip": (_gzip, lambda: None),
    "deflate": (_deflate, lambda: None),
    "br": (_brotli, lambda: import_module("brotli")),
    "zstd": (_zstd, _zstd_module),
}


def unsupported(codings: list[str]) -> str | None:
    """Return the first coding that cannot be undone here, or None."""
    if len(codings) > MAX_CODINGS:
        return f"more than {MAX_CODINGS} codings"
    for coding in codings:
        if coding not in _MAKERS:
            return coding
        try:
            _MAKERS[coding][1]()
        except ImportError:
            return coding
    return None


class Decoder:
    """Undoes one coding of one body."""

    def __init__(self, coding: str) -> None:
        self.coding = coding
        self.taken = 0
        self.given = 0
        self.not_as_declared = False
        """True if the body does not begin as its coding does: it is then handed on as it is."""
        self._pending = b""
        self._machine: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces that follow from the next coded bytes, as far as whole steps go."""
        data = self._pending + data
        whole = len(data) - len(data) % _STEP_BYTES
        self._pending = data[whole:]
        for position in range(0, whole, _STEP_BYTES):
            yield from self._step(data[position : position + _STEP_BYTES])

    def flush(self) -> Iterator[bytes]:
        """Yield what follows from the bytes of the last step, which is not whole."""
        data, self._pending = self._pending, b""
        if data:
            yield from self._step(data)

    def _step(self, data: bytes) -> Iterator[bytes]:
        self.taken += len(data)
        limit = min(MAX_DECODED_BYTES, FREE_BYTES + MAX_RATIO * self.taken)
        for piece in self._push(data):
            room = limit - self.given
            self.given += len(piece)
            if len(piece) > room:
                yield piece[:room]
                raise CodingError("coding_bomb", f"{self.coding}: {self.taken} bytes became more than {limit}")
            yield piece

    def finish(self) -> None:
        """Raise if the coded data do not end with the body."""
        if self._machine is not None and not self._machine.ended:
            raise CodingError("coding_cut", f"the {self.coding} data do not end with the body")

    def _push(self, data: bytes) -> Iterator[bytes]:
        if self._machine is None and not self.not_as_declared:
            self._machine = _MAKERS[self.coding][0](data[:2])
            self.not_as_declared = self._machine is None
        if self.not_as_declared:
            yield data
            return
        try:
            yield from self._machine.push(data)
        except self._machine.error as error:
            raise CodingError("coding_broken", f"{self.coding}: {error}") from error


class Decoders:
    """Undoes the codings of one body, the last applied first."""

    def __init__(self, codings: list[str]) -> None:
        self._chain = [Decoder(coding) for coding in reversed(codings)]

    @property
    def not_as_declared(self) -> bool:
        """Return True if a coding was declared that the body does not have."""
        return any(decoder.not_as_declared for decoder in self._chain)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces that follow from the next coded bytes."""
        pieces: Iterator[bytes] = iter((data,))
        for decoder in self._chain:
            pieces = _through(decoder, pieces)
        return gathered(pieces)

    def finish(self) -> Iterator[bytes]:
        """Yield what is left at the end of the body; raise if the coded data do not end with it."""
        for i, decoder in enumerate(self._chain):
            pieces = decoder.flush()
            for following in self._chain[i + 1 :]:
                pieces = _through(following, pieces)
            yield from pieces
        for decoder in self._chain:
            decoder.finish()


def gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in fewer pieces: steps are small, and each piece costs its reader a call."""
    waiting: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            if size + len(piece) > PIECE_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
            waiting.append(piece)
            size += len(piece)
    except CodingError:
        if waiting:
            yield b"".join(waiting)
        raise
    if waiting:
        yield b"".join(waiting)


def _through(decoder: Decoder, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from decoder.feed(piece)
