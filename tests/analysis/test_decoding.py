"""What a decoding tells of a capture, apart from its streams."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

from iptvforensics.analysis.decoding import Decoding
from iptvforensics.capture import CaptureReader

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"


def test_the_report_describes_the_whole_capture() -> None:
    path = SAMPLES / "formats" / "small.pcap"
    told: list[int] = []
    with CaptureReader(path, block_bytes=30_000, hash_thread=False) as reader:
        decoding = Decoding(reader, progress=told.append)
        batches = list(decoding.batches())
        report = decoding.report()
    assert sum(len(batch.offset) for batch in batches) > 0
    assert (report.frames, report.format, report.link_types) == (71, "pcap", [1])
    assert report.packets == 69  # the others are ARP
    assert report.size_bytes == path.stat().st_size == told[-1]
    assert told == sorted(told)
    assert len(report.index) == len(told)
    assert report.flows.flows * 20 <= len(report.flows.flow)


def test_the_report_can_go_to_another_process() -> None:
    path = SAMPLES / "damaged" / "cut-in-a-record.pcap"
    with CaptureReader(path, hash_thread=False) as reader:
        decoding = Decoding(reader)
        for _ in decoding.batches():
            pass
        report = decoding.report()
    again = pickle.loads(pickle.dumps(report))
    assert [fault.name for fault in again.faults] == ["CAPTURE_cut_last_record"]
    assert (again.size_bytes, again.index, again.links) == (report.size_bytes, report.index, report.links)


def test_secrets_before_the_first_frame_are_early() -> None:
    with CaptureReader(SAMPLES / "tls" / "https-vod.pcapng", hash_thread=False) as reader:
        decoding = Decoding(reader)
        next(iter(decoding.batches()))
        assert len(decoding.early_secrets) == len(reader.secrets) > 0


def test_frames_without_packet_are_counted_with_a_reason_and_in_no_sum(tmp_path: Path) -> None:
    def block(kind: int, body: bytes) -> bytes:
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0))
    custom = block(0xBAD, struct.pack("<I", 32473) + bytes(40))
    frame = block(6, struct.pack("<IIIII", 0, 0, 5, 60, 70) + bytes(60))
    path = tmp_path / "custom.pcapng"
    path.write_bytes(section + custom + frame + custom)
    with CaptureReader(path, hash_thread=False) as reader:
        decoding = Decoding(reader)
        for _ in decoding.batches():
            pass
        report = decoding.report()
    assert (report.frames, report.captured_bytes, report.wire_bytes, report.link_types) == (3, 60, 70, [1])
    assert report.ledger["NO_PACKET"].count == 2
    assert (report.first_ns, report.last_ns) == (5000, 5000)
