"""Copies of packets: equal in numbers and in content, and never counted twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iptvforensics.flows import layout as L

from .conftest import RST, SYN, Packet, handshake, number, run


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


def datagrams(contents: str, *, apart_us: int = 50, vlans: str = "", port: int = 5000) -> list[Packet]:
    """Datagrams without identification: a letter is a content, `vlans` says on which path each one came."""
    return [
        Packet(
            payload=7 * letter.encode(),
            transport=17,
            header=bytes(8),
            ns=i * apart_us * 1000,
            vlan=int(vlan),
            ports=(port, port),
        )
        for i, (letter, vlan) in enumerate(zip(contents, vlans or "0" * len(contents), strict=True))
    ]


@pytest.mark.parametrize("block_size", [1, 3, 100])
@pytest.mark.parametrize(
    ("contents", "copies"),
    [
        ("AABBCCDD", 3),  # the first one shows what the others are
        ("AABCBCDD", 3),  # the mirror is late
        ("ABCNNNNNDE", 0),  # padding is sent again and again
        ("NNNNNNNN", 0),
        ("ABCABC", 0),
        ("ABNNCDNNEF", 0),
    ],
)
def test_equal_datagrams_are_copies_where_those_before_came_twice(
    kernel_speed: str, contents: str, copies: int, block_size: int
) -> None:
    out, table = run(datagrams(contents), block_size=block_size)
    assert number(table, 0, L.DUPLICATES) == copies
    assert len(out.pieces) == len(contents) - copies


def test_equal_datagrams_a_while_apart_are_repeats(kernel_speed: str) -> None:
    _, table = run(datagrams("AABBCCDD", apart_us=1000))
    assert number(table, 0, L.DUPLICATES) == 0


def test_equal_datagrams_on_another_path_are_copies(kernel_speed: str) -> None:
    out, table = run(datagrams("ANANBN", apart_us=20_000, vlans="001112"))
    assert number(table, 0, L.DUPLICATES) == 3
    assert len(out.pieces) == 3


def test_one_flow_shows_that_the_capture_has_copies(kernel_speed: str) -> None:
    query = Packet(payload=b"query", transport=17, header=bytes(8), ns=200_000, ports=(40_000, 53))
    _, table = run([*datagrams("AABB"), query, query])
    assert [number(table, d, L.DUPLICATES) for d in (0, 2)] == [1, 1]
    _, table = run([*datagrams("ABCD"), query, query])
    assert [number(table, d, L.DUPLICATES) for d in (0, 2)] == [0, 0]


@pytest.mark.parametrize("block_size", [1, 100])
def test_tcp_without_identification_is_compared_with_its_header(kernel_speed: str, block_size: int) -> None:
    first, later = bytes(20), bytes(19) + b"\1"
    packets = [
        Packet(1001, b"abc", header=first, ns=5_000_000),
        Packet(1001, b"abc", header=first, ns=5_020_000),
        Packet(1001, b"abc", header=later, ns=5_040_000),  # its time stamp differs: sent again
    ]
    out, table = run([*handshake(), *packets], block_size=block_size)
    assert out.bytes_of(0) == b"abc"
    assert (number(table, 0, L.DUPLICATES), number(table, 0, L.RETRANSMITTED)) == (1, 1)


@pytest.mark.parametrize("transport", [6, 17])
@pytest.mark.parametrize("ip_id", [-1, 0xFFFFFFFF])
def test_largest_numbers(kernel_speed: str, transport: int, ip_id: int) -> None:
    last = (1 << 48) - 1
    packet = Packet(
        *(0xFFFFFFFF, b"\xff" * 40, 0x1FF & ~(SYN | RST), 0xFFFFFFFF),
        **{"ip_id": ip_id, "transport": transport, "header": b"\xff" * 20, "wire": 1 << 24, "ns": (1 << 62) + 1},
        **{"macs": (last, last), "vlan": 4095, "tunnel": 0x7FF, "ports": (0xFFFF, 0xFFFF)},
    )
    _, table = run([packet, replace(packet, macs=(last, last - 1))])
    assert number(table, 0, L.DUPLICATES) == 1


def test_equal_acknowledgments_without_identification_are_no_copies(kernel_speed: str) -> None:
    data = [Packet(5001 + i, b"x", ack=1001, from_client=False, header=bytes(20), ns=9_000_000 + i) for i in range(9)]
    again = [Packet(1001, ack=5001, header=bytes(20), ns=9_100_000 + i * 10_000) for i in range(5)]
    _, table = run([*handshake(), *data, *again])
    assert number(table, 0, L.DUPLICATES) == 0


def test_resets_without_identification_answer_one_packet_each(kernel_speed: str) -> None:
    copies = [Packet(5001 + i // 2, b"x", from_client=False, ip_id=1 + i // 2, ns=9_000_000 + i) for i in range(40)]
    data = [Packet(5031 + i, b"x", from_client=False, ip_id=31 + i, ns=9_000_100 + i * 300_000) for i in range(4)]
    resets = [Packet(1001, flags=RST, header=bytes(20), ns=one.ns) for one in data]
    _, table = run([*handshake(), *copies, *[packet for pair in zip(data, resets, strict=True) for packet in pair]])
    assert (number(table, 0, L.DUPLICATES), number(table, 1, L.DUPLICATES)) == (0, 20)


def test_packets_with_one_identification_long_after_are_no_copies(kernel_speed: str) -> None:
    packets = [Packet(payload=b"ping", transport=17, ip_id=1, ns=i * 2_000_000_000) for i in range(3)]
    out, table = run(packets)
    assert number(table, 0, L.DUPLICATES) == 0
    assert len(out.pieces) == 3
