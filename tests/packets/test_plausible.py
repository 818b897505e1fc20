import struct

import pytest

from iptvforensics.packets.plausible import is_ethernet, is_ip, is_vlan

V4 = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 30, 1, 0, 64, 17, 0, b"\xc0\0\2\1", b"\xc0\0\2\2") + bytes(10)
V6 = struct.pack(">IHBB", 6 << 28, 10, 17, 64) + bytes(32) + bytes(10)


def ask_ip(packet, strict=0, wire=None):
    data = memoryview(packet)
    return is_ip(data, 0, len(data), len(data) if wire is None else wire, strict)


@pytest.mark.parametrize(("packet", "version"), [(V4, 4), (V6, 6)], ids=["v4", "v6"])
def test_strict_means_exact(packet, version):
    assert ask_ip(packet) == ask_ip(packet, 1) == version
    assert ask_ip(packet + b"\0") == version
    assert ask_ip(packet + b"\0", 1) == 0
    assert ask_ip(packet[:-1]) == 0
    assert ask_ip(packet[:-1], 1, wire=len(packet)) == version


@pytest.mark.parametrize(
    ("at", "value"), [(0, 0x44), (0, 0x55), (2, 0xFF), (3, 19), (6, 0x80), (8, 0)], ids=lambda v: str(v)
)
def test_one_wrong_byte_is_enough(at, value):
    packet = bytearray(V4)
    packet[at] = value
    assert ask_ip(packet) == 0


def test_an_ipv6_packet_without_hops_is_not_plausible():
    assert ask_ip(V6[:7] + b"\0" + V6[8:]) == 0


def test_no_read_past_the_end():
    for packet in (V4, V6):
        for length in range(len(packet)):
            assert is_ip(memoryview(packet[:length]), 0, length, len(packet), 0) in (0, 4, 6)
            assert is_ethernet(memoryview((bytes(12) + b"\x08\0" + packet)[:length]), 0, length, 99, 0) in (0, 4, 6)


def ask_ethernet(frame, strict=0):
    return is_ethernet(memoryview(frame), 0, len(frame), len(frame), strict)


def test_ethernet_with_tags():
    assert ask_ethernet(bytes(12) + b"\x08\0" + V4) == 4
    assert ask_ethernet(bytes(12) + b"\x86\xdd" + V6, 1) == 6
    assert ask_ethernet(bytes(12) + b"\x81\0\0\1" * 2 + b"\x08\0" + V4) == 4


def test_ethernet_type_and_version_must_agree():
    assert ask_ethernet(bytes(12) + b"\x08\0" + V6) == 0
    assert ask_ethernet(bytes(12) + b"\x86\xdd" + V4 + bytes(20)) == 0
    assert ask_ethernet(bytes(12) + b"\x08\x06" + V4) == 0


def test_padding_is_no_reason_against():
    padded = (bytes(12) + b"\x08\0" + V4).ljust(60, b"\0")
    assert ask_ethernet(padded, 1) == 4
    assert ask_ethernet(padded + b"\0", 1) == 0


@pytest.mark.parametrize(("kind", "yes"), [(0x8100, 1), (0x88A8, 1), (0x9100, 1), (0x9200, 1), (0x0800, 0)])
def test_vlan_types(kind, yes):
    assert is_vlan(kind) == yes
