"""QUIC Initials: vectors of the RFCs, and connections of aioquic in memory."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicProtocolVersion, encode_quic_retry, encode_quic_version_negotiation
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from iptvforensics.protocol import Anomaly, Opening, Row
from iptvforensics.protocols._quic_crypto import Keys, full_number, initial_keys
from iptvforensics.protocols._quic_frames import BROKEN, CRYPTO, read_frames
from iptvforensics.protocols._quic_handshake import MAX_CRYPTO_BYTES, CryptoStream
from iptvforensics.protocols._quic_packets import Packet, negotiated, packets
from iptvforensics.protocols._quic_parser import MAX_CONNECTIONS, QuicParser
from iptvforensics.protocols.quic import PROTOCOL, detect
from iptvforensics.schema import ENGINE_COLUMNS
from iptvforensics.tls.hkdf import expand_label, extract

_spec = importlib.util.spec_from_file_location("tls_talk", Path(__file__).parents[1] / "tls" / "talk.py")
assert _spec is not None
assert _spec.loader is not None
talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

DCID = bytes.fromhex("8394c8f03e515708")
CLIENT_FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010"
    "000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e00050005010000000000330026"
    "0024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e040305030603"
    "0203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901"
    "100f088394c8f03e51570806048000ffff"
)
"""RFC 9001 A.2: the CRYPTO frame of the client's first packet."""
SERVER_V1 = bytes.fromhex(
    "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c"
    "3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f5889"
    "1850abbdca3d20398c276456cbc42158407dd074ee"
)
"""RFC 9001 A.3."""
SERVER_V2 = bytes.fromhex(
    "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf87263017915358230035f7fd"
    "3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2c984c707f0a0812d8cd5a6881eaf21ceda98"
    "f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140"
)
"""RFC 9369 A.3."""


