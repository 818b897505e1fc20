"""SSDP, the discovery of UPnP: from datagrams to one row per search, announcement or response.

UPnP Device Architecture 2.0 section 1 (discovery); the form is that of HTTP/1.1 heads (RFC 9112 section 2.1). Names,
versions and identifiers are what the senders claim. The description at `location_url` is read by `upnp`.

**Known limitations**: of a datagram 64 header lines are kept, of each 1,024 bytes; bodies of datagrams are not read.
A response to a search goes to the port of its sender and mostly is a flow of its own: it is not paired.
"""

from __future__ import annotations

import re
from typing import Any

from ..protocol import Anomaly, DatagramParser, Event, Opening, Protocol, Row
from ..schema import Column, message_table

MAX_LINES, MAX_LINE_BYTES = 64, 1024
STARTS = (b"M-SEARCH * HTTP/1.", b"NOTIFY * HTTP/1.")
RESPONSE = b"HTTP/1."
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)
_UUID = re.compile(r"uuid:([^:\s]+)", re.IGNORECASE)

TABLE = message_table(
    "ssdp",
    "SSDP message: search, announcement or response",
    (
        Column("method", "text", "M-SEARCH or NOTIFY; null for a response."),
        Column("status", "int", "Status code of a response."),
        Column("notification", "text", "What an announcement says: ssdp:alive, ssdp:byebye, ssdp:update (NTS)."),
        Column("search_target", "text", "Kind of device or service searched, found or announced (ST, NT)."),
        Column("usn", "text", "Unique service name: the device, and which part of it."),
        Column("uuid", "text", "Identifier of the device within the unique service name."),
        Column("location_url", "text", "Address of the device's description."),
        Column("server", "text", "Server header: software of the responder, as it claims."),
        Column("user_agent", "text", "User agent that the client claimed."),
        Column("friendly_name", "text", "Name that the sender gives itself (CPFN.UPNP.ORG)."),
        Column("sender_uuid", "text", "Identifier that a searching device gives itself (CPUUID.UPNP.ORG)."),
        Column("max_age_s", "int", "Seconds for which an announcement holds."),
        Column("wait_s", "int", "Longest delay of responses that a search allows, in seconds (MX)."),
        Column("boot_id", "int", "Number that grows with each start of the device (BOOTID.UPNP.ORG)."),
        Column("config_id", "int", "Number of the device's configuration (CONFIGID.UPNP.ORG)."),
        Column("headers", "text[]", "All header lines as `name: value`, in the order of the message."),
        Column("message_bytes", "int", "Length of the message."),
    ),
    endpoints=True,
)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def read_message(message: bytes) -> dict[str, Any]:
    """Return the columns of a message."""
    head = message.split(b"\r\n\r\n", 1)[0]
    start, *lines = [line.rstrip(b"\r")[:MAX_LINE_BYTES] for line in head.split(b"\n", MAX_LINES + 1)[: MAX_LINES + 1]]
    listed: list[str] = []
    get: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("utf-8", "backslashreplace").partition(":")
        if colon:
            listed.append(f"{name.strip()}: {value.strip()}")
            get.setdefault(name.strip().lower(), value.strip())
    words = start.split()
    is_response = start.startswith(RESPONSE)
    age = _MAX_AGE.search(get.get("cache-control", ""))
    uuid = _UUID.match(get.get("usn", ""))
    status = words[1].decode("ascii", "replace") if is_response and len(words) > 1 else None
    return {
        "method": None if is_response else words[0].decode("ascii", "backslashreplace"),
        "status": _number(status),
        "notification": get.get("nts") or None,
        "search_target": get.get("st") or get.get("nt") or None,
        "usn": get.get("usn") or None,
        "uuid": uuid[1] if uuid else None,
        "location_url": get.get("location") or get.get("al") or None,
        "server": get.get("server") or None,
        "user_agent": get.get("user-agent") or None,
        "friendly_name": get.get("cpfn.upnp.org") or None,
        "sender_uuid": get.get("cpuuid.upnp.org") or None,
        "max_age_s": int(age[1]) if age else None,
        "wait_s": _number(get.get("mx")),
        "boot_id": _number(get.get("bootid.upnp.org")),
        "config_id": _number(get.get("configid.upnp.org")),
        "headers": listed or None,
        "message_bytes": len(message),
    }


def _is_message(data: bytes) -> bool:
    return data.startswith(STARTS) or (data.startswith(RESPONSE) and b"\n" in data)


class SsdpParser(DatagramParser):
    """The state of one flow: how far each direction has been read."""

    def read(self, message: bytes, offset: int, from_orig: bool) -> list[Event]:
        """Return the row of one datagram."""
        if not _is_message(message):
            return [Anomaly("SSDP_message_not_read", from_orig, offset, f"{len(message)} bytes that are no message")]
        values = read_message(message)
        self.client_is_orig = from_orig is (values["method"] == "M-SEARCH")
        return [Row("ssdp", from_orig, offset, values)]


def detect(opening: Opening) -> float | None:
    """Return how sure it is that the first datagrams are SSDP."""
    firsts = [data for data in (opening.orig, opening.resp) if data]
    return min(map(_score, firsts), default=0.0)


def _score(data: bytes) -> float:
    if data.startswith(STARTS):
        return 0.97
    if not data.startswith(RESPONSE):
        return 0.0
    upper = data.upper()
    return 0.95 if b"\nUSN:" in upper and b"\nST:" in upper else 0.6 if b"\nLOCATION:" in upper else 0.0


PROTOCOL = Protocol(
    name="ssdp",
    title="SSDP: devices that announce themselves and search others (UPnP)",
    specification="UPnP Device Architecture 2.0 section 1",
    carriers=("udp",),
    tables=(TABLE,),
    detect=detect,
    parser=SsdpParser,
    begins=b"MNH",
    limits="Responses are not paired with searches. Bodies of datagrams are not read.",
)
