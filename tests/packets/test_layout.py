from iptvforensics.packets import layout
from iptvforensics.packets.columns import COLUMN_NAMES


def test_readers_give_network_order():
    data = memoryview(bytes(range(1, 9)))
    assert layout.be16(data, 0) == 0x0102
    assert layout.be32(data, 1) == 0x02030405
    assert layout.mac(data, 0) == 0x010203040506
    assert layout.be64(data, 0) == 0x0102030405060708
    assert layout.le16(data, 0) == 0x0201


def test_64_bits_are_signed():
    assert layout.be64(memoryview(b"\xff" * 8), 0) == -1
    assert layout.be64(memoryview(b"\x80" + bytes(7)), 0) == -(2**63)


def test_column_numbers_follow_the_names():
    assert [getattr(layout, name.upper()) for name in COLUMN_NAMES] == list(range(layout.COLUMNS))


def test_every_link_type_fits_the_table():
    assert all(0 <= link_type < layout.LINK_TYPES for link_type in layout.LINK_LAYERS)


def test_slots_do_not_overlap():
    assert layout.ALL_COLUMNS <= layout.AT
    assert layout.NOTES_SEEN < layout.LINKS
