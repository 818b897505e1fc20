"""Tables that files of the examiner fill: where addresses lie, and who holds blocks of link-layer addresses.

They say what a file said, not what was seen; each row names its file by digest.
"""

from __future__ import annotations

from .schema import FIRST_NS, LAST_NS, Column, Table

FOLDER = "references"
"""Folder of these tables in a case."""

_FILE = Column("reference_file", "text", "Name of the file of the examiner that says so.")
_SHA256 = Column("reference_sha256", "text", "SHA-256 of that file.")

PLACES = Table(
    "places",
    "IP address that was contacted, and what one file of the examiner says of it",
    (
        Column("ip", "text", "Public IP address of a flow of the case."),
        Column("network", "text", "Network of the file to which the address belongs; null if the file has none."),
        Column("country", "text", "Country code (ISO 3166-1) in which the file places the network."),
        Column("registered_country", "text", "Country code in which the network is registered."),
        Column("city", "text", "City in which the file places the network; rarely right for servers."),
        Column("asn", "int", "Number of the autonomous system that announces the network."),
        Column("organisation", "text", "Holder of the autonomous system."),
        FIRST_NS,
        LAST_NS,
        Column("database_type", "text", "Kind of the file, as it says itself."),
        Column("built_ns", "time_ns", "When the file was built, as it says itself."),
        Column(
            "days_apart", "float", "Days from the building of the file to the contact; negative: it was built later."
        ),
        Column("note", "text", "What limits the statement: a file built long before or after the contact."),
        _FILE,
        _SHA256,
    ),
)

MAKERS = Table(
    "makers",
    "link-layer address that was seen or claimed, and the holder of its block by a file of the examiner",
    (
        Column("mac", "text", "Link-layer address of the sender; behind a router, that of the router."),
        Column("prefix", "text", "Block of the file to which the address belongs; null if the file has none."),
        Column("registry", "text", "Registry of the block: MA-L, MA-M, MA-S, ..."),
        Column("organisation", "text", "Holder of the block: maker of the network chip or of the device."),
        Column("note", "text", "What limits the statement: an address that was set locally names no maker."),
        _FILE,
        _SHA256,
    ),
)

REFERENCE_TABLES = (PLACES, MAKERS)
