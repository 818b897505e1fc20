"""The rooms of the reading wing, connected: blocks of frames to packets, streams, rows, Parquet, sessions.

This is the only place where they meet. What comes next works on the tables.
"""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any, Protocol

from .. import __version__
from ..dissect import Dissector, RowCollector
from ..flows.summary import flow_rows
from ..libraries import present
from ..schema import BURSTS, CAPTURES, EVIDENCE, FLOWS, FRAME_INDEX, LINK_ADDRESSES, MULTICAST, SESSIONS
from ..sessions import TABLES_READ, drafts_of, tables_of
from .index import StreamIndex
from .options import Attempt, LateSecrets, Options, ReadAgain, Summary
from .secrets import add_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..capture import Secret
    from ..flows.batch import StreamBatch
    from ..sessions import Draft
    from ..store import CaptureWriter
    from ..tls.keylog import Secrets
    from .report import Report


def _place(path: str) -> str:
    """Return where a file is, whatever the current folder will be later."""
    return os.path.abspath(path) if os.path.exists(path) else path


class Source(Protocol):
    """The decoding of a capture: here, on a thread, or in another process."""

    early_secrets: list[Secret]

    def batches(self) -> Iterator[StreamBatch]:
        """Yield what the packets of the capture add to the streams."""

    def report(self) -> Report:
        """Return what is known of the whole, after the last batch."""

    def sha256(self) -> str:
        """Return the SHA-256 of the evidence file, when it is known: it may be the last thing that is."""

    def forget(self) -> None:
        """Give back the memory of the batches: none of them is looked at any more."""


