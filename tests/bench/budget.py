"""Measures the lines of the speed budget that have no peer: start-up, a small capture, chunk sizes, two workers, TLS.

    python tests/bench/budget.py

Every figure is the median of whole processes, with machine code in its cache (one uncounted run before).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from run import ROOT, measure

TOOL = [sys.executable, "-m", "iptvforensics"]


def seconds(command: list[str], folder: Path, runs: int) -> float:
    """Return the median wall time of a command; its case folder `case` is removed before each run."""
    times = []
    for run in range(runs + 1):
        shutil.rmtree(folder / "case", ignore_errors=True)
        taken, _, code = measure(command, folder / "log", 600)
        if code:
            raise SystemExit(f"{' '.join(command)}: exit code {code}\n{(folder / 'log').read_text()[-2000:]}")
        if run:
            times.append(taken)
    return statistics.median(times)


def capture(folder: Path, name: str, *arguments: str) -> Path:
    """Return a capture made by the generator."""
    path = folder / name
    script = str(ROOT / "tests" / "bench" / "generate.py")
    subprocess.run([sys.executable, script, *arguments, "-o", str(path)], check=True, stdout=subprocess.DEVNULL)
    return path


def analyze(folder: Path, *arguments: str) -> list[str]:
    return [*TOOL, "analyze", *arguments, "--case", str(folder / "case")]


def opened_rate(runs: int, megabytes: int = 64) -> float:
    """Return how many megabytes of records the parser of TLS opens per second of processor time."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "tls")]
    import talk as talks

    from iptvforensics.protocol import Opening
    from iptvforensics.protocols._tls_parser import TlsParser
    from iptvforensics.tls.keylog import Secrets

    talk = talks.talk(answer=bytes(megabytes << 20))
    secrets = Secrets()
    secrets.add(talk.keylog.encode())
    stream = memoryview(talk.stream(False))
    rates = []
    for _ in range(runs):
        parser = TlsParser(Opening("tcp", b"", b"", secrets=secrets))
        parser.feed(memoryview(talk.stream(True)), True)
        begun = time.process_time()
        for at in range(0, len(stream), 4 << 20):
            parser.feed(stream[at : at + (4 << 20)], False)
        rates.append(len(stream) / 1e6 / (time.process_time() - begun))
    return statistics.median(rates)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure start-up, a small capture, chunk sizes and two workers.")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the larger captures (default 1)")
    options = parser.parse_args()
    size = str(options.gigabytes)
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    rows: list[tuple[str, str, str]] = []
    try:
        rows.append(("iptvforensics --help", f"{seconds([*TOOL, '--help'], folder, options.runs):.2f} s", "0.4 s"))
        small = ROOT / "sample_pcaps" / "hls" / "two-boxes.pcap"
        took = seconds(analyze(folder, str(small)), folder, options.runs)
        rows.append((f"analyze of a {small.stat().st_size / 1e6:.1f} MB capture", f"{took:.2f} s", "3 s"))
        chunks = {}
        for chunk in ("4096", "128"):
            path = capture(folder, f"rtmp-{chunk}.pcap", "rtmp", "--gigabytes", size, "--rtmp-chunk", chunk)
            chunks[chunk] = seconds(analyze(folder, str(path)), folder, options.runs) / path.stat().st_size
            path.unlink()
        rows.append(("RTMP chunk size 128 against 4096, per byte", f"{chunks['128'] / chunks['4096']:.2f} times", "2"))
        files = [str(capture(folder, f"{i}.pcap", "http-ts-rtmp", "--gigabytes", size)) for i in (1, 2)]
        with open(files[1], "r+b") as second:  # another SHA-256: equal files would be analysed once
            second.seek(-1, 2)
            second.write(b"\0")
        one = seconds(analyze(folder, *files, "--workers", "1"), folder, options.runs)
        two = seconds(analyze(folder, *files, "--workers", "2"), folder, options.runs)
        rows.append((f"two files of {size} GB: one worker against two", f"{one / two:.2f} times", "1.7 at least"))
        rows.append(
            ("TLS 1.3 with AES-256-GCM opened, one core", f"{opened_rate(options.runs):.0f} MB/s", "300 at least")
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write("| measured | figure | budget |\n|---|---|---|\n")
    for row in rows:
        sys.stdout.write("| " + " | ".join(row) + " |\n")


if __name__ == "__main__":
    main()
