"""SSDP messages of real devices, and of odd ones."""

from __future__ import annotations

import pytest

from iptvforensics.protocol import Anomaly, Opening, Row
from iptvforensics.protocols.ssdp import MAX_LINES, PROTOCOL, SsdpParser

SEARCH = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 3\r\nST: upnp:rootdevice\r\n'
    b"USER-AGENT: Android/11 UPnP/1.1 Osprey/2\r\nCPFN.UPNP.ORG: Den\r\nCPUUID.UPNP.ORG: 9b2c\r\n\r\n"
)
ALIVE = (
    b"NOTIFY * HTTP/1.1\r\nHOST:239.255.255.250:1900\r\nCACHE-CONTROL:max-age=1810\r\n"
    b"LOCATION:http://192.168.1.51:8200/rootDesc.xml\r\nSERVER: 5.10 DLNADOC/1.50 UPnP/1.0 Osprey/1.3\r\n"
    b"NT:upnp:rootdevice\r\nUSN:uuid:4d696e69::upnp:rootdevice\r\nNTS:ssdp:alive\r\n"
    b"BOOTID.UPNP.ORG: 17\r\nCONFIGID.UPNP.ORG: 1\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1810\r\nST: upnp:rootdevice\r\nUSN: uuid:4d696e69::upnp:rootdevice\r\n"
    b"EXT:\r\nSERVER: Osprey/1.3\r\nLOCATION: http://192.168.1.51:8200/rootDesc.xml\r\nContent-Length: 0\r\n\r\n"
)
EXAMPLES = [("search", [SEARCH], [ANSWER]), ("alive", [ALIVE, ALIVE], []), ("answer", [ANSWER], [])]


def read(data: bytes) -> dict:
    (row,) = SsdpParser(Opening("udp", data, b"")).feed(memoryview(data), True)
    assert isinstance(row, Row)
    return row.values


def test_search() -> None:
    row = read(SEARCH)
    expected = {
        "method": "M-SEARCH", "status": None, "search_target": "upnp:rootdevice", "wait_s": 3, "friendly_name": "Den",
        "user_agent": "Android/11 UPnP/1.1 Osprey/2", "sender_uuid": "9b2c", "usn": None, "location_url": None,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["headers"][:2] == ["HOST: 239.255.255.250:1900", 'MAN: "ssdp:discover"']


def test_announcement() -> None:
    row = read(ALIVE)
    expected = {
        "method": "NOTIFY", "notification": "ssdp:alive", "search_target": "upnp:rootdevice", "max_age_s": 1810,
        "usn": "uuid:4d696e69::upnp:rootdevice", "uuid": "4d696e69", "boot_id": 17, "config_id": 1,
        "location_url": "http://192.168.1.51:8200/rootDesc.xml", "server": "5.10 DLNADOC/1.50 UPnP/1.0 Osprey/1.3",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_answer() -> None:
    row = read(ANSWER)
    assert (row["method"], row["status"], row["search_target"]) == (None, 200, "upnp:rootdevice")
    assert row["uuid"] == "4d696e69"


def test_lines_without_carriage_return_and_odd_values() -> None:
    row = read(b"NOTIFY * HTTP/1.1\nNT: x\nNT: y\nno colon here\nBOOTID.UPNP.ORG: many\nMX: -1\nSERVER: \xff\n\n")
    assert (row["search_target"], row["boot_id"], row["wait_s"], row["server"]) == ("x", None, None, r"\xff")
    assert len(row["headers"]) == 5


def test_lines_are_limited() -> None:
    row = read(b"NOTIFY * HTTP/1.1\r\n" + b"A: " + b"b" * 5000 + b"\r\n" + b"C: d\r\n" * 500)
    assert len(row["headers"]) <= MAX_LINES
    assert len(row["headers"][0]) == 1024


def test_searching_and_found_devices_have_their_roles() -> None:
    parser = SsdpParser(Opening("udp", SEARCH, b""))
    parser.feed(memoryview(SEARCH), True)
    assert parser.client_is_orig is True
    parser.feed(memoryview(ALIVE), True)
    assert parser.client_is_orig is False


def test_what_is_no_message_is_said() -> None:
    parser = SsdpParser(Opening("udp", SEARCH, b""))
    parser.feed(memoryview(SEARCH), True)
    parser.gap(3, True)
    (problem,) = parser.feed(memoryview(b"\0\1"), True)
    assert isinstance(problem, Anomaly)
    assert (problem.name, problem.offset) == ("SSDP_message_not_read", len(SEARCH) + 3)


@pytest.mark.parametrize(
    "data", [b"", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"SUBSCRIBE * HTTP/1.1\r\n"]
)
def test_others_are_not_claimed(data: bytes) -> None:
    assert PROTOCOL.detect(Opening("udp", data, b"", 1900, 1900)) == 0.0
