"""The loops over pcap give the same rows at every speed, and never read outside of their arrays."""

from __future__ import annotations

import random
import struct

import pytest

from iptvforensics import kernel
from iptvforensics.capture import walk


def test_all_speeds_read_the_same_pcap(kernel_speed, write, read):
    records = write.records(50)
    reading = read(write.pcap(records), block_bytes=997)
    assert reading.data == [record.data for record in records]
    assert [row.ts_ns for row in reading.rows] == [record.ts_ns for record in records]


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
def test_all_speeds_agree_on_damaged_bytes(kernel_speed, write, read, big):
    rng = random.Random(7)
    content = bytearray(write.pcap(write.records(60), big=big))
    for _ in range(25):
        content[rng.randrange(28, len(content))] = rng.randrange(256)
    got = read(bytes(content), block_bytes=700)
    kernel.use("plain")
    expected = read(bytes(content))
    assert got.rows == expected.rows
    assert len(expected.rows) > 30


def test_is_likely_header_reads_both_byte_orders():
    for big, order in ((0, "<"), (1, ">")):
        header = struct.pack(order + "IIII", 1_700_000_000, 5, 60, 1500)
        form = [big, 16, 10**6, 1000, 262144, 0, 16 << 20]
        assert walk.is_likely_header(memoryview(header), 0, form, -1, 0) == 1
        assert walk.is_likely_header(memoryview(header), 0, form, 1_600_000_000, 86400) == 0
        assert walk.is_likely_header(memoryview(header), 0, [1 - big, *form[1:]], -1, 0) == 0
