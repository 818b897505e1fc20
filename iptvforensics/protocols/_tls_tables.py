"""Columns of the table of TLS handshakes."""

from __future__ import annotations

from ..schema import Column, message_table
from ..tls.columns import CERTIFICATE_COLUMNS, HELLO_COLUMNS

TABLE = message_table(
    "tls",
    "TLS handshake of a TCP connection: hellos, certificates and alerts of both sides",
    (
        *HELLO_COLUMNS,
        Column(
            "early_data_accepted", "bool", "True if the server took early data; null where that could not be decrypted."
        ),
        Column("new_ticket_sha256", "text", "SHA-256 of the ticket that the server issued, as far as seen in clear."),
        *CERTIFICATE_COLUMNS,
        Column("client_cert_subject", "text", "Subject of the client's certificate; null if it sent none."),
        Column("client_cert_sha256", "text", "SHA-256 of the client's certificate."),
        Column("alerts", "text[]", "Alerts up to the end of the handshake: side, level, description."),
    ),
    endpoints=True,
)
