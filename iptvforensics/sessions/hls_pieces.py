"""Fetches of media segments to the pieces of media that they brought: what is new, and what the same once more.

RFC 8216 sections 4.3.3.2 and 6.2.2 (numbers of media segments). A URL fetched again is the same piece, unless the
playlist has given it a higher number since: servers use file names in rotation. Where numbers say nothing, because
they never move or the server began anew, a body of another length or another first PTS is a new piece. One fetch is
one piece, even where a playlist names the URL several times; the next fetch is the next of these.

A server began anew where a playlist ends before the numbers at which the one before it began; what lies between is
not skipped.

**Known limitations**: where numbers say nothing, bodies of equal length without PTS count once. Who goes back to a file
that a playlist names several times is taken to have gone on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .addresses import Address, address
from .fetches import Fetch
from .hls_groups import Delivery
from .hls_matching import Match, touches
from .records import Entry

Where = tuple[Address | None, int | None, int | None]
"""URL and byte range of an entry."""
Number = tuple[int, int | None]
"""How often the server had begun anew, and the media sequence number."""


@dataclass(slots=True, eq=False)
class Piece:
    """A media segment or part, and the fetches that brought bytes of it."""

    entry: Entry
    number: Number
    fetches: list[Fetch] = field(default_factory=list)
    whole: Fetch | None = None
    """The first fetch that brought all of it."""


class Numbering:
    """How the playlists that named what was fetched number their media segments."""

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self._runs: dict[int, int] = {}
        run = 0
        before: int | None = None
        firsts = set()
        is_fixed = False
        by_order = {delivery.fetch.order: delivery for delivery in deliveries}
        for order, delivery in sorted(by_order.items()):
            playlist = delivery.playlist
            first = playlist.media_sequence or 0
            count = delivery.media_segments
            if before is not None and count and first + count <= before:
                run += 1
            self._runs[order] = run
            before = first if count or before is None else before
            firsts.add(first)
            is_fixed = is_fixed or bool(playlist.has_endlist or playlist.playlist_type)
        self.says_nothing = len(self._runs) > 1 and len(firsts) == 1 and not is_fixed
        """True if numbers never move, though the playlist may."""

    def number(self, delivery: Delivery, entry: Entry) -> Number:
        """Return the number of an entry."""
        return self._runs.get(delivery.fetch.order, 0), entry.media_sequence


@dataclass(slots=True)
class _Known:
    by_number: dict[Number, Piece]
    last: Piece


def pieces_of(brought: Iterable[tuple[Fetch, Match]], numbering: Numbering) -> list[Piece]:
    """Return the pieces that fetches brought, in order of their first fetch."""
    known: dict[Where, _Known] = {}
    found: list[Piece] = []
    for fetch, match in brought:
        places: dict[Where, list[Entry]] = {}
        for entry in match.entries:
            if touches(fetch, entry):
                place = (address(entry.url), entry.byte_range_first, entry.byte_range_length)
                places.setdefault(place, []).append(entry)
        for place, entries in places.items():
            named = {numbering.number(match.delivery, entry): entry for entry in entries}
            before = known.get(place)
            piece = _piece(before, named, fetch, numbering)
            if piece is None:
                unknown = (number for number in named if before is None or number not in before.by_number)
                number = next(unknown, next(iter(named)))
                piece = Piece(named[number], number)
                found.append(piece)
                before = known.setdefault(place, _Known({}, piece))
                before.by_number[number] = before.last = piece
            piece.fetches.append(fetch)
            if piece.whole is None and _is_all(fetch, piece.entry):
                piece.whole = fetch
    return found


def _piece(known: _Known | None, named: dict[Number, Entry], fetch: Fetch, numbering: Numbering) -> Piece | None:
    """Return the piece of which the fetch brought more, or the same again; None if it is a new one."""
    if known is None:
        return None
    same = [known.by_number[number] for number in named if number in known.by_number]
    unfinished = next((piece for piece in same if piece.whole is None), None)
    if unfinished is not None:
        return unfinished
    last = known.last
    if len(same) < len(named):
        run, number = max((run, number if number is not None else -1) for run, number in named)
        if last.number[1] is None or number < 0:
            return last
        if run == last.number[0] and number > last.number[1]:
            return None
        return None if _differs(fetch, last) else last
    return None if numbering.says_nothing and _differs(fetch, last) else same[-1]


def _is_all(fetch: Fetch, entry: Entry) -> bool:
    if not fetch.is_whole:
        return False
    if entry.byte_range_length is None:
        return fetch.total in (None, fetch.bytes)
    start = entry.byte_range_first or 0
    return fetch.first_byte <= start and start + entry.byte_range_length <= fetch.first_byte + fetch.bytes


def _differs(fetch: Fetch, piece: Piece) -> bool:
    """Return True if a whole body is certainly another one than that of a piece."""
    before = piece.whole
    if before is None or not _is_all(fetch, piece.entry) or piece.entry.byte_range_length is not None:
        return False
    clocks = [one.stream.pts_first if one.stream is not None else None for one in (before, fetch)]
    return before.bytes != fetch.bytes or (None not in clocks and clocks[0] != clocks[1])


def have_holes(pieces: Iterable[Piece]) -> bool:
    """Return True if numbers between the first and the last of a server's numbering were not delivered."""
    runs: dict[int, set[int]] = {}
    for piece in pieces:
        run, number = piece.number
        if number is not None:
            runs.setdefault(run, set()).add(number)
    return any(max(numbers) - min(numbers) + 1 > len(numbers) for numbers in runs.values())
