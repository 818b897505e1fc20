"""ADB messages: banners, keys, services, TLS, and losses."""

from __future__ import annotations

import struct

import pytest

from iptvforensics.protocol import Anomaly, Event, Opening, Row
from iptvforensics.protocols.adb import MAX_KEPT_BYTES, PROTOCOL, AdbParser


def adb(command: bytes, first: int = 0, second: int = 0, payload: bytes = b"", length: int | None = None) -> bytes:
    (word,) = struct.unpack("<I", command)
    size = len(payload) if length is None else length
    return struct.pack("<IIIIII", word, first, second, size, sum(payload) & 0xFFFFFFFF, word ^ 0xFFFFFFFF) + payload


HOST = adb(b"CNXN", 0x01000001, 1 << 20, b"host::features=shell_v2,cmd,stat_v2\0")
BANNER = (
    b"device:OS3-000417:ro.product.name=osprey;ro.product.model=Osprey S3;ro.product.device=p212;features=cmd,shell_v2"
)
DEVICE = adb(b"CNXN", 0x01000000, 4096, BANNER)
TOKEN = adb(b"AUTH", 1, 0, bytes(20))
KEY = adb(b"AUTH", 3, 0, b"QAAAAB" + b"A" * 600 + b" alice@falcon\0")
SHELL = adb(b"OPEN", 7, 0, b"shell:getprop ro.serialno\0")
WRITE = adb(b"WRTE", 7, 9, b"x" * 20000)
OKAY = adb(b"OKAY", 9, 7)

EXAMPLES = [
    ("shell", HOST + KEY + SHELL + OKAY, TOKEN + DEVICE + OKAY + WRITE + adb(b"CLSE", 9, 7)),
    ("tls", HOST + adb(b"STLS", 0x01000000), adb(b"STLS", 0x01000000) + bytes(300)),
]


def read(orig: bytes, resp: bytes = b"", *, midstream: bool = False) -> list[Event]:
    parser = AdbParser(Opening("tcp", orig, resp, midstream=midstream))
    events = parser.feed(memoryview(orig), True) + parser.feed(memoryview(resp), False)
    return events + parser.end(True) + parser.end(False)


def rows(events: list[Event]) -> list[dict]:
    return [event.values for event in events if isinstance(event, Row)]


def test_banner_of_a_device() -> None:
    (row,) = rows(read(b"", DEVICE))
    assert row == {
        "command": "CNXN", "payload_bytes": len(BANNER), "protocol_version": "0x01000000", "max_data_bytes": 4096,
        "banner": BANNER.decode(), "system_type": "device", "serial_number": "OS3-000417", "product_name": "osprey",
        "product_model": "Osprey S3", "product_device": "p212", "features": ["cmd", "shell_v2"],
    }  # fmt: skip


def test_debugger_key_and_service() -> None:
    host, key, shell = rows(read(HOST + KEY + SHELL + OKAY))
    assert (host["system_type"], host["features"]) == ("host", ["shell_v2", "cmd", "stat_v2"])
    assert (key["auth_type"], key["key_name"]) == ("public key", "alice@falcon")
    assert shell["service"] == "shell:getprop ro.serialno"
    assert rows(read(TOKEN))[0]["auth_type"] == "token"


def test_the_debugger_is_the_client() -> None:
    parser = AdbParser(Opening("tcp", DEVICE, b""))
    parser.feed(memoryview(DEVICE), True)
    assert parser.client_is_orig is False


def test_nothing_is_read_behind_tls() -> None:
    events = read(HOST + adb(b"STLS", 1) + SHELL)
    assert [row["command"] for row in rows(events)] == ["CNXN", "STLS"]
    (problem,) = (event for event in events if isinstance(event, Anomaly))
    assert (problem.name, problem.offset) == ("ADB_tls_begins", len(HOST))


def test_long_payloads_are_passed_over() -> None:
    events = read(adb(b"OPEN", 1, 0, b"a" * 50_000) + WRITE + SHELL)
    assert [len(row["service"]) for row in rows(events)] == [MAX_KEPT_BYTES, 25]


def test_gap_within_a_payload() -> None:
    parser = AdbParser(Opening("tcp", HOST, b""))
    head = HOST + WRITE[:100]
    events = parser.feed(memoryview(head), True)
    events += parser.gap(len(WRITE) - 200, True)
    events += parser.feed(memoryview(WRITE[-100:] + SHELL), True)
    assert [event.offset for event in events] == [0, len(HOST) + len(WRITE)]


def test_gap_across_a_boundary_is_searched() -> None:
    parser = AdbParser(Opening("tcp", HOST, b""))
    events = parser.feed(memoryview(HOST + WRITE[:10]), True) + parser.gap(len(WRITE), True)
    events += parser.feed(memoryview(b"rest of it" + SHELL), True)
    assert [getattr(event, "name", "row") for event in events] == ["row", "ADB_message_incomplete", "row"]
    assert events[-1].offset == len(HOST) + 10 + len(WRITE) + 10


def test_lost_boundary_is_said_once() -> None:
    events = read(HOST + b"\0" * 100 + SHELL)
    assert [getattr(event, "name", "row") for event in events] == ["row", "ADB_boundary_lost", "row"]


def test_flow_that_was_joined() -> None:
    assert [row["service"] for row in rows(read(b"tail" + SHELL, midstream=True))] == ["shell:getprop ro.serialno"]


@pytest.mark.parametrize("data", [b"GET ", b"CNXX", b"CNXN" + bytes(20), adb(b"CNXN")[:20] + b"\0\0\0\0"])
def test_others_are_not_claimed(data: bytes) -> None:
    assert PROTOCOL.detect(Opening("tcp", data, b"")) == 0.0


def test_either_direction_may_tell() -> None:
    assert PROTOCOL.detect(Opening("tcp", b"", DEVICE)) == 0.97
    assert PROTOCOL.detect(Opening("tcp", HOST[:2], b"")) is None
