"""Early data (0-RTT) -> handed on if the server took it, otherwise counted and left out (RFC 8446 section 4.2.10).

A client sends it before it knows whether the server will read it, and once more where the server does not. The server
says so under encryption (`early_data` in EncryptedExtensions) or asks for another hello; the client shows that it was
told (EndOfEarlyData comes before its Finished only if the server took the data).
"""

from __future__ import annotations

from ._tls_ciphers import Opened

END_OF_EARLY_DATA = 5
HELD_LIMIT = 1 << 22
"""Bytes that wait for the server's word; usual servers take 16 KiB."""


class EarlyData:
    """The early data of a connection."""

    __slots__ = ("_bytes", "_held", "is_supposed", "is_taken", "offset", "refused_bytes", "refused_records")

    def __init__(self) -> None:
        self._held: list[Opened] = []
        self._bytes = 0
        self.is_taken: bool | None = None
        """True if the server took it, False if it did not, None as long as that is not known."""
        self.is_supposed = False
        """True if data were handed on though nothing said that the server took them."""
        self.refused_records = 0
        self.refused_bytes = 0
        self.offset = 0
        """Stream offset of the first byte."""

    @property
    def waits(self) -> bool:
        """Return True if anything waits for the server's word."""
        return bool(self._held)

    def add(self, opened: Opened) -> list[Opened]:
        """Take the content of a record; return what may be handed on."""
        if self.is_taken:
            return [opened]
        if not self._held and not self.refused_records:
            self.offset = opened.offset
        if self.is_taken is False:
            self._refuse(opened)
            return []
        self._held.append(opened)
        self._bytes += len(opened.content)
        return self.settle(is_taken=True, is_told=False) if self._bytes > HELD_LIMIT else []

    def settle(self, *, is_taken: bool, is_told: bool = True) -> list[Opened]:
        """Take note of the server's word, the first that is known; return what may be handed on.

        Without its word (`is_told` is False), what waits is handed on, and that is noted.
        """
        if self.is_taken is None:
            self.is_taken = is_taken
            self.is_supposed = is_taken and not is_told and bool(self._held)
        held, self._held = self._held, []
        if self.is_taken:
            return held
        for opened in held:
            self._refuse(opened)
        return []

    def _refuse(self, opened: Opened) -> None:
        self.refused_records += 1
        self.refused_bytes += len(opened.content)
