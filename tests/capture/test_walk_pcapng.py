"""The loops over pcapng give the same rows at every speed, and never read outside of their arrays."""

from __future__ import annotations

import random
import struct

from iptvforensics import kernel


def _mixed_pcapng(write):
    blocks = [write.section(), write.interface(), write.interface(link=101, snaplen=40, pairs=[(9, bytes([0x8A]))])]
    for i in range(40):
        blocks.append(
            write.packet(bytes([i]) * (i * 3), 1_700_000_000_000_000 + i, pairs=[(1, b"seen")] if i % 9 == 0 else [])
        )
        blocks.append(write.packet(b"second" * i, (1_700_000_000 << 10) + i, interface=1, obsolete=bool(i & 1)))
        if i % 11 == 0:
            blocks.append(write.block(3, struct.pack("<I", 5) + b"simpl"))
            blocks.append(write.block(0x77, b"unknown"))
            blocks.append(write.block(0xBAD, struct.pack("<I", 10949 + i % 2) + b"custom"))
            blocks.append(write.block(0x204 + 0x12 * (i % 2), bytes(40)))
    return b"".join(blocks)


def test_all_speeds_read_the_same_pcapng(kernel_speed, write, read):
    content = _mixed_pcapng(write)
    got = read(content, block_bytes=499)
    kernel.use("plain")
    expected = read(content)
    assert got.rows == expected.rows
    assert len(got.rows) == 90
    assert got.anomalies == expected.anomalies
    assert got.capture.metadata == expected.capture.metadata


def test_all_speeds_agree_on_damaged_bytes(kernel_speed, write, read):
    rng = random.Random(7)
    content = bytearray(_mixed_pcapng(write))
    for _ in range(25):
        content[rng.randrange(28, len(content))] = rng.randrange(256)
    got = read(bytes(content), block_bytes=700)
    kernel.use("plain")
    expected = read(bytes(content))
    assert got.rows == expected.rows
    assert len(expected.rows) > 30


def test_times_of_every_resolution_are_exact(kernel_speed, write, read):
    when = 1_700_000_000 * 10**9 + 123_456_789
    cases = [(k, when * 10**k // 10**9) for k in range(0, 11)]
    cases += [(0x80 | k, when * 2**k // 10**9) for k in (0, 1, 10, 20, 30, 31, 32)]
    for resolution, ticks in cases:
        unit = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        content = write.section() + write.interface(pairs=[(9, bytes([resolution]))]) + write.packet(b"x", ticks)
        assert read(content).rows[0].ts_ns == ticks * 10**9 // unit, f"resolution {resolution:#x}"
