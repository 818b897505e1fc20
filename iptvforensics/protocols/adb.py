"""Android Debug Bridge over TCP: from its messages to rows of what device and debugger say of themselves and open.

AOSP packages/modules/adb, docs/dev/protocol.md and protocol.h (messages, authentication), adb.h (banner). The banner of
a device names product, model and device; it and the name in a public key are claimed values.

**Known limitations**: what is written on opened services (WRTE) is counted, not decoded. After STLS both directions
are encrypted and are not read. Check sums are not verified: newer versions send none.
"""

from __future__ import annotations

import struct
from typing import Any

from ..protocol import Anomaly, Event, Opening, Protocol, Row
from ..schema import Column, message_table

HEADER_BYTES = 24
MAX_KEPT_BYTES = 8192
"""Bytes kept of a banner, key or service name; a public key has 720."""
COMMANDS = {b"CNXN": "CNXN", b"AUTH": "AUTH", b"STLS": "STLS", b"OPEN": "OPEN", b"OKAY": "OKAY", b"CLSE": "CLSE",
            b"WRTE": "WRTE", b"SYNC": "SYNC"}  # fmt: skip
SHOWN = frozenset(("CNXN", "AUTH", "STLS", "OPEN"))
AUTHENTICATION = {1: "token", 2: "signature", 3: "public key"}
MAX_FEATURES = 64

TABLE = message_table(
    "adb",
    "ADB message that opens a connection, authenticates, or opens a service",
    (
        Column("command", "text", "CNXN (connection), AUTH (authentication), STLS (change to TLS), OPEN (service)."),
        Column("protocol_version", "text", "Version of the protocol in hexadecimal digits (CNXN, STLS)."),
        Column("max_data_bytes", "int", "Longest payload that the sender takes (CNXN)."),
        Column("system_type", "text", "What the sender says it is: device, host, bootloader, recovery, sideload."),
        Column("serial_number", "text", "Serial number, as the device claims; cheap devices share one."),
        Column("product_name", "text", "Name of the product, as the device claims (ro.product.name)."),
        Column("product_model", "text", "Model, as the device claims (ro.product.model)."),
        Column("product_device", "text", "Name of the hardware, as the device claims (ro.product.device)."),
        Column("features", "text[]", "Features of the protocol that the sender knows."),
        Column("banner", "text", "The banner as sent."),
        Column("auth_type", "text", "Step of authentication: token, signature, public key."),
        Column("key_name", "text", "Name behind a public key, mostly user@host of the debugger."),
        Column("service", "text", "Service that is opened: a shell command, a file transfer, a port."),
        Column("payload_bytes", "int", "Bytes that the message carries."),
    ),
    endpoints=True,
)


def _text(data: bytes) -> str | None:
    return data.rstrip(b"\0").decode("utf-8", "backslashreplace").replace("\0", "\\x00") or None


def _banner(data: bytes) -> dict[str, Any]:
    """Return what a banner `type:serial:name=value;...` says."""
    banner = _text(data)
    kind, _, rest = (banner or "").partition(":")
    serial, _, properties = rest.partition(":")
    get = dict(part.partition("=")[::2] for part in properties.split(";")[:MAX_FEATURES] if "=" in part)
    features = [name for name in get.get("features", "").split(",") if name][:MAX_FEATURES]
    return {
        "banner": banner,
        "system_type": kind or None,
        "serial_number": serial or None,
        "product_name": get.get("ro.product.name") or None,
        "product_model": get.get("ro.product.model") or None,
        "product_device": get.get("ro.product.device") or None,
        "features": features or None,
    }


class _Direction:
    """What is pending in one direction."""

    def __init__(self, in_step: bool) -> None:
        self.pending = bytearray()
        self.offset = 0
        """Stream offset of the first pending byte."""
        self.skip = 0
        """Bytes of a payload still to come that nobody needs."""
        self.in_step = in_step
        """False while the start of the next message is unknown."""
        self.is_closed = False
        """True once TLS begins."""


