"""TLS conversations between real clients and servers (Python's ssl, in memory), and captures of them.

Nothing is sent: two `ssl.MemoryBIO` hand each other what the other side wrote.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import struct
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

HOST = "play.stellar-tv.example"
NOT_BEFORE, NOT_AFTER = (
    datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(2036, 1, 1, tzinfo=datetime.UTC),
)
REQUEST = f"GET /live/box7/k3y/12.ts HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: Lavf/59.27.100\r\n\r\n".encode()
_FOLDER = tempfile.TemporaryDirectory(prefix="talk-")
_NUMBERS = count()
BODY = bytes(range(256)) * 200
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Talk:
    """What went over the wire, in its order, and the key log."""

    def __init__(self) -> None:
        self.chunks: list[tuple[bool, bytes]] = []
        """True: the client sent it."""
        self.keylog = ""
        self.session: ssl.SSLSession | None = None
        self.client_got = b""
        self.server_got = b""

    def stream(self, from_client: bool) -> bytes:
        return b"".join(data for side, data in self.chunks if side == from_client)


def identity(kind: str = "rsa", common_name: str = HOST) -> tuple[str, bytes]:
    """Return a PEM file with key and self-signed certificate, and the certificate as DER: each time the same."""
    return _identity(kind, common_name)


@cache
def _identity(kind: str, common_name: str) -> tuple[str, bytes]:
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Stellar TV"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    names = [
        x509.DNSName(common_name),
        x509.DNSName("*.stellar-tv.example"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(0x1F2E3D4C5B).not_valid_before(NOT_BEFORE).not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    path = _new_file("pem")
    path.write_bytes(pem)
    return str(path), certificate.public_bytes(serialization.Encoding.DER)


def _new_file(kind: str) -> Path:
    """Return the path of a file that is removed when the tests end."""
    return Path(_FOLDER.name) / f"{next(_NUMBERS)}.{kind}"


def server_context(version: ssl.TLSVersion, suite: str | None, kind: str, alpn: Sequence[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity(kind)[0])
    return _set_up(context, version, suite, alpn)


def client_context(version: ssl.TLSVersion, suite: str | None, alpn: Sequence[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _set_up(context, version, suite, alpn)


def _set_up(context: ssl.SSLContext, version: ssl.TLSVersion, suite: str | None, alpn: Sequence[str]) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what old boxes speak
        context.minimum_version = min(version, ssl.TLSVersion.TLSv1_2)
        context.maximum_version = version
    context.set_ciphers(f"{suite}:@SECLEVEL=0" if suite else "ALL:@SECLEVEL=0")
    context.set_alpn_protocols(list(alpn))
    return context


def talk(
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    suite: str | None = None,
    *,
    kind: str = "rsa",
    alpn: Sequence[str] = ("http/1.1",),
    request: bytes = REQUEST,
    answer: bytes = ANSWER,
    contexts: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
    session: ssl.SSLSession | None = None,
    host: str | None = HOST,
    write_size: int = 16384,
) -> Talk:
    """Return one connection: handshake, request, answer, close_notify of both sides."""
    found = Talk()
    client_side, server_side = contexts or (
        client_context(version, suite, alpn),
        server_context(version, suite, kind, alpn),
    )
    log = _new_file("keys")
    client_side.keylog_filename = str(log)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server_out := ssl.MemoryBIO(), server_hostname=host, session=session)
    server = server_side.wrap_bio(to_server, to_client_out := ssl.MemoryBIO(), server_side=True)

    def carry() -> None:
        if data := to_server_out.read():
            found.chunks.append((True, data))
            to_server.write(data)
        if data := to_client_out.read():
            found.chunks.append((False, data))
            to_client.write(data)

    for _ in range(6):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            carry()
    client.write(request)
    carry()
    found.server_got = server.read(1 << 20)
    for at in range(0, len(answer), write_size):
        server.write(answer[at : at + write_size])
        carry()
    parts, got = [], 0
    while got < len(answer):
        parts.append(client.read(1 << 20))
        got += len(parts[-1])
    found.client_got = b"".join(parts)
    found.session = client.session
    for side in (client, server):
        try:
            side.unwrap()
        except ssl.SSLError:
            pass
        carry()
    found.keylog = log.read_text() if log.exists() else ""
    return found


def talk_13(suite: str, *, request: bytes = REQUEST, answer: bytes = ANSWER) -> Talk:
    """Return a connection of TLS 1.3 with this suite, by OpenSSL through pyOpenSSL (Python's ssl cannot choose it)."""
    from OpenSSL import SSL

    found = Talk()
    contexts = SSL.Context(SSL.TLS_CLIENT_METHOD), SSL.Context(SSL.TLS_SERVER_METHOD)
    for context in contexts:
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.set_tls13_ciphersuites(suite.encode())
    contexts[1].use_certificate_file(identity()[0])
    contexts[1].use_privatekey_file(identity()[0])
    lines: list[bytes] = []
    contexts[0].set_keylog_callback(lambda connection, line: lines.append(line))
    client, server = SSL.Connection(contexts[0], None), SSL.Connection(contexts[1], None)
    client.set_connect_state()
    server.set_accept_state()

    def carry() -> None:
        for side, sender, receiver in ((True, client, server), (False, server, client)):
            try:
                data = sender.bio_read(1 << 20)
            except SSL.WantReadError:
                continue
            found.chunks.append((side, data))
            receiver.bio_write(data)

    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except SSL.WantReadError:
                pass
            carry()
    client.sendall(request)
    carry()
    found.server_got = server.recv(1 << 20)
    for at in range(0, len(answer), 16384):
        server.sendall(answer[at : at + 16384])
        carry()
    while len(found.client_got) < len(answer):
        found.client_got += client.recv(1 << 20)
    found.keylog = b"\n".join(lines).decode()
    return found


# --- captures --------------------------------------------------------------------------------------------------------


def write_capture(path: Path, talks: Sequence[Talk], *, server_port: int = 443, mss: int = 1400) -> None:
    """Write conversations as a pcap file: one TCP connection each, one after another."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    at_us = 1_800_000_000_000_000
    for number, each in enumerate(talks):
        for frame in _frames(each.chunks, 50_000 + number, server_port, mss):
            at_us += 500
            out.append(struct.pack("<IIII", at_us // 1_000_000, at_us % 1_000_000, len(frame), len(frame)) + frame)
    path.write_bytes(b"".join(out))


def _frames(chunks: Sequence[tuple[bool, bytes]], port: int, server_port: int, mss: int) -> list[bytes]:
    sent = {True: 1000, False: 5000}
    frames: list[bytes] = []

    def add(from_client: bool, flags: int, data: bytes = b"") -> None:
        ports = (port, server_port) if from_client else (server_port, port)
        tcp = (
            struct.pack(">HHIIBBHHH", *ports, sent[from_client], sent[not from_client], 5 << 4, flags, 64000, 0, 0)
            + data
        )
        ends = bytes([192, 168, 1, 40]), bytes([192, 0, 2, 7])
        source, destination = ends if from_client else ends[::-1]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + destination
        frames.append(b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + ip + tcp)
        sent[from_client] += len(data) + (1 if flags & 3 else 0)

    add(True, 0x02)
    add(False, 0x12)
    for from_client, data in chunks:
        for at in range(0, len(data), mss):
            add(from_client, 0x18, data[at : at + mss])
    add(True, 0x11)
    add(False, 0x11)
    return frames
