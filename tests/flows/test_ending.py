"""Ends and acknowledgments: what was sent and not captured is missing, what they do not prove is not."""

from __future__ import annotations

import pytest

from iptvforensics.flows import layout as L

from .conftest import ACK, FIN, RST, SYN, Packet, handshake, number, run

START = [*handshake(), Packet(1001, b"abc", ack=5001)]


def from_server(ack: int, flags: int = ACK, seq: int = 5001) -> Packet:
    return Packet(seq, ack=ack, flags=flags, from_client=False)


def test_bytes_lost_before_an_end_without_bytes_are_a_gap_and_the_direction_ends(kernel_speed: str) -> None:
    out, table = run([*START, Packet(1011, flags=FIN | ACK, ack=5001)])
    assert out.gaps == {0: [(3, 7)]}
    assert out.ends == [0]
    assert number(table, 0, L.MISSING_BYTES) == 7
    assert number(table, 0, L.CLOSED) == 1


def test_an_end_right_behind_the_last_byte_loses_nothing(kernel_speed: str) -> None:
    out, table = run([*START, Packet(1004, flags=FIN | ACK, ack=5001), from_server(1005)])
    assert out.gaps == {}
    assert out.ends == [0]
    assert number(table, 0, L.MISSING_BYTES) == 0


def test_the_end_is_not_counted_as_a_missing_byte(kernel_speed: str) -> None:
    out, _ = run([*START, Packet(1011, flags=FIN | ACK, ack=5001), from_server(1012)])
    assert out.gaps == {0: [(3, 7)]}


@pytest.mark.parametrize("reset", [False, True])
def test_bytes_that_were_acknowledged_and_not_captured_are_missing(kernel_speed: str, reset: bool) -> None:
    packets = [*START, from_server(1011)]
    if reset:
        packets.append(Packet(1011, flags=RST))
    out, table = run(packets)
    assert out.gaps == {0: [(3, 7)]}
    assert out.ends == []
    assert number(table, 0, L.MISSING_BYTES) == 7


def test_the_last_number_acknowledged_may_be_an_end_that_was_not_captured(kernel_speed: str) -> None:
    assert run([*START, from_server(1005)])[0].gaps == {}
    assert run([*START, from_server(1011, FIN | ACK)])[0].gaps == {0: [(3, 6)]}
    assert run([*START, from_server(1005, FIN | ACK)])[0].gaps == {}


def test_all_bytes_of_a_direction_may_be_missing(kernel_speed: str) -> None:
    out, table = run([*handshake(), Packet(1011, flags=FIN | ACK, ack=5001), from_server(1012)])
    assert out.gaps == {0: [(0, 10)]}
    assert number(table, 0, L.STREAM_BYTES) == 0


def test_a_direction_of_which_nothing_was_captured_misses_nothing(kernel_speed: str) -> None:
    answer = [from_server(1001, SYN | ACK, seq=5000), Packet(5001, b"ab", ack=1400, from_client=False)]
    out, table = run(answer)
    assert out.gaps == {}
    assert number(table, 0, L.MISSING_BYTES) == 0


def test_bytes_that_wait_come_before_those_lost_at_the_end(kernel_speed: str) -> None:
    out, _ = run([*START, Packet(1006, b"fg", ack=5001), Packet(1011, flags=FIN | ACK, ack=5001)])
    assert out.gaps == {0: [(3, 2), (7, 3)]}
    assert out.bytes_of(0) == b"abcfg"
    assert out.ends == [0]


def test_keepalives_and_window_probes_show_no_missing_bytes(kernel_speed: str) -> None:
    out, _ = run([*START, Packet(1003, ack=5001), from_server(1004), Packet(1004, b"d", ack=5001), from_server(1004)])
    assert out.gaps == {}


@pytest.mark.parametrize(
    "forged",
    [
        from_server(1001 + (900 << 20)),
        from_server(1001 + (1 << 31)),
        from_server(1500, ACK | RST),
        Packet(1001 + (900 << 20), flags=FIN | ACK, ack=5001),
    ],
)
def test_numbers_that_prove_nothing_make_no_gap(kernel_speed: str, forged: Packet) -> None:
    out, table = run([*START, forged, Packet(1004, b"d", ack=5001), Packet(1005, flags=FIN | ACK, ack=5001)])
    assert out.bytes_of(0) == b"abcd"
    assert out.gaps == {}
    assert out.ends == [0]
    assert number(table, 0, L.FAR_NUMBERS) == (0 if forged.flags & RST else 1)


def test_acknowledgments_may_go_far_in_steps(kernel_speed: str) -> None:
    steps = [from_server(1001 + (k << 24)) for k in range(1, 9)]
    _, table = run([*START, *steps])
    assert number(table, 0, L.MISSING_BYTES) == (8 << 24) - 3
    assert number(table, 0, L.FAR_NUMBERS) == 0


@pytest.mark.parametrize(("later", "gaps"), [(7, {0: [(3, 1 << 20)]}), (8, {})])
def test_an_acknowledgment_that_later_ones_take_back_proves_nothing(
    kernel_speed: str, later: int, gaps: object
) -> None:
    forged = from_server(1004 + (1 << 20))
    out, table = run([*START, forged, *[from_server(1004, seq=5001)] * later])
    assert out.gaps == gaps
    assert number(table, 0, L.FAR_NUMBERS) == (0 if gaps else 1)


def test_acknowledgments_out_of_order_take_nothing_back(kernel_speed: str) -> None:
    acks = [1104, 1004, 1024, 1044, 1064, 1084, 1104, 1004, 1024]
    assert run([*START, *map(from_server, acks)])[0].gaps == {0: [(3, 100)]}


def test_many_directions_may_lose_their_ends(kernel_speed: str) -> None:
    packets = []
    for i in range(6000):
        ports = (10_000 + i, 80)
        packets += [Packet(1, b"x", ports=ports), Packet(9, flags=FIN | ACK, ports=ports)]
    out, _ = run(packets)
    assert len(out.ends) == 6000
    assert all(out.gaps[2 * i] == [(1, 7)] for i in range(6000))


@pytest.mark.parametrize("block_size", [1, 100])
@pytest.mark.parametrize("batch_bytes", [1, 1 << 20])
def test_what_is_sent_again_after_the_end_is_a_repeat(kernel_speed: str, block_size: int, batch_bytes: int) -> None:
    last = Packet(1004, b"defg", flags=FIN | ACK, ack=5001)
    packets = [*START, last, last, Packet(1005, b"eFg", ack=5001)]
    out, table = run(packets, block_size=block_size, batch_bytes=batch_bytes)
    assert out.bytes_of(0) == b"abcdefg"
    assert out.differences == [(7, 5)]
    assert number(table, 0, L.RETRANSMITTED_BYTES) == 7
    assert number(table, 0, L.AFTER_CLOSE_BYTES) == 0


def test_only_what_lies_behind_the_end_comes_after_it(kernel_speed: str) -> None:
    packets = [*START, Packet(1004, flags=FIN | ACK, ack=5001), Packet(1002, b"bcde", ack=5001)]
    out, table = run([*packets, Packet(1004, b"d", ack=5001), Packet(1010, b"xy", ack=5001)])
    assert out.bytes_of(0) == b"abc"
    assert out.gaps == {}
    assert number(table, 0, L.RETRANSMITTED_BYTES) == 2
    assert number(table, 0, L.AFTER_CLOSE_BYTES) == 5
