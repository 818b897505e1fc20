"""One DHCPv6 message: from bytes to the columns of a row, and what was wrong with it.

RFC 8415 sections 8, 9 and 21, RFC 4704 (client's name), RFC 6939 (link-layer address that a relay adds).
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Any

from ..schema import Column, message_table
from ._dhcp_options import duid_mac, duid_time_ns, hexadecimal, labels, mac, shown, text

TYPES = {
    1: "SOLICIT", 2: "ADVERTISE", 3: "REQUEST", 4: "CONFIRM", 5: "RENEW", 6: "REBIND", 7: "REPLY", 8: "RELEASE",
    9: "DECLINE", 10: "RECONFIGURE", 11: "INFORMATION-REQUEST", 12: "RELAY-FORW", 13: "RELAY-REPL",
}  # fmt: skip
RELAYED = frozenset((12, 13))
RESPONSES = frozenset((2, 7, 10, 13))
RELAY_BYTES, PLAIN_BYTES = 34, 4
MAX_RELAYS = 8
"""RFC 8415 section 7.6 (HOP_COUNT_LIMIT)."""
MAX_OPTIONS = 1024
"""Options read of one message; what people send has twenty."""
CLIENT_ID, SERVER_ID, IA_NA, IA_TA, IA_ADDRESS, REQUESTED, RELAY_MESSAGE = 1, 2, 3, 4, 5, 6, 9
IA_PD, IA_PREFIX, LINK_LAYER, VENDOR_OPTIONS = 25, 26, 79, 17

TABLE = message_table(
    "dhcp6",
    "DHCPv6 message, of a client, of a server, or passed on by a relay",
    (
        Column(
            "message_type", "text", "Kind of message: SOLICIT, ADVERTISE, REQUEST, REPLY, ..., of the client's own."
        ),
        Column("is_response", "bool", "True for a message of a server, false for one of a client."),
        Column("xid", "int", "Identifier that ties the messages of one exchange together."),
        Column("client_duid", "text", "DUID of the client in hexadecimal digits (option 1)."),
        Column("client_duid_mac", "text", "Link-layer address within the DUID; that of any interface of the client."),
        Column("client_duid_ns", "time_ns", "When the DUID was made by the client's clock, if it holds a time."),
        Column("server_duid", "text", "DUID of the server in hexadecimal digits (option 2)."),
        Column("fqdn", "text", "Full name of the client (option 39)."),
        Column("vendor_enterprise", "int", "Enterprise number before the vendor class (option 16)."),
        Column("vendor_class", "text", "Vendor class: software or model that the client claims (option 16)."),
        Column("user_class", "text", "User class (option 15)."),
        Column(
            "vendor_options", "text[]", "Vendor-specific information as `enterprise number.code=value` (option 17)."
        ),
        Column("ia_addresses", "text[]", "Addresses asked for or given (options 3, 4 and 5)."),
        Column("ia_prefixes", "text[]", "Prefixes asked for or given (options 25 and 26)."),
        Column("dns_servers", "text[]", "DNS servers that the server names (option 23)."),
        Column("parameter_list", "int[]", "Options that the client asks for, in its order (option 6)."),
        Column("options", "int[]", "Codes of all options in the order of the message."),
        Column("relayed_from", "text", "Address from which the first relay had the message (peer-address)."),
        Column("relayed_mac", "text", "Link-layer address of the client as the relay saw it (option 79)."),
        Column("message_bytes", "int", "Length of the datagram."),
    ),
    endpoints=True,
)

Listed = list[tuple[int, bytes]]


def _options(data: bytes) -> tuple[Listed, str | None]:
    """Return the options of a message or container, and where reading had to stop."""
    found: Listed = []
    at = 0
    while at + 4 <= len(data):
        code, length = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 4 + length > len(data):
            return found, f"option {code} says {length} bytes, {len(data) - at - 4} are there"
        if len(found) == MAX_OPTIONS:
            return found, f"more than {MAX_OPTIONS} options"
        found.append((code, data[at + 4 : at + 4 + length]))
        at += 4 + length
    return found, None if at == len(data) else f"{len(data) - at} bytes behind the last option"


def is_six(data: bytes, *, is_whole: bool = True) -> bool:
    """Return True if the bytes are a DHCPv6 message that says who sends it, a whole one unless that is not asked."""
    if len(data) < PLAIN_BYTES or data[0] not in TYPES:
        return False
    if data[0] in RELAYED:
        found, problem = _options(data[RELAY_BYTES:])
        inner = [value for code, value in found if code == RELAY_MESSAGE and value]
        return len(data) >= RELAY_BYTES and problem is None and data[1] < 32 and any(v[0] in TYPES for v in inner)
    found, problem = _options(data[PLAIN_BYTES:])
    return (problem is None or not is_whole) and any(
        code in (CLIENT_ID, SERVER_ID) and _is_duid(value) for code, value in found
    )


def _is_duid(value: bytes) -> bool:
    return 4 <= len(value) <= 130 and value[0] == 0 and 1 <= value[1] <= 4


def read_six(message: bytes) -> tuple[dict[str, Any], list[tuple[str, int, str]]]:
    """Return the columns of a message of `PLAIN_BYTES` at least, and what was wrong: name, position, detail."""
    values: dict[str, Any] = {"message_bytes": len(message)}
    problems: list[tuple[str, int, str]] = []
    inner = message
    for _ in range(MAX_RELAYS):
        if inner[0] not in RELAYED:
            break
        if len(inner) < RELAY_BYTES:
            problems.append(("DHCP_relay_cut", 0, f"{len(inner)} of {RELAY_BYTES} bytes"))
            break
        listed, problem = _options(inner[RELAY_BYTES:])
        values["relayed_from"] = str(IPv6Address(inner[18:34]))
        values["relayed_mac"] = _link_layer(listed) or values.get("relayed_mac")
        carried = next((value for code, value in listed if code == RELAY_MESSAGE and len(value) >= PLAIN_BYTES), None)
        if carried is None:
            problems.append(("DHCP_options_malformed", RELAY_BYTES, problem or "a relay carries no message"))
            break
        inner = carried
    else:
        if inner[0] in RELAYED:
            problems.append(("DHCP_relays_over_limit", 0, f"more than {MAX_RELAYS} relays, one in another"))
    kind = inner[0]
    values["message_type"] = TYPES.get(kind) or f"TYPE{kind}"
    values["is_response"] = kind in RESPONSES
    if kind not in RELAYED:
        values["xid"] = int.from_bytes(inner[1:4], "big")
        listed, problem = _options(inner[PLAIN_BYTES:])
        values |= _option_values(listed)
        if problem is not None:
            problems.append(("DHCP_options_malformed", PLAIN_BYTES if inner is message else RELAY_BYTES, problem))
    return values, problems


def _link_layer(listed: Listed) -> str | None:
    value = next((value for code, value in listed if code == LINK_LAYER), b"")
    return mac(value[2:]) if len(value) == 8 and value[:2] == b"\0\x01" else None


def _option_values(listed: Listed) -> dict[str, Any]:
    first: dict[int, bytes] = {}
    for code, value in listed:
        first.setdefault(code, value)
    get = first.get
    vendor = get(16, b"")
    return {
        "client_duid": hexadecimal(get(CLIENT_ID)),
        "client_duid_mac": duid_mac(get(CLIENT_ID)),
        "client_duid_ns": duid_time_ns(get(CLIENT_ID)),
        "server_duid": hexadecimal(get(SERVER_ID)),
        "fqdn": labels(get(39, b"")[1:]),
        "vendor_enterprise": int.from_bytes(vendor[:4], "big") if len(vendor) >= 4 else None,
        "vendor_class": _classes(vendor[4:]),
        "user_class": _classes(get(15, b"")),
        "vendor_options": _vendor_options(listed) or None,
        "ia_addresses": _inside(listed, {IA_NA: 12, IA_TA: 4}, IA_ADDRESS, _address) or None,
        "ia_prefixes": _inside(listed, {IA_PD: 12}, IA_PREFIX, _prefix) or None,
        "dns_servers": [str(IPv6Address(get(23, b"")[i : i + 16])) for i in range(0, len(get(23, b"")) - 15, 16)]
        or None,
        "parameter_list": [
            int.from_bytes(get(REQUESTED, b"")[i : i + 2], "big") for i in range(0, len(get(REQUESTED, b"")) - 1, 2)
        ]
        or None,
        "options": [code for code, _ in listed] or None,
    }


def _classes(value: bytes) -> str | None:
    """Return texts that have their lengths before them."""
    found, at = [], 0
    while at + 2 <= len(value):
        length = int.from_bytes(value[at : at + 2], "big")
        found.append(text(value[at + 2 : at + 2 + length]))
        at += 2 + length
    return ", ".join(filter(None, found)) or None


def _vendor_options(listed: Listed) -> list[str]:
    """Return what options with vendor-specific information hold, each behind its enterprise number."""
    return [
        f"{int.from_bytes(value[:4], 'big')}.{code}={shown(inner)}"
        for kind, value in listed
        if kind == VENDOR_OPTIONS and len(value) >= 4
        for code, inner in _options(value[4:])[0]
    ]


def _inside(listed: Listed, containers: dict[int, int], wanted: int, write: Any) -> list[str]:
    """Return what the identity associations of a kind hold: `containers` says where their options begin."""
    found = []
    for code, value in listed:
        if code in containers:
            found += [write(inner) for kind, inner in _options(value[containers[code] :])[0] if kind == wanted]
    return [text for text in found if text]


def _address(value: bytes) -> str | None:
    return str(IPv6Address(value[:16])) if len(value) >= 24 else None


def _prefix(value: bytes) -> str | None:
    return f"{IPv6Address(value[9:25])}/{value[8]}" if len(value) >= 25 else None
