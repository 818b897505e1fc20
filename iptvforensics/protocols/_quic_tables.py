"""Columns of the table of QUIC connections."""

from __future__ import annotations

from ..schema import Column, message_table
from ..tls.columns import CERTIFICATE_COLUMNS, HELLO_COLUMNS

TABLE = message_table(
    "quic",
    "QUIC connection: its identifiers, the hellos in its Initial packets, and with secrets the certificate",
    (
        Column("quic_version", "text", "Version of QUIC, hexadecimal: that of the server's answer, else the client's."),
        Column("client_version", "text", "Version of the client's first packet, hexadecimal."),
        Column("original_dcid", "text", "Identifier to which the client's first packet went, hexadecimal."),
        Column("client_scid", "text", "Identifier that the client chose for itself, hexadecimal."),
        Column("server_scid", "text", "Identifier that the server chose for itself, hexadecimal."),
        Column("has_retry", "bool", "True if the client had to prove its address first (Retry)."),
        *HELLO_COLUMNS,
        Column("early_data_accepted", "bool", "True if the server took early data; null where not decrypted."),
        Column("client_ids", "text[]", "Further identifiers that the client gave itself; null where not decrypted."),
        Column("server_ids", "text[]", "Further identifiers that the server gave itself; null where not decrypted."),
        Column("path_checks", "int", "How often a side tried whether a path works (PATH_CHALLENGE); null as above."),
        Column("datagrams", "int", "Datagrams of the application (DATAGRAM), which are not read; null as above."),
        Column("close", "text", "Side that closed the connection, its code and reason; null if not decrypted."),
        *CERTIFICATE_COLUMNS,
    ),
    endpoints=True,
)
