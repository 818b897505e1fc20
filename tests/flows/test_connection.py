"""Connections on the same addresses and ports: each byte goes to the stream that it fits, and none is lost unsaid."""

from __future__ import annotations

import pytest

from iptvforensics.flows import layout as L

from .conftest import ACK, FIN, RST, SYN, Packet, handshake, number, run

START = [*handshake(1000, 5000), Packet(1001, b"old", ack=5001), Packet(5001, b"answer", ack=1004, from_client=False)]
RESET = [Packet(1004, flags=RST)]
ENDS = [Packet(1004, flags=FIN | ACK, ack=5007), Packet(5007, flags=FIN | ACK, ack=1005, from_client=False)]
SECOND = 10**9


def later(by: int, ns: int | None = None) -> list[Packet]:
    """Return the packets of another connection whose numbers lie so far away; its SYN was not captured."""
    packets = [
        Packet(1001 + by, b"new", ack=(5001 + by) & 0xFFFFFFFF, ns=ns),
        Packet(5001 + by, b"reply", ack=(1004 + by) & 0xFFFFFFFF, from_client=False, ns=ns),
    ]
    return [*packets, Packet(1004 + by, b"er", ack=(5006 + by) & 0xFFFFFFFF, ns=ns)]


@pytest.mark.parametrize("by", [-500_000, 500_000, 900 << 20, 1 << 31])
@pytest.mark.parametrize("over", [RESET, ENDS])
def test_a_connection_without_syn_after_one_that_was_over_is_another_flow(kernel_speed: str, over, by: int) -> None:
    out, table = run([*START, *over, *later(by)])
    assert len(table) == 2
    assert out.bytes_of(0) == b"old"
    assert out.bytes_of(1) == b"answer"
    assert out.bytes_of(2) == b"newer"
    assert out.bytes_of(3) == b"reply"
    assert out.gaps == {}
    assert number(table, 2, L.MIDSTREAM) == 1


@pytest.mark.parametrize("by", [-500_000, 900 << 20, 1 << 31])
def test_a_connection_without_syn_after_long_silence_is_another_flow(kernel_speed: str, by: int) -> None:
    out, table = run([*START, *later(by, ns=100 * SECOND)])
    assert len(table) == 2
    assert out.bytes_of(2) == b"newer"
    assert out.bytes_of(3) == b"reply"
    assert out.gaps == {}


def test_without_silence_and_without_an_end_it_is_told(kernel_speed: str) -> None:
    _, table = run([*START, *later(-500_000)])
    assert len(table) == 1
    assert number(table, 0, L.BEFORE_START_BYTES) == 5
    assert number(table, 1, L.BEFORE_START_BYTES) == 5
    assert number(table, 0, L.RETRANSMITTED_BYTES) == 0


def test_a_loss_in_one_direction_after_a_reset_is_a_gap(kernel_speed: str) -> None:
    out, table = run([*START, *RESET, Packet(905_007, b"more", ack=1004, from_client=False)])
    assert len(table) == 1
    assert out.gaps == {1: [(6, 900_000)]}
    assert out.bytes_of(1) == b"answermore"


def test_resets_with_any_number_open_no_flow(kernel_speed: str) -> None:
    _, table = run([*START, *RESET, Packet(1 << 31, flags=RST | ACK, ack=1 << 31)])
    assert len(table) == 1


@pytest.mark.parametrize("by", [-70_000, 70_000, 1 << 31])
@pytest.mark.parametrize("stray", [1, 3])
def test_a_stray_syn_takes_nothing_from_the_connection(kernel_speed: str, by: int, stray: int) -> None:
    syns = [Packet(1000 + by + k, flags=SYN) for k in range(stray)]
    rest = [
        Packet(5007, b", more", ack=1004, from_client=False),
        Packet(1004, b"er", ack=5013),
        Packet(1007, b"y", ack=5013),
        Packet(5013, b"!", ack=1006, from_client=False),
    ]
    out, table = run([*START, *syns, *rest])
    assert len(table) == 1 + stray
    assert out.bytes_of(0) == b"oldery"
    assert out.bytes_of(1) == b"answer, more!"
    assert out.gaps == {0: [(5, 1)]}
    assert all(number(table, d, L.PAYLOAD_BYTES) == 0 for d in range(2, len(table)))


def test_late_packets_of_the_connection_before_stay_with_it(kernel_speed: str) -> None:
    again = [Packet(5001, b"answer", ack=1004, from_client=False), Packet(5007, b"s", ack=1004, from_client=False)]
    out, table = run([*START, *handshake(900_000, 700_000), Packet(900_001, b"new", ack=700_001), *again])
    assert len(table) == 2
    assert out.bytes_of(1) == b"answers"
    assert out.bytes_of(2) == b"new"
    assert number(table, 1, L.RETRANSMITTED_BYTES) == 6


def test_a_connection_that_loses_much_keeps_its_packets(kernel_speed: str) -> None:
    """Systems choose the first number of a port that is used again close to the last one."""
    packets = [*START, *ENDS, *handshake(66_540, 70_543)]
    packets += [Packet(70_544 + 100_000, b"late", ack=66_541, from_client=False)]
    packets += [Packet(70_544, b"first", ack=66_541, from_client=False)]
    out, table = run(packets)
    assert len(table) == 2
    assert out.bytes_of(3) == b"firstlate"


def test_the_direction_is_right_where_the_sides_have_changed_roles(kernel_speed: str) -> None:
    turned = [Packet(40_000_000, flags=SYN, from_client=False), Packet(5007, b"!", ack=1004, from_client=False)]
    out, table = run([*START, *turned])
    assert len(table) == 2
    assert out.bytes_of(1) == b"answer!"


def test_bytes_before_the_first_one_captured_are_told(kernel_speed: str) -> None:
    out, table = run([Packet(2001, b"later"), Packet(1998, b"abcla"), Packet(2006, b".")])
    assert out.bytes_of(0) == b"later."
    assert number(table, 0, L.BEFORE_START_BYTES) == 3
    assert number(table, 0, L.RETRANSMITTED_BYTES) == 2
    assert out.differences == []


def test_bytes_further_back_than_any_window_are_no_repeats(kernel_speed: str) -> None:
    far = Packet(1001 - (65 << 20), b"xyz", ack=5001)
    _, table = run([*START, far])
    assert number(table, 0, L.DROPPED_BYTES) == 3
    assert number(table, 0, L.RETRANSMITTED_BYTES) == 0


def test_what_the_connection_before_could_not_deliver_does_not_go_there(kernel_speed: str) -> None:
    ends = [Packet(1004, flags=FIN | ACK, ack=5901), Packet(5901, flags=ACK, ack=1005, from_client=False)]
    late = [Packet(5801, b"last", ack=1004, from_client=False), Packet(5001, b"first", ack=1004, from_client=False)]
    out, table = run([*ends, *handshake(), *late])
    assert out.bytes_of(3) == b"firstlast"
    assert number(table, 1, L.BEFORE_START_BYTES) == 0
