"""NTP and SNTP: from datagrams to one row per message, with the clocks of both sides in nanoseconds.

RFC 5905 section 7.3 (header), RFC 4330 (SNTP), RFC 1305 appendix B (control messages). A client's `transmit_ns` is
the clock of the device when it asked, if its software puts the clock there; a server's `receive_ns` and `transmit_ns`
are the server's. Compared with the capture time of the frame they show how far off a clock was.

Times are read as 1968 to 2036 if the first bit is set, else as 2036 to 2104 (RFC 4330 section 3).

**Known limitations**: newer clients put a random number where their clock was (RFC 9769): such a time lies far off the
capture's, and differently in each request. Requests and responses are not paired (join `transmit_raw` and
`origin_raw`). Extension fields and authentication are not read; of control messages (modes 6 and 7) only the mode is.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import Any

from ..protocol import Anomaly, DatagramParser, Event, Opening, Protocol, Row
from ..schema import Column, message_table

PORT = 123
HEADER_BYTES = 48
CONTROL_BYTES = 8
"""Least length of a message of mode 7; those of mode 6 have 12 bytes."""
CLIENT, SERVER, CONTROL, PRIVATE = 3, 4, 6, 7
MODES = {
    0: "reserved", 1: "symmetric active", 2: "symmetric passive", 3: "client", 4: "server", 5: "broadcast",
    6: "control", 7: "private",
}  # fmt: skip
LEAPS = {0: "none", 1: "61 seconds", 2: "59 seconds", 3: "unsynchronised"}
EPOCH_S = 2_208_988_800
"""Seconds from 1900 to 1970."""
ERA_S = 1 << 32
MAX_PLAUSIBLE_S = 64
"""Delay and dispersion of a server that anybody would ask, at most."""

_HEADER = struct.Struct("!BBbbII4s8s8s8s8s")

TABLE = message_table(
    "ntp",
    "NTP message of a client, a server or another peer",
    (
        Column("mode", "text", "Part that the sender plays: client, server, broadcast, symmetric, control, private."),
        Column("ntp_version", "int", "Version of the protocol."),
        Column("leap", "text", "Warning of a leap second, or that the sender's clock is not synchronised."),
        Column("stratum", "int", "Distance from a reference clock: 1 for one that has it, 0 not known or a refusal."),
        Column("poll_exponent", "int", "Logarithm of the interval between messages, to the base 2, in seconds."),
        Column("precision_exponent", "int", "Logarithm of the clock's precision, to the base 2, in seconds."),
        Column("root_delay_s", "float", "Time to the reference clock and back, in seconds."),
        Column("root_dispersion_s", "float", "Error of the sender's clock, as it says, in seconds."),
        Column(
            "reference_id", "text", "Source of the sender's time: a code, or an IPv4 address (IPv6: part of a digest)."
        ),
        Column("reference_ns", "time_ns", "When the sender's clock was last set, by itself."),
        Column("origin_ns", "time_ns", "In a response: transmit time of the request, by the client's clock."),
        Column("receive_ns", "time_ns", "When the request arrived, by the server's clock."),
        Column(
            "transmit_ns", "time_ns", "When the message was sent, by the sender's clock; some clients put chance here."
        ),
        Column("origin_raw", "text", "Origin timestamp as sent, in hexadecimal digits."),
        Column("transmit_raw", "text", "Transmit timestamp as sent, in hexadecimal digits."),
        Column("message_bytes", "int", "Length of the message."),
    ),
    endpoints=True,
)


def timestamp_ns(value: bytes) -> int | None:
    """Return a timestamp as nanoseconds since 1970; null for zero, which means that there is none.

    Example:
        >>> timestamp_ns(bytes.fromhex("83aa7e8080000000"))
        500000000
    """
    seconds, fraction = int.from_bytes(value[:4], "big"), int.from_bytes(value[4:8], "big")
    if not seconds and not fraction:
        return None
    era = 0 if seconds & 0x80000000 else ERA_S
    return (seconds + era - EPOCH_S) * 1_000_000_000 + (fraction * 1_000_000_000 + (1 << 31) >> 32)


def _reference(stratum: int, value: bytes) -> str | None:
    """Return who gave the sender its time: for strata 0 and 1 a code in letters."""
    if not any(value):
        return None
    if stratum <= 1:
        code = value.rstrip(b"\0")
        return code.decode("ascii") if all(0x20 < byte < 0x7F for byte in code) else value.hex()
    return str(IPv4Address(value))


def read_message(message: bytes) -> dict[str, Any]:
    """Return the columns of a message of at least `HEADER_BYTES` bytes."""
    first, stratum, poll, precision, delay, dispersion, reference, *stamps = _HEADER.unpack_from(message)
    set_at, origin, receive, transmit = stamps
    return {
        "leap": LEAPS[first >> 6],
        "stratum": stratum,
        "poll_exponent": poll,
        "precision_exponent": precision,
        "root_delay_s": delay / 65536,
        "root_dispersion_s": dispersion / 65536,
        "reference_id": _reference(stratum, reference),
        "reference_ns": timestamp_ns(set_at),
        "origin_ns": timestamp_ns(origin),
        "receive_ns": timestamp_ns(receive),
        "transmit_ns": timestamp_ns(transmit),
        "origin_raw": origin.hex() if any(origin) else None,
        "transmit_raw": transmit.hex() if any(transmit) else None,
    }


class NtpParser(DatagramParser):
    """The state of one flow: how far each direction has been read."""

    def read(self, message: bytes, offset: int, from_orig: bool) -> list[Event]:
        """Return the row of one datagram."""
        mode = message[0] & 7 if message else 0
        least = CONTROL_BYTES if mode in (CONTROL, PRIVATE) else HEADER_BYTES
        if len(message) < least:
            return [Anomaly("NTP_message_too_short", from_orig, offset, f"{len(message)} of {least} bytes")]
        values = {"mode": MODES[mode], "ntp_version": message[0] >> 3 & 7, "message_bytes": len(message)}
        if mode not in (CONTROL, PRIVATE):
            values |= read_message(message)
        if mode in (CLIENT, SERVER):
            self.client_is_orig = from_orig is (mode == CLIENT)
        return [Row("ntp", from_orig, offset, values)]


def detect(opening: Opening) -> float | None:
    """Return how sure it is that the first datagrams are NTP: the header has much room for chance."""
    firsts = [data for data in (opening.orig, opening.resp) if data]
    if not firsts or not all(map(_is_plausible, firsts)):
        return 0.0
    if len(firsts) == 2 and opening.resp[24:32] == opening.orig[40:48] != bytes(8):
        return 0.97
    return 0.9 if PORT in (opening.orig_port, opening.resp_port) else 0.6


def _is_plausible(data: bytes) -> bool:
    if len(data) < HEADER_BYTES or len(data) % 4 or len(data) > 1024:
        return False
    first, stratum, poll, precision, delay, dispersion, _, *stamps = _HEADER.unpack_from(data)
    mode, version = first & 7, first >> 3 & 7
    if not 1 <= mode <= 5 or not 1 <= version <= 4 or stratum > 16:
        return False
    if not any(stamps[3]) and (mode != CLIENT or any(data[1:HEADER_BYTES])):
        return False
    # Clients that say nothing of themselves send a precision of 32 (RFC 9769).
    within = max(delay, dispersion) < MAX_PLAUSIBLE_S << 16 or stratum in (0, 16)
    return within and -40 <= precision <= 32 and -8 <= poll <= 24


PROTOCOL = Protocol(
    name="ntp",
    title="NTP and SNTP: clocks of devices and servers",
    specification="RFC 5905, 4330, 1305",
    carriers=("udp",),
    tables=(TABLE,),
    detect=detect,
    parser=NtpParser,
    begins=bytes(first for first in range(256) if 1 <= first & 7 <= 5 and 1 <= first >> 3 & 7 <= 4),
    limits="Extension fields and authentication are not read; of control messages only the mode is.",
)
