"""What a decoding tells of a capture, apart from its streams."""

from __future__ import annotations

import pickle
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
    assert (again.sha256, again.index, again.links) == (report.sha256, report.index, report.links)


def test_secrets_before_the_first_frame_are_early() -> None:
    with CaptureReader(SAMPLES / "tls" / "https-vod.pcapng", hash_thread=False) as reader:
        decoding = Decoding(reader)
        next(iter(decoding.batches()))
        assert len(decoding.early_secrets) == len(reader.secrets) > 0
