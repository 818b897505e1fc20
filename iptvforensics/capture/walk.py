"""Bytes of a capture -> columns of records: the loops.

One loop per format walks from record to record; whatever is not a plain record is left to the caller, by
position. One loop per format looks for the next record after damage. None of them reads past `end`.

Formats: pcap (draft-ietf-opsawg-pcap, sections 4 and 5), pcapng (draft-ietf-opsawg-pcapng, section 4).

**Known limitations**: none beyond those of the callers.
"""

from __future__ import annotations

from ..kernel import inline, kernel

MORE, FULL, LOOK = 0, 1, 2
"""Why a walk stopped: more bytes are needed, the columns are full, something else than a plain record."""
FOUND, UNDECIDED, NOTHING = 0, 1, 2
"""What a search ended with; UNDECIDED: more bytes are needed to judge the place."""

AT, COUNT, NOTED, SKIPPED, TIMELESS, PREVIOUS = range(6)
"""Meaning of the numbers in `state`."""
BIG, HEADER_BYTES, UNIT, TO_NS, LIMIT, LENGTHS, WIRE_LIMIT = range(7)
"""Meaning of the numbers in `form` (pcap): byte order, record header, fractions per second, ..."""
SECOND, THIRD = 1, 2
"""`LENGTHS`: captured length stands second (pcap before 2.3), or is the smaller of the two (2.3)."""

SECONDS_APART = 86_400
"""Two records in a row that are further apart than this are not taken for records after damage."""
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


@kernel("B[] q q q[] q q[]")
def find_pcap(data: memoryview, end: int, is_last: int, form: memoryview, near: int, state: memoryview) -> int:
    """Search from `state[AT]` on for two likely records in a row or the beginning of a file; return how it ended."""
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
        at += 1
    state[AT] = at
    return result


# --- pcapng ---

PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 2, 3, 6
BLOCK_LIMIT = 32 << 20
"""Longest block that is read: jumbo frames and key logs fit, a damaged length seldom does."""
I_LINK, I_SNAPLEN, I_UNIT, I_MULTIPLY, I_DIVIDE, I_SHIFT, I_OFFSET, I_WIDTH = range(8)
"""Columns of the table of a section's interfaces."""
S_BIG, S_INTERFACES, S_BASE = range(3)
"""Meaning of the numbers in `section`."""
NOTED_LIMIT = 4096


@inline
def is_left_to_caller(kind: int) -> int:
    """Return 1 for pcapng blocks that carry something else than a frame and are read by the caller."""
    if kind == 1 or kind == 4 or kind == 5 or kind == 10 or kind == 0x0A0D0D0A or kind == 0xBAD or kind == 0x40000BAD:
        return 1
    first_swapped = ((kind & 0xFF) << 24) | ((kind & 0xFF00) << 8) | ((kind >> 8) & 0xFF00) | (kind >> 24)
    return is_file_magic(kind) | is_file_magic(first_swapped)


@inline
def is_fast_time(high: int, row: int, interfaces: memoryview) -> int:
    """Return 1 if a time of this interface fits 64 bits on all ways."""
    if interfaces[row + I_UNIT] == 0 or high >= 0x80000000:
        return 0
    return 1


@inline
def to_nanoseconds(ticks: int, row: int, interfaces: memoryview) -> int:
    """Return a pcapng time in nanoseconds since 1970, or -1 if it lies outside what 64 bits hold."""
    shift = interfaces[row + I_SHIFT]
    if shift >= 0:
        seconds = ticks >> shift
        fraction = ticks - (seconds << shift)
        if shift > 32:
            fraction = fraction >> (shift - 32)
            shift = 32
        fraction = (fraction * 1000000000) >> shift
    else:
        unit = interfaces[row + I_UNIT]
        seconds = ticks // unit
        fraction = (ticks - seconds * unit) * interfaces[row + I_MULTIPLY] // interfaces[row + I_DIVIDE]
    seconds += interfaces[row + I_OFFSET]
    if seconds < 0 or seconds > 9223372035:
        return -1
    return seconds * 1000000000 + fraction


@inline
def has_note(data: memoryview, at: int, stop: int, big: int) -> int:
    """Return 1 if the options from `at` to `stop` hold a comment, a drop count or a custom text."""
    while at + 4 <= stop:
        code = u16(data, at, big)
        if code == 0:
            return 0
        if code == 1 or code == 4 or code == 2988 or code == 19372 or code == 2989 or code == 19373:
            return 1
        at += 4 + ((u16(data, at + 2, big) + 3) & ~3)
    return 0


@inline
def is_frame(kind: int) -> int:
    """Return 1 for the types of pcapng blocks that hold a frame."""
    if kind == ENHANCED_PACKET:
        return 1
    if kind == SIMPLE_PACKET:
        return 1
    if kind == PACKET:
        return 1
    return 0


