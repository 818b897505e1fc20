"""A body that two parsers read: the one of its protocol, and one that finds in it what no row of that one says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DecodeError
from .choice import choose

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol import Event, Opening, Parser, Protocol
    from .choice import Candidates


class Beside:
    """Hands a body to two parsers; the second one may give up, and the first one reads on."""

    def __init__(self, first: Parser, second: Parser) -> None:
        self._first = first
        self._second: Parser | None = second
        self.client_is_orig = first.client_is_orig

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return what both say."""
        found = self._first.feed(data, from_orig)
        return found if self._second is None else found + self._ask(self._second.feed, data, from_orig)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what both say."""
        found = self._first.gap(length, from_orig)
        return found if self._second is None else found + self._ask(self._second.gap, length, from_orig)

    def end(self, from_orig: bool) -> list[Event]:
        """Return what both say."""
        found = self._first.end(from_orig)
        return found if self._second is None else found + self._ask(self._second.end, from_orig)

    def _ask(self, method: Callable[..., list[Event]], *arguments: Any) -> list[Event]:
        try:
            return method(*arguments)
        except DecodeError:
            self._second = None
            return []


def parser_of(protocol: Protocol, opening: Opening, readers: Candidates) -> Parser:
    """Return the parser of a body that a server sent; together with one of carrier `beside` if its protocol wants so.

    Args:
        protocol: reads the body.
        opening: what is known of it.
        readers: the protocols of carrier `beside`.
    """
    parser = protocol.parser(opening)
    if not protocol.read_beside or opening.info.role == "request":
        return parser
    beside = opening._replace(carrier="beside")
    reader, _ = choose(readers.of(beside), beside, final=True)
    return parser if reader is None else Beside(parser, reader.parser(beside))
