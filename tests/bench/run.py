"""Measures `iptvforensics analyze` beside hashing the file and beside other programs, in one run on one machine.

    python tests/bench/run.py --gigabytes 1 --runs 3

For each kind of capture (see `generate.py`): every program is a whole process from start to end; the programs take
turns, and each round begins with another one; the table gives medians. Output goes to /dev/null or to a scratch folder
that is emptied before each start. The capture is in the page cache for all. `iptvforensics` runs once before, not
counted, so that machine code is in its cache; `--cold` leaves that out.

tshark and the dpkt loop see only the first part of the capture (100 MB), and their times are scaled to its size: both
work frame by frame, and the whole would take minutes. The table marks them.

Python programs find their bytecode in its cache, as where they were installed, whatever this environment says.

Peak memory is that of the largest single process (`wait4`): nfstream spreads over several. A process takes over the
peak of the one that starts it, so this one stays small and figures under about 25 MB mean nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PART_BYTES = 100_000_000
SHA256 = "import hashlib, sys\nwith open(sys.argv[1], 'rb') as f: print(hashlib.file_digest(f, 'sha256').hexdigest())"
NFSTREAM = """
import sys
from nfstream import NFStreamer
if __name__ == "__main__":
    print(len(list(NFStreamer(source=sys.argv[1]))))
"""
DPKT = """
import sys, dpkt
bytes_seen = frames = 0
with open(sys.argv[1], "rb") as f:
    for when, data in dpkt.pcap.Reader(f):
        frames += 1
        ip = dpkt.ethernet.Ethernet(data).data
        if isinstance(ip, dpkt.ip.IP) and isinstance(ip.data, dpkt.tcp.TCP):
            bytes_seen += len(ip.data.data)
print(frames, bytes_seen)
"""
TSHARK_FIELDS = (
    "frame.number",
    "http.request.full_uri",
    "http.response.code",
    "rtmpt.header.typeid",
    "rtmpt.function.call",
    "rtmpt.ucm.eventtype",
)


@dataclass(frozen=True)
class Peer:
    """A program that is measured."""

    name: str
    command: Callable[[Path, Path], list[str]]  # capture, scratch folder -> arguments
    present: Callable[[], bool]
    part_only: bool = False


@dataclass
class Result:
    """What was measured of one program on one capture."""

    seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    scale: float = 1.0
    failure: str = ""


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _analyze(capture: Path, scratch: Path) -> list[str]:
    return [sys.executable, "-m", "iptvforensics", "analyze", str(capture), "--case", str(scratch / "case")]


def _tshark(capture: Path, scratch: Path) -> list[str]:
    wanted = [word for name in TSHARK_FIELDS for word in ("-e", name)]
    return ["tshark", "-n", "-r", str(capture), "-T", "fields", *wanted]


def _script(text: str) -> Callable[[Path, Path], list[str]]:
    return lambda capture, scratch: [sys.executable, "-c", text, str(capture)]


def _nfstream(capture: Path, scratch: Path) -> list[str]:
    script = scratch / "flows.py"  # its workers need a file to import
    script.write_text(NFSTREAM)
    return [sys.executable, str(script), str(capture)]


PEERS = (
    Peer("iptvforensics", _analyze, _module("iptvforensics.__main__")),
    Peer("sha256", _script(SHA256), lambda: True),
    Peer("tcpflow", lambda capture, scratch: ["tcpflow", "-q", "-r", str(capture), "-o", str(scratch / "flows")],
         _program("tcpflow")),
    Peer("nfstream", _nfstream, _module("nfstream")),
    Peer("ndpiReader", lambda capture, scratch: ["ndpiReader", "-q", "-i", str(capture)], _program("ndpiReader")),
    Peer("tshark", _tshark, _program("tshark"), part_only=True),
    Peer("dpkt", _script(DPKT), _module("dpkt"), part_only=True),
)  # fmt: skip


def first_part(capture: Path, part: Path, size: int) -> int:
    """Write the first whole records of a capture, at most `size` bytes; return how many bytes that is."""
    written = 0
    with capture.open("rb") as source, part.open("wb") as out:
        written += out.write(source.read(24))
        while len(head := source.read(16)) == 16:
            record = head + source.read(struct.unpack_from("<I", head, 8)[0])
            if written + len(record) > size:
                break
            written += out.write(record)
    return written


def measure(command: list[str], log: Path, limit: float) -> tuple[float, int, int]:
    """Return seconds, peak resident bytes and exit status of a process."""
    with log.open("wb") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            start_new_session=True,
        )
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, limit)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - begin
        signal.setitimer(signal.ITIMER_REAL, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return took, usage.ru_maxrss * 1024, process.returncode


def run_one(
    peer: Peer, capture: Path, part: Path, scratch: Path, result: Result, limit: float, *, counted: bool
) -> None:
    """Start a program once and note what it took."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    log = scratch.with_suffix(".err")
    seconds, peak, code = measure(peer.command(part if peer.part_only else capture, scratch), log, limit)
    if code:
        lines = log.read_text(errors="replace").strip().splitlines() or [""]
        result.failure = f"ended with {code}: {' ... '.join(dict.fromkeys((lines[0], lines[-1])))[:160]}"
    elif counted:
        result.seconds.append(seconds * result.scale)
        result.peak_bytes = max(result.peak_bytes, peak)
    shutil.rmtree(scratch, ignore_errors=True)