@inline
def kind_of_place(data: memoryview, at: int, end: int, big: int) -> int:
    """Return the type of the whole block that stands here; -1: the caller is to look, -2: it is not all there."""
    kind = u32(data, at, big)
    total = u32(data, at + 4, big)
    if is_left_to_caller(kind) or total < 12 or total > BLOCK_LIMIT or total & 3:
        return -1
    if at + total > end:
        return -2
    if u32(data, at + total - 4, big) != total:
        return -1
    if total < 16 + 16 * (kind != SIMPLE_PACKET) and is_frame(kind):
        return -1
    return kind


@inline
def interface_number(data: memoryview, at: int, kind: int, big: int) -> int:
    """Return which of its section's interfaces the frame in a block came from."""
    if kind == ENHANCED_PACKET:
        return u32(data, at + 8, big)
    if kind == PACKET:
        return u16(data, at + 8, big)
    return 0


@inline
def frame_time(data: memoryview, at: int, row: int, big: int, interfaces: memoryview) -> int:
    """Return the time of a packet block in nanoseconds since 1970; -1 if 64 bits do not do."""
    high = u32(data, at + 12, big)
    if not is_fast_time(high, row, interfaces):
        return -1
    return to_nanoseconds((high << 32) | u32(data, at + 16, big), row, interfaces)


@inline
def simple_length(data: memoryview, at: int, row: int, big: int, interfaces: memoryview) -> int:
    """Return how many bytes of its frame a simple packet block holds: the least that any number in it allows."""
    captured = u32(data, at + 8, big)
    room = u32(data, at + 4, big) - 16
    snaplen = interfaces[row + I_SNAPLEN]
    if captured > room:
        captured = room
    if snaplen > 0 and captured > snaplen:
        captured = snaplen
    return captured


@kernel("B[] q q q[] q[] q[] q[] q[] q[] q[] q[] i[] i[]")
def walk_pcapng(
    data: memoryview,
    end: int,
    capacity: int,
    section: memoryview,
    interfaces: memoryview,
    state: memoryview,
    noted: memoryview,
    record_at: memoryview,
    captured_bytes: memoryview,
    wire_bytes: memoryview,
    ts_ns: memoryview,
    link_type: memoryview,
    interface: memoryview,
) -> int:
    """Fill the columns with the frames from `state[AT]` on; return why it stopped there."""
    big = section[S_BIG]
    at = state[AT]
    count = state[COUNT]
    stop = MORE
    while at + 12 <= end:
        if count >= capacity or state[NOTED] >= NOTED_LIMIT:
            stop = FULL
            break
        kind = kind_of_place(data, at, end, big)
        if kind < 0:
            stop = LOOK if kind == -1 else MORE
            break
        total = u32(data, at + 4, big)
        if not is_frame(kind):
            state[SKIPPED] += 1
            at += total
            continue
        number = interface_number(data, at, kind, big)
        row = number * I_WIDTH
        if number >= section[S_INTERFACES]:
            stop = LOOK
            break
        if kind == SIMPLE_PACKET:
            record_at[count] = at + 12
            captured_bytes[count] = simple_length(data, at, row, big, interfaces)
            wire_bytes[count] = u32(data, at + 8, big)
            state[TIMELESS] += 1
        else:
            captured = u32(data, at + 20, big)
            when = frame_time(data, at, row, big, interfaces)
            if captured > total - 32 or when < 0:
                stop = LOOK
                break
            state[PREVIOUS] = when
            record_at[count] = at + 28
            captured_bytes[count] = captured
            wire_bytes[count] = u32(data, at + 24, big)
            options = at + 28 + ((captured + 3) & ~3)
            if has_note(data, options, at + total - 4, big):
                noted[state[NOTED] * 2] = options
                noted[state[NOTED] * 2 + 1] = count
                state[NOTED] += 1
        ts_ns[count] = state[PREVIOUS]
        link_type[count] = interfaces[row + I_LINK]
        interface[count] = section[S_BASE] + number
        count += 1
        at += total
    state[AT] = at
    state[COUNT] = count
    return stop


@inline
def is_known_block(kind: int) -> int:
    """Return 1 for the types of pcapng blocks that are known (a section header is known by its magic)."""
    if (kind >= 1 and kind <= 10) or kind == 0xBAD or kind == 0x40000BAD:
        return 1
    return 0


@kernel("B[] q q q q[]")
def find_pcapng(data: memoryview, end: int, is_last: int, big: int, state: memoryview) -> int:
    """Search from `state[AT]` on for a block whose two lengths agree, or for the beginning of a file."""
    at = state[AT]
    result = NOTHING
    while at + 12 <= end:
        first = u32(data, at, 0)
        if is_file_magic(first):
            result = FOUND
            break
        kind = u32(data, at, big)
        total = u32(data, at + 4, big)
        if is_known_block(kind) and total >= 12 and total & 3 == 0 and total <= BLOCK_LIMIT:
            if at + total <= end:
                if u32(data, at + total - 4, big) == total:
                    result = FOUND
                    break
            elif not is_last:
                result = UNDECIDED
                break
        at += 1
    state[AT] = at
    return result
