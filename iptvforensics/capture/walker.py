"""Capture stream -> records, across damage and across files that were joined end to end.

The format's own walk goes from record to record. Where it finds damage, this module searches for the next
record and says what was stepped over; where another file begins, it changes to that file's format. Every
decision waits until the bytes that it depends on are there, so results do not depend on how the stream
was cut into pieces.

**Known limitations**: a damaged stretch that happens to look like records is read as such; after damage in
a pcap, records more than 400 days away from the last good one are not found. Where a file was put behind
one that was cut within a record, the second file's header is found if it lies within that record.
"""

from __future__ import annotations

import json

from ..errors import CaptureError
from . import pcap, walk
from .block import GO, JOINED, LOST, Columns, Findings, Interface, Piece
from .block import MORE as UNKNOWN
from .pcap import PcapWalk
from .pcapng import SECTION_MAGIC, PcapngWalk, check_section, section_is_whole

_HEAD_BYTES = 1 << 20
"""Looked at to tell variants of pcap apart: three records of the usual largest size."""
_FIRST_BYTES = 4 << 10
"""Looked at first: mostly enough, and little to copy where many files were joined."""


class Walker:
    """Fills columns with the records of a capture stream, piece by piece."""

    def __init__(self, name: str, findings: Findings) -> None:
        self._name = name
        self._findings = findings
        self._mode: PcapWalk | PcapngWalk | None = None
        self._lost_since: int | None = None
        """Where in the stream the damage began that is being stepped over."""
        self._search_from = 0
        """Where in the stream the search for the next record goes on."""
        self._previous_s = -1
        """Seconds of the last record handed out; -1: none yet."""
        self.format: str | None = None
        """Format of the (first) file, null before its header was read."""

    def save(self) -> str:
        """Return what `restore` needs to go on from the place where the walk stands."""
        mode = self._mode.save() if self._mode else json.dumps(["none"])
        return json.dumps([mode, self._lost_since, self._search_from, self._previous_s, len(self._findings.interfaces)])

    def restore(self, state: str) -> None:
        """Go on as if the walk stood where `save` was called."""
        mode, self._lost_since, self._search_from, self._previous_s, interfaces = json.loads(state)
        kind, *kept = json.loads(mode)
        if kind == "pcap":
            self._mode = PcapWalk.restore(kept)
        elif kind == "pcapng":
            self._mode = PcapngWalk.restore(kept)
        # Their descriptions are not needed, but interfaces to come are numbered behind them.
        self._findings.interfaces.extend([Interface(0, 0)] * interfaces)

    def advance(self, piece: Piece, at: int, columns: Columns) -> tuple[bool, int]:
        """Return whether the columns are full, and the place before which everything is done.

        If they are not full, more bytes are needed (or the stream is over).
        """
        while True:
            if self._mode is None:
                is_begun, at = self._begin_files(piece, at, columns)
                if not is_begun:
                    return False, at
            if self._lost_since is not None:
                found, at = self._search(piece, at, columns)
                if not found:
                    return False, at
                continue
            assert self._mode is not None  # noqa: S101
            why, at = self._mode.walk(piece, at, columns, self._findings)
            if why == walk.FULL:
                return True, self._hold_back(piece, at, columns, can_end=False)
            if why == walk.LOOK:
                verdict, at = self._mode.look(piece, at, columns, self._findings, self._near(columns))
                if verdict == GO:
                    continue
                if verdict == JOINED:
                    self._join(piece, at, columns)
                    continue
                if verdict == LOST:
                    verdict = self._lose(piece, at, columns)
                    if verdict == GO:
                        at = self._search_from - piece.offset
                        continue
                if verdict == UNKNOWN and not piece.is_last:
                    return False, self._hold_back(piece, at, columns, can_end=False)
                if verdict == UNKNOWN:
                    at = self._end(piece, at, columns)
                continue
            if at == piece.end or not piece.is_last:
                return False, self._hold_back(piece, at, columns, can_end=piece.is_last)
            at = self._end(piece, at, columns)

    def handed_out(self, columns: Columns) -> None:
        """Take notice that the rows in the columns are gone: only the last time is remembered."""
        self._previous_s = self._near(columns)

    def _near(self, columns: Columns) -> int:
        """Return the seconds of the last record so far; -1: there was none."""
        return int(columns.ts_ns[columns.count - 1]) // 10**9 if columns.count else self._previous_s

    # --- beginnings ---

    def _begin_files(self, piece: Piece, at: int, columns: Columns) -> tuple[bool, int]:
        """Return whether a file begins here that is more than a header, and the place behind that header."""
        while self._begin(piece, at, columns):
            at += self._header_bytes
            is_pcap = isinstance(self._mode, PcapWalk)
            if not is_pcap or not pcap.file_begins(piece.view, at, piece.end, piece.is_last):
                return True, at
            self._join(piece, at, columns)
        return False, at

    def _begin(self, piece: Piece, at: int, columns: Columns) -> bool:
        """Return True if a file begins here and its format is known now; False: more bytes are needed.

        Raises:
            CaptureError: no capture file of a known kind begins here.
        """
        stop = min(piece.end, at + _FIRST_BYTES)
        head = piece.data[at:stop].tobytes()
        self._header_bytes = 0
        if len(head) < 28 and not piece.is_last:
            return False
        name = "pcapng"
        if head.startswith(SECTION_MAGIC):
            try:
                check_section(head)
            except CaptureError as error:
                raise CaptureError(error.why, path=self._name, offset=piece.offset + at) from error
            self._mode = PcapngWalk()
        elif pcap.is_magic(head):
            try:
                begun = PcapWalk.begin(head, piece.is_last and stop == piece.end, self._findings, piece.offset + at)
                if begun is None:
                    begun = self._begin_by_more(piece, at)
            except CaptureError as error:
                raise CaptureError(error.why, path=self._name, offset=error.offset) from error
            if begun is None:
                return False
            self._mode, self._header_bytes, name = begun
        else:
            raise CaptureError(
                f"a pcap or pcapng file was expected, found bytes {head[:8].hex(' ') or '(none)'}",
                path=self._name,
                offset=piece.offset + at,
            )
        self.format = self.format or name
        return True

    def _begin_by_more(self, piece: Piece, at: int) -> tuple[PcapWalk, int, str] | None:
        """Return how a pcap file begins where its first few bytes do not tell; None: more bytes are needed."""
        stop = min(piece.end, at + _HEAD_BYTES)
        is_whole = (piece.is_last and stop == piece.end) or stop - at == _HEAD_BYTES
        return PcapWalk.begin(piece.data[at:stop].tobytes(), is_whole, self._findings, piece.offset + at)

    def _join(self, piece: Piece, at: int, columns: Columns) -> None:
        frame_no = piece.first_frame + columns.count
        what = "another capture file begins here: files were joined end to end; frames are counted on"
        self._findings.damage("CAPTURE_joined_file", piece.offset + at, frame_no, what)
        self._mode = None

    # --- damage ---

    def _lose(self, piece: Piece, at: int, columns: Columns) -> int:
        """Return `GO` after noting that no record stands here, or `MORE` if that cannot be said yet."""
        verdict = self._find_swallowed(piece, at, columns)
        if verdict == LOST:
            self._lost_since = piece.offset + at
            self._search_from = self._lost_since + 1
            return GO
        return verdict

    def _find_swallowed(self, piece: Piece, at: int, columns: Columns) -> int:
        """Look for a file header inside the last record: that record was cut, and another file put behind it.

        Returns `GO` if one was found (the columns then end before the cut record), `LOST` if not.
        """
        if not isinstance(self._mode, PcapWalk) or not _ends_at(columns, at):
            return LOST
        if piece.end < at + 28 and not piece.is_last:
            return UNKNOWN
        last = columns.count - 1
        start = self._mode.header_start(int(columns.record_at[last]))
        for place in pcap.swallowed_file(piece.view[: piece.end], start + 1, at):
            believed = self._is_file(piece, place)
            if believed is None:
                return UNKNOWN
            if believed:
                columns.count = last
                what = f"{place - start} bytes of a record, then another file begins"
                self._findings.damage("CAPTURE_cut_last_record", piece.offset + start, piece.first_frame + last, what)
                self._lost_since = self._search_from = piece.offset + place
                return GO
        return LOST

    def _is_file(self, piece: Piece, at: int) -> bool | None:
        """Return True if a file header stands here and records follow it."""
        head = piece.data[at : min(piece.end, at + _HEAD_BYTES)].tobytes()
        if head.startswith(SECTION_MAGIC):
            return section_is_whole(head, piece.is_last)
        begun = PcapWalk.begin(head, True, Findings(), 0)
        return begun[0].chain(piece, at + begun[1]) if begun else None

    def _search(self, piece: Piece, at: int, columns: Columns) -> tuple[bool, int]:
        """Return whether the search after damage has ended, and the place before which everything is done."""
        lost_since = self._lost_since
        assert self._mode is not None  # noqa: S101
        assert lost_since is not None  # noqa: S101
        at = max(at, self._search_from - piece.offset)
        result, at = self._mode.find(piece, at, self._near(columns))
        if result == walk.UNDECIDED:
            return False, at
        if result == walk.NOTHING:
            if not piece.is_last:
                return False, at
            what = f"{piece.offset + piece.end - lost_since} bytes to the end of the stream hold no record"
            self._findings.damage("CAPTURE_damaged_record", lost_since, None, what)
            self._lost_since = None
            return False, piece.end
        begins = pcap.file_begins(piece.view, at, piece.end, piece.is_last)
        if begins is None:
            return False, at
        skipped = piece.offset + at - lost_since
        if skipped:
            what = f"{skipped} bytes that are no record were stepped over"
            self._findings.damage("CAPTURE_damaged_record", lost_since, piece.first_frame + columns.count, what)
        self._lost_since = None
        if begins:
            self._join(piece, at, columns)
        return True, at

    def _end(self, piece: Piece, at: int, columns: Columns) -> int:
        """Return where to go on when the stream ends within a record: behind it, or where records follow after all."""
        assert self._mode is not None  # noqa: S101
        if self._find_swallowed(piece, at, columns) == GO:
            return self._search_from - piece.offset
        result, found = self._mode.find(piece, at + 1, self._near(columns))
        while result == walk.FOUND:
            begins = pcap.file_begins(piece.view, found, piece.end, True)
            believed = self._is_file(piece, found) if begins else self._mode.chain(piece, found)
            if believed:
                self._lost_since, self._search_from = piece.offset + at, piece.offset + found
                return found
            result, found = self._mode.find(piece, found + 1, self._near(columns))
        what = self._mode.cut(piece, at)
        self._findings.damage("CAPTURE_cut_last_record", piece.offset + at, None, what)
        return piece.end

    def _hold_back(self, piece: Piece, at: int, columns: Columns, *, can_end: bool) -> int:
        """Return where the next walk is to begin: the last record stays until what follows it has been seen.

        Only then is it known that it was no record with another file inside (`_find_swallowed`).
        """
        if can_end or not isinstance(self._mode, PcapWalk) or not _ends_at(columns, at):
            return at
        columns.count -= 1
        return self._mode.header_start(int(columns.record_at[columns.count]))


def _ends_at(columns: Columns, at: int) -> bool:
    """Return True if the last record ends just here: nothing was stepped over since."""
    last = columns.count - 1
    return last >= 0 and int(columns.record_at[last] + columns.captured_bytes[last]) == at
