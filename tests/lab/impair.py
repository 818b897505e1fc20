"""Impaired captures, made from clean ones: the same capture, impairment and seed give the same bytes.

    python -m tests.lab.impair CAPTURE --how loss --seed 1 -o OUT.pcap
    python -m tests.lab.impair CAPTURE --how middle+nat+loss -o OUT.pcap

The clean capture stays the truth. Beside the result stands `OUT.truth.json`: what was done, with which seed, what
addresses became, and which frames of the clean capture are left in which order (`frames_from`, runs of numbers from
1; 0 is a frame that the impairment added).

Known limitations: one clean capture at a time; see `headers` for those that rewrite headers. Frames are held
in memory.
"""

from __future__ import annotations

import argparse
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import frames as lf
from . import headers
from .frames import TCP, Frame, Recording

SECOND = 1_000_000_000
Change = Callable[[Recording, random.Random], Recording]


@dataclass(frozen=True)
class Impairment:
    """One way in which captures of the field differ from those of a lab."""

    name: str
    what: str
    change: Change


def _same_link(recording: Recording, frames: list[Frame], **facts: Any) -> Recording:
    return Recording(frames, recording.link, recording.snaplen, facts=facts)


def loss(recording: Recording, rng: random.Random, *, share: float = 0.01) -> Recording:
    kept = [f for f in recording.frames if rng.random() >= share]
    return _same_link(recording, kept, share=share)


def loss_runs(recording: Recording, rng: random.Random, *, runs: int = 3, length: int = 40) -> Recording:
    count = len(recording.frames)
    gone: set[int] = set()
    for _ in range(runs):
        first = rng.randrange(count) if count else 0
        gone |= set(range(first, first + length))
    return _same_link(recording, [f for n, f in enumerate(recording.frames) if n not in gone], runs=runs, length=length)


def reorder(recording: Recording, rng: random.Random, *, share: float = 0.05, reach: int = 6) -> Recording:
    """Frames change places; the times stay in order, as a recorder that took them in this order would have written."""
    frames = recording.frames
    order = sorted(range(len(frames)), key=lambda n: n + (rng.uniform(1, reach) if rng.random() < share else 0))
    moved = [frames[n]._replace(time_ns=frames[place].time_ns) for place, n in enumerate(order)]
    return _same_link(recording, moved, share=share, reach=reach)


def duplicate(recording: Recording, rng: random.Random, *, share: float = 0.9) -> Recording:
    """A mirror port copies frames when they come in and again when they go out, a few microseconds later."""
    frames = []
    for frame in recording.frames:
        frames.append(frame)
        if rng.random() < share:
            frames.append(frame._replace(time_ns=frame.time_ns + 1000 * rng.randrange(2, 60)))
    frames.sort(key=lambda frame: frame.time_ns)
    return _same_link(recording, frames, share=share)


def snaplen(recording: Recording, rng: random.Random, *, length: int = 200) -> Recording:
    frames = [f._replace(data=f.data[:length]) for f in recording.frames]
    return Recording(frames, recording.link, length, facts={"snaplen": length})


def cut(recording: Recording, rng: random.Random, *, share: float = 0.6) -> Recording:
    """The file ends inside a record."""
    keep = int(len(recording.frames) * share)
    frames = recording.frames[:keep]
    tail = b""
    if keep < len(recording.frames):
        frame = recording.frames[keep]
        head = struct.pack(
            "<IIII", frame.time_ns // SECOND, frame.time_ns % SECOND // 1000, len(frame.data), frame.wire
        )
        tail = (head + frame.data)[: rng.randrange(1, 16 + len(frame.data))]
    return Recording(frames, recording.link, recording.snaplen, tail, {"share": share, "bytes_after": len(tail)})


def _servers(recording: Recording) -> set[tuple[int, bytes, int]]:
    """Return transport, address and port of each side that answered: the receiver of a SYN, else the lower port."""
    servers: set[tuple[int, bytes, int]] = set()
    seen: set[tuple[int, bytes, int, bytes, int]] = set()
    for frame in recording.frames:
        found = lf.packet(frame.data, recording.link)
        pair = lf.ports(frame.data, found) if found else None
        if found is None or pair is None:
            continue
        ends = (found.source, pair[0]), (found.destination, pair[1])
        name = (found.transport, *min(ends), *max(ends))
        if name in seen:
            continue
        seen.add(name)
        at = found.transport_at + 13
        flags = frame.data[at] if found.transport == TCP and len(frame.data) > at else 0
        opens, answers = flags & 0x12 == 2, flags & 0x12 == 0x12
        group = found.destination[0] >= 224 and found.version == 4
        source_serves = not opens and (answers or group or pair[0] < pair[1])
        servers.add((found.transport, *ends[0 if source_serves else 1]))
    return servers


