"""NTP messages: clocks that are right, wrong, unset or hidden, and what is no NTP."""

from __future__ import annotations

import struct

import pytest

from iptvforensics.protocol import Anomaly, Opening, Row
from iptvforensics.protocols.ntp import PROTOCOL, NtpParser, timestamp_ns

EPOCH = 2208988800
ASKED = struct.pack("!II", EPOCH + 1_790_000_000, 0x80000000)


def ntp(
    mode: int = 3, *, version: int = 4, leap: int = 0, stratum: int = 0, reference: bytes = bytes(4),
    stamps: tuple[bytes, ...] = (bytes(8), bytes(8), bytes(8), ASKED), delay: int = 0, precision: int = -20,
) -> bytes:  # fmt: skip
    first = leap << 6 | version << 3 | mode
    return struct.pack("!BBbbII4s", first, stratum, 6, precision, delay, 0x8000, reference) + b"".join(stamps)


ANSWER = ntp(
    4, stratum=3, reference=b"\xcb\0\x71\x01", delay=0x18000,
    stamps=(ASKED, ASKED, *(struct.pack("!II", EPOCH + 1_790_003_600, part) for part in (0, 1 << 30))),
)  # fmt: skip
EXAMPLES = [
    ("asked and answered", [ntp()], [ANSWER]),
    ("SNTP", [ntp(version=1, precision=0)], []),
    ("broadcast", [ntp(5, stratum=1, reference=b"GPS\0")], []),
]


def read(data: bytes, from_orig: bool = True) -> dict:
    (row,) = NtpParser(Opening("udp", data, b"")).feed(memoryview(data), from_orig)
    assert isinstance(row, Row)
    return row.values


def test_request_tells_the_clock_of_the_client() -> None:
    row = read(ntp(leap=3))
    assert (row["mode"], row["ntp_version"], row["leap"], row["stratum"]) == ("client", 4, "unsynchronised", 0)
    assert (row["transmit_ns"], row["transmit_raw"]) == (1_790_000_000_500_000_000, ASKED.hex())
    assert [row[name] for name in ("origin_ns", "receive_ns", "reference_ns", "reference_id", "origin_raw")] == [
        None
    ] * 5


def test_response_tells_both_clocks() -> None:
    row = read(ANSWER, from_orig=False)
    assert (row["mode"], row["stratum"], row["reference_id"]) == ("server", 3, "203.0.113.1")
    assert row["receive_ns"] - row["origin_ns"] == 3_599_500_000_000
    assert row["transmit_ns"] == 1_790_003_600_250_000_000
    assert (row["root_delay_s"], row["root_dispersion_s"]) == (1.5, 0.5)


@pytest.mark.parametrize(
    ("stratum", "reference", "shown"),
    [(1, b"GPS\0", "GPS"), (0, b"RATE", "RATE"), (1, b"\1\2\3\4", "01020304"), (16, b"INIT", "73.78.73.84")],
)
def test_source_of_the_time(stratum: int, reference: bytes, shown: str) -> None:
    assert read(ntp(4, stratum=stratum, reference=reference))["reference_id"] == shown


def test_eras() -> None:
    assert timestamp_ns(bytes(8)) is None
    assert timestamp_ns(struct.pack("!II", EPOCH, 0)) == 0, "a clock that was never set often shows 1970"
    assert timestamp_ns(struct.pack("!II", 0, 1 << 31)) == (2**32 - EPOCH) * 10**9 + 500_000_000
    assert timestamp_ns(struct.pack("!II", EPOCH, 0xFFFFFFFF)) == 1_000_000_000


@pytest.mark.parametrize(
    ("data", "mode"), [(b"\x16\1" + bytes(10), "control"), (b"\x97\0\3\x2a" + bytes(4), "private")]
)
def test_control_messages_have_their_mode_only(data: bytes, mode: str) -> None:
    assert read(data) == {"mode": mode, "ntp_version": 2, "message_bytes": len(data)}


def test_clients_are_told_by_their_mode() -> None:
    parser = NtpParser(Opening("udp", ANSWER, b""))
    parser.feed(memoryview(ANSWER), True)
    assert parser.client_is_orig is False


def test_short_messages_are_said() -> None:
    parser = NtpParser(Opening("udp", ntp(), b""))
    parser.feed(memoryview(ntp()), True)
    parser.gap(2, True)
    (problem,) = parser.feed(memoryview(ntp()[:40]), True)
    assert isinstance(problem, Anomaly)
    assert (problem.name, problem.offset) == ("NTP_message_too_short", 50)


def test_answer_that_fits_is_nearly_certain() -> None:
    assert PROTOCOL.detect(Opening("udp", ntp(), ANSWER, 40000, 40001)) == 0.97
    assert PROTOCOL.detect(Opening("udp", ntp(), b"", 40000, 123)) == 0.9


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(ntp()[:47], id="short"),
        pytest.param(ntp() + b"\0", id="odd length"),
        pytest.param(ntp(version=7), id="version"),
        pytest.param(ntp(6), id="control"),
        pytest.param(ntp(precision=100), id="precision"),
        pytest.param(ntp(4, stratum=2, delay=0x7FFFFFFF), id="delay"),
        pytest.param(ntp(4, stamps=(ASKED, ASKED, ASKED, bytes(8))), id="server without a time"),
    ],
)
def test_others_are_not_claimed(data: bytes) -> None:
    assert PROTOCOL.detect(Opening("udp", data, b"", 123, 123)) == 0.0
