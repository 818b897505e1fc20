"""Which response answers which request: in order, whatever the order in which the two directions are fed."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable

from ..protocol import Anomaly, Event
from ._http_exchange import Exchange

MAX_OPEN_REQUESTS = 1000
MAX_ANOMALIES = 16
"""Anomalies of one name told one by one; the rest is told once, with its count."""


class Pairing:
    """What the two directions of a connection share."""

    def __init__(self, client_is_orig: bool, scheme: str = "http", *, is_half: bool = False) -> None:
        self.client_is_orig = client_is_orig
        self._scheme = scheme
        self._is_half = is_half
        self.events: list[Event] = []
        self.client_ended = False
        self.server_ended = False
        self.server_began_inside = False
        """True if the capture began within a response: its request is not to come."""
        self.unanswered_allowed = False
        """True once responses are no longer held back for requests that do not come."""
        self._waiting: deque[Exchange] = deque()
        self._early: deque[Exchange] = deque()
        self._overdue = 0  # responses still to come for requests that were given up
        self._substitute: Exchange | None = None
        self._counts: dict[tuple[str, bool], tuple[int, int]] = {}

    def note(self, name: str, from_orig: bool, offset: int, detail: str = "") -> None:
        """Record an anomaly."""
        count, first = self._counts.get((name, from_orig), (0, 0))
        self._counts[name, from_orig] = (count + 1, offset if count == MAX_ANOMALIES else first)
        if count < MAX_ANOMALIES:
            self.events.append(Anomaly(f"HTTP_{name}", from_orig, offset, detail))

    def noter(self, from_orig: bool) -> Callable[[str, int, str], None]:
        """Return what the bodies of a direction tell anomalies to. The pairing holds them, so they must not hold it."""
        this = weakref.ref(self)

        def note(name: str, offset: int, detail: str) -> None:
            pairing = this()
            if pairing is not None:
                pairing.note(name, from_orig, offset, detail)

        return note

    @property
    def is_full(self) -> bool:
        """Return True if so many requests wait for a response that no more should be read."""
        return len(self._waiting) >= MAX_OPEN_REQUESTS

    @property
    def has_room(self) -> bool:
        """Return True if enough requests were answered to read on after `is_full`."""
        return len(self._waiting) <= MAX_OPEN_REQUESTS // 2

    def open(self) -> Exchange:
        """Return the exchange to which the next request belongs."""
        if self._early:
            early = self._early.popleft()
            if not early.row_given:
                early.request_done = False
                return early
            late = Exchange(self.client_is_orig, self._scheme, is_half=self._is_half)
            late.deviations.add("response_before_request")
            late.response_done = True
            late.tunnel = False
            return late
        exchange = Exchange(self.client_is_orig, self._scheme, is_half=self._is_half)
        exchange.response_done = self.server_ended
        if not self.server_ended:
            self._waiting.append(exchange)
        return exchange

    def unseen_request(self, *, initial: bool = False) -> None:
        """Expect a response to a request that was not seen."""
        exchange = self.open()
        exchange.initial = initial
        exchange.request_done = True

    def front(self) -> Exchange | None:
        """Return the exchange that the next response answers; None if its request may still come."""
        if self._overdue:
            self._substitute = self._substitute or self._orphan()
            return self._substitute
        if self.server_began_inside and self._waiting and self._waiting[0].initial:
            self._waiting.popleft()
        if not self._waiting:
            if not (self.client_ended or self.unanswered_allowed):
                return None
            orphan = self._orphan()
            self._waiting.append(orphan)
            if not self.client_ended:
                self._early.append(orphan)
                if len(self._early) > MAX_OPEN_REQUESTS:
                    self._early.popleft()
        return self._waiting[0]

    def _orphan(self) -> Exchange:
        orphan = Exchange(self.client_is_orig, self._scheme, is_half=self._is_half)
        orphan.request_done = True
        return orphan

    def answered(self) -> None:
        """Go on to the next request: the first one has got its final response."""
        if self._substitute:
            self._substitute = None
            self._overdue -= 1
        else:
            self._waiting.popleft()

    def make_room(self) -> None:
        """Give up waiting for the responses to the oldest requests."""
        while not self.has_room:
            exchange = self._waiting.popleft()
            exchange.response_done = True
            exchange.tunnel = False
            self._overdue += 1
            self.finish(exchange)

    def finish(self, exchange: Exchange) -> None:
        """Emit the row of an exchange of which nothing more is to come."""
        if exchange.request_done and exchange.response_done and not exchange.row_given:
            exchange.row_given = True
            if exchange.request is not None or exchange.response is not None:
                self.events.append(exchange.row())

    def server_ends(self) -> None:
        """Emit the requests that have no response."""
        self.server_ended = True
        for exchange in self._waiting:
            exchange.response_done = True
            self.finish(exchange)
        self._waiting.clear()

    def close(self) -> None:
        """Tell of the anomalies that were only counted."""
        for (name, from_orig), (count, offset) in self._counts.items():
            if count > MAX_ANOMALIES:
                self.events.append(Anomaly(f"HTTP_{name}", from_orig, offset, "further ones", count - MAX_ANOMALIES))
        self._counts.clear()
