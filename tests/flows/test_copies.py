"""Copies of packets: equal in numbers and in content, and never counted twice."""

from __future__ import annotations

import pytest

from iptvforensics.flows import layout as L

from .conftest import Packet, handshake, number, run


def test_packets_with_the_same_numbers_and_other_bytes_are_no_copies(kernel_speed: str) -> None:
    packets = [Packet(1001, b"AAAA", ip_id=77), Packet(1001, b"AABA", ip_id=77), Packet(1001, b"AAAA", ip_id=77)]
    out, table = run([*handshake(), *packets, Packet(1005, b"CC", ip_id=78)])
    assert out.bytes_of(0) == b"AAAACC"
    assert out.differences == [(5, 2)]
    assert number(table, 0, L.DUPLICATES) == 1
    assert number(table, 0, L.RETRANSMITTED_BYTES) == 4


def test_datagrams_that_differ_only_in_the_middle_are_no_copies(kernel_speed: str) -> None:
    ends = bytes(8)
    packets = [Packet(payload=ends + bytes([i]) + ends, transport=17, ip_id=1) for i in range(3)]
    out, table = run([*packets, packets[1]])
    assert len(out.pieces) == 3
    assert number(table, 0, L.DUPLICATES) == 1


@pytest.mark.parametrize("block_size", [1, 2, 100])
def test_copies_are_known_across_blocks(kernel_speed: str, block_size: int) -> None:
    _, table = run([*handshake(), *2 * [Packet(1001, b"abcd", ip_id=77)]], block_size=block_size)
    assert number(table, 0, L.DUPLICATES) == 1


def test_what_was_not_captured_of_a_copy_is_not_compared(kernel_speed: str) -> None:
    packets = [Packet(1001, b"abc", ip_id=77, wire=6), Packet(1001, b"abcdef", ip_id=77)]
    _, table = run([*handshake(), *packets])
    assert number(table, 0, L.DUPLICATES) == 1
