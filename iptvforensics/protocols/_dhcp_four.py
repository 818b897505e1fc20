"""One DHCPv4 message: from bytes to the columns of a row, and what was wrong with it.

RFC 2131 section 2 (header), RFC 2132 (options).
"""

from __future__ import annotations

from typing import Any

from ..schema import Column, message_table
from ._dhcp_options import (
    ETHERNET,
    Options,
    address,
    addresses,
    client_mac_of,
    fqdn,
    hexadecimal,
    mac,
    number,
    numbered_classes,
    numbered_data,
    printable,
    read_options,
    text,
    user_class,
)

COOKIE = b"\x63\x82\x53\x63"
OPTIONS_AT = 240
"""Behind 236 bytes of BOOTP header and the cookie."""
TYPES = {
    1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE", 8: "INFORM",
    9: "FORCERENEW", 10: "LEASEQUERY", 11: "LEASEUNASSIGNED", 12: "LEASEUNKNOWN", 13: "LEASEACTIVE",
}  # fmt: skip

TABLE = message_table(
    "dhcp",
    "DHCPv4 message, of a client or of a server",
    (
        Column("message_type", "text", "Kind of message: DISCOVER, OFFER, REQUEST, ACK, ...; null for plain BOOTP."),
        Column("is_response", "bool", "True for a message of a server, false for one of a client (op)."),
        Column("xid", "int", "Identifier that ties the messages of one exchange together."),
        Column("elapsed_s", "int", "Seconds since the client began, as it says (secs)."),
        Column("hardware_type", "int", "Kind of link-layer address: 1 for Ethernet and 802.11 (htype)."),
        Column("client_mac", "text", "Link-layer address that the client gives itself (chaddr), with colons."),
        Column("client_address", "text", "Address that the client has already (ciaddr)."),
        Column("offered_ip", "text", "Address that the server gives to the client (yiaddr)."),
        Column("next_server_ip", "text", "Server from which to go on loading (siaddr)."),
        Column("relay_ip", "text", "Relay that passed the message on (giaddr)."),
        Column("boot_server", "text", "Name in the field of the server's name (sname)."),
        Column("boot_file", "text", "Name in the field of the boot file (file)."),
        Column("host_name", "text", "Host name: claimed by a client, given by a server (option 12)."),
        Column("fqdn", "text", "Full name of the client (option 81)."),
        Column("requested_ip", "text", "Address that the client asks for (option 50)."),
        Column("dhcp_server_ip", "text", "Server that is meant or that speaks (option 54)."),
        Column("lease_s", "int", "Time for which the address is given, in seconds (option 51)."),
        Column("vendor_class", "text", "Vendor class: software or model that the client claims (option 60)."),
        Column("user_class", "text", "User class (option 77)."),
        Column("client_id", "text", "Client identifier in hexadecimal digits, its type first (option 61)."),
        Column("client_id_mac", "text", "Link-layer address within the client identifier, if it is made of one."),
        Column("parameter_list", "int[]", "Options that the client asks for, in its order (option 55)."),
        Column("options", "int[]", "Codes of all options in the order of the message."),
        Column("vendor_data", "text", "Vendor-specific information in hexadecimal digits (option 43)."),
        Column("vendor_text", "text", "The same as ASCII, other bytes as dots; null if nothing is printable."),
        Column("vendor_classes", "text[]", "Vendor classes as `enterprise number=class` (option 124)."),
        Column(
            "vendor_options",
            "text[]",
            "Vendor-specific information as `enterprise number.code=value` (option 125); 3561 is that of TR-069, with "
            "block of the maker (1), serial number (2) and kind of product (3).",
        ),
        Column("tftp_server", "text", "Server for boot files (option 66)."),
        Column("boot_file_option", "text", "Boot file (option 67)."),
        Column("subnet_mask", "text", "Subnet mask (option 1)."),
        Column("routers", "text[]", "Routers that the server names (option 3)."),
        Column("dns_servers", "text[]", "DNS servers that the server names (option 6)."),
        Column("ntp_servers", "text[]", "Time servers that the server names (option 42)."),
        Column("domain_name", "text", "Domain of the network (option 15)."),
        Column("message_text", "text", "What the sender says of a failure (option 56)."),
        Column("relay_info", "text", "What the relay says of the line, in hexadecimal digits (option 82)."),
        Column("captive_url", "text", "Address of the network's portal (option 114)."),
        Column("message_bytes", "int", "Length of the message."),
    ),
    endpoints=True,
)


def is_four(data: bytes) -> bool:
    """Return True if the bytes begin with the header of a DHCPv4 message."""
    return len(data) >= OPTIONS_AT and data[0] in (1, 2) and data[2] <= 16 and data[236:240] == COOKIE


def read_four(message: bytes) -> tuple[dict[str, Any], list[tuple[str, int, str]]]:
    """Return the columns of a message for which `is_four` holds, and what was wrong: name, position, detail."""
    options = read_options(message, OPTIONS_AT)
    hardware, length = message[1], message[2]
    chaddr = message[28 : 28 + length]
    values = {
        "message_type": _type_name(options),
        "is_response": message[0] == 2,
        "xid": int.from_bytes(message[4:8], "big"),
        "elapsed_s": int.from_bytes(message[8:10], "big"),
        "hardware_type": hardware,
        "client_mac": mac(chaddr) if any(chaddr) else None,
        "client_address": address(message[12:16]),
        "offered_ip": address(message[16:20]),
        "next_server_ip": address(message[20:24]),
        "relay_ip": address(message[24:28]),
        "message_bytes": len(message),
        **_fields(message, options),
        **_option_values(options),
    }
    problems = [] if options.problem is None else [("DHCP_options_malformed", OPTIONS_AT, options.problem)]
    if hardware == ETHERNET and length != 6:
        problems.append(("DHCP_address_length", 2, f"an Ethernet address has 6 bytes, {length} are announced"))
    return values, problems


def _type_name(options: Options) -> str | None:
    code = number(options.values.get(53), 1)
    return None if code is None else TYPES.get(code) or f"TYPE{code}"


def _fields(message: bytes, options: Options) -> dict[str, Any]:
    """Return the two fields of text, unless options stand in them."""
    overload = options.values.get(52, b"\0")[:1] or b"\0"
    return {
        "boot_server": None if overload[0] & 2 else text(message[44:108].partition(b"\0")[0]),
        "boot_file": None if overload[0] & 1 else text(message[108:236].partition(b"\0")[0]),
    }


def _option_values(options: Options) -> dict[str, Any]:
    get = options.values.get
    return {
        "host_name": text(get(12)),
        "fqdn": fqdn(get(81)),
        "requested_ip": address(get(50)),
        "dhcp_server_ip": address(get(54)),
        "lease_s": number(get(51), 4),
        "vendor_class": text(get(60)),
        "user_class": user_class(get(77)),
        "client_id": hexadecimal(get(61)),
        "client_id_mac": client_mac_of(get(61)),
        "parameter_list": list(get(55, b"")) or None,
        "options": options.codes or None,
        "vendor_data": hexadecimal(get(43)),
        "vendor_text": printable(get(43)),
        "vendor_classes": numbered_classes(get(124)),
        "vendor_options": numbered_data(get(125)),
        "tftp_server": text(get(66)),
        "boot_file_option": text(get(67)),
        "subnet_mask": address(get(1)),
        "routers": addresses(get(3)),
        "dns_servers": addresses(get(6)),
        "ntp_servers": addresses(get(42)),
        "domain_name": text(get(15)),
        "message_text": text(get(56)),
        "relay_info": hexadecimal(get(82)),
        "captive_url": text(get(114)),
    }
