"""pcap file -> records: file headers, variants of the format, and what to do where a record looks wrong.

Format: draft-ietf-opsawg-pcap (sections 4 and 5) with microseconds or nanoseconds in either byte order;
versions before 2.4 with the two lengths exchanged; the variants with longer record headers (modified
libpcap of 1999: 24 or 28 bytes; Nokia: 20 bytes), with four more bytes in the file header (Ixia), and with
interface types instead of link types (AIX).

**Known limitations**: where several variants share a magic number, the first records decide; a file with
fewer than two whole records is read as the usual variant of its magic number. A record
whose captured length was damaged to a smaller, still possible number is noticed one record later.
"""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

import numpy as np

from ..errors import CaptureError
from . import walk
from .block import GO, JOINED, LOST, MORE, Columns, Findings, Int64s, Interface, Piece, skip_zeros

RECORD_LIMIT = 256 << 10
"""Captured bytes that are always believed (the usual largest snaplen)."""
JUMBO_LIMIT = 16 << 20
"""Captured bytes that are believed if the next record header bears them out."""
CHAIN = 3
"""Likely records in a row that are believed to be records."""
FILE_HEADER_BYTES = 24
IXIA_HEADER_BYTES = 28

_MAGICS = {
    0xA1B2C3D4: ("pcap", 10**6),
    0xA1B23C4D: ("pcap-ns", 10**9),
    0xA1B2CD34: ("pcap-modified", 10**6),
    0x1C0001AC: ("pcap-ns", 10**9),
    0x1C0001AB: ("pcap", 10**6),
}
_IXIA = {0x1C0001AC, 0x1C0001AB}
_RECORD_HEADERS = {"pcap": (16, 24, 20), "pcap-ns": (16,), "pcap-modified": (24, 28)}
_AIX_LINK_TYPES = {6: 1, 9: 6, 15: 10, 24: 0}
_MAGIC_BYTES = [struct.pack(order + "I", magic) for order in "<>" for magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34)]


class FileHeader(NamedTuple):
    """A pcap file header."""

    name: str
    is_big: bool
    unit: int
    version: tuple[int, int]
    zone: int
    snaplen: int
    link_type: int
    fcs_bytes: int | None
    length: int


def is_magic(head: bytes) -> bool:
    """Return True if a pcap file of any kind begins like this."""
    return len(head) >= 4 and any(struct.unpack(order + "I", head[:4])[0] in _MAGICS for order in "<>")


def parse_header(head: bytes) -> FileHeader:
    """Return the file header that these first bytes hold.

    Raises:
        CaptureError: they are too few.
    """
    is_big = struct.unpack(">I", head[:4])[0] in _MAGICS
    order = ">" if is_big else "<"
    magic = struct.unpack(order + "I", head[:4])[0]
    length = IXIA_HEADER_BYTES if magic in _IXIA else FILE_HEADER_BYTES
    if len(head) < length:
        raise CaptureError(f"a pcap file header has {length} bytes, found {len(head)}", offset=0)
    name, unit = _MAGICS[magic]
    major, minor, zone, _, snaplen, network = struct.unpack(order + "HHiIII", head[4:24])
    link_type = network & 0xFFFF
    if magic == 0xA1B2C3D4 and (major, minor) == (2, 2) and link_type in _AIX_LINK_TYPES:
        name, unit, link_type = "pcap-aix", 10**9, _AIX_LINK_TYPES[link_type]
    # Bits 28 to 31 count pairs of bytes, if bit 26 says that they mean something.
    fcs_bytes = (network >> 28) * 2 if network & 0x04000000 else None
    return FileHeader(name, is_big, unit, (major, minor), zone, snaplen, link_type, fcs_bytes, length)


