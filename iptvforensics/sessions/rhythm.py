"""Answers of one server to segmented delivery: media segments that come at a rhythm (HLS, RFC 8216; DASH).

A player that keeps up with its media fetches a media segment per `period`. Answers that begin together are a beat.
The beats of a player keep to a grid: one that comes late is followed by one in time, as the media go on meanwhile;
those of a person, or of a program that waits at random, drift. Where enough beats keep to a grid, and their bytes are
of one order and make a plausible bit-rate, there is a rhythm.

**Known limitations**: media fetched as fast as the line allows have no rhythm, nor have media segments of very unequal
length. Answers of one server at a fixed pace that are not media (pictures of a camera, a slide show) have one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import NamedTuple

from .closed import Answer
from .model import SECOND_NS

MIN_SEGMENT_BYTES = 4000
"""Smaller answers are playlists, keys and the like."""
SMALL_SHARE = 0.1
"""So are those below this share of the upper quartile of the others."""
TOGETHER_S = 0.8
"""Answers that begin within this time belong to one beat (audio beside video, or the beginning of a live stream)."""
MIN_PERIOD_S, MAX_PERIOD_S = 0.9, 12.5
TOLERANCE, MIN_TOLERANCE_S = 0.08, 0.15
"""Share of the period by which a beat may miss the grid, and seconds by which any may."""
SCATTER, MIN_SCATTER_S = 0.025, 0.07
"""Standard deviation of the beats in time from an even grid, as share of the period and in seconds, at most."""
MIN_BEATS, MIN_SPAN_S = 8, 12.0
"""Beats in time that make a rhythm, and how long it has to last."""
MIN_IN_TIME, MIN_FILLED = 0.75, 0.6
"""Share that must be in time of the beats beyond the least number (so many must be in any case), and share of the
grid that must have such a beat."""
MAX_LATE, MAX_STILL = 2, 3
"""Beats out of time in a row, and periods without a beat in time, that a session may hold (a stall, a lost answer)."""
RETRIES = 8
"""Later beats of a run without rhythm that are tried as its beginning."""
MAX_SPREAD = 5.0
"""Ratio of the ninth decile of the bytes of beats to the first."""
MAX_ANSWERS, MAX_POLLS = 3.0, 4.0
"""Answers with media and small ones per beat; pages bring more."""
EQUAL_BELOW_BYTES, MIN_DIFFERENCE = 64_000, 0.03
"""Small answers that are all of one length within this share are no media."""
MAX_BUSY = 0.75
"""Share of the period that an answer may take; more, and the line gives the pace."""
MIN_RATE_BPS, MAX_RATE_BPS = 20_000, 60_000_000
FILL_GAP_S, FILL_S = 3.0, 30.0
"""A buffer is filled by answers that follow each other so fast; live media are not that far ahead."""
LIVE_POLLS, VOD_POLLS = 0.6, 0.2
"""Small answers per beat: a playlist that is read again and again, and one that is not."""


class Rhythm(NamedTuple):
    """Segmented delivery."""

    answers: list[Answer]
    """Those with media, in order of time; the filling of the buffer included."""
    filling: int
    """How many of them filled the buffer."""
    period_s: float
    seconds: float
    """From the first beat to the last."""
    beats: int
    in_time: int
    """Beats that keep to the grid."""
    polls: int
    """Small answers meanwhile."""

    @property
    def kind(self) -> tuple[str | None, str | None]:
        """Return live or vod, and why; None where the shape says neither."""
        if self.polls >= LIVE_POLLS * self.beats:
            return "live", f"{self.polls} small answers beside {self.beats} beats: a playlist read again and again"
        if self.polls <= VOD_POLLS * self.beats and self.filling * self.period_s >= FILL_S:
            ahead = round(self.filling * self.period_s)
            return "vod", f"about {ahead} s of media at once at the beginning, and no playlist read again"
        return None, None


def find_rhythms(answers: Sequence[Answer]) -> list[Rhythm]:
    """Return the rhythms in the answers of one server, or of one flow of it, in order of time."""
    ordered = sorted(answers, key=_start)
    beats = _beats(_media(ordered))
    starts = [beat[0].start_ns / SECOND_NS for beat in beats]
    intervals = [after - before for before, after in pairwise(starts)]
    found: list[Rhythm] = []
    at = free = 0  # beats before `free` belong to a rhythm that was found
    while at + MIN_BEATS <= len(beats):
        period = median(intervals[at : at + MIN_BEATS - 1])
        grid = _follow(starts, at, period) if MIN_PERIOD_S <= period <= MAX_PERIOD_S else None
        if grid is None or grid.in_time < MIN_BEATS:
            at += 1
            continue
        rhythm = _rhythm(ordered, beats[free:at], beats[at : grid.end], grid)
        if rhythm is not None:
            found.append(rhythm)
            at = free = grid.end
        else:  # its beginning may be uneven: some later beats are tried, not all of a long run
            at += max(1, (grid.end - at) // RETRIES)
    return found


def _start(answer: Answer) -> tuple[int, int, int]:
    return answer.start_ns, answer.end_ns, answer.flow_id


def _media(ordered: Sequence[Answer]) -> list[Answer]:
    large = sorted(answer.bytes for answer in ordered if answer.bytes >= MIN_SEGMENT_BYTES)
    if not large:
        return []
    least = max(MIN_SEGMENT_BYTES, SMALL_SHARE * large[len(large) * 3 // 4])
    return [answer for answer in ordered if answer.bytes >= least]


def _beats(media: Sequence[Answer]) -> list[list[Answer]]:
    beats: list[list[Answer]] = []
    for answer in media:
        if beats and answer.start_ns - beats[-1][0].start_ns < TOGETHER_S * SECOND_NS:
            beats[-1].append(answer)
        else:
            beats.append([answer])
    return beats


class _Grid(NamedTuple):
    """Beats that follow each other in time."""

    period_s: float
    seconds: float
    end: int
    """Number of the beat behind the last one in time."""
    in_time: int
    scatter_s: float
    """Standard deviation of the beats in time from an even grid."""


def _follow(starts: Sequence[float], first: int, period: float) -> _Grid:
    """Return how far the beats from one on keep to a grid of about this period."""
    phase, least, most = starts[first], 0.9 * period, 1.1 * period
    end, late, step = first + 1, 0, 0
    kept = [(0, 0.0)]
    for number in range(first + 1, len(starts)):
        steps = max(1, round((starts[number] - phase) / period))
        off = starts[number] - phase - steps * period
        if steps > MAX_STILL:
            break
        if abs(off) <= max(MIN_TOLERANCE_S, TOLERANCE * period):
            # The grid gives way slowly: beats that drift at random leave it.
            phase += steps * period + off / 4
            period = min(max(period + off / (8 * steps), least), most)
            end, late, step = number + 1, 0, step + steps
            kept.append((step, starts[number] - starts[first]))
        elif late == MAX_LATE:
            break
        else:
            late += 1
    slope, scatter = _line(kept)
    return _Grid(slope or period, starts[end - 1] - starts[first], end, len(kept), scatter)


def _line(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """Return the slope of the line nearest to the points, and the standard deviation from it."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    return slope, sqrt(sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points) / count)


