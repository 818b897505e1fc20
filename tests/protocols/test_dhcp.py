"""DHCPv4 and DHCPv6 messages: what real clients send, and what nobody should."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest

from iptvforensics.protocol import Anomaly, Opening, Row
from iptvforensics.protocols.dhcp import PROTOCOL, DhcpParser

MAC = bytes.fromhex("02005e100123")


def option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def four(
    *options: bytes, op: int = 1, end: bytes = b"\xff", file: bytes = b"", server: bytes = b"", offered: str = "0.0.0.0"
) -> bytes:
    header = struct.pack("!BBBBIHH", op, 1, 6, 0, 0x1234ABCD, 3, 0x8000)
    header += bytes(4) + IPv4Address(offered).packed + bytes(8) + MAC.ljust(16, b"\0")
    return header + server.ljust(64, b"\0") + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + b"".join(options) + end


def six_option(code: int, value: bytes) -> bytes:
    return struct.pack("!HH", code, len(value)) + value


def six(kind: int, *options: bytes) -> bytes:
    return bytes((kind,)) + b"\xab\xcd\xef" + b"".join(options)


DISCOVER = four(
    option(53, b"\1"), option(61, b"\1" + MAC), option(12, b"osprey-lounge\0"), option(60, b"udhcp 1.36.1"),
    option(55, bytes((1, 3, 6, 15, 43))), option(77, b"\3tvs\2s3"), option(81, b"\4\0\0\7osprey3\3den\7example\0"),
)  # fmt: skip
ACK = four(
    option(53, b"\5"), option(54, IPv4Address("192.168.1.1").packed), option(51, struct.pack("!I", 7200)),
    option(3, IPv4Address("192.168.1.1").packed), option(6, b"\xc0\0\2\x35\xc0\0\2\x36"),
    option(43, b"\x01\x11http://u.example/\x02\x02S3"), option(66, b"tftp.example"), option(67, b"s3.img"),
    op=2, offered="192.168.1.126",
)  # fmt: skip
DUID = b"\0\1\0\1\x2c\0\0\1" + MAC
ADDRESS = IPv6Address("2001:db8:1::126").packed
SOLICIT = six(
    1, six_option(1, DUID), six_option(39, b"\0\7kestrel\3den\7example\0"), six_option(6, struct.pack("!HH", 23, 24)),
    six_option(16, struct.pack("!IH", 4491, 7) + b"S3-2026"), six_option(15, b"\0\3tvs"),
    six_option(3, bytes(12) + six_option(5, ADDRESS + bytes(8))),
    six_option(25, bytes(12) + six_option(26, bytes(8) + b"\x38" + IPv6Address("2001:db8:ff00::").packed)),
)  # fmt: skip
REPLY = six(7, six_option(1, DUID), six_option(2, b"\0\3\0\1" + MAC), six_option(23, ADDRESS))
RELAYED = b"\x0c\0" + ADDRESS + IPv6Address("fe80::1").packed + six_option(79, b"\0\1" + MAC) + six_option(9, SOLICIT)

EXAMPLES = [
    ("discover", [DISCOVER], []),
    ("lease", [DISCOVER, four(option(53, b"\3"))], [ACK]),
    ("v6", [SOLICIT], [REPLY]),
    ("vendors", [four(option(53, b"\1"), option(125, b"\0\0\x0d\xe9\x08\2\x06SN0042"))], []),
    ("v6-relayed", [RELAYED], []),
]


def read(*datagrams: bytes, from_orig: bool = True) -> list[dict]:
    parser = DhcpParser(Opening("udp", datagrams[0], b""))
    events = [event for data in datagrams for event in parser.feed(memoryview(data), from_orig)]
    return [event.values for event in events if isinstance(event, Row)]


def problems(*datagrams: bytes) -> list[tuple[str, int]]:
    parser = DhcpParser(Opening("udp", datagrams[0], b""))
    events = [event for data in datagrams for event in parser.feed(memoryview(data), True)]
    return [(event.name, event.offset) for event in events if isinstance(event, Anomaly)]


def test_what_a_client_says_of_itself() -> None:
    (row,) = read(DISCOVER)
    expected = {
        "message_type": "DISCOVER", "is_response": False, "xid": 0x1234ABCD, "elapsed_s": 3,
        "client_mac": "02:00:5e:10:01:23", "client_id": "0102005e100123", "client_id_mac": "02:00:5e:10:01:23",
        "host_name": "osprey-lounge", "vendor_class": "udhcp 1.36.1", "user_class": "tvs, s3",
        "fqdn": "osprey3.den.example", "parameter_list": [1, 3, 6, 15, 43], "options": [53, 61, 12, 60, 55, 77, 81],
        "offered_ip": None, "boot_file": None, "vendor_data": None,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_what_a_server_gives() -> None:
    (row,) = read(ACK)
    expected = {
        "message_type": "ACK", "is_response": True, "offered_ip": "192.168.1.126", "dhcp_server_ip": "192.168.1.1",
        "lease_s": 7200, "routers": ["192.168.1.1"], "dns_servers": ["192.0.2.53", "192.0.2.54"],
        "vendor_data": "0111687474703a2f2f752e6578616d706c652f02025333", "vendor_text": "..http://u.example/..S3",
        "tftp_server": "tftp.example", "boot_file_option": "s3.img",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_the_sender_of_a_request_is_the_client() -> None:
    parser = DhcpParser(Opening("udp", ACK, b""))
    parser.feed(memoryview(ACK), True)
    assert parser.client_is_orig is False
    parser.feed(memoryview(DISCOVER), True)
    assert parser.client_is_orig is True


def test_pieces_of_a_long_option_are_joined() -> None:
    (row,) = read(four(option(43, b"a" * 255), option(43, b"b" * 10)))
    assert row["vendor_text"] == "a" * 255 + "b" * 10
    assert row["options"] == [43, 43]


@pytest.mark.parametrize(
    ("where", "field"),
    [(1, {"file": option(12, b"falcon") + b"\xff"}), (2, {"server": option(12, b"falcon") + b"\xff"})],
)
def test_options_in_the_fields_of_file_and_server(where: int, field: dict[str, bytes]) -> None:
    (row,) = read(four(option(52, bytes((where,))), **field))
    assert row["host_name"] == "falcon"
    assert (row["boot_file"], row["boot_server"]) == (None, None)


def test_boot_fields_are_texts_up_to_the_first_zero() -> None:
    (row,) = read(four(option(53, b"\2"), op=2, file=b"s3.img\0junk", server=b"tftp.example"))
    assert (row["boot_file"], row["boot_server"]) == ("s3.img", "tftp.example")


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(four(option(53, b"\1"), b"\x0c\xffabc", end=b""), id="longer than the message"),
        pytest.param(four(option(53, b"\1"), end=b""), id="no end"),
        pytest.param(four(option(53, b"\1"), b"\x0c", end=b""), id="no length"),
    ],
)
def test_malformed_options_are_said_and_the_rest_is_kept(datagram: bytes) -> None:
    assert read(datagram)[0]["message_type"] == "DISCOVER"
    assert problems(DISCOVER, datagram) == [("DHCP_options_malformed", len(DISCOVER) + 240)]


def test_values_of_a_wrong_length_are_null() -> None:
    (row,) = read(
        four(option(53, b"\1\1"), option(51, b"\1"), option(50, b"\1\2\3"), option(81, b"\0"), option(61, b"\xff"))
    )
    assert [row[name] for name in ("message_type", "lease_s", "requested_ip", "fqdn", "client_id_mac")] == [None] * 5


def test_text_that_is_no_utf8_is_shown_in_escapes() -> None:
    (row,) = read(four(option(12, b"box\xff\0\0x"), option(60, b"\0\0"), option(77, b"\x09bare")))
    assert (row["host_name"], row["vendor_class"], row["user_class"]) == (r"box\xff\x00\x00x", None, "\tbare")


def test_a_name_without_lengths_is_text() -> None:
    (row,) = read(four(option(81, b"\0\0\0merlin.example")))
    assert row["fqdn"] == "merlin.example"


TR_069 = b"\1\x06001A79" + b"\2\x06SN0042" + b"\3\x04S3-B"


def test_classes_and_data_behind_enterprise_numbers() -> None:
    classes = struct.pack("!IB", 4491, 11) + b"\x03S3B\x06docsis" + struct.pack("!IB", 9, 3) + b"\2\0\1"
    data = struct.pack("!IB", 3561, len(TR_069)) + TR_069 + struct.pack("!IB", 9, 4) + b"\7\2\xff\0"
    (row,) = read(four(option(124, classes), option(125, data)))
    assert row["vendor_classes"] == ["4491=S3B", "4491=docsis", "9=0x0001"]
    assert row["vendor_options"] == ["3561.1=001A79", "3561.2=SN0042", "3561.3=S3-B", "9.7=0xff00"]


@pytest.mark.parametrize("value", [b"\0\0\x0d", b"\0\0\x0d\xe9\x20\1", b"\0\0\x0d\xe9\x03\1\x09A"])
def test_cut_data_behind_enterprise_numbers_are_left_out(value: bytes) -> None:
    (row,) = read(four(option(124, value), option(125, value)))
    assert row["vendor_options"] is None


def test_six_vendor_options_and_time_of_the_duid() -> None:
    vendor = struct.pack("!I", 4491) + six_option(36, b"S3-0042") + six_option(37, b"\2\0")
    (row,) = read(six(1, six_option(1, DUID), six_option(17, vendor)))
    assert row["vendor_options"] == ["4491.36=S3-0042", "4491.37=0x0200"]
    assert row["client_duid_ns"] == (946_684_800 + 0x2C000001) * 10**9
    (row,) = read(REPLY[:4] + six_option(1, b"\0\3\0\1" + MAC))
    assert row["client_duid_ns"] is None


def test_client_identifier_of_rfc_4361() -> None:
    (row,) = read(four(option(61, b"\xff\0\0\0\1" + DUID)))
    assert row["client_id_mac"] == "02:00:5e:10:01:23"


def test_six_client() -> None:
    (row,) = read(SOLICIT)
    expected = {
        "message_type": "SOLICIT", "is_response": False, "xid": 0xABCDEF, "client_duid": DUID.hex(),
        "client_duid_mac": "02:00:5e:10:01:23", "fqdn": "kestrel.den.example", "vendor_enterprise": 4491,
        "vendor_class": "S3-2026", "user_class": "tvs", "ia_addresses": ["2001:db8:1::126"],
        "ia_prefixes": ["2001:db8:ff00::/56"], "parameter_list": [23, 24], "relayed_from": None,
    }  # fmt: skip
    assert {name: row.get(name) for name in expected} == expected


def test_six_relay_shows_the_client_behind_it() -> None:
    (row,) = read(RELAYED)
    shown = (row["message_type"], row["relayed_from"], row["relayed_mac"], row["client_duid"])
    assert shown == ("SOLICIT", "fe80::1", "02:00:5e:10:01:23", DUID.hex())


def test_six_relays_in_relays_end_at_a_limit() -> None:
    nested = SOLICIT
    for _ in range(20):
        nested = b"\x0c\0" + bytes(32) + six_option(9, nested)
    assert read(nested)[0]["message_type"] == "RELAY-FORW"
    assert problems(nested) == [("DHCP_relays_over_limit", 0)]


def test_six_cut_options_are_said() -> None:
    cut = six(7, six_option(1, DUID), b"\0\x17\0\x10abc")
    parser = DhcpParser(Opening("udp", SOLICIT, b""))
    row, problem = parser.feed(memoryview(cut), False)
    assert isinstance(row, Row)
    assert row.values["client_duid"] == DUID.hex()
    assert isinstance(problem, Anomaly)
    assert (problem.name, problem.offset) == ("DHCP_options_malformed", 4)


def test_what_is_no_message_is_an_anomaly() -> None:
    assert problems(DISCOVER, b"hello") == [("DHCP_message_not_read", len(DISCOVER))]


@pytest.mark.parametrize(
    "data", [b"", b"\1\1\6", DISCOVER[:239], six(1), six(1, six_option(1, DUID)) + b"\0", b"\x0c\0" + bytes(40)]
)
def test_others_are_not_claimed(data: bytes) -> None:
    assert PROTOCOL.detect(Opening("udp", data, b"", 68, 67)) == 0.0


@pytest.mark.parametrize(
    ("ports", "score"), [((546, 547), 0.8), ((547, 547), 0.8), ((546, 53), 0.0), ((68, 67), 0.0), ((5000, 5001), 0.0)]
)
def test_six_is_claimed_in_spite_of_damage_where_the_ports_are_its_own(ports: tuple[int, int], score: float) -> None:
    for damaged in (SOLICIT[:-3], SOLICIT + b"\0\x10\xff\xff"):
        assert PROTOCOL.detect(Opening("udp", damaged, b"", *ports)) == score
    assert PROTOCOL.detect(Opening("udp", six(1, six_option(8, b"\0\0"))[:-1], b"", *ports)) == 0.0
