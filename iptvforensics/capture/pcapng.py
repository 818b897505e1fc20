"""pcapng file -> frames, and what its other blocks say: interfaces, comments, names, secrets, drops.

Format: draft-ietf-opsawg-pcapng, sections 3 (blocks, options) and 4 (block types): several sections in
either byte order, several interfaces with their own link type, snaplen, resolution and offset of times,
simple and obsolete packet blocks, name resolution, statistics, decryption secrets, custom blocks.

Frames have the numbers that Wireshark gives them (compared with 4.0.17): custom blocks, systemd journal entries and
sysdig events are frames without a packet. Their times are not read: the time before is repeated.

**Known limitations**: the stated length of a section is not used. Blocks longer than 32 MiB are taken for
damage. Of blocks that are not known only the number is kept, of custom blocks also their owner's number.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from ..errors import CaptureError
from . import pcap, walk, walk_pcapng
from .block import GO, JOINED, LOST, MORE, NO_PACKET_LINK, Columns, Findings, Interface, Piece, skip_zeros
from .pcapng_blocks import (
    CUSTOM,
    CUSTOM_TEXTS,
    MINIMUM_BYTES,
    READERS,
    SECTION,
    SECTION_TEXTS,
    Section,
    exact_ns,
    options,
    read_custom,
    text,
    text_option,
)

SECTION_MAGIC = b"\n\r\r\n"
_WITHOUT_PACKET = (
    "custom, journal and event blocks carry no packet, but have a frame number, as in Wireshark; not read as packets"
)
_BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": True, b"\x4d\x3c\x2b\x1a": False}


class PcapngWalk:
    """Walks over the blocks of a pcapng stream, section after section."""

    def __init__(self) -> None:
        self._section = Section()
        self._state = np.zeros(walk_pcapng.STATE_WIDTH, np.int64)
        self._noted = np.zeros(2 * walk_pcapng.NOTED_LIMIT, np.int64)
        self._sections = 0

    @property
    def previous_ns(self) -> int:
        """Time of the last frame that had one."""
        return int(self._state[walk_pcapng.PREVIOUS])

    def save(self) -> str:
        """Return what `restore` needs to go on from a block."""
        section = self._section
        interfaces = [[i.link_type, i.snaplen, i.tsresol, i.tsoffset] for i in section.interfaces]
        return json.dumps(["pcapng", section.order, section.base, interfaces, self.previous_ns, self._sections])

    @classmethod
    def restore(cls, kept: list[Any]) -> PcapngWalk:
        """Return a walk that goes on where `save` was called."""
        order, base, interfaces, previous, sections = kept
        walker = cls()
        walker._sections = sections
        walker._section = Section(is_big=order == ">", base=base)
        walker._state[walk_pcapng.PREVIOUS] = previous
        for link_type, snaplen, tsresol, tsoffset in interfaces:
            walker._section.add(Interface(link_type, snaplen, tsresol=tsresol, tsoffset=tsoffset))
        return walker

    def walk(self, piece: Piece, at: int, columns: Columns, findings: Findings) -> tuple[int, int]:
        """Return why the walk stopped (`walk.MORE` ...) and where."""
        state = self._state
        why = walk.FULL
        while why == walk.FULL and columns.count < columns.capacity:
            state[walk.AT] = at
            state[walk.COUNT] = columns.count
            state[walk_pcapng.NOTED] = state[walk_pcapng.SKIPPED] = state[walk_pcapng.TIMELESS] = 0
            state[walk_pcapng.NO_PACKET] = 0
            why = walk_pcapng.walk_pcapng(
                piece.data,
                piece.end,
                columns.capacity,
                self._section.numbers,
                self._section.table,
                state,
                self._noted,
                columns.record_at,
                columns.captured_bytes,
                columns.wire_bytes,
                columns.ts_ns,
                columns.interface,
            )
            at = int(state[walk.AT])
            rows = slice(columns.count, int(state[walk.COUNT]))
            columns.count = rows.stop
            link_types = self._section.table[walk_pcapng.I_LINK :: walk_pcapng.I_WIDTH]
            indices = columns.interface[rows]
            if state[walk_pcapng.NO_PACKET]:
                known = link_types[np.maximum(indices - self._section.base, 0)]
                columns.link_type[rows] = np.where(indices < 0, NO_PACKET_LINK, known)
            else:
                columns.link_type[rows] = link_types[indices - self._section.base]
            self._report(piece, rows.start, columns, findings)
        return why, at

    def _report(self, piece: Piece, begun: int, columns: Columns, findings: Findings) -> None:
        """Keep what the last walk noted on its way."""
        state = self._state
        if skipped := int(state[walk_pcapng.SKIPPED]):
            offset = piece.offset + int(state[walk_pcapng.SKIPPED_AT])
            what = "blocks of a type that is not read here"
            findings.tally("CAPTURE_unknown_block", offset, None, what, skipped)
        if timeless := int(state[walk_pcapng.TIMELESS]):
            offset = piece.offset + int(state[walk_pcapng.TIMELESS_AT])
            what = "simple packet blocks have no time: the time before is repeated"
            findings.tally("CAPTURE_frame_without_time", offset, None, what, timeless)
        if without := int(state[walk_pcapng.NO_PACKET]):
            row = begun + int((columns.interface[begun : columns.count] < 0).argmax())
            offset = piece.offset + int(state[walk_pcapng.NO_PACKET_AT])
            findings.tally("CAPTURE_frame_without_packet", offset, piece.first_frame + row, _WITHOUT_PACKET, without)
        for place, row in self._noted[: 2 * int(self._state[walk_pcapng.NOTED])].reshape(-1, 2).tolist():
            if row < 0:
                total = struct.unpack_from(self._section.order + "I", piece.view, place + 4)[0]
                read_custom(self._section, piece.view, place + 8, place + total - 4, piece.offset + place, findings)
            else:
                self._frame_options(piece, place, row, columns, findings)

    def _frame_options(self, piece: Piece, at: int, row: int, columns: Columns, findings: Findings) -> None:
        block_at = int(columns.record_at[row]) - 28
        total = struct.unpack_from(self._section.order + "I", piece.view, block_at + 4)[0]
        frame_no = piece.first_frame + row
        for code, raw in options(piece.view, self._section.order, at, block_at + total - 4):
            if code == 1:
                findings.note(f"frame {frame_no}", "comment", text(raw), piece.offset + at)
            elif code == 4 and len(raw) == 8 and any(raw):
                lost = min(struct.unpack(self._section.order + "Q", raw)[0], 1 << 40)
                what = "frames that the capturing machine says it lost before frames that it kept"
                findings.tally("CAPTURE_frames_lost_before", piece.offset + at, frame_no, what, lost)
            elif code in CUSTOM_TEXTS and len(raw) > 4:
                findings.note(f"frame {frame_no}", "custom_text", text(raw[4:]), piece.offset + at)

    # --- blocks that are not frames, and what looks wrong ---

    def look(self, piece: Piece, at: int, columns: Columns, findings: Findings, near: int) -> tuple[int, int]:
        """Return what stands where the walk stopped (`GO`, `MORE`, `LOST`, `JOINED`) and where to go on."""
        del near
        data = piece.view
        head = data[at : at + 4].tobytes()
        if head == SECTION_MAGIC:
            return self._look_at_section(piece, at, findings)
        if pcap.is_magic(head):
            begins = pcap.file_begins(data, at, piece.end, piece.is_last)
            if begins is not False:
                return (JOINED if begins else MORE), at
        kind, total = struct.unpack_from(self._section.order + "II", data, at)
        length = self._block_length(piece, at, total, findings)
        if length <= 0:
            return (MORE if length == 0 else LOST), at
        stop = at + length - 4
        is_numbered = self._is_numbered(data, at, kind)
        if kind in (walk_pcapng.PACKET, walk_pcapng.ENHANCED_PACKET):
            self._odd_frame(piece, at, stop, kind, columns, findings)
        elif kind == walk_pcapng.SIMPLE_PACKET:
            findings.damage("CAPTURE_damaged_record", piece.offset + at, None, "simple packet block without interface")
        elif length >= MINIMUM_BYTES.get(kind, 12) and kind in READERS:
            READERS[kind](self._section, data, at + 8, stop, piece.offset + at, findings)
        elif not is_numbered:
            findings.tally("CAPTURE_unknown_block", piece.offset + at, None, "blocks of a type that is not read here")
        if is_numbered:
            place, frame_no = piece.offset + at, piece.first_frame + columns.count
            findings.tally("CAPTURE_frame_without_packet", place, frame_no, _WITHOUT_PACKET)
            size = stop - at - 8
            columns.append(at + 8, size, size, self.previous_ns, NO_PACKET_LINK, -1)
        return GO, at + length

    def _is_numbered(self, data: memoryview, at: int, kind: int) -> bool:
        return bool(walk_pcapng.is_numbered(data, at, kind, int(self._section.numbers[walk_pcapng.S_BIG])))

    def _look_at_section(self, piece: Piece, at: int, findings: Findings) -> tuple[int, int]:
        if piece.end - at < 28 and not piece.is_last:
            return MORE, at
        order = piece.view[at + 8 : at + 12].tobytes()
        if piece.end - at < 28 or order not in _BYTE_ORDERS:
            return LOST, at
        before, self._section = self._section, Section(is_big=_BYTE_ORDERS[order], base=len(findings.interfaces))
        total = struct.unpack_from(self._section.order + "I", piece.view, at + 4)[0]
        length = self._block_length(piece, at, total, findings)
        if length < MINIMUM_BYTES[SECTION]:
            if self._sections:
                self._section = before
            return (MORE if length == 0 else LOST), at
        self._sections += 1
        where = f"section {self._sections}"
        major, minor = struct.unpack_from(self._section.order + "HH", piece.view, at + 12)
        if major != 1:
            what = f"pcapng version 1.x was expected, found {major}.{minor}; read as if it were 1.0"
            findings.damage("CAPTURE_unknown_version", piece.offset + at, None, what)
        for code, raw in options(piece.view, self._section.order, at + 24, at + length - 4):
            text_option(where, code, raw, SECTION_TEXTS, piece.offset + at, findings)
        return GO, at + length

    def _block_length(self, piece: Piece, at: int, total: int, findings: Findings) -> int:
        """Return how many bytes the block takes; 0: it is not all here, -1: this is no block."""
        if total < 12 or total > walk_pcapng.BLOCK_LIMIT:
            return -1
        for length in {total: None, (total + 3) & ~3: None}:
            if at + length > piece.end:
                return 0
            stated = struct.unpack_from(self._section.order + "I", piece.view, at + length - 4)[0]
            if stated in (total, length):
                if length & 3 or total & 3:
                    what = f"block length {total} is not a multiple of four"
                    findings.tally("CAPTURE_bad_block_length", piece.offset + at, None, what)
                return length
        following = at + ((total + 3) & ~3)
        if following + 12 > piece.end and not piece.is_last:
            return 0
        if following == piece.end or self._is_block(piece.view, following, piece.end):
            what = f"the length at the end of the block differs from the one at its beginning ({total})"
            findings.tally("CAPTURE_bad_block_length", piece.offset + at, None, what)
            return following - at
        return -1

    def _is_block(self, data: memoryview, at: int, end: int) -> bool:
        """Return True if a known type with a sensible length stands here."""
        if at + 12 > end:
            return False
        kind, total = struct.unpack_from(self._section.order + "II", data, at)
        known = 1 <= kind <= 10 or kind == SECTION or kind in CUSTOM
        return known and 12 <= total <= walk_pcapng.BLOCK_LIMIT and total % 4 == 0

    def _odd_frame(self, piece: Piece, at: int, stop: int, kind: int, columns: Columns, findings: Findings) -> None:
        """Keep a frame whose time needs more than 64 bits on the way; report one that cannot be kept."""
        place = piece.offset + at
        if stop - at < 28:
            findings.damage("CAPTURE_damaged_record", place, None, "packet block too short for its fields")
            return
        number, high, low, captured, wire = struct.unpack_from(self._section.order + "IIIII", piece.view, at + 8)
        if kind == walk_pcapng.PACKET:
            number = struct.unpack_from(self._section.order + "H", piece.view, at + 8)[0]
        if number >= len(self._section.interfaces):
            what = f"frame of interface {number}, which the section does not describe: not counted, not read"
            findings.tally("CAPTURE_unknown_interface", place, None, what)
            return
        if captured > stop - at - 28:
            what = f"{captured} captured bytes are stated in a block with room for {stop - at - 28}: not counted"
            findings.damage("CAPTURE_damaged_record", place, None, what)
            return
        interface = self._section.interfaces[number]
        ts_ns = exact_ns((high << 32) | low, interface)
        frame_no = piece.first_frame + columns.count
        if not -(1 << 63) < ts_ns < 1 << 63:
            what = "the time lies outside what 64 bits of nanoseconds hold: the time before is repeated"
            findings.tally("CAPTURE_time_out_of_range", place, frame_no, what)
            ts_ns = self.previous_ns
        self._state[walk_pcapng.PREVIOUS] = ts_ns
        index = self._section.base + number
        columns.append(at + 28, captured, wire, ts_ns, interface.link_type, index)
        self._frame_options(piece, at + 28 + (captured + 3 & ~3), columns.count - 1, columns, findings)

    def find(self, piece: Piece, at: int, near: int) -> tuple[int, int]:
        """Return how the search for the next block ended (`walk.FOUND` ...) and where."""
        del near
        self._state[walk.AT] = skip_zeros(piece.data, at, piece.end)
        big = int(self._section.numbers[walk_pcapng.S_BIG])
        result = walk_pcapng.find_pcapng(piece.data, piece.end, int(piece.is_last), big, self._state)
        return result, int(self._state[walk.AT])

    def chain(self, piece: Piece, at: int) -> bool | None:
        """Return True: a place that `find` gave has two lengths that agree, which is proof enough."""
        del piece, at
        return True

    def cut(self, piece: Piece, at: int) -> str:
        """Return a sentence on the block that the end of the file cuts."""
        left = piece.end - at
        if left < 8:
            return f"{left} bytes of the beginning of a block"
        return f"{left} of the {struct.unpack_from(self._section.order + 'I', piece.view, at + 4)[0]} bytes of a block"


def check_section(head: bytes) -> None:
    """Return nothing if a pcapng section header stands here.

    Raises:
        CaptureError: it does not, or is cut.
    """
    if len(head) < 28:
        raise CaptureError(f"a pcapng section header has 28 bytes, found {len(head)}", offset=0)
    if head[8:12] not in _BYTE_ORDERS:
        raise CaptureError(f"a byte-order mark was expected, found {head[8:12].hex()}", offset=8)


def section_is_whole(head: bytes, is_last: bool) -> bool | None:
    """Return True if the section header that begins here states the same length twice; None: it is not all here."""
    order = ">" if head[8:12] == b"\x1a\x2b\x3c\x4d" else "<"
    total = struct.unpack_from(order + "I", head, 4)[0]
    if not 28 <= total <= walk_pcapng.BLOCK_LIMIT or total > len(head):
        return None if 28 <= total <= walk_pcapng.BLOCK_LIMIT and not is_last else False
    return bool(struct.unpack_from(order + "I", head, total - 4)[0] == total)