def protect(
    payload: bytes, number: int = 2, dcid: bytes = DCID, scid: bytes = b"", version: int = 1, token: bytes = b"",
    key_id: bytes | None = None,
) -> bytes:  # fmt: skip
    """Return a client's Initial packet, made with the cryptographic library alone."""
    salt = {1: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a", 0x6B3343CF: "0dede3def700a6db819381be6e269dcbf9bd2ed9"}
    prefix = "quic " if version == 1 else "quicv2 "
    common = extract("SHA256", bytes.fromhex(salt[version]), dcid if key_id is None else key_id)
    secret = expand_label("SHA256", common, "client in", 32)
    key, iv, hp = (expand_label("SHA256", secret, prefix + n, s) for n, s in (("key", 16), ("iv", 12), ("hp", 16)))
    first = 0xC3 if version == 1 else 0xD3
    ids = bytes([len(dcid)]) + dcid + bytes([len(scid)]) + scid + bytes([len(token)]) + token
    length = (len(payload) + 4 + 16) | 0x4000
    header = bytes([first]) + version.to_bytes(4) + ids + length.to_bytes(2) + number.to_bytes(4)
    sealed = AESGCM(key).encrypt((int.from_bytes(iv) ^ number).to_bytes(12), payload, header)
    mask = Cipher(algorithms.AES(hp), modes.ECB()).encryptor().update(sealed[:16])
    masked = (
        bytes([header[0] ^ mask[0] & 0x0F])
        + header[1:-4]
        + bytes(a ^ b for a, b in zip(header[-4:], mask[1:], strict=False))
    )
    return masked + sealed


def padded(*frames: bytes) -> bytes:
    return b"".join(frames).ljust(1162, b"\0")


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + (offset | 0x4000).to_bytes(2) + (len(data) | 0x4000).to_bytes(2) + data


HELLO = CLIENT_FRAME[4:]
CLIENT_V1 = protect(padded(CLIENT_FRAME))
CLIENT_V2 = protect(padded(CLIENT_FRAME), version=0x6B3343CF)
SPLIT = [
    protect(padded(crypto(100, HELLO[100:200])), 1),
    protect(padded(crypto(200, HELLO[200:]), b"\x01", crypto(0, HELLO[:40])), 2),
    protect(padded(b"\x02\x00\x00\x00\x00", crypto(30, HELLO[30:100])), 3),
]

EXAMPLES = [
    ("version 1", [CLIENT_V1], [SERVER_V1]),
    ("version 2", [CLIENT_V2], [SERVER_V2]),
    ("answer in version 2", [CLIENT_V1], [SERVER_V2]),
    ("hello over three datagrams, out of order", SPLIT, [SERVER_V1]),
]


def read(
    *datagrams: tuple[bool, bytes], parser: QuicParser | None = None
) -> tuple[list[dict[str, Any]], list[Anomaly]]:
    parser = parser or QuicParser(Opening("udp", b"", b""))
    events = [event for side, data in datagrams for event in parser.feed(memoryview(data), side)]
    events += parser.end(True) + parser.end(False)
    return [e.values for e in events if isinstance(e, Row)], [e for e in events if isinstance(e, Anomaly)]


def opened(keys: Keys, packet: Packet, largest: int = -1) -> bytes | None:
    """Return the payload of a packet."""
    header = keys.header(packet.data, packet.number_at)
    assert header is not None
    return keys.open(packet.data, header, full_number(largest, header.truncated, header.bits))


# Vectors ------------------------------------------------------------------------------------------------------------


def test_the_client_packet_is_that_of_the_rfc() -> None:
    assert CLIENT_V1.hex().startswith("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b")
    assert CLIENT_V1.hex().endswith("e221af44860018ab0856972e194cd934")
    assert len(CLIENT_V1) == 1200


def test_client_packet_of_the_rfc_opens() -> None:
    (packet,) = packets(CLIENT_V1)
    assert opened(initial_keys(1, DCID)[0], packet) == padded(CLIENT_FRAME)


@pytest.mark.parametrize("data", [SERVER_V1, SERVER_V2])
def test_server_packets_of_the_rfcs_open(data: bytes) -> None:
    (packet,) = packets(data)
    payload = opened(initial_keys(packet.version, DCID)[1], packet)
    assert payload is not None
    (frame,) = [frame for frame in read_frames(payload) if frame.kind == CRYPTO]
    assert (frame.offset, payload[frame.start : frame.start + 4].hex()) == (0, "02000056")


@pytest.mark.parametrize(("client", "server", "version"), [
    (CLIENT_V1, SERVER_V1, "00000001"), (CLIENT_V2, SERVER_V2, "6b3343cf"), (CLIENT_V1, SERVER_V2, "6b3343cf"),
])  # fmt: skip
@pytest.mark.parametrize("turned", [False, True])
def test_row(client: bytes, server: bytes, version: str, turned: bool) -> None:
    talk = [(True, client), (False, server)]
    (row,), anomalies = read(*(reversed(talk) if turned else talk))
    assert (row["server_name"], row["alpn_offered"]) == ("example.com", ["alpn"])
    assert (row["quic_version"], row["original_dcid"], row["server_scid"]) == (version, DCID.hex(), "f067a5502a4262b5")
    assert (row["tls_version"], row["cipher_suite"]) == ("TLS 1.3", "TLS_AES_128_GCM_SHA256")
    assert row["ja4"].startswith("q13d0211an_")
    assert [a.name for a in anomalies] == ["QUIC_not_opened"]


# Connections of aioquic ----------------------------------------------------------------------------------------------


def connect(alpn: Sequence[str] = ("h3",), **options: Any) -> list[tuple[bool, bytes]]:
    """Return the datagrams of a handshake."""
    pem, _ = talks.identity("ec")
    client_options = {"is_client": True, "server_name": talks.HOST, "alpn_protocols": list(alpn), "verify_mode": 0}
    client = QuicConnection(configuration=QuicConfiguration(**client_options, **options))
    server_options = QuicConfiguration(is_client=False, alpn_protocols=list(alpn))
    server_options.load_cert_chain(pem, pem)
    client.connect(("192.0.2.7", 443), now=0.0)
    server = QuicConnection(
        configuration=server_options, original_destination_connection_id=client.original_destination_connection_id
    )
    found: list[tuple[bool, bytes]] = []
    for step in range(6):
        for side, sender, receiver in ((True, client, server), (False, server, client)):
            for data, _ in sender.datagrams_to_send(now=step * 0.01):
                found.append((side, data))
                receiver.receive_datagram(data, ("192.0.2.7", 443), now=step * 0.01)
    return found


@pytest.mark.parametrize("version", [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2])
@pytest.mark.parametrize("client_first", [False, True])
def test_a_real_connection(version: int, client_first: bool) -> None:
    talk = connect(original_version=version, supported_versions=[version])
    if client_first:  # as the engine feeds the directions of one block
        talk.sort(key=lambda each: not each[0])
    (row,), anomalies = read(*talk)
    assert (row["server_name"], row["alpn_offered"], row["tls_version"]) == (talks.HOST, ["h3"], "TLS 1.3")
    assert row["quic_version"] == row["client_version"] == f"{int(version):08x}"
    assert row["has_retry"] is row["is_retried"] is False
    assert row["client_hello_frame"] == (True, 0)
    assert [a.name for a in anomalies] == ["QUIC_not_opened"]


def test_dns_over_quic_is_noticed() -> None:
    _, anomalies = read(*connect(alpn=["doq"]))
    assert [a.name for a in anomalies] == ["QUIC_dns_not_seen", "QUIC_not_opened"]


def test_an_unanswered_connection_gives_a_row_at_the_end() -> None:
    talk = [each for each in connect() if each[0]]
    (row,), _ = read(*talk)
    assert (row["server_name"], row["tls_version"], row["server_hello_frame"]) == (talks.HOST, None, None)


@pytest.mark.parametrize("retry_first", [False, True])
def test_retry_joins_both_attempts(retry_first: bool) -> None:
    first = (True, protect(padded(CLIENT_FRAME), scid=b"client"))
    retry = (False, encode_quic_retry(1, b"new-id", b"client", DCID, b"token"))
    other = HELLO[:6] + bytes(32) + HELLO[38:]
    second = (True, protect(padded(crypto(0, other)), dcid=b"new-id", scid=b"client", token=b"token"))
    (row,), _ = read(*([first, retry, second] if retry_first else [first, second, retry]))
    assert (row["has_retry"], row["original_dcid"], row["client_random"]) == (True, DCID.hex(), bytes(32).hex())


def test_two_connections_on_the_same_ports() -> None:
    other = protect(padded(CLIENT_FRAME), dcid=b"another-one")
    rows, _ = read((True, CLIENT_V1), (False, SERVER_V1), (True, other))
    assert [row["original_dcid"] for row in rows] == [DCID.hex(), b"another-one".hex()]


def test_the_number_of_connections_is_limited() -> None:
    many = [(True, protect(padded(CLIENT_FRAME), dcid=number.to_bytes(8))) for number in range(MAX_CONNECTIONS + 3)]
    rows, _ = read(*many)
    assert len(rows) == MAX_CONNECTIONS


def test_an_answer_alone_cannot_be_opened_and_that_is_said() -> None:
    rows, anomalies = read((False, SERVER_V1))
    assert (rows, [a.name for a in anomalies]) == ([], ["QUIC_initial_not_opened"])


def test_a_hello_that_is_not_whole_is_reported() -> None:
    (row,), anomalies = read((True, SPLIT[0]))
    assert row["server_name"] is None
    assert [a.name for a in anomalies] == ["QUIC_hello_incomplete", "QUIC_not_opened"]


def test_a_hello_whose_end_is_missing_says_whom_the_client_asks() -> None:
    (row,), anomalies = read((True, protect(padded(crypto(0, HELLO[:120])))), (False, SERVER_V1))
    assert (row["server_name"], row["client_hello_whole"], row["ja4"]) == ("example.com", False, None)
    assert [a.name for a in anomalies] == ["QUIC_hello_incomplete", "QUIC_not_opened"]


def test_a_damaged_hello_says_what_stands_before_the_damage() -> None:
    at = HELLO.index(bytes.fromhex("0039 0032"))  # transport parameters, the last extension
    damaged = HELLO[: at + 2] + b"\xff\xff" + HELLO[at + 4 :]
    (row,), anomalies = read((True, protect(padded(crypto(0, damaged)))), (False, SERVER_V1))
    assert (row["server_name"], row["client_hello_whole"], row["ja3"]) == ("example.com", False, None)
    assert [a.name for a in anomalies] == ["QUIC_bad_message", "QUIC_not_opened"]


def test_refused_version() -> None:
    refusal = encode_quic_version_negotiation(b"client", b"server", [1, 0x6B3343CF])
    _, anomalies = read((False, refusal))
    assert [(a.name, a.detail) for a in anomalies] == [
        ("QUIC_version_refused", "the server offers the versions 00000001, 6b3343cf")
    ]


# Parts ---------------------------------------------------------------------------------------------------------------


def test_frames_end_where_they_do_not_fit() -> None:
    for payload in (
        crypto(0, b"abc")[:-1],
        b"\x02\x00\x00\xff" + bytes(7) + crypto(0, b"abc"),
        b"\x21" + crypto(0, b"abc"),
    ):
        assert [frame.kind for frame in read_frames(payload)] == [BROKEN]


def test_crypto_stream_is_limited() -> None:
    stream = CryptoStream()
    assert stream.add(MAX_CRYPTO_BYTES - 2, b"abc", 0) == []
    for number in range(10_000):
        stream.add(1 + number % MAX_CRYPTO_BYTES, b"x", 0)
    assert len(stream._held) <= 512
    assert stream.add(0, b"\x01\0\0\x03abc", 0)[0].body == b"abc"


@pytest.mark.parametrize("cut", [0, 5, 6, 8, 15, 18, 25])
def test_cut_packets_give_nothing(cut: int) -> None:
    assert list(packets(CLIENT_V1[:cut])) == []
    assert negotiated(CLIENT_V1[:cut]) is None


def test_detection() -> None:
    assert detect(Opening("udp", CLIENT_V1, b"")) == 1.0
    assert detect(Opening("udp", b"", SERVER_V1)) == 0.8
    assert detect(Opening("udp", random.Random(1).randbytes(1200), b"")) == 0.0


def test_declared_columns_are_filled() -> None:
    (row,), _ = read((True, CLIENT_V1), (False, SERVER_V1))
    assert set(row) == (set(PROTOCOL.tables[0].column_names) - ENGINE_COLUMNS) | {"secret_sha256"}
