from __future__ import annotations

import hashlib

from iptvforensics.tls.certificates import Certificate
from iptvforensics.tls.columns import CERTIFICATE_COLUMNS, HELLO_COLUMNS
from iptvforensics.tls.hello import ClientHello, ServerHello
from iptvforensics.tls.values import certificate_values, client_values, server_values


def test_values_have_columns() -> None:
    hello = ClientHello(0x0303, b"\1" * 32, b"", (0x1301, 0x0A0A), ((0xFE0D, b"\0"), (42, b""), (35, b"ticket")))
    client = client_values(hello)
    server = server_values(ServerHello(0x0303, bytes(32), b"\xab", 0x1302, ((43, b"\x03\x04"), (41, b"\0\0"))))
    assert set(client) | set(server) <= {column.name for column in HELLO_COLUMNS}
    assert (client["cipher_suites_offered"], client["offers_ech"], client["offers_early_data"]) == (
        [0x1301],
        True,
        True,
    )
    assert client["ticket_sha256"] == hashlib.sha256(b"ticket").hexdigest()
    assert (server["tls_version"], server["cipher_suite"]) == ("TLS 1.3", "TLS_AES_256_GCM_SHA384")
    assert (server["resumption"], server["session_id"]) == ("psk", "ab")


def test_what_is_missing_of_a_damaged_hello_is_not_told() -> None:
    parts = ((16, b"\0\3\2h2"),)
    whole, cut = (client_values(ClientHello(0x0303, bytes(32), b"", (0x1301,), parts, why)) for why in (None, "cut"))
    assert (whole["client_hello_whole"], whole["versions_offered"], whole["offers_ech"]) == (True, ["TLS 1.2"], False)
    assert (cut["client_hello_whole"], cut["alpn_offered"], cut["client_extensions"]) == (False, ["h2"], [16])
    assert [cut[name] for name in ("versions_offered", "ja3", "ja4", "offers_ech", "offers_early_data")] == [None] * 5
    seen = client_values(ClientHello(0x0303, bytes(32), b"", (), ((43, b"\2\3\4"), (42, b"")), "cut"))
    assert (seen["versions_offered"], seen["offers_early_data"]) == (["TLS 1.3"], True)


def test_certificates_fill_their_columns_and_none_fill_nothing() -> None:
    found = certificate_values([Certificate("aa"), Certificate("bb")])
    assert set(found) == {column.name for column in CERTIFICATE_COLUMNS}
    assert (found["cert_sha256"], found["cert_chain_sha256"], found["cert_names"]) == ("aa", ["aa", "bb"], None)
    assert certificate_values([]) == {}