class PcapWalk:
    """Walks over the records that follow one pcap file header."""

    def __init__(self, form: Int64s, link_type: int, interface: int) -> None:
        self.form = form
        self._link_type = link_type
        self._interface = interface
        self._state = np.zeros(2, np.int64)

    @classmethod
    def begin(cls, head: bytes, is_last: bool, findings: Findings, offset: int) -> tuple[PcapWalk, int, str] | None:
        """Return the walk, the file header's length and the format's name; None: more bytes are needed.

        `head` are bytes from the file header on.
        """
        header = parse_header(head)
        sizes = _RECORD_HEADERS[header.name] if header.version == (2, 4) and header.name in _RECORD_HEADERS else (16,)
        body = head[header.length :]
        size = _record_header_bytes(header, sizes, body, is_last)
        if size is None:
            return None
        resolution = 9 if header.unit == 10**9 else 6
        findings.add_interface(Interface(header.link_type, header.snaplen, resolution), offset)
        index = len(findings.interfaces) - 1  # beyond the limit: the last one
        if header.fcs_bytes is not None:
            findings.note("file", "fcs_bytes", str(header.fcs_bytes), offset)
        if header.version[0] not in (2, 543):
            version = f"{header.version[0]}.{header.version[1]}"
            what = f"pcap version 2.x was expected, found {version}; read as if it were 2.4"
            findings.damage("CAPTURE_unknown_version", offset, None, what)
        if header.zone:
            findings.note("file", "time_zone_correction_s", str(header.zone), offset)
        walker = cls(_form(header, size), header.link_type, index)
        name = header.name if size == sizes[0] else f"pcap-{size}"
        return walker, header.length, name

    def save(self) -> str:
        """Return what `restore` needs to go on from a record."""
        kept = [self.form.tolist(), self._link_type, self._interface]
        return json.dumps(["pcap", *kept])

    @classmethod
    def restore(cls, kept: list[Any]) -> PcapWalk:
        """Return a walk that goes on where `save` was called."""
        form, link_type, interface = kept
        return cls(np.array(form, np.int64), link_type, interface)

    def walk(self, piece: Piece, at: int, columns: Columns, findings: Findings) -> tuple[int, int]:
        """Return why the walk stopped (`walk.MORE` ...) and where."""
        del findings
        state = self._state
        state[walk.AT] = at
        begun = state[walk.COUNT] = columns.count
        why = walk.walk_pcap(
            piece.data,
            piece.end,
            columns.capacity,
            self.form,
            state,
            columns.record_at,
            columns.captured_bytes,
            columns.wire_bytes,
            columns.ts_ns,
        )
        columns.count = int(state[walk.COUNT])
        columns.link_type[begun : columns.count] = self._link_type
        columns.interface[begun : columns.count] = self._interface
        return why, int(state[walk.AT])

    def header_start(self, record_at: int) -> int:
        """Return where the header of a record begins."""
        return record_at - int(self.form[walk.HEADER_BYTES])

    def look(self, piece: Piece, at: int, columns: Columns, findings: Findings, near: int) -> tuple[int, int]:
        """Return what stands where the walk hesitated (`GO`, `MORE`, `LOST`, `JOINED`) and where to go on."""
        begins = file_begins(piece.view, at, piece.end, piece.is_last)
        if begins is not False:
            return (JOINED if begins else MORE), at
        seconds, fraction, captured, wire = self._record(piece.view, at)
        following = at + int(self.form[walk.HEADER_BYTES]) + captured
        if captured > JUMBO_LIMIT:
            return LOST, at
        if piece.is_last and following > piece.end and captured > self.form[walk.LIMIT]:
            return (MORE if self._may_be_cut(seconds, fraction, captured, wire, near) else LOST), at
        fits = self._fits(piece, following, seconds)
        if fits is False and 0 < captured <= self.form[walk.LIMIT] and following <= piece.end:
            fits = self._is_lone(piece, at, following, near)
        if fits is None:
            return MORE, at
        if not fits:
            return LOST, at
        if fraction >= self.form[walk.UNIT]:
            # Said once: from here on fractions of more than a second are taken as they stand.
            self.form[walk.UNIT] = 1 << 32
            what = "fraction of a second is a second or more; taken as it stands, here and in what follows"
            findings.damage("CAPTURE_time_out_of_range", piece.offset + at, piece.first_frame + columns.count, what)
        ts_ns = seconds * 10**9 + fraction * int(self.form[walk.TO_NS])
        columns.append(following - captured, captured, wire, ts_ns, self._link_type, self._interface)
        return GO, following

    def find(self, piece: Piece, at: int, near: int) -> tuple[int, int]:
        """Return how the search for the next record ended (`walk.FOUND` ...) and where.

        `near`: seconds of the last record before the damage; -1: there was none.
        """
        self._state[walk.AT] = skip_zeros(piece.data, at, piece.end)
        result = walk.find_pcap(piece.data, piece.end, int(piece.is_last), self.form, near, self._state)
        return result, int(self._state[walk.AT])

    def chain(self, piece: Piece, at: int, *, may_be_cut: bool = False, least: int = 0) -> bool | None:
        """Return True if `CHAIN` records follow each other from here, or fewer up to the end of the stream.

        `may_be_cut`: the end of the stream may also lie within a record, if one was there before.
        `least`: records that must be there at the least.
        """
        near = -1
        header = int(self.form[walk.HEADER_BYTES])
        for seen in range(CHAIN):
            if at + header > piece.end:
                ends_well = at == piece.end or (may_be_cut and seen > 0)
                return (ends_well and seen >= least) if piece.is_last else None
            if not walk.is_likely_header(piece.view, at, self.form.tolist(), near, walk.SECONDS_APART):
                return False
            near, _, captured, _ = self._record(piece.view, at)
            at += header + captured
        return True if at <= piece.end else (may_be_cut if piece.is_last else None)

    def cut(self, piece: Piece, at: int) -> str:
        """Return a sentence on the record that the end of the file cuts."""
        header = int(self.form[walk.HEADER_BYTES])
        left = piece.end - at
        if left < header:
            return f"{left} of the {header} bytes of a record header"
        return f"{left - header} of the {self._record(piece.view, at)[2]} bytes of a record"

    def _record(self, data: memoryview, at: int) -> tuple[int, int, int, int]:
        order = ">" if self.form[walk.BIG] else "<"
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", data, at)
        lengths = self.form[walk.LENGTHS]
        if lengths == walk.SECOND or (lengths == walk.THIRD and captured > wire):
            captured, wire = wire, captured
        return seconds, fraction, captured, wire

    def _fits(self, piece: Piece, following: int, seconds: int) -> bool | None:
        """Return True if a record, a file or the end of the stream follows at this place; None: not known yet."""
        header = int(self.form[walk.HEADER_BYTES])
        if following + header > piece.end:
            return following == piece.end if piece.is_last else None
        begins = file_begins(piece.view, following, piece.end, piece.is_last)
        if begins is not False:
            return begins
        next_seconds, fraction, captured, _ = self._record(piece.view, following)
        if not captured and fraction < self.form[walk.UNIT] and next_seconds > 0:
            # A record without bytes says little of itself: its time must be near.
            return abs(next_seconds - seconds) <= walk.SECONDS_APART
        return self._follow_by_length(piece, following)

    def _may_be_cut(self, seconds: int, fraction: int, captured: int, wire: int, near: int) -> bool:
        """Return True if a record longer than the usual ones could be the last one, cut by the end of the stream."""
        is_near = near < 0 or abs(seconds - near) <= walk.SECONDS_APART
        return is_near and seconds > 0 and fraction < self.form[walk.UNIT] and captured <= wire <= JUMBO_LIMIT

    def _is_lone(self, piece: Piece, at: int, following: int, near: int) -> bool | None:
        """Return True if no better record begins within this one: then it is read as it stands."""
        result, found = self.find(piece, at + 1, near)
        if found >= following or (result == walk.NOTHING and piece.is_last):
            return True
        return False if result == walk.FOUND else None

    def _follow_by_length(self, piece: Piece, at: int) -> bool | None:
        """Return True if what stands here leads to `CHAIN` headers by its lengths alone (the times may be wrong)."""
        header = int(self.form[walk.HEADER_BYTES])
        for seen in range(CHAIN):
            if at + header > piece.end:
                return (seen > 0 or at == piece.end) if piece.is_last else None
            _, _, captured, wire = self._record(piece.view, at)
            if not 0 < captured <= min(wire, JUMBO_LIMIT) or wire > JUMBO_LIMIT:
                return False
            at += header + captured
        return True


