"""Where a flow stands in the table, which nobody who sends packets can choose, and who opened it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from iptvforensics.flows import layout as L
from iptvforensics.flows.streams import FlowTable
from iptvforensics.flows.table import UDP, sent_by_responder, slot_of

A, B = (0, 0x0A000001), (0, 0x0A000002)
FLOWS, SLOTS = 20_000, 1 << 16


def halves(text: str) -> tuple[int, int]:
    address = ip_address(text)
    whole = int(address) | (0xFFFF << 32 if address.version == 4 else 0)
    hi, lo = divmod(whole, 1 << 64)
    return (hi - (1 << 64) if hi >> 63 else hi), lo


@pytest.mark.parametrize("group", ["239.1.1.1", "224.0.0.1", "255.255.255.255", "ff15::8"])
def test_a_group_is_never_the_one_who_sends(group: str) -> None:
    assert sent_by_responder(UDP, 0, 80, 5000, *halves(group)) == L.BASIS_FIRST_PACKET * 2


@pytest.mark.parametrize("client", ["10.0.0.2", "223.255.255.255", "240.0.0.1", "2001:db8::1", "fe80::1"])
def test_a_datagram_from_a_low_port_is_an_answer(client: str) -> None:
    assert sent_by_responder(UDP, 0, 53, 5000, *halves(client)) == L.BASIS_PORT * 2 + 1


@pytest.mark.parametrize(
    "chosen",
    [
        lambda i: (A, i + 1, B, 65535 - i),  # ports of one sum
        lambda i: (A, i, B, i ^ 0xFFFF),
        lambda i: (A, 1000, B, i),
        lambda i: ((0, i), 80, (0, i ^ 0x0A000001), 80),  # addresses of one difference
        lambda i: ((i << 32, 0), 80, (0, i << 32), 80),
    ],
    ids=["sum", "difference", "one port", "addresses", "upper halves"],
)
def test_flows_do_not_meet_in_a_slot_by_choice(chosen) -> None:
    state = FlowTable().state
    state[L.TABLE_MASK] = SLOTS - 1
    slots = set()
    for i in range(FLOWS):
        (s_hi, s_lo), s_port, (d_hi, d_lo), d_port = chosen(i)
        slots.add(slot_of(state.tolist(), s_hi, s_lo, s_port, d_hi, d_lo, d_port, 17))
    assert len(slots) > 0.7 * FLOWS  # by chance 86 of 100


def test_both_directions_begin_at_one_slot() -> None:
    state = FlowTable().state
    there = slot_of(state, *A, 1234, *B, 80, 6)
    assert there == slot_of(state, *B, 80, *A, 1234, 6)


def test_two_tables_have_keys_of_their_own() -> None:
    keys = [FlowTable().state[L.KEY : L.KEY + L.KEYS].tolist() for _ in range(2)]
    assert keys[0] != keys[1]
    assert max(map(max, keys)) < 1 << 28