def _rhythm(
    ordered: Sequence[Answer], before: list[list[Answer]], own: list[list[Answer]], grid: _Grid
) -> Rhythm | None:
    """Return the rhythm of beats that keep to a grid, if they have one."""
    period = grid.period_s
    sizes = sorted(sum(answer.bytes for answer in beat) for beat in own)
    low, high = sizes[len(sizes) // 10], sizes[-1 - len(sizes) // 10]
    rate = 8 * sum(answer.bytes for beat in own[:-1] for answer in beat) / grid.seconds
    took = median(max(answer.end_ns for answer in beat) - beat[0].start_ns for beat in own) / SECOND_NS
    if (
        grid.seconds < MIN_SPAN_S
        or grid.scatter_s > max(MIN_SCATTER_S, SCATTER * period)
        or grid.in_time < MIN_BEATS + MIN_IN_TIME * (len(own) - MIN_BEATS)
        or grid.in_time < MIN_FILLED * (grid.seconds / period + 1)
        or sum(map(len, own[1:])) > MAX_ANSWERS * (len(own) - 1)
        or high > MAX_SPREAD * low
        or (high < EQUAL_BELOW_BYTES and high - low <= MIN_DIFFERENCE * high)
        or not MIN_RATE_BPS <= rate <= MAX_RATE_BPS
        or took > MAX_BUSY * period
    ):
        return None
    first = bisect_left(ordered, own[0][0].start_ns, key=lambda answer: answer.start_ns)
    last = bisect_right(ordered, own[-1][-1].end_ns, key=lambda answer: answer.start_ns)
    polls = last - first - sum(map(len, own))
    if polls > MAX_POLLS * len(own):
        return None
    filling = _filling(before, own[0], period)
    media = [answer for beat in (*filling, *own) for answer in beat]
    return Rhythm(media, sum(map(len, filling)), period, grid.seconds, len(own), grid.in_time, polls)


def _filling(before: list[list[Answer]], first: list[Answer], period: float) -> list[list[Answer]]:
    """Return the beats that filled the buffer: they follow each other at once, and the rhythm follows them."""
    found: list[list[Answer]] = []
    allowed, follows = 2 * period + MIN_TOLERANCE_S, first
    for beat in reversed(before):
        if follows[0].start_ns - beat[0].start_ns > allowed * SECOND_NS:
            break
        found.append(beat)
        allowed, follows = FILL_GAP_S, beat
    return found[::-1]
