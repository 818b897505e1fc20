"""What pcapng blocks other than frames say."""

from __future__ import annotations

import struct

import pytest

from iptvforensics.capture import TLS_KEY_LOG
from iptvforensics.capture.block import Interface
from iptvforensics.capture.pcapng_blocks import exact_ns, text


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
def test_section_and_interface_texts_are_kept(write, read, big):
    content = write.section(big, [(2, b"router"), (3, b"Linux 4.9"), (4, b"dumpcap"), (1, b"exhibit 7")])
    described = [
        (2, b"eth0"),
        (3, b"uplink"),
        (9, b"\x09"),
        (11, b"\0tcp port 80"),
        (12, b"Android 9"),
        (13, b"\x04"),
        (4, bytes([192, 0, 2, 1, 255, 255, 255, 0])),
        (6, bytes([2, 0, 0, 0, 0, 1])),
    ]
    content += write.interface(1, 96, big, described)
    capture = read(content).capture
    assert capture.interfaces == [
        Interface(1, 96, tsresol=9),
    ]
    assert ("section 1", "hardware", "router") in capture.metadata
    assert ("section 1", "application", "dumpcap") in capture.metadata
    assert ("section 1", "comment", "exhibit 7") in capture.metadata
    assert [(key, value) for where, key, value in capture.metadata if where == "interface 0"] == [
        ("name", "eth0"),
        ("description", "uplink"),
        ("filter", "tcp port 80"),
        ("os", "Android 9"),
        ("fcs_bytes", "4"),
        ("address", "192.0.2.1"),
        ("address", "02:00:00:00:00:01"),
    ]


def test_names_of_both_address_families_are_kept(write, read):
    four = bytes([192, 0, 2, 9]) + b"edge.example\0alias.example\0"
    six = bytes.fromhex("20010db8000000000000000000000001") + b"six.example\0"
    body = b"".join(
        struct.pack("<HH", kind, len(raw)) + raw + bytes(-len(raw) % 4) for kind, raw in ((1, four), (2, six))
    )
    resolver = [
        (2, b"dns.example"),
        (3, bytes([192, 0, 2, 53])),
        (4, bytes.fromhex("20010db8000000000000000000000053")),
    ]
    capture = read(write.section() + write.block(4, body + bytes(4) + write.options(resolver))).capture
    assert capture.metadata == [
        ("names", "192.0.2.9", "edge.example"),
        ("names", "192.0.2.9", "alias.example"),
        ("names", "2001:db8::1", "six.example"),
        ("names", "resolver", "dns.example"),
        ("names", "resolver", "192.0.2.53"),
        ("names", "resolver", "2001:db8::53"),
    ]


def test_secrets_are_kept_with_their_type(write, read):
    log = b"CLIENT_RANDOM 00 11\n"
    capture = read(write.section() + write.block(10, struct.pack("<II", TLS_KEY_LOG, len(log)) + log)).capture
    assert capture.secrets == [(TLS_KEY_LOG, log)]


def test_secrets_longer_than_their_block_are_cut_and_reported(write, read):
    reading = read(write.section() + write.block(10, struct.pack("<II", TLS_KEY_LOG, 5000) + b"abcd"))
    assert reading.capture.secrets == [(TLS_KEY_LOG, b"abcd")]
    assert reading.anomalies == [("CAPTURE_damaged_record", 28, 1)]


def test_lost_frames_in_statistics_become_an_anomaly(write, read):
    for_interface = struct.pack("<III", 0, 0, 0) + write.options(
        [(4, struct.pack("<Q", 90)), (5, struct.pack("<Q", 3))]
    )
    reading = read(write.section() + write.interface() + write.block(5, for_interface))
    assert ("interface 0", "frames_received", "90") in reading.capture.metadata
    assert reading.anomalies == [("CAPTURE_frames_lost_while_capturing", 0, 3)]


def test_custom_blocks_name_their_owner(write, read):
    capture = read(write.section() + write.block(0xBAD, struct.pack("<I", 4321) + b"12345678")).capture
    assert capture.metadata == [("file", "custom_block", "enterprise number 4321, 8 bytes")]


def test_texts_that_are_not_utf8_stay_visible():
    assert text(b"caf\xe9\0") == "caf\\xe9"


def test_many_interfaces_are_all_described(write, read):
    content = write.section() + b"".join(write.interface(link) for link in range(40)) + write.packet(b"x", 1, 39)
    assert read(content).rows[0].link_type == 39


def test_exact_time_of_any_resolution():
    assert exact_ns(5, Interface(1, 0, tsresol=0, tsoffset=2)) == 7 * 10**9
    assert exact_ns(3 << 40, Interface(1, 0, tsresol=0x80 | 41)) == 1_500_000_000


@pytest.mark.parametrize("length", range(0, 24, 4))
@pytest.mark.parametrize("kind", [1, 4, 5, 10, 0xBAD], ids=["interface", "names", "statistics", "secrets", "custom"])
def test_blocks_too_short_for_their_fields_are_stepped_over(write, read, kind, length):
    content = write.section() + write.interface() + write.block(kind, b"\xff" * length) + write.packet(b"kept", 1)
    rows = read(content).rows
    assert [row.data for row in rows if row.link_type >= 0] == [b"kept"]
    assert len(rows) == 1 + (kind == 0xBAD and length > 0)
