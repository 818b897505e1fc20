"""Requests for the time (NTP) to the clocks of devices: how far off, how fast or slow, and how many at one address.

Offset and skew are those of the client's transmit time against the capture's clock. The skew is the median of the
slopes between all pairs of requests (Theil and Sen); its error reaches to the farther end of the interval that Sen's
test gives for 99 of 100 lines. It is told if there are enough requests over a long enough time, the error is small,
hardly one lies off the line, both halves of them agree, and so does the median slope from each request to the next: a
clock that is set now and then runs otherwise in between.

Rules, all leads: `clock-offset`, `clock-skew`. Clients may send random numbers in place of the time (RFC 9769): these
are on no line, and alone hardly near. A clock that was never set says nothing.

**Known limitations**: the capture's clock may be wrong itself; a client that sets its clock by each answer shows the
rate of the clock that it follows, near 0, and not that of its own; errors that go on for hours (temperature) are not in
the bound; of a client with many requests 120 are read, evenly over the time.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from .devices import Address, Devices
from .model import Place, TableReader

_SPREAD_NS = 60 * 10**9
"""Most by which a clock without a told rate changes within a capture."""
_ALONE_NS = 86_400 * 10**9
"""Most by which a single request may be off to be taken for a clock."""
_SET_NS = 1_420_070_400 * 10**9
"""Times before 2015 are of clocks that were never set."""
_READ = 120
_LEAST, _SPAN_NS = 8, 1800 * 10**9
_MOST_PPM, _MOST_ERROR_PPM = 1000.0, 25.0
"""No clock of a device runs so wrong; a rate that is known so badly says nothing."""
_OFF_NS, _MOST_OFF = 10**9, 0.1
"""Distance from the line, and the part of all requests that may be farther off: late ones, or whole seconds."""
_QUANTILE = 2.576
"""Of the normal distribution, for 99 of 100."""
_NORMAL, _OF_MEDIAN = 1.4826, 1.2533
"""Standard deviation of normal values by their median deviation, and of a median by that of its values."""
_TOGETHER_NS = 200 * 10**6
"""Most by which requests from a shared address may differ to be of one clock, if no rate is told."""
_APART_NS, _STEADY = 2 * 10**9, 3
"""Distance of clocks that are told apart at one address, and requests that each has at least."""


class Request(NamedTuple):
    """When a request was captured, and by how much its clock was ahead."""

    ts_ns: int
    ahead_ns: int
    place: Place


class Skew(NamedTuple):
    """How much a clock gains, in millionths, and how much more or less it may be."""

    ppm: float
    error_ppm: float


def read_requests(reader: TableReader) -> dict[Address, list[Request]]:
    """Return the requests for the time by client, in the order of time."""
    if not reader.has("ntp"):
        return {}
    rows = reader.select(
        "SELECT capture_id, client_ip, ts_ns, transmit_ns - ts_ns, frame_no, flow_id FROM (SELECT *, "  # noqa: S608
        "row_number() OVER (PARTITION BY capture_id, client_ip ORDER BY ts_ns, frame_no) AS n, "
        "count(*) OVER (PARTITION BY capture_id, client_ip) AS total FROM ntp "
        f"WHERE mode = 'client' AND client_ip IS NOT NULL AND ts_ns IS NOT NULL AND transmit_ns > {_SET_NS:d}) "
        f"WHERE (n - 1) % ((total + {_READ - 1:d}) // {_READ:d}) = 0 ORDER BY capture_id, client_ip, ts_ns, frame_no"
    )
    found: dict[Address, list[Request]] = defaultdict(list)
    for capture, client, ts, ahead, frame, flow in rows:
        found[capture, client].append(Request(ts, ahead, Place(capture, ts, frame, flow, True)))
    return found


def add_clocks(reader: TableReader, devices: Devices) -> None:
    """Add offset and skew of the clocks of devices."""
    for (capture, client), requests in read_requests(reader).items():
        key = devices.pick(capture, client)
        if key is None or clocks_at(requests):
            continue
        skew = skew_of(requests)
        offsets = [request.ahead_ns for request in requests]
        alone = len(offsets) == 1 and abs(offsets[0]) <= _ALONE_NS
        spread = _SPREAD_NS if key[1] == "mac" else _TOGETHER_NS
        if not (alone or skew or (len(offsets) > 1 and max(offsets) - min(offsets) <= spread)):
            continue
        atom, place = devices.atoms[key], requests[0].place
        offset = round(median(offsets) / 1e9, 3) + 0.0  # no negative zero
        shows = f"NTP: the device's clock is {offset:+.3f} s from the capture's"
        atom.seen("clock-offset", "lead", place, shows, count=0)
        atom.fact("clock", offset)
        if skew is not None:
            span = (requests[-1].ts_ns - requests[0].ts_ns) / 1e9
            shows = (
                f"NTP: the device's clock gains {skew.ppm:+.1f} ppm (error {skew.error_ppm:.1f}) on the capture's, "
                f"by {len(requests)} requests over {span:.0f} s"
            )
            atom.seen("clock-skew", "lead", place, shows, count=0)
            atom.seen("clock-skew", "lead", requests[-1].place, shows, count=0)
            atom.fact("skew", (round(skew.ppm, 2), round(skew.error_ppm, 2)))


def skew_of(requests: list[Request]) -> Skew | None:
    """Return how fast a clock gains on the capture's; None if the requests do not tell.

    Example:
        >>> at = [Request(n * 600 * 10**9, n * 30_000_000, Place("", None, None)) for n in range(10)]
        >>> skew_of(at).ppm
        50.0
    """
    if len(requests) < _LEAST or requests[-1].ts_ns - requests[0].ts_ns < _SPAN_NS:
        return None
    whole = _line(requests)
    half = len(requests) // 2
    halves = _line(requests[:half]), _line(requests[half:])
    if whole is None or abs(whole.ppm) > _MOST_PPM or whole.error_ppm > _MOST_ERROR_PPM:
        return None
    above = [request.ahead_ns - whole.ppm * 1e-6 * (request.ts_ns - requests[0].ts_ns) for request in requests]
    middle = median(above)
    if sum(abs(value - middle) > _OFF_NS for value in above) > _MOST_OFF * len(above):
        return None
    if any(part and abs(part.ppm - whole.ppm) > part.error_ppm + whole.error_ppm + 1 for part in halves):
        return None
    between = _between(requests)
    if abs(between.ppm - whole.ppm) > between.error_ppm + whole.error_ppm + 1:
        return None
    return whole


def _between(requests: list[Request]) -> Skew:
    """Return the median slope from each request to the next, and how far it may be off by chance."""
    slopes = [
        (other.ahead_ns - one.ahead_ns) / (other.ts_ns - one.ts_ns) * 1e6
        for one, other in pairwise(requests)
        if other.ts_ns > one.ts_ns
    ]
    middle = median(slopes)
    spread = _NORMAL * median(abs(slope - middle) for slope in slopes)
    return Skew(middle, _QUANTILE * _OF_MEDIAN * spread / len(slopes) ** 0.5)


def _line(requests: list[Request]) -> Skew | None:
    """Return the median slope, and half the width of the interval in which it lies."""
    slopes = sorted(
        (other.ahead_ns - one.ahead_ns) / (other.ts_ns - one.ts_ns)
        for number, one in enumerate(requests)
        for other in requests[number + 1 :]
        if other.ts_ns > one.ts_ns
    )
    if not slopes:
        return None
    n = len(requests)
    ranks = _QUANTILE * (n * (n - 1) * (2 * n + 5) / 18) ** 0.5
    low = slopes[max(int((len(slopes) - ranks) / 2), 0)]
    high = slopes[min(int((len(slopes) + ranks) / 2) + 1, len(slopes) - 1)]
    slope = median(slopes)
    return Skew(slope * 1e6, max(high - slope, slope - low) * 1e6)


def clocks_at(requests: list[Request]) -> list[float]:
    """Return the offsets, in seconds, of clocks that were used by turns at one address: those of several devices.

    A clock that is set anew has one offset after the other; two clocks have them by turns.
    """
    groups: list[list[Request]] = []
    for request in sorted(requests, key=lambda request: request.ahead_ns):
        if groups and request.ahead_ns - groups[-1][-1].ahead_ns <= _APART_NS:
            groups[-1].append(request)
        else:
            groups.append([request])
    steady = [group for group in groups if len(group) >= _STEADY]
    spans = [(min(r.ts_ns for r in group), max(r.ts_ns for r in group)) for group in steady]
    by_turns = [
        group
        for group, (first, last) in zip(steady, spans, strict=True)
        if any((first, last) != span and first < span[1] and span[0] < last for span in spans)
    ]
    return [round(median(request.ahead_ns for request in group) / 1e9, 3) for group in by_turns]
