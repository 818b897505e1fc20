"""What came out of a parser, as tests of several protocols look at it."""

from __future__ import annotations

from typing import Any

from iptvforensics.protocol import (
    Anomaly,
    ContentBegin,
    ContentData,
    ContentEnd,
    ContentGap,
    Event,
    Parser,
    Row,
    Rows,
)


class Found:
    """What was found in a connection of HTTP/2 or HTTP/3; rows by target, bodies by URL."""

    def __init__(self, events: list[Event]) -> None:
        self.rows = {e.values["target"]: e.values for e in events if isinstance(e, Row)}
        self.names = [e.name for e in events if isinstance(e, Anomaly)]
        self.details = [e.detail for e in events if isinstance(e, Anomaly)]
        self.bodies: dict[Any, bytes] = {}
        self.complete: dict[Any, bool] = {}
        self.gaps: list[int] = []
        names: dict[int, str | None] = {}
        for event in events:
            if isinstance(event, ContentBegin):
                names[event.key] = event.info.name
                self.bodies[event.info.name] = b""
            elif isinstance(event, ContentData):
                self.bodies[names[event.key]] += bytes(event.data)
            elif isinstance(event, ContentEnd):
                self.complete[names[event.key]] = event.complete
            elif isinstance(event, ContentGap):
                self.gaps.append(event.length)


def handed_on(events: list[Event]) -> list[bytes | int]:
    """Return what was handed on of a single content: bytes, and lengths of gaps."""
    found: list[bytes | int] = []
    for event in events:
        if isinstance(event, ContentData):
            if found and isinstance(found[-1], bytes):
                found[-1] += bytes(event.data)
            else:
                found.append(bytes(event.data))
        elif isinstance(event, ContentGap):
            found.append(event.length)
    return found


def read_in_pieces(parser: Parser, body: bytes, size: int) -> tuple[list[Row], list[Anomaly]]:
    """Return rows and anomalies of a response that is fed so many bytes at a time."""
    events: list[Event] = []
    for at in range(0, len(body), size):
        events += parser.feed(memoryview(body[at : at + size]), False)
    events += parser.end(False)
    rows = [row for event in events if isinstance(event, Rows) for row in event.each()]
    return rows, [event for event in events if isinstance(event, Anomaly)]
