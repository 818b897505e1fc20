"""Rests of bodies that were under way when the capture began, to the viewing that they belong to.

A player that keeps its connections asks for one media segment after the other on them. Where the capture begins within
one, the rest of it has neither request nor length; but it is no endless body, since other exchanges follow it on the
connection. It is a part of a viewing if the connection went on with that, and a media segment of that begins within
half a minute, by its clock, of where the rest ended: others may have come on other connections between the two.

**Known limitations**: without PTS, as in fragmented MP4, a rest belongs to nothing. A connection on which nothing else
was captured is a bare transport stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .fetches import Fetch

REST_HOW = "the rest of what came before on the same connection, whose clock goes on there"
_WRAP = 1 << 33
_ADJOINS = 90_000
"""Ticks from the last PTS of a media segment to the first of the next: frames lie less than a second apart."""
_NEAR = 30 * 90_000


def tie_rests(fetches: Iterable[Fetch]) -> None:
    """Set `rest_before` and `is_over`: where exchanges followed a body whose beginning was not captured."""
    rests: dict[int, Fetch | None] = {}
    for fetch in fetches:
        rest = rests.setdefault(fetch.flow_id, fetch)
        if rest is None or rest is fetch:
            continue
        rests[fetch.flow_id] = None
        is_rest = rest.exchange is None and rest.body is not None and rest.body.role == "message"
        if is_rest and fetch.exchange is not None:
            fetch.rest_before, rest.is_over = rest, True


def rests_of(followed: Iterable[Fetch], media: Sequence[Fetch]) -> list[Fetch]:
    """Return the rests before some fetches of a viewing, if its media go on where they ended."""
    rests = [fetch.rest_before for fetch in followed if fetch.rest_before is not None]
    return [rest for rest in rests if any(adjoins(rest, fetch, _NEAR) for fetch in media)]


def adjoins(before: Fetch, after: Fetch, at_most: int = _ADJOINS) -> bool:
    """Return True if a body goes on in time where another one ended, or up to so many ticks later."""
    ended = before.stream.pts_last if before.stream is not None else None
    began = after.stream.pts_first if after.stream is not None else None
    if ended is None or began is None:
        return False
    return (began - ended + _ADJOINS) % _WRAP <= _ADJOINS + at_most
