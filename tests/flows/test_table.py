"""Who opened a flow, by its first packet."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from iptvforensics.flows import layout as L
from iptvforensics.flows.table import UDP, sent_by_responder


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
