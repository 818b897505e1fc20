"""Damaged captures, derived from recordings: frames lost, swapped, doubled, cut off, one direction missing.

Run without arguments; the same recordings give the same files, byte for byte.
"""

import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

SAMPLES = Path(__file__).parents[1]
Frame = tuple[int, int, int, bytes]  # seconds, fraction, length on the wire, captured bytes
Change = Callable[[list[Frame], random.Random], tuple[list[Frame], dict[str, object]]]


def read(file: Path) -> tuple[bytes, list[Frame]]:
    """Return file header and frames of a little-endian pcap."""
    data = file.read_bytes()
    frames, at = [], 24
    while at < len(data):
        seconds, fraction, captured, length = struct.unpack_from("<IIII", data, at)
        frames.append((seconds, fraction, length, data[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return data[:24], frames


def write(file: Path, header: bytes, frames: list[Frame]) -> None:
    """Write a little-endian pcap."""
    with file.open("wb") as out:
        out.write(header)
        for seconds, fraction, length, data in frames:
            out.write(struct.pack("<IIII", seconds, fraction, len(data), length) + data)


def carries_tcp_payload(frame: Frame) -> bool:
    """Return whether an Ethernet frame carries IPv4, TCP and at least one byte of payload."""
    data = frame[3]
    if len(data) < 54 or data[12:14] != b"\x08\x00" or data[23] != 6:
        return False
    header = (data[14] & 15) * 4
    return int.from_bytes(data[16:18], "big") > header + (data[14 + header + 12] >> 4) * 4


def drop(frames: list[Frame], rng: random.Random) -> tuple[list[Frame], dict[str, object]]:
    gone = {n for n, f in enumerate(frames, 1) if n > 40 and carries_tcp_payload(f) and rng.random() < 0.01}
    return [f for n, f in enumerate(frames, 1) if n not in gone], {"missing_frames": sorted(gone)}


def drop_run(frames: list[Frame], rng: random.Random) -> tuple[list[Frame], dict[str, object]]:
    first = rng.randrange(len(frames) // 3, len(frames) // 2)
    gone = set(range(first, first + 25))
    return [f for n, f in enumerate(frames, 1) if n not in gone], {"missing_frames": sorted(gone)}


def reorder(frames: list[Frame], rng: random.Random) -> tuple[list[Frame], dict[str, object]]:
    order = sorted(range(len(frames)), key=lambda n: n + (rng.uniform(0, 6) if rng.random() < 0.1 else 0))
    moved = [(*frames[place][:2], *frames[n][2:]) for place, n in enumerate(order)]
    return moved, {"frames_out_of_place": sum(place != n for place, n in enumerate(order))}


def double(frames: list[Frame], rng: random.Random) -> tuple[list[Frame], dict[str, object]]:
    out, doubled = [], []
    for n, frame in enumerate(frames, 1):
        out.append(frame)
        if rng.random() < 0.1:
            out.append(frame)
            doubled.append(n)
    return out, {"doubled_frames": doubled}


def short(frames: list[Frame], rng: random.Random) -> tuple[list[Frame], dict[str, object]]:
    return [(*f[:3], f[3][:200]) for f in frames], {"snaplen": 200}


def one_way(frames: list[Frame], rng: random.Random) -> tuple[list[Frame], dict[str, object]]:
    kept = [f for f in frames if f[3][12:14] == b"\x08\x00" and f[3][30:33] == bytes((192, 168, 1))]
    return kept, {"kept": "frames to 192.168.1.0/24 only"}


DAMAGE: tuple[tuple[str, str, int, Change], ...] = (
    ("hls-dropped", "hls/redirected", 11, drop),
    ("http-ts-dropped", "http-ts/chunked", 12, drop),
    ("rtmp-dropped-run", "rtmp/publish", 13, drop_run),
    ("http-ts-reordered", "http-ts/chunked", 14, reorder),
    ("hls-reordered", "hls/redirected", 15, reorder),
    ("hls-doubled", "hls/redirected", 16, double),
    ("rtmp-snaplen", "rtmp/publish", 17, short),
    ("hls-one-way", "hls/redirected", 18, one_way),
    ("tls-snaplen", "tls/https-vod", 19, short),
)


def main() -> None:
    here = Path(__file__).parent
    for name, base, seed, change in DAMAGE:
        header, frames = read(SAMPLES / f"{base}.pcap")
        frames, facts = change(frames, random.Random(seed))
        file = here / f"{name}.pcap"
        write(file, header, frames)
        r.write_truth(
            here / f"{name}.truth.json",
            {"capture": {"file": file.name, **r.digest(file)}, "derived_from": f"{base}.pcap",
             "true_in": f"{base}.truth.json", "change": change.__name__, "seed": seed, "frames": len(frames), **facts},
        )  # fmt: skip
    data = (SAMPLES / "formats/small.pcap").read_bytes()
    file = here / "cut-in-a-record.pcap"
    file.write_bytes(data[:40_000])
    whole, at = 0, 24
    while at + 16 <= 40_000 and at + 16 + struct.unpack_from("<I", data, at + 8)[0] <= 40_000:
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
        whole += 1
    r.write_truth(
        here / "cut-in-a-record.truth.json",
        {"capture": {"file": file.name, **r.digest(file)}, "derived_from": "formats/small.pcap",
         "true_in": "formats/small.truth.json", "change": "cut", "whole_frames": whole,
         "bytes_after_them": 40_000 - at},
    )  # fmt: skip


if __name__ == "__main__":
    main()
