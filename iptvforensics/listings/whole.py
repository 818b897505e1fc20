"""Short bodies that are read when they have ended: forms that clients post, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .asked import Asked, asked_of

if TYPE_CHECKING:
    from ..protocol import Event, Opening


class WholeBody:
    """Keeps the bytes of a body, up to a limit, until `read` gets them all."""

    limit = 8 << 10
    """Bytes kept; a body that is longer is cut."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self.asked: Asked = asked_of(opening.info)
        self._kept = bytearray()

    def feed(self, data: memoryview, _from_orig: bool) -> list[Event]:
        """Return nothing: such a body is read when it ends."""
        self._kept += data[: self.limit - len(self._kept)]
        return []

    def gap(self, _length: int, _from_orig: bool) -> list[Event]:
        """Return nothing: a gap parts the fields of a form."""
        if len(self._kept) < self.limit:
            self._kept += b"&"
        return []

    def end(self, from_orig: bool) -> list[Event]:
        """Return what the body says."""
        body, self._kept = bytes(self._kept), bytearray()
        return self.read(body, from_orig)

    def read(self, body: bytes, from_orig: bool) -> list[Event]:
        """Return what the body says."""
        raise NotImplementedError
