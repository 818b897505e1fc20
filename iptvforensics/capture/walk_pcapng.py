"""Bytes of a pcapng file -> columns of frames: the loops.

One loop walks from block to block and takes the frames out; whatever else has a meaning is left to the
caller, by position. One loop looks for the next block after damage. Neither reads past `end`.

Format: draft-ietf-opsawg-pcapng, section 4.

**Known limitations**: none beyond those of `pcapng`, which calls them.
"""

from __future__ import annotations

from ..kernel import inline, kernel
from .walk import AT, COUNT, FOUND, FULL, LOOK, MORE, NOTHING, UNDECIDED, is_file_magic, u16, u32

NOTED, SKIPPED, SKIPPED_AT, TIMELESS, TIMELESS_AT, NO_PACKET, NO_PACKET_AT, PREVIOUS, STATE_WIDTH = range(2, 11)
"""Meaning of the further numbers in `state`."""
PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 2, 3, 6
JOURNAL, SYSDIG, SYSDIG_2, SYSDIG_2_LARGE, CUSTOM, CUSTOM_NO_COPY = 9, 0x204, 0x216, 0x221, 0xBAD, 0x40000BAD
NETFLIX, NETFLIX_EVENT, NETFLIX_SKIPPED = 10949, 1, 2
"""Enterprise number of custom blocks that Wireshark reads, and its kinds of them that get a frame number."""
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
    if kind == 1 or kind == 4 or kind == 5 or kind == 10 or kind == 0x0A0D0D0A:
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
def is_custom(kind: int) -> int:
    """Return 1 for the types of custom blocks."""
    if kind == CUSTOM:
        return 1
    if kind == CUSTOM_NO_COPY:
        return 1
    return 0


@inline
def is_numbered(data: memoryview, at: int, kind: int, big: int) -> int:
    """Return 1 for a whole block that holds no packet, but is a frame to Wireshark and has a number there."""
    total = u32(data, at + 4, big)
    least = 1 << 40
    if kind == SYSDIG_2 or kind == SYSDIG_2_LARGE:  # noqa: SIM109
        least = 40
    elif kind == JOURNAL or kind == SYSDIG:  # noqa: SIM109
        least = 36
    elif is_custom(kind) and total >= 16:
        least = 16
        if u32(data, at + 8, big) == NETFLIX:
            event = u32(data, at + 12, 0)
            least = 20 if event == NETFLIX_EVENT else (24 if event == NETFLIX_SKIPPED else 1 << 40)
    return 1 if total >= least else 0


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
def frame_time(data: memoryview, at: int, kind: int, row: int, big: int, interfaces: memoryview, previous: int) -> int:
    """Return the time of a frame in nanoseconds since 1970; -1 if 64 bits do not do."""
    if kind == SIMPLE_PACKET:
        return previous
    high = u32(data, at + 12, big)
    if not is_fast_time(high, row, interfaces):
        return -1
    return to_nanoseconds((high << 32) | u32(data, at + 16, big), row, interfaces)


@inline
def frame_length(data: memoryview, at: int, kind: int, row: int, big: int, interfaces: memoryview) -> int:
    """Return how many bytes of its frame a block holds; -1 if it states more than there is room for."""
    total = u32(data, at + 4, big)
    if kind != SIMPLE_PACKET:
        captured = u32(data, at + 20, big)
        return captured if captured <= total - 32 else -1
    captured = u32(data, at + 8, big)
    snaplen = interfaces[row + I_SNAPLEN]
    if captured > total - 16:
        captured = total - 16
    if snaplen > 0 and captured > snaplen:
        captured = snaplen
    return captured


@inline
def count_at(state: memoryview, counter: int, at: int) -> int:
    """Count one more, and remember the first place; return how many there are."""
    if state[counter] == 0:
        state[counter + 1] = at
    state[counter] += 1
    return state[counter]


@inline
def note_options(state: memoryview, noted: memoryview, options: int, row: int) -> int:
    """Remember the options of a frame for the caller; return how many are remembered."""
    noted[state[NOTED] * 2] = options
    noted[state[NOTED] * 2 + 1] = row
    state[NOTED] += 1
    return state[NOTED]


@inline
def take_other(data: memoryview, at: int, kind: int, big: int, state: memoryview, noted: memoryview) -> int:
    """Count a block that holds no packet; return 1 if it has the number of a frame."""
    known = is_custom(kind)
    if known and u32(data, at + 4, big) >= 16:
        note_options(state, noted, at, -1)
    else:
        known = 0
    if is_numbered(data, at, kind, big):
        count_at(state, NO_PACKET, at)
        return 1
    if known == 0:
        count_at(state, SKIPPED, at)
    return 0


@inline
def put_other(
    at: int,
    total: int,
    row: int,
    state: memoryview,
    record_at: memoryview,
    captured_bytes: memoryview,
    wire_bytes: memoryview,
    ts_ns: memoryview,
    interface: memoryview,
) -> int:
    """Write the row of a frame without packet: the content of its block, at the time before; return the next row."""
    record_at[row] = at + 8
    captured_bytes[row] = wire_bytes[row] = total - 12
    ts_ns[row] = state[PREVIOUS]
    interface[row] = -1
    return row + 1


@kernel("B[] q q q[] q[] q[] q[] q[] q[] q[] q[] i[]")
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
    interface: memoryview,
) -> int:
    """Fill the columns with the frames from `state[AT]` on; return why it stopped there."""
    big = section[S_BIG]
    at = state[AT]
    count = state[COUNT]
    stop = MORE
    while at + 12 <= end:
        kind = kind_of_place(data, at, end, big)
        is_full = count >= capacity or state[NOTED] >= NOTED_LIMIT
        if kind < 0 or is_full:
            stop = FULL if is_full else (LOOK if kind == -1 else MORE)
            break
        total = u32(data, at + 4, big)
        if not is_frame(kind):
            if take_other(data, at, kind, big, state, noted):
                count = put_other(at, total, count, state, record_at, captured_bytes, wire_bytes, ts_ns, interface)
            at += total
            continue
        number = interface_number(data, at, kind, big)
        stop = LOOK
        if number >= section[S_INTERFACES]:
            break
        row = number * I_WIDTH
        captured = frame_length(data, at, kind, row, big, interfaces)
        when = frame_time(data, at, kind, row, big, interfaces, state[PREVIOUS])
        if captured < 0 or (when < 0 and kind != SIMPLE_PACKET):
            break
        stop = MORE
        if kind == SIMPLE_PACKET:
            count_at(state, TIMELESS, at)
            record_at[count] = at + 12
            wire_bytes[count] = u32(data, at + 8, big)
        else:
            record_at[count] = at + 28
            wire_bytes[count] = u32(data, at + 24, big)
            options = at + 28 + ((captured + 3) & ~3)
            if has_note(data, options, at + total - 4, big):
                note_options(state, noted, options, count)
        captured_bytes[count] = captured
        ts_ns[count] = state[PREVIOUS] = when
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
