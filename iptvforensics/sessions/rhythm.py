"""Answers of one server to segmented delivery: media segments that come at a rhythm (HLS, RFC 8216; DASH).

A player that keeps up with its media fetches a media segment per `period`. Answers that begin together are a beat.
Where at least `MIN_INTERVALS` intervals between beats follow each other of which most are the period or twice the
period, and the bytes of the beats are of one order and make a plausible bit-rate, there is a rhythm.

**Known limitations**: media fetched as fast as the line allows have no rhythm. Answers of one server at a
fixed pace that are not media (pictures of a camera, a feed of large documents) have one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
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
TOLERANCE, MIN_TOLERANCE_S = 0.15, 0.25
"""Share of the period by which an interval may differ, and seconds by which any may."""
MIN_INTERVALS, MIN_SPAN_S = 6, 12.0
MIN_REGULAR = 0.8
"""Share of the intervals beyond the least number; as many as that must be regular in any case."""
MAX_IRREGULAR = 2
"""Intervals in a row without rhythm that a session may hold (a stall, a lost answer)."""
MAX_SPREAD = 8.0
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
    intervals: int
    regular: int
    """Intervals that are the period or twice the period."""
    beats: int
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
    while at + MIN_INTERVALS <= len(intervals):
        period = median(intervals[at : at + MIN_INTERVALS])
        end = _run(intervals, at, period) if MIN_PERIOD_S <= period <= MAX_PERIOD_S else at
        if end - at < MIN_INTERVALS:
            at += 1
            continue
        rhythm = _rhythm(ordered, beats[free:at], beats[at : end + 1], intervals[at:end])
        if rhythm is not None:
            found.append(rhythm)
            free = end + 1
        at = end + 1
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


def _is_regular(interval: float, period: float) -> bool:
    allowed = max(MIN_TOLERANCE_S, TOLERANCE * period)
    return abs(interval - period) <= allowed or abs(interval - 2 * period) <= allowed


def _run(intervals: Sequence[float], first: int, period: float) -> int:
    """Return the end of the run of intervals that begins here; an irregular one neither begins nor ends it."""
    end = first
    for i in range(first, len(intervals)):
        if _is_regular(intervals[i], period):
            end = i + 1
        elif i - end >= MAX_IRREGULAR or end == first:
            break
    return end


def _rhythm(
    ordered: Sequence[Answer], before: list[list[Answer]], own: list[list[Answer]], intervals: Sequence[float]
) -> Rhythm | None:
    """Return the rhythm of some beats, if they have one."""
    period = median(intervals)
    regular = sum(_is_regular(interval, period) for interval in intervals)
    sizes = sorted(sum(answer.bytes for answer in beat) for beat in own)
    low, high = sizes[len(sizes) // 10], sizes[-1 - len(sizes) // 10]
    rate = 8 * sum(answer.bytes for beat in own[:-1] for answer in beat) / sum(intervals)
    took = median(max(answer.end_ns for answer in beat) - beat[0].start_ns for beat in own) / SECOND_NS
    if (
        not MIN_PERIOD_S <= period <= MAX_PERIOD_S
        or sum(intervals) < MIN_SPAN_S
        or regular < MIN_INTERVALS + MIN_REGULAR * (len(intervals) - MIN_INTERVALS)
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
    return Rhythm(media, sum(map(len, filling)), period, len(intervals), regular, len(own), polls)


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
