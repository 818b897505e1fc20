"""Benchmark captures of any size, made from the recorded sessions in `sample_pcaps/`.

    python tests/bench/generate.py hls-rtmp --gigabytes 1 -o FILE

A template is all frames of one recorded session. It is cloned to many clients (new MAC address, IPv4 address and
ports, checksums made right), about 100 of which watch at one time; a client that has finished starts another
session 1 to 4 seconds later. The frames of all sessions are written in order of time. The same arguments give the
same bytes. Memory does not depend on the size: half a second of all sessions is in memory at one time.

`--rtmp-chunk 128` (or `--chunk-128`) and `--rtmp-chunk 4096` carry the recorded RTMP messages in chunks of that size
in built TCP frames, so that the two differ in nothing but the chunk size.

Known limitations: all clones of a template carry the same payload; TCP sequence numbers are those of the recording;
sessions last as long as the recorded ones (13 to 25 s).
"""

from __future__ import annotations

import argparse
import heapq
import random
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from rechunk import rechunked

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
KINDS: dict[str, tuple[str, ...]] = {
    "hls-rtmp": ("hls/live-ts", "rtmp/play", "hls/live-ts", "hls/vod-multivariant"),
    "http-ts-rtmp": ("http-ts/live", "rtmp/play"),
    "rtmp": ("rtmp/play",),
}
EPOCH_US = 1_767_261_600_000_000  # 2026-01-01 10:00 UTC
WINDOW_US = 500_000
FIRST_PORT, PORTS = 20_000, 45_000
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)


@dataclass(frozen=True)
class Template:
    """The frames of one session, with the places in them that differ from clone to clone."""

    name: str
    data: np.ndarray  # pcap records one after the other
    starts: np.ndarray  # where each record begins, and the end of the last
    times_us: np.ndarray  # since the first frame
    client_is_source: np.ndarray
    port_at: np.ndarray  # where in the record the client's port stands
    checksum_at: np.ndarray  # where in the record the TCP or UDP checksum stands
    client_ip: bytes


@dataclass
class Session:
    """One clone that is being written."""

    template: Template
    client: int
    start_us: int
    port_shift: int
    next_frame: int = 0