def file_begins(data: memoryview, at: int, end: int, is_last: bool) -> bool | None:
    """Return True if a whole and sensible file header stands here; None: more bytes are needed to say."""
    head = bytes(data[at : min(at + 28, end)])
    if len(head) >= 4 and not walk.is_file_magic(int.from_bytes(head[:4], "little")):
        return False
    if len(head) < 28:
        # A file header without a record behind it: 24 bytes at the very end.
        if not is_last:
            return None
        if len(head) < FILE_HEADER_BYTES:
            return False
    if head[:4] == b"\n\r\r\n":
        return head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a") and len(head) >= 28
    order = ">" if head[0] == 0xA1 else "<"
    major, minor, _, digits, _, network = struct.unpack(order + "HHiIII", head[4:24])
    return bool(major == 2 and minor <= 4 and digits == 0 and network & 0x0BFF0000 == 0)


def swallowed_file(data: memoryview, start: int, end: int) -> list[int]:
    """Return the places from `start` to before `end` where a file header could begin within a record."""
    places: list[int] = []
    stretch = data[start : end + 3].tobytes()
    for magic in [*_MAGIC_BYTES, b"\n\r\r\n"]:
        at = stretch.find(magic)
        while at >= 0 and len(places) < 64:
            if file_begins(data, start + at, len(data), True):
                places.append(start + at)
            at = stretch.find(magic, at + 1)
    return sorted(places)


def _form(header: FileHeader, record_header_bytes: int) -> Int64s:
    lengths = 0
    if header.version in ((2, 0), (2, 1), (2, 2), (543, 0)):
        lengths = walk.SECOND
    elif header.version == (2, 3):
        lengths = walk.THIRD
    if header.name == "pcap-aix":
        lengths = 0
    limit = min(max(header.snaplen, RECORD_LIMIT), JUMBO_LIMIT)
    unit = header.unit
    return np.array(
        [int(header.is_big), record_header_bytes, unit, 10**9 // unit, limit, lengths, JUMBO_LIMIT], np.int64
    )


def _record_header_bytes(header: FileHeader, sizes: tuple[int, ...], body: bytes, is_last: bool) -> int | None:
    """Return the length of record headers that makes sense of the first records; None: more bytes are needed."""
    if len(sizes) == 1 or (len(body) >= 28 and file_begins(memoryview(body), 0, len(body), True)):
        return sizes[0]
    piece = Piece(np.frombuffer(body, np.uint8), len(body), is_last, 0, 1, memoryview(body))
    for size in sizes:
        made = PcapWalk(_form(header, size), header.link_type, 0).chain(
            piece, 0, may_be_cut=True, least=0 if size == sizes[0] else 2
        )
        if made is None:
            return None
        if made:
            return size
    return sizes[0]
