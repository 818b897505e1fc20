"""The ends of a flow, seen from its client."""

from __future__ import annotations

from iptvforensics.dissect.ends import FlowEnds

NUMBERS = (0, 0xFFFF_C0A8_0105, 0x2001_0DB8_0000_0000, 1, 40000, 80)


def test_the_client_comes_first_whoever_it_is() -> None:
    ends = FlowEnds(NUMBERS)
    assert ends.ports == (40000, 80)
    assert ends.endpoints(True) == ("192.168.1.5", 40000, "2001:db8::1", 80)
    assert ends.endpoints(False) == ("2001:db8::1", 80, "192.168.1.5", 40000)
    assert FlowEnds(NUMBERS).endpoints(False) == ends.endpoints(False)