def frames_of(pcap: bytes) -> list[tuple[int, bytes]]:
    """Return time in microseconds and bytes of each frame of a little-endian microsecond pcap."""
    frames, at = [], 24
    while at < len(pcap):
        seconds, micro, captured, _ = struct.unpack_from("<IIII", pcap, at)
        frames.append((seconds * 1_000_000 + micro, pcap[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return frames


def template(name: str, frames: list[tuple[int, bytes]], client_ip: bytes) -> Template:
    """Return the TCP and UDP frames that one client sent or received, ready to be cloned."""
    kept, sources, ports, checksums = [], [], [], []
    for when, frame in frames:
        if frame[12:14] != b"\x08\x00" or frame[23] not in (6, 17) or client_ip not in (frame[26:30], frame[30:34]):
            continue
        source = frame[26:30] == client_ip
        transport = 16 + 14 + (frame[14] & 15) * 4
        kept.append((when, frame))
        sources.append(source)
        ports.append(transport if source else transport + 2)
        checksums.append(transport + (16 if frame[23] == 6 else 6))
    first = kept[0][0]
    records = [struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame for _, frame in kept]
    starts = np.zeros(len(records) + 1, np.int64)
    np.cumsum([len(record) for record in records], out=starts[1:])
    return Template(
        name=name,
        data=np.frombuffer(b"".join(records), np.uint8),
        starts=starts,
        times_us=np.array([when - first for when, _ in kept], np.int64),
        client_is_source=np.array(sources),
        port_at=np.array(ports, np.int64),
        checksum_at=np.array(checksums, np.int64),
        client_ip=client_ip,
    )


def load(name: str, rtmp_chunk: int | None) -> Template:
    """Return the template of a recorded session; the client is the one in 192.168.1.0/24 that opens TCP first."""
    frames = frames_of((SAMPLES / f"{name}.pcap").read_bytes())
    client_ip = next(frame[26:30] for _, frame in frames if frame[23] == 6 and frame[12:14] == b"\x08\x00")
    if rtmp_chunk and name.startswith("rtmp/"):
        frames = rechunked(frames, client_ip, rtmp_chunk)
    return template(name, frames, client_ip)


def _words(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    return (data[at].astype(np.int64) << 8) | data[at + 1]


def _put_words(data: np.ndarray, at: np.ndarray, values: np.ndarray) -> None:
    data[at] = values >> 8
    data[at + 1] = values & 255


def _changed_checksum(old: np.ndarray, change: np.ndarray | int) -> np.ndarray:
    """Return checksums after the words that they cover grew by `change` (RFC 1624, equation 3)."""
    total = (~old & 0xFFFF) + change
    for _ in range(3):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def clone(session: Session, until_us: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return bytes, absolute times and places of the session's next records, up to a moment."""
    t = session.template
    first = session.next_frame
    last = int(np.searchsorted(t.times_us, until_us - session.start_us))
    session.next_frame = last
    base = int(t.starts[first])
    data = t.data[base : int(t.starts[last])].copy()
    at = t.starts[first:last] - base
    times = t.times_us[first:last] + session.start_us
    absolute = times + EPOCH_US
    stamps = np.stack((absolute // 1_000_000, absolute % 1_000_000), axis=1).astype("<u4").view(np.uint8)
    for n in range(8):
        data[at + n] = stamps[:, n]
    number = session.client
    ip = bytes((10, 32 + (number >> 16), (number >> 8) & 255, number & 255))
    source = t.client_is_source[first:last]
    mac_at = at + 16 + np.where(source, 6, 0)
    ip_at = at + 16 + 14 + np.where(source, 12, 16)
    for n, byte in enumerate((2, 0x5E, 0x77, number >> 16, (number >> 8) & 255, number & 255)):
        data[mac_at + n] = byte
    for n, byte in enumerate(ip):
        data[ip_at + n] = byte
    port_at = at + t.port_at[first:last]
    old_port = _words(data, port_at)
    new_port = FIRST_PORT + (old_port - FIRST_PORT + session.port_shift) % PORTS
    _put_words(data, port_at, new_port)
    ip_change = sum(struct.unpack(">HH", ip)) + sum(0xFFFF - word for word in struct.unpack(">HH", t.client_ip))
    ip_sum_at = at + 16 + 14 + 10
    _put_words(data, ip_sum_at, _changed_checksum(_words(data, ip_sum_at), ip_change))
    sum_at = at + t.checksum_at[first:last]
    _put_words(data, sum_at, _changed_checksum(_words(data, sum_at), ip_change + new_port + 0xFFFF - old_port))
    return data, times, at


def write_window(out: BinaryIO, sessions: list[Session], until_us: int, room: int) -> int:
    """Write all sessions' frames up to a moment, in order of time; return the bytes written, at most `room`."""
    parts = [clone(session, until_us) for session in sessions]
    data = memoryview(np.concatenate([part[0] for part in parts]))
    shifts = np.cumsum([0, *(len(part[0]) for part in parts)])
    at = np.concatenate([part[2] + shift for part, shift in zip(parts, shifts[:-1], strict=True)])
    ends = np.append(at[1:], shifts[-1])
    order = np.argsort(np.concatenate([part[1] for part in parts]), kind="stable")
    fit = int(np.searchsorted(np.cumsum((ends - at)[order]), room, side="right"))
    order = order[:fit]
    return out.write(b"".join([data[a:b] for a, b in zip(at[order].tolist(), ends[order].tolist(), strict=True)]))


def generate(
    kind: str, size: int, file: Path, *, viewers: int = 100, seed: int = 1, rtmp_chunk: int | None = None
) -> dict[str, int]:
    """Write a capture of at most `size` bytes (less than one frame short of it); return what it holds."""
    templates = {name: load(name, rtmp_chunk) for name in KINDS[kind]}
    rng = random.Random(f"{kind}/{seed}")
    # Starts are spread over one session's length, so that joins and leaves happen all the time.
    waiting = [(rng.randrange(0, 12_000_000), client, 0) for client in range(viewers)]
    heapq.heapify(waiting)
    active: list[Session] = []
    written, now, count = len(PCAP_HEADER), 0, 0
    with file.open("wb", buffering=0) as out:
        out.write(PCAP_HEADER)
        while True:
            now += WINDOW_US
            while waiting and waiting[0][0] < now:
                start, client, turn = heapq.heappop(waiting)
                name = KINDS[kind][(client + turn) % len(KINDS[kind])]
                active.append(Session(templates[name], client + 1, start, turn * 1_013))
                count += 1
            if active:
                got = write_window(out, active, now, size - written)
                written += got
                if any(s.next_frame < len(s.template.times_us) for s in active) and size - written < 1_600:
                    return {"bytes": written, "sessions": count, "seconds": now // 1_000_000}
            for session in [s for s in active if s.next_frame >= len(s.template.times_us)]:
                active.remove(session)
                turn = session.port_shift // 1_013 + 1
                heapq.heappush(waiting, (now + rng.randrange(1_000_000, 4_000_000), session.client - 1, turn))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make a benchmark capture from the recorded sessions.")
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size in 10^9 bytes (default 1)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--viewers", type=int, default=100, help="clients that watch at one time (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rtmp-chunk", type=int, choices=(128, 4096), help="carry RTMP in chunks of this size")
    parser.add_argument(
        "--chunk-128", action="store_const", const=128, dest="rtmp_chunk", help="same as --rtmp-chunk 128"
    )
    options = parser.parse_args()
    begin = time.perf_counter()
    made = generate(options.kind, int(options.gigabytes * 1e9), options.output, viewers=options.viewers,
                    seed=options.seed, rtmp_chunk=options.rtmp_chunk)  # fmt: skip
    took = time.perf_counter() - begin
    sys.stdout.write(f"{options.output}: {made['bytes']:,} bytes, {made['sessions']} sessions, "
                     f"{made['seconds']} s of traffic, made in {took:.1f} s\n")  # fmt: skip


if __name__ == "__main__":
    main()
