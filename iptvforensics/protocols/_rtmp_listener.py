"""What one direction of an RTMP connection tells, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..protocol import Anomaly
from ._rtmp_handshake import Hello

if TYPE_CHECKING:
    from ._rtmp_direction import Direction


class Message(NamedTuple):
    """A whole message that is not plain media."""

    type: int
    chunk_stream_id: int
    message_stream_id: int | None
    timestamp_ms: int | None
    offset: int
    end: int
    payload: bytes
    value: int
    """Argument of Set Chunk Size."""


class Listener(Protocol):
    """Who is told what a direction says."""

    def on_hello(self, direction: Direction, hello: Hello) -> None:
        """Take what a handshake says."""

    def on_message(self, direction: Direction, message: Message) -> None:
        """Take a message; all media before it are counted, none after it (commands, aggregates)."""

    def on_missing(self, direction: Direction, length: int) -> None:
        """Take the number of bytes that were lost here; 0: sync was lost without a gap."""

    def on_milestone(self, direction: Direction) -> None:
        """Take note that another `MILESTONE_BYTES` of the stream have passed."""

    def on_anomaly(self, anomaly: Anomaly) -> None:
        """Take something that broke a rule."""