class Pipeline:
    """The analysis of one file while it goes on."""

    def __init__(
        self,
        path: str,
        source: Source,
        writer: CaptureWriter,
        options: Options,
        secrets: Secrets,
        attempt: Attempt,
        *,
        may_repeat: bool,
    ) -> None:
        self.path = path
        self.source = source
        self.writer = writer
        self.options = options
        self.attempt = attempt
        self.may_repeat = may_repeat
        """True if the file can be read again when it holds secrets behind frames."""
        self.rows = RowCollector(writer.write_rows)
        self.index = StreamIndex(writer)
        self.secrets = secrets

    def run(self) -> Summary:
        """Return what the capture gave; its tables are part of the case now.

        Raises:
            LateSecrets: it holds secrets behind frames, and may be read again.
            ReadAgain: the file is not the one that it was.
        """
        source = self.source
        dissector = Dissector(self.rows, secrets=self.secrets)
        self._read(dissector)
        report = source.report()
        if self.attempt.file_state not in (None, report.file_state):
            raise ReadAgain(self.path, "it was written to, or replaced, before it was read again with its secrets")
        late = len(report.secrets) > len(source.early_secrets)
        if late and self.may_repeat:
            raise LateSecrets(report.secrets, report.file_state)
        if late and self.attempt.file_state is None:
            detail = "secrets that stand behind frames were not used, as the file could not be read a second time"
            self.rows.separate_anomaly("CAPTURE_late_secrets", None, None, 1, detail)
        self._write_bursts(report.bursts)
        # What sessions are made of is written first, in the order in which they need it, and read as soon as it is
        # there: the rest is written meanwhile.
        self.rows.hand_on(TABLES_READ[: TABLES_READ.index(FLOWS.name)])
        self._describe(report, dissector.protocols)
        source.forget()  # sessions take memory, too
        self.rows.hand_on(TABLES_READ)
        written = self.writer.reader()
        self.rows.close()
        self.index.write()
        found = drafts_of(written)
        sha256 = source.sha256()
        capture_id = sha256[:16]
        self._write_sessions(found, capture_id)
        self.writer.write_rows(CAPTURES, [self._capture_row(report, sha256)])
        self.writer.commit(capture_id, self._manifest(report, sha256))
        rows = dict(self.writer.rows)
        return Summary(self.path, capture_id, sha256, report.size_bytes, report.frames, rows)

    def _read(self, dissector: Dissector) -> None:
        """Have all batches read."""
        is_first = True
        for batch in self.source.batches():
            if is_first:
                is_first = False
                add_blocks(self.secrets, self.source.early_secrets)
            self.index.add(batch)
            self._write_bursts(batch.bursts)
            dissector.take(batch)
        dissector.finish()

    def _write_bursts(self, portions: Iterable[Mapping[str, Any]]) -> None:
        for columns in portions:
            self.writer.write_columns(BURSTS, columns)

    def _describe(self, report: Report, protocols: dict[int, str]) -> None:
        """Add the rows that the whole capture gives: flows, faults, index."""
        rows = self.rows
        if self.attempt.after is not None:
            detail = f"at an earlier reading of the file {self.attempt.after}; all is of a later one, from its start"
            rows.separate_anomaly("CAPTURE_read_again", None, 0, 1, detail)
        for fault in report.faults:
            rows.separate_anomaly(fault.name, fault.frame_no, fault.offset, fault.count, fault.detail)
        for note in report.notes:
            rows.separate_anomaly(note.name, note.frame_no, None, note.count, note.detail)
        for reason, entry in report.ledger.items():
            detail = f"frames or packets that gave no decoded packet, for the reason {reason}"
            rows.separate_anomaly(f"PACKETS_{reason.lower()}", entry.first_frame, None, entry.count, detail)
        for name, flow_id, from_orig, count, detail in report.flow_anomalies:
            rows.anomaly(name, flow_id=flow_id, from_orig=from_orig, count=count, detail=detail)
        for flow_id, count in report.bursts_left_out:
            detail = "bursts of one flow beyond the limit; they are part of its last one"
            rows.anomaly("FLOW_bursts_over_limit", flow_id=flow_id, count=count, detail=detail)
        for flow in flow_rows(report.flows, protocols):
            rows.add(FLOWS, flow)
        self._links(report)
        for point in report.index:
            rows.add(FRAME_INDEX, point)

    def _links(self, report: Report) -> None:
        rows = self.rows
        for pair in report.links:
            rows.add(LINK_ADDRESSES, pair)
        for membership in report.memberships:
            rows.add(MULTICAST, membership)
        left_out, frame_no = report.links_left_out
        if left_out:
            detail = "packets of further pairs of link-layer and IP address than the table holds"
            rows.separate_anomaly("LINK_addresses_over_limit", frame_no, None, left_out, detail)
        if report.memberships_left_out:
            detail = "IGMP and MLD messages beyond the limit"
            rows.separate_anomaly("LINK_memberships_over_limit", None, None, report.memberships_left_out, detail)

    def _capture_row(self, report: Report, sha256: str) -> tuple[Any, ...]:
        return (
            sha256,
            _place(self.path),
            report.size_bytes,
            report.format,
            [str(link_type) for link_type in report.link_types],
            report.frames,
            report.captured_bytes,
            report.wire_bytes,
            report.first_ns,
            report.last_ns,
            report.packets,
            report.interfaces,
            report.snaplen,
            report.metadata,
            len(report.secrets),
            any(fault.name in DAMAGE for fault in report.faults),
        )

    def _write_sessions(self, found: Sequence[Draft], capture_id: str) -> None:
        sessions, evidence = tables_of(found, capture_id)
        if sessions:
            self.writer.write_rows(SESSIONS, sessions)
        if evidence:
            self.writer.write_rows(EVIDENCE, evidence)

    def _manifest(self, report: Report, sha256: str) -> dict[str, Any]:
        return {
            "sha256": sha256,
            "path": _place(self.path),
            "size_bytes": report.size_bytes,
            "format": report.format,
            "frames": report.frames,
            "version": __version__,
            "options": self.options.as_dict(),
            "keylogs": [{"path": path, "sha256": sha256} for path, sha256 in self.options.keylogs],
            "python": platform.python_version(),
            "libraries": present(),
        }


DAMAGE = frozenset(
    {
        "CAPTURE_cut_compression",
        "CAPTURE_cut_last_record",
        "CAPTURE_damaged_compression",
        "CAPTURE_damaged_record",
        "CAPTURE_wrong_checksum",
    }
)
"""Faults that make a capture a damaged one."""