class AdbParser:
    """The state of one flow: the debugger is the client."""

    def __init__(self, opening: Opening) -> None:
        self.client_is_orig = True
        self._directions = {side: _Direction(not opening.midstream) for side in (True, False)}

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        """Return the rows of the messages that are complete with these bytes."""
        direction = self._directions[from_orig]
        events: list[Event] = []
        while data and not direction.is_closed:
            if direction.skip:
                passed = min(direction.skip, len(data))
                direction.skip -= passed
                direction.offset += passed
                data = data[passed:]
                continue
            piece = data[: HEADER_BYTES + MAX_KEPT_BYTES]
            direction.pending += piece
            data = data[len(piece) :]
            self._take(direction, from_orig, events)
        direction.offset += len(data)
        return events

    def _take(self, direction: _Direction, from_orig: bool, events: list[Event]) -> None:
        """Take all messages that are pending as far as they are needed."""
        pending = direction.pending
        at = 0
        while len(pending) - at >= HEADER_BYTES and not direction.is_closed:
            command, first, second, length = _header(pending, at)
            if command is None:
                if direction.in_step:
                    events.append(
                        Anomaly("ADB_boundary_lost", from_orig, direction.offset + at, "no message begins here")
                    )
                    direction.in_step = False
                at += 1
                continue
            direction.in_step = True
            kept = min(length, MAX_KEPT_BYTES) if command in SHOWN else 0
            if len(pending) - at < HEADER_BYTES + kept:
                break
            if command in SHOWN:
                payload = bytes(pending[at + HEADER_BYTES : at + HEADER_BYTES + kept])
                events.append(self._row(command, first, second, length, payload, from_orig, direction.offset + at))
            if command == "STLS":
                direction.is_closed = True
                why = "what follows in this direction is encrypted"
                events.append(Anomaly("ADB_tls_begins", from_orig, direction.offset + at, why))
            whole = HEADER_BYTES + length
            direction.skip = max(whole - (len(pending) - at), 0)
            at += min(whole, len(pending) - at)
        if direction.is_closed:
            at = len(pending)
        direction.offset += at
        del pending[:at]

    def _row(
        self, command: str, first: int, second: int, length: int, payload: bytes, from_orig: bool, offset: int
    ) -> Row:
        values: dict[str, Any] = {"command": command, "payload_bytes": length}
        if command == "CNXN":
            values |= {"protocol_version": f"{first:#010x}", "max_data_bytes": second, **_banner(payload)}
            self.client_is_orig = from_orig is (values["system_type"] == "host")
        elif command == "STLS":
            values["protocol_version"] = f"{first:#010x}"
        elif command == "OPEN":
            values["service"] = _text(payload)
        else:
            values["auth_type"] = AUTHENTICATION.get(first) or f"type {first}"
            if first == 3:
                values["key_name"] = _text(payload.partition(b" ")[2])
        return Row("adb", from_orig, offset, values)

    def gap(self, length: int, from_orig: bool) -> list[Event]:
        """Return what the gap cuts; the next message is searched unless the gap lies within a payload."""
        direction = self._directions[from_orig]
        if direction.is_closed:
            direction.offset += max(length, 0)
            return []
        if 0 <= length <= direction.skip and not direction.pending:
            direction.skip -= length
            direction.offset += length
            return []
        events = self._flush(direction, from_orig)
        direction.offset += max(length, 0)
        direction.skip, direction.in_step = 0, False
        return events

    def end(self, from_orig: bool) -> list[Event]:
        """Return what the end cuts."""
        return self._flush(self._directions[from_orig], from_orig)

    def _flush(self, direction: _Direction, from_orig: bool) -> list[Event]:
        length, start = len(direction.pending), direction.offset
        direction.pending.clear()
        direction.offset += length
        if not length or not direction.in_step:
            return []
        return [Anomaly("ADB_message_incomplete", from_orig, start, f"{length} bytes of it")]


def _header(data: bytes | bytearray, at: int) -> tuple[str | None, int, int, int]:
    """Return command, both arguments and length of the payload; no command if no message begins here."""
    word, first, second, length, _, magic = struct.unpack_from("<IIIIII", data, at)
    command = COMMANDS.get(bytes(data[at : at + 4]))
    return command if magic == word ^ 0xFFFFFFFF else None, first, second, length


def detect(opening: Opening) -> float | None:
    """Return how sure it is that a flow is ADB: the header holds its command twice."""
    scores = [_score(data) for data in (opening.orig, opening.resp) if data]
    if not scores or 0.0 in scores:
        return 0.0
    return max((score for score in scores if score is not None), default=None)


def _score(data: bytes) -> float | None:
    if len(data) < 4:
        return None if any(command.startswith(data) for command in COMMANDS) else 0.0
    if data[:4] not in COMMANDS:
        return 0.0
    if len(data) < HEADER_BYTES:
        magic = bytes(byte ^ 0xFF for byte in data[:4])
        return None if magic.startswith(data[20:24]) else 0.0
    return 0.97 if _header(data, 0)[0] is not None else 0.0


PROTOCOL = Protocol(
    name="adb",
    title="Android Debug Bridge: product, model and serial number in the banner; services that are opened",
    specification="AOSP packages/modules/adb, docs/dev/protocol.md",
    carriers=("tcp",),
    tables=(TABLE,),
    detect=detect,
    parser=AdbParser,
    begins=bytes({command[0] for command in COMMANDS}),
    limits="Data of opened services are not decoded; after STLS everything is encrypted.",
)
