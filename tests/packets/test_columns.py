import pytest

from iptvforensics.packets import Note, Packets, Status, Tunnel, address_text, layout
from iptvforensics.packets.columns import COLUMN_NAMES


@pytest.mark.parametrize(
    ("hi", "lo", "text"),
    [
        (0, 0xFFFFC0000201, "192.0.2.1"),
        (0x20010DB8 << 32, 1, "2001:db8::1"),
        (-(1 << 63) + (0x7E80 << 48), -1, "fe80::ffff:ffff:ffff:ffff"),
        (0, 0, "::"),
        (0, 0xFFFF, "::ffff"),
    ],
    ids=["ipv4", "ipv6", "negative halves", "none", "not mapped"],
)
def test_address_text(hi, lo, text):
    assert address_text(hi, lo) == text


def test_growing_keeps_the_rows_asked_for():
    packets = Packets()
    for i, name in enumerate(COLUMN_NAMES):
        getattr(packets, name)[:5] = i
    packets.hidden(layout.DEPTH)[:5] = 77
    before = packets.capacity
    packets.reserve(before + 1, keep=5)
    assert packets.capacity > before
    assert all(getattr(packets, name)[4] == i for i, name in enumerate(COLUMN_NAMES))
    assert all(getattr(packets, name)[5] == 0 for name in COLUMN_NAMES)
    assert packets.hidden(layout.DEPTH)[4] == 77


def test_reserving_less_changes_nothing():
    packets = Packets()
    table = packets.table
    packets.reserve(1, keep=0)
    assert packets.table is table


def test_columns_are_not_a_power_of_two_apart():
    packets = Packets()
    packets.reserve(1 << 16, keep=0)
    assert packets.capacity % 512


def test_reasons_are_distinct():
    assert sorted(Status) == list(range(len(Status)))


@pytest.mark.parametrize("flags", [Note, Tunnel])
def test_flags_are_single_bits(flags):
    assert all(bit.value & (bit.value - 1) == 0 for bit in flags)
