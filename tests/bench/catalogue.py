"""Measures what a large catalogue costs: 110,000 titles as JSON, M3U-Plus and XMLTV, each one gzip reply of some 30 MB.

    python tests/bench/catalogue.py

A capture holds one exchange. Its reading into a case (`analyze_capture`: hash, streams, parsers, tables) runs as a
whole process. Its time is compared with that for the same exchange with an empty list: that is what starting, hashing
and writing a case cost anyway. Both times are given: by the clock, and of the processor (user and system, all threads).
The last column is the command `analyze`, which works out who is who in the whole case, too. Figures are medians;
machine code is in its cache (one uncounted run before).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TITLES = 110_000
PANEL = "tv.example:8080"
CLIENT, SERVER = bytes((192, 168, 1, 50)), bytes((198, 51, 100, 7))
PAYLOAD = 1460
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
EPOCH = 1_767_261_600


def films(count: int) -> bytes:
    """Return the reply to `get_vod_streams`."""
    items = [
        {
            "num": i + 1, "name": f"영화 제목 {i} (20{i % 25:02d})", "stream_type": "movie", "stream_id": 50_000 + i,
            "stream_icon": f"http://{PANEL}/images/{i:08x}.jpg", "rating": str(i % 10), "rating_5based": i % 10 / 2,
            "added": str(1_600_000_000 + i), "category_id": str(i % 40), "container_extension": ("mkv", "mp4")[i % 2],
            "custom_sid": None, "direct_source": "",
        }
        for i in range(count)
    ]  # fmt: skip
    return json.dumps(items, separators=(",", ":")).replace("/", "\\/").encode()


def playlist(count: int) -> bytes:
    """Return the reply to `get.php`."""
    lines = ["#EXTM3U"]
    for i in range(count):
        name = f"영화 제목 {i} (20{i % 25:02d})"
        logo = f"http://{PANEL}/images/{i:08x}.jpg"
        lines.append(f'#EXTINF:-1 tvg-id="" tvg-name="{name}" tvg-logo="{logo}" group-title="Group {i % 40}",{name}')
        lines.append(f"http://{PANEL}/movie/viewer1/pw1/{50_000 + i}.mkv")
    return "\r\n".join([*lines, ""]).encode()


def guide(count: int) -> bytes:
    """Return the reply to `xmltv.php`."""
    lines = ['<?xml version="1.0" encoding="utf-8" ?>', '<tv generator-info-name="Best TV">']
    for i in range(count):
        day, hour, minute = 1 + i % 28, i // 28 % 24, i // 672 % 60
        start, stop = (f"202601{day:02d}{hour:02d}{minute:02d}{second:02d} +0700" for second in (0, 59))
        lines.append(
            f'<programme start="{start}" stop="{stop}" channel="channel{i % 300}.example">'
            f"<title>프로그램 {i}</title><desc>Description of programme {i}, with some words about what happens in it, "
            "who is in it and where it was made.</desc></programme>"
        )
    return "\n".join([*lines, "</tv>"]).encode()


QUERY = "username=viewer1&password=pw1"
KINDS = {
    "JSON list": (films, f"/player_api.php?{QUERY}&action=get_vod_streams", "catalogue_entries"),
    "M3U-Plus": (playlist, f"/get.php?{QUERY}&type=m3u_plus&output=ts", "catalogue_entries"),
    "XMLTV": (guide, f"/xmltv.php?{QUERY}", "programmes"),
}


def frames(request: bytes, response: bytes) -> Iterator[bytes]:
    """Yield pcap records of one TCP connection, opened and closed, without checksums."""
    sent = {True: 1000, False: 5000}

    def frame(from_client: bool, flags: int, payload: bytes = b"") -> bytes:
        source, target = (CLIENT, SERVER) if from_client else (SERVER, CLIENT)
        ports = (40_000, 8080) if from_client else (8080, 40_000)
        tcp = struct.pack(">HHIIBBHHH", *ports, sent[from_client], sent[not from_client], 0x50, flags, 65_535, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0, source, target)
        data = bytes((2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0)) + ip + tcp + payload
        sent[from_client] += len(payload) + bool(flags & 3)
        return data

    yield from (frame(True, 2), frame(False, 0x12), frame(True, 0x10), frame(True, 0x18, request))
    for at in range(0, len(response), PAYLOAD):
        yield frame(False, 0x18, response[at : at + PAYLOAD])
    yield from (frame(True, 0x11), frame(False, 0x11), frame(True, 0x10))


def capture(path: Path, target: str, body: bytes) -> Path:
    """Write a capture with one exchange whose reply is compressed."""
    packed = gzip.compress(body, 6, mtime=0)
    request = (
        f"GET {target} HTTP/1.1\r\nHost: {PANEL}\r\nUser-Agent: Player/1.0\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    )
    head = (
        f"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    )
    with path.open("wb") as file:
        file.write(PCAP_HEADER)
        for number, frame in enumerate(frames(request, head + packed)):
            seconds, micro = divmod(number * 100, 1_000_000)
            file.write(struct.pack("<IIII", EPOCH + seconds, micro, len(frame), len(frame)) + frame)
    return path


READ = """
import sys
from iptvforensics.analysis import analyze_capture
from iptvforensics.store import Store
analyze_capture(sys.argv[1], Store.create(sys.argv[2]))
"""


class Cost(NamedTuple):
    """What a process took."""

    elapsed: float
    """Seconds by the clock."""
    processor: float
    """Seconds, user and system, of all threads."""
    peak: float
    """Resident bytes."""


def analyze(path: Path, case: Path, *, whole: bool = False) -> Cost:
    """Return what reading a capture takes, or all that the command does."""
    shutil.rmtree(case, ignore_errors=True)
    command = [sys.executable, "-c", READ, str(path), str(case)]
    if whole:
        command = [sys.executable, "-m", "iptvforensics", "analyze", str(path), "--case", str(case)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    errors = process.stderr.read() if process.stderr else b""
    if process.stderr:
        process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{errors.decode()[-2000:]}")
    return Cost(elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def rows_of(case: Path, table: str) -> int:
    """Return the rows of a table of a case, as its manifest says."""
    (manifest,) = case.glob("captures/capture_id=*/manifest.json")
    return int(json.loads(manifest.read_text())["rows"].get(table, 0))


def measured(kind: str, titles: int, runs: int, folder: Path) -> tuple[str, ...]:
    """Return the line of a table: what one kind of catalogue costs."""
    make, target, table = KINDS[kind]
    body = make(titles)
    full = capture(folder / "full.pcap", target, body)
    empty = capture(folder / "empty.pcap", target, make(0))
    case = folder / "case"
    analyze(full, case)
    rows = rows_of(case, table)
    if rows < titles:
        raise SystemExit(f"{kind}: {rows} rows of {titles} titles")
    # They take turns: the machine may be shared.
    rounds = [(analyze(empty, case), analyze(full, case), analyze(full, case, whole=True)) for _ in range(runs)]
    base, read, whole = (
        Cost(*map(statistics.median, zip(*(found[i] for found in rounds), strict=True))) for i in range(3)
    )
    sizes = f"{len(body) / 1e6:.1f} MB ({full.stat().st_size / 1e6:.1f} MB captured)"
    seconds = [read.elapsed - base.elapsed, read.processor - base.processor]
    both = [f"{read.elapsed:.2f} / {read.processor:.2f} s", f"{base.elapsed:.2f} / {base.processor:.2f} s"]
    peaks = [f"{cost.peak / 1e6:.0f} MB" for cost in (read, base)]
    return kind, sizes, *both, *(f"{found:.2f} s" for found in seconds), *peaks, f"{whole.elapsed:.2f} s"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure what a large catalogue costs.")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--titles", type=int, default=TITLES)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        lines = [measured(kind, options.titles, options.runs, folder) for kind in KINDS]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    head = ("reply", "size", "reading: clock / processor", "an empty list", "difference: clock", "processor")
    head += ("peak memory", "an empty list", "analyze: clock")
    sys.stdout.write(f"| {' | '.join(head)} |\n")
    sys.stdout.write(f"|{'---|' * len(head)}\n")
    for line in lines:
        sys.stdout.write("| " + " | ".join(line) + " |\n")


if __name__ == "__main__":
    main()
