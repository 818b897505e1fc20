"""Bytes of a pcap file -> columns of records: the loops.

One loop walks from record to record; whatever is not a plain record is left to the caller, by position.
One loop looks for the next record after damage. Neither reads past `end`.

Format: draft-ietf-opsawg-pcap, sections 4 and 5.

**Known limitations**: none beyond those of `pcap`, which calls them.
"""

from __future__ import annotations

from ..kernel import inline, kernel, prefetch

MORE, FULL, LOOK = 0, 1, 2
"""Why a walk stopped: more bytes are needed, the columns are full, something else than a plain record."""
FOUND, UNDECIDED, NOTHING = 0, 1, 2
"""What a search ended with; UNDECIDED: more bytes are needed to judge the place."""

AT, COUNT = 0, 1
"""Meaning of the first numbers in `state`."""
BIG, HEADER_BYTES, UNIT, TO_NS, LIMIT, LENGTHS, WIRE_LIMIT = range(7)
"""Meaning of the numbers in `form` (pcap): byte order, record header, fractions per second, ..."""
SECOND, THIRD = 1, 2
"""`LENGTHS`: captured length stands second (pcap before 2.3), or is the smaller of the two (2.3)."""

AHEAD = 6
"""Records that lie between the one that is read and the one that is fetched from memory meanwhile."""
SECONDS_APART = 86_400
"""Two records in a row that are further apart than this are not taken for records after damage."""
SECONDS_NEAR = 60
"""A whole record as near as this to the last one before the damage needs no other behind it."""
MOST_NEAR_BYTES = 65_535
"""If it is no longer than this."""
SECONDS_AWAY = 400 * 86_400
"""Nor is a record that is further away than this from the last one before the damage."""


# Multiplied, not shifted: a shifted byte is an unsigned 64-bit number to the compiler, and those do not mix.


@inline
def u16(data: memoryview, at: int, big: int) -> int:
    """Return the 16-bit number at a place."""
    if big:
        return data[at] * 256 + data[at + 1]
    return data[at] + data[at + 1] * 256


@inline
def u32(data: memoryview, at: int, big: int) -> int:
    """Return the 32-bit number at a place."""
    if big:
        return data[at] * 16777216 + data[at + 1] * 65536 + data[at + 2] * 256 + data[at + 3]
    return data[at] + data[at + 1] * 256 + data[at + 2] * 65536 + data[at + 3] * 16777216


@inline
def is_file_magic(first: int) -> int:
    """Return 1 if a little-endian 32-bit number is how a capture file of any kind begins."""
    if first == 0xA1B2C3D4 or first == 0xD4C3B2A1 or first == 0xA1B23C4D or first == 0x4D3CB2A1:
        return 1
    if first == 0x0A0D0D0A or first == 0xA1B2CD34 or first == 0x34CDB2A1:
        return 1
    return 0


@kernel("B[] q q q[] q[] q[] q[] q[] q[]")
def walk_pcap(
    data: memoryview,
    end: int,
    capacity: int,
    form: memoryview,
    state: memoryview,
    record_at: memoryview,
    captured_bytes: memoryview,
    wire_bytes: memoryview,
    ts_ns: memoryview,
) -> int:
    """Fill the columns with the records from `state[AT]` on; return why it stopped there."""
    big = form[BIG]
    header = form[HEADER_BYTES]
    unit = form[UNIT]
    to_ns = form[TO_NS]
    limit = form[LIMIT]
    lengths = form[LENGTHS]
    at = state[AT]
    count = state[COUNT]
    stop = MORE
    while at + header <= end:
        if count >= capacity:
            stop = FULL
            break
        seconds = u32(data, at, big)
        fraction = u32(data, at + 4, big)
        captured = u32(data, at + 8, big)
        wire = u32(data, at + 12, big)
        if lengths == SECOND or (lengths == THIRD and captured > wire):
            captured, wire = wire, captured
        first = u32(data, at, 0)
        if captured > limit or fraction >= unit or is_file_magic(first) or captured == 0:
            stop = LOOK
            break
        if at + header + captured > end:
            break
        if count >= AHEAD:
            # A guess: the next few records have the lengths of the last few. Where it is right, nothing is waited for.
            prefetch(data, 2 * at + header - record_at[count - AHEAD])
        record_at[count] = at + header
        captured_bytes[count] = captured
        wire_bytes[count] = wire
        ts_ns[count] = seconds * 1000000000 + fraction * to_ns
        count += 1
        at += header + captured
    state[AT] = at
    state[COUNT] = count
    return stop


@inline
def is_likely_header(data: memoryview, at: int, form: memoryview, near: int, window: int) -> int:
    """Return 1 if a pcap record header could stand here, at a time within `window` of `near` (if that is known)."""
    big = form[BIG]
    seconds = u32(data, at, big)
    fraction = u32(data, at + 4, big)
    captured = u32(data, at + 8, big)
    wire = u32(data, at + 12, big)
    if captured > wire and form[LENGTHS] != 0:
        captured, wire = wire, captured
    if captured == 0 or captured > form[LIMIT] or captured > wire or wire > form[WIRE_LIMIT]:
        return 0
    if fraction >= form[UNIT] or seconds == 0:
        return 0
    if near >= 0 and (seconds > near + window or seconds < near - window):
        return 0
    return 1


@inline
def captured_length(data: memoryview, at: int, form: memoryview) -> int:
    """Return how many bytes follow a pcap record header that was found likely."""
    first = u32(data, at + 8, form[BIG])
    second = u32(data, at + 12, form[BIG])
    if form[LENGTHS] != 0 and first > second:
        return second
    return first


@inline
def is_whole_and_near(data: memoryview, at: int, form: memoryview, near: int) -> int:
    """Return 1 if a likely header stands here of a record that was not cut, at about the time of the last good one."""
    if near < 0 or is_likely_header(data, at, form, near, SECONDS_NEAR) == 0:
        return 0
    wire = u32(data, at + 12, form[BIG])
    return 1 if u32(data, at + 8, form[BIG]) == wire and wire <= MOST_NEAR_BYTES else 0


@kernel("B[] q q q[] q q[]")
def find_pcap(data: memoryview, end: int, is_last: int, form: memoryview, near: int, state: memoryview) -> int:
    """Search from `state[AT]` on for records or the beginning of a file; return how it ended.

    Two likely records in a row are believed, and one that is whole and near in time: there may be garbage behind each.
    """
    header = form[HEADER_BYTES]
    at = state[AT]
    result = NOTHING
    while at + header <= end:
        first = u32(data, at, 0)
        if is_file_magic(first):
            result = FOUND
            break
        if is_likely_header(data, at, form, near, SECONDS_AWAY):
            seconds = u32(data, at, form[BIG])
            following = at + header + captured_length(data, at, form)
            if following + header <= end:
                first = u32(data, following, 0)
                if is_file_magic(first) or is_likely_header(data, following, form, seconds, SECONDS_APART):
                    result = FOUND
                    break
            elif not is_last:
                result = UNDECIDED
                break
            elif following == end:
                result = FOUND
                break
            if following <= end and is_whole_and_near(data, at, form, near):
                result = FOUND
                break
        at += 1
    state[AT] = at
    return result