def _one_way(recording: Recording, to_server: bool) -> Recording:
    servers = _servers(recording)
    kept = []
    for frame in recording.frames:
        found = lf.packet(frame.data, recording.link)
        pair = lf.ports(frame.data, found) if found else None
        if found is None or pair is None:
            continue
        from_server = (found.transport, found.source, pair[0]) in servers
        if from_server != to_server:
            kept.append(frame)
    return _same_link(recording, kept, direction="to servers" if to_server else "to clients")


def to_servers(recording: Recording, rng: random.Random) -> Recording:
    return _one_way(recording, to_server=True)


def to_clients(recording: Recording, rng: random.Random) -> Recording:
    return _one_way(recording, to_server=False)


def middle(recording: Recording, rng: random.Random, *, share: float = 0.4) -> Recording:
    return _same_link(recording, recording.frames[int(len(recording.frames) * share) :], share=share)


def _retimed(recording: Recording, when: Callable[[int], int], **facts: Any) -> Recording:
    frames = [f._replace(time_ns=when(f.time_ns) // 1000 * 1000) for f in recording.frames]
    return _same_link(recording, frames, **facts)


def clock_skew(recording: Recording, rng: random.Random) -> Recording:
    """The recorder's clock is wrong by hours, minutes and a fraction of a second."""
    offset = -(rng.randrange(2, 12) * 3600 + rng.randrange(60) * 60) * SECOND - rng.randrange(SECOND)
    return _retimed(recording, lambda t: t + offset, offset_ns=offset)


def clock_drift(recording: Recording, rng: random.Random, *, parts_per_million: int = 200) -> Recording:
    first = recording.frames[0].time_ns if recording.frames else 0
    return _retimed(recording, lambda t: t + (t - first) * parts_per_million // 1_000_000, ppm=parts_per_million)


def _jump(recording: Recording, by_ns: int) -> Recording:
    frames = recording.frames
    place = frames[len(frames) // 2].time_ns if frames else 0
    return _retimed(recording, lambda t: t + by_ns if t >= place else t, jump_ns=by_ns, at_ns=place)


def clock_forward(recording: Recording, rng: random.Random) -> Recording:
    return _jump(recording, 3600 * SECOND)


def clock_back(recording: Recording, rng: random.Random) -> Recording:
    return _jump(recording, -30 * SECOND)


def junk(recording: Recording, rng: random.Random, *, share: float = 0.1) -> Recording:
    """Frames of strangers, broken headers and noise stand between those of the recording."""
    headers.require_ethernet(recording)
    frames = []
    for frame in recording.frames:
        frames.append(frame)
        if rng.random() < share:
            data = _noise(rng)
            frames.append(Frame(frame.time_ns, len(data), data, 0))
    return _same_link(recording, frames, share=share)


def _noise(rng: random.Random) -> bytes:
    """Return a frame that belongs to nobody; its addresses are those of 10.99.0.0/16."""
    kind = rng.randrange(6)
    macs = bytes.fromhex("025e99") + rng.randbytes(3) + bytes.fromhex("025e99") + rng.randbytes(3)
    if kind == 0:  # any bytes, any type
        return macs + rng.randbytes(rng.randrange(2, 400))
    if kind == 1:  # spanning tree
        return bytes.fromhex("0180c2000000") + macs[6:] + b"\0\x26\x42\x42\x03" + rng.randbytes(35)
    text = (b"GET /" + rng.randbytes(9).hex().encode() + b" HTTP/1.1\r\nHost: 10.99.0.1\r\n") if kind == 2 else b""
    body = text or rng.randbytes(rng.randrange(0, 300))
    transport = 17 if kind == 3 else 6
    source, target = (b"\x0a\x63" + rng.randbytes(2) for _ in range(2))
    if transport == TCP:
        port = rng.choice((80, 443, 1935, 8080, 554))
        head = struct.pack(
            ">HHIIBBHHH", rng.randrange(1024, 65536), port, rng.getrandbits(32), 0, 0x50, 0x18, 512, 0, 0
        )
    else:
        head = struct.pack(">HHHH", rng.randrange(1024, 65536), rng.choice((53, 5004, 1234)), 8 + len(body), 0)
    total = 20 + len(head) + len(body)
    if kind == 5:  # the header claims more, or less, than is there
        total = rng.randrange(0, 65536)
    ip = bytearray(
        struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, rng.getrandbits(16), 0, 60, transport, 0, source, target)
    )
    ip[10:12] = lf.checksum(bytes(ip)).to_bytes(2)
    return macs + b"\x08\0" + bytes(ip) + head + body


IMPAIRMENTS: dict[str, Impairment] = {
    row[0]: Impairment(*row)
    for row in (
        ("loss", "1 % of the frames were not recorded", loss),
        ("loss-runs", "three runs of 40 frames were not recorded", loss_runs),
        ("reorder", "5 % of the frames come up to 6 places late", reorder),
        ("duplicate", "90 % of the frames twice, as from a mirror port", duplicate),
        ("snaplen", "200 bytes of each frame", snaplen),
        ("cut", "the file ends inside a record, after 60 % of the frames", cut),
        ("to-servers", "only frames from clients to servers", to_servers),
        ("to-clients", "only frames from servers to clients", to_clients),
        ("middle", "recording began after 40 % of the frames", middle),
        ("clock-skew", "the recorder's clock is hours slow", clock_skew),
        ("clock-drift", "the recorder's clock gains 200 ppm", clock_drift),
        ("clock-forward", "the clock jumps forward by an hour, half-way", clock_forward),
        ("clock-back", "the clock jumps back by 30 s, half-way", clock_back),
        ("vlan", "IEEE 802.1Q tag on every frame", headers.vlan),
        ("qinq", "two tags on every frame", headers.qinq),
        ("cooked", "Linux cooked headers (recorded on all interfaces)", headers.cooked),
        ("pppoe", "PPPoE between router and provider", headers.pppoe),
        ("nat", "all boxes behind one address, recorded outside", headers.nat),
        ("ipv6", "IPv6 instead of IPv4", headers.ipv6),
        ("fragments", "a fifth of the long packets in fragments of 576 bytes", headers.fragments),
        ("junk", "every tenth frame followed by noise", junk),
    )
}
"""Every impairment by name; several are joined with `+` and applied from left to right."""


def impaired(recording: Recording, how: str, seed: int = 1) -> Recording:
    """Return what is left of a recording; `facts` says for each impairment what was done."""
    facts: dict[str, Any] = {}
    for name in how.split("+"):
        if name not in IMPAIRMENTS:
            raise ValueError(f"no impairment {name!r}; there are {', '.join(IMPAIRMENTS)}")
        if recording.tail:
            raise ValueError(f"{name!r} cannot follow 'cut': cut last")
        recording = IMPAIRMENTS[name].change(recording, random.Random(f"{name}/{seed}"))
        facts[name] = recording.facts
    recording.facts = facts
    return recording


def address_after(facts: dict[str, Any], address: str) -> str:
    """Return the address under which a node appears after the impairments."""
    for done in facts.values():
        address = done.get("addresses", {}).get(address, address)
    return address


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Impair a capture.")
    parser.add_argument("capture", type=Path)
    parser.add_argument("--how", required=True, help="one of " + ", ".join(IMPAIRMENTS) + "; several joined with +")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    made = impaired(lf.read(options.capture), options.how, options.seed)
    lf.write(options.output, made)
    stem = options.capture.name.removesuffix(options.capture.suffix) if options.capture.suffix in lf.PACKED else (
        options.capture.name)  # fmt: skip
    lf.write_json(
        options.output.with_suffix(".truth.json"),
        {"capture": {"file": options.output.name, **lf.digest(options.output)}, "derived_from": options.capture.name,
         "true_in": stem.removesuffix(".pcap") + ".truth.json", "change": options.how, "seed": options.seed,
         "facts": made.facts, "frames": len(made.frames), "frames_from": lf.runs(f.origin for f in made.frames)},
    )  # fmt: skip


if __name__ == "__main__":
    main()
