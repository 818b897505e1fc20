"""Contents of opened records -> events of the decrypted stream, many records in one."""

from __future__ import annotations

from ..protocol import Event, OpenedData, OpenedEnd, OpenedGap
from ._tls_ciphers import Opened

FLUSH_BYTES = 1 << 20


class Plain:
    """What was decrypted of one direction and not handed on yet."""

    __slots__ = ("_bytes", "_has_any", "_is_ended", "_offsets", "_parts", "_secret", "_side", "_starts")

    def __init__(self, side: bool) -> None:
        self._side = side
        self._parts: list[memoryview | bytes] = []
        self._starts: list[int] = []
        self._offsets: list[int] = []
        self._bytes = 0
        self._secret = ""
        self._has_any = False
        self._is_ended = False

    def add(self, opened: Opened) -> list[Event]:
        """Return what has to be handed on before the content of a record can wait."""
        events: list[Event] = []
        secret = opened.phase.sha256
        if opened.missing or secret != self._secret or self._bytes >= FLUSH_BYTES:
            events = self.flush()
        if opened.missing:
            self._has_any = True
            events.append(OpenedGap(self._side, opened.missing))
        self._secret = secret
        if opened.content:
            self._starts.append(self._bytes)
            self._offsets.append(opened.offset)
            self._parts.append(opened.content)
            self._bytes += len(opened.content)
        return events

    def flush(self) -> list[Event]:
        """Return the contents that wait."""
        if not self._parts:
            return []
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        event = OpenedData(self._side, self._offsets[0], data, self._secret, (self._starts, self._offsets))
        self._parts, self._starts, self._offsets, self._bytes = [], [], [], 0
        self._has_any = True
        return [event]

    def end(self) -> list[Event]:
        """Return the end of the direction, if it had any content."""
        if self._is_ended or not self._has_any:
            return []
        self._is_ended = True
        return [OpenedEnd(self._side)]