def compare(kind: str, options: argparse.Namespace, folder: Path) -> dict[str, Result]:
    """Return what each program took on one kind of capture."""
    capture, part = folder / f"{kind}.pcap", folder / f"{kind}-part.pcap"
    made = [sys.executable, str(ROOT / "tests/bench/generate.py"), kind, "--gigabytes", str(options.gigabytes),
            "-o", str(capture)]  # fmt: skip
    if options.rtmp_chunk:
        made += ["--rtmp-chunk", str(options.rtmp_chunk)]
    subprocess.run(made, check=True)
    seen = first_part(capture, part, PART_BYTES)
    os.sync()
    size = capture.stat().st_size
    peers = [peer for peer in PEERS if peer.name in options.peers and peer.present()]
    results = {peer.name: Result(scale=size / seen if peer.part_only else 1.0) for peer in peers}
    scratch = folder / "scratch"
    if not options.cold and "iptvforensics" in results:
        ours = next(peer for peer in peers if peer.name == "iptvforensics")
        run_one(ours, capture, part, scratch, results[ours.name], options.limit, counted=False)
    for turn in range(options.runs):
        for place in range(len(peers)):
            peer = peers[(place + turn) % len(peers)]
            if not results[peer.name].failure:
                run_one(peer, capture, part, scratch, results[peer.name], options.limit, counted=True)
    if not options.keep:
        capture.unlink()
        part.unlink()
    return results


def table(kind: str, results: dict[str, Result], wanted: list[str], gigabytes: float) -> str:
    """Return the results as text."""
    base = statistics.median(results["sha256"].seconds) if results.get("sha256", Result()).seconds else None
    lines = [
        f"{kind}, {gigabytes:g} GB",
        f"  {'program':16} {'seconds':>9} {'min..max':>17} {'/ sha256':>9} {'peak MB':>8}",
    ]
    for peer in PEERS:
        if peer.name not in wanted:
            continue
        result = results.get(peer.name)
        if result is None:
            lines.append(f"  {peer.name:16} not installed, not measured")
        elif result.failure:
            lines.append(f"  {peer.name:16} {result.failure}")
        else:
            middle = statistics.median(result.seconds)
            spread = f"{min(result.seconds):.2f}..{max(result.seconds):.2f}"
            ratio = f"{middle / base:9.2f}" if base else f"{'':9}"
            note = f"   scaled by {result.scale:.2f} from the first part" if result.scale > 1 else ""
            lines.append(f"  {peer.name:16} {middle:9.2f} {spread:>17} {ratio} {result.peak_bytes / 1e6:8.0f}{note}")
    return "\n".join(lines)


def main() -> int:
    """Command line: 0 if `iptvforensics` ran (or was not asked for), else 1."""
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(description="Measure iptvforensics beside SHA-256 and other programs.")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of each capture in 10^9 bytes (default 1)")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each program (default 3)")
    parser.add_argument("--kinds", nargs="+", default=["hls-rtmp", "http-ts-rtmp"],
                        choices=["hls-rtmp", "http-ts-rtmp", "rtmp"])  # fmt: skip
    parser.add_argument("--peers", nargs="+", default=names, choices=names)
    parser.add_argument("--rtmp-chunk", type=int, choices=(128, 4096), help="carry RTMP in chunks of this size")
    parser.add_argument("--folder", type=Path, help="where captures and scratch lie (default: a temporary folder)")
    parser.add_argument("--keep", action="store_true", help="keep the captures")
    parser.add_argument("--cold", action="store_true", help="no uncounted run before")
    parser.add_argument("--limit", type=float, default=900, help="seconds after which a program is ended (default 900)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    figures: dict[str, object] = {}
    fine = True
    sys.stdout.write(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} "
                     f"{platform.machine()}; median of {options.runs}\n")  # fmt: skip
    try:
        for kind in options.kinds:
            results = compare(kind, options, folder)
            sys.stdout.write(table(kind, results, options.peers, options.gigabytes) + "\n")
            sys.stdout.flush()
            figures[kind] = {name: vars(result) for name, result in results.items()}
            if "iptvforensics" in options.peers:
                fine &= bool(results.get("iptvforensics", Result()).seconds)
    finally:
        if not options.folder and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps({"gigabytes": options.gigabytes, "kinds": figures}, indent=1) + "\n")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
