"""The report: what decoding tells can be read without what decodes."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from iptvforensics.analysis.decoding import Decoding
from iptvforensics.analysis.report import Report
from iptvforensics.capture import CaptureReader

SAMPLE = Path(__file__).parents[2] / "sample_pcaps" / "hls" / "aes-128.pcap"
READ = """
import pickle, sys
report = pickle.load(sys.stdin.buffer)
loaded = [name for name in sys.modules if name.endswith((".decoding", ".streams"))]
print(report.size_bytes, report.frames, len(report.flows.flow), *loaded)
"""


def test_another_process_reads_it_without_what_decodes() -> None:
    with CaptureReader(str(SAMPLE)) as reader:
        decoding = Decoding(reader)
        assert sum(len(batch.directions) for batch in decoding.batches())
        report = decoding.report()
    assert all(getattr(report, field.name) is not None for field in fields(Report))
    read = subprocess.run([sys.executable, "-c", READ], input=pickle.dumps(report), capture_output=True, check=True)
    assert read.stdout.decode().split() == [str(n) for n in (report.size_bytes, report.frames, len(report.flows.flow))]
