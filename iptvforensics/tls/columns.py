"""Columns of the tables `tls` and `quic` for hellos and certificates; the table of secrets that were used."""

from __future__ import annotations

from ..schema import Column, message_table

HELLO_COLUMNS = (
    Column("client_hello_frame", "frame", "Frame with the first byte of the client's hello; null if not captured."),
    Column("server_hello_frame", "frame", "Frame with the first byte of the server's hello; null if not captured."),
    Column(
        "client_hello_whole",
        "bool",
        "False if the client's hello was cut or damaged: told as far as it could be read, without fingerprints.",
    ),
    Column("server_name", "text", "Host name that the client asked for (SNI); with ECH, that of the outer hello."),
    Column("tls_version", "text", "Version that the server chose."),
    Column("versions_offered", "text[]", "Versions that the client offered."),
    Column("cipher_suite", "text", "Cipher suite that the server chose."),
    Column("cipher_suites_offered", "int[]", "Numbers of the cipher suites that the client offered, without GREASE."),
    Column("alpn_offered", "text[]", "Application protocols that the client offered (ALPN)."),
    Column("alpn", "text", "Application protocol that the server chose; from TLS 1.3 on seen only when decrypted."),
    Column("client_extensions", "int[]", "Types of the client's extensions in their order, without GREASE."),
    Column("server_extensions", "int[]", "Types of the extensions in the server's hello, in their order."),
    Column("ja3", "text", "JA3 fingerprint of the client software."),
    Column("ja3s", "text", "JA3S fingerprint of the server's answer."),
    Column("ja4", "text", "JA4 fingerprint of the client software."),
    Column("client_random", "text", "Random of the client, by which key logs name the connection, hexadecimal."),
    Column("is_retried", "bool", "True if the server asked for a second hello of the client (HelloRetryRequest)."),
    Column(
        "offers_ech", "bool", "True if the client sent an encrypted hello or imitated one: the name may be a decoy."
    ),
    Column("offers_early_data", "bool", "True if the client announced data before the handshake's end (0-RTT)."),
    Column("resumption", "text", "How an earlier session was resumed: session id, ticket, psk; null: none seen to be."),
    Column("session_id", "text", "Session identifier of the server, hexadecimal; up to TLS 1.2 it names the session."),
    Column("ticket_sha256", "text", "SHA-256 of the ticket by which the client wanted to resume a session."),
)

CERTIFICATE_COLUMNS = (
    Column("cert_subject", "text", "Subject of the server's certificate."),
    Column("cert_issuer", "text", "Issuer of the server's certificate."),
    Column("cert_names", "text[]", "Host names and addresses for which the server's certificate holds."),
    Column("cert_serial", "text", "Serial number of the server's certificate, hexadecimal."),
    Column("cert_not_before_ns", "time_ns", "Begin of the validity of the server's certificate."),
    Column("cert_not_after_ns", "time_ns", "End of the validity of the server's certificate."),
    Column("cert_self_signed", "bool", "True if the server's certificate was signed with its own key."),
    Column("cert_sha256", "text", "SHA-256 of the server's certificate."),
    Column("cert_key_sha256", "text", "SHA-256 of the public key in the server's certificate."),
    Column("cert_chain_sha256", "text[]", "SHA-256 of all certificates that the server sent, its own first."),
)


DECRYPTED = message_table(
    "decrypted",
    "secret with which records (QUIC: packets) of one direction were decrypted",
    (
        Column("label", "text", "Label of the secret in the key log."),
        Column("client_random", "text", "Random of the client, by which key logs name the connection, hexadecimal."),
        Column("tls_version", "text", "Version that the server chose."),
        Column("cipher_suite", "text", "Cipher suite that the server chose."),
        Column("records", "int", "Records (QUIC: packets) that were decrypted with it."),
        Column("content_bytes", "int", "Bytes that these held."),
        Column("key_updates", "int", "How often the keys were renewed from it (TLS: KeyUpdate; QUIC: key phases)."),
    ),
    endpoints=True,
)
