"""Packet numbers, key phases and the choice of keys: vectors of the RFCs, and packets made with the library alone."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from iptvforensics.protocols._quic_crypto import Keys, full_number
from iptvforensics.protocols._quic_packets import VERSION_1, VERSION_2
from iptvforensics.protocols._quic_spaces import MAX_TRIALS, Space
from iptvforensics.tls.hkdf import expand_label
from iptvforensics.tls.keylog import CLIENT_TRAFFIC, Secret
from iptvforensics.tls.suites import suite_of

SECRET = bytes.fromhex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b")
NUMBER = 654360564
SHORT = {  # the ChaCha20 packets of RFC 9001 A.5 and RFC 9369 A.5
    VERSION_1: bytes.fromhex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb"),
    VERSION_2: bytes.fromhex("5558b1c60ae7b6b932bc27d786f4bc2bb20f2162ba"),
}
AES_SECRET = bytes(range(32))


@pytest.mark.parametrize("version", SHORT)
def test_the_short_packets_of_the_rfcs(version: int) -> None:
    suite = suite_of(0x1303)
    assert suite is not None
    keys = Keys(version, suite, SECRET)
    header = keys.header(SHORT[version], 1)
    assert header is not None
    assert header.data.hex() == "4200bff4"
    assert full_number(NUMBER - 1, header.truncated, header.bits) == NUMBER
    assert keys.open(SHORT[version], header, NUMBER) == b"\x01"
    assert keys.open(SHORT[version], header, NUMBER + 1) is None
    assert keys.open_short(SHORT[version], 1, NUMBER - 1, 0) == (b"\x01", 4, NUMBER)
    assert keys.open_short(SHORT[version], 1, NUMBER - 1, 1) is None  # of another key phase
    assert keys.open_short(SHORT[version], 1, NUMBER + (1 << 24), 0) is None
    assert keys.open_short(SHORT[version][:-1], 1, NUMBER - 1, 0) is None


def test_the_next_secret_of_the_rfc() -> None:
    expected = "1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9"
    assert expand_label("SHA256", SECRET, "quic ku", 32).hex() == expected


@pytest.mark.parametrize("version", SHORT)
def test_suite_and_version_are_found_by_the_first_packet(version: int) -> None:
    space = Space.of_secrets([Secret(CLIENT_TRAFFIC, SECRET)], [VERSION_1, VERSION_2], None)
    space._largest = NUMBER - 1
    opened = space.open(SHORT[version], 1, 77)
    assert opened is not None
    assert (opened.payload, opened.at, space.version) == (b"\x01", 4, version)
    assert space.phase is not None
    assert (space.phase.suite, space.phase.packets, space.phase.first_offset) == ("TLS_CHACHA20_POLY1305_SHA256", 1, 77)


def sealed(number: int, updates: int = 0, size: int = 2, payload: bytes = b"\x01" * 20) -> bytes:
    """Return a packet with a short header and no identifier."""
    first = SecretOf(0)
    now = SecretOf(updates)
    header = bytes([0x40 | (updates % 2) << 2 | size - 1]) + (number & (1 << 8 * size) - 1).to_bytes(size)
    body = AESGCM(now.key).encrypt((now.iv ^ number).to_bytes(12), payload, header)
    mask = Cipher(algorithms.AES(first.hp), modes.ECB()).encryptor().update(body[4 - size : 20 - size])
    hidden = bytes(a ^ b for a, b in zip(header[1:], mask[1:], strict=False))
    return bytes([header[0] ^ mask[0] & 0x1F]) + hidden + body


class SecretOf:
    """The keys of a generation."""

    def __init__(self, updates: int) -> None:
        secret = AES_SECRET
        for _ in range(updates):
            secret = expand_label("SHA256", secret, "quic ku", 32)
        self.key, self.hp = (expand_label("SHA256", secret, f"quic {name}", 16) for name in ("key", "hp"))
        self.iv = int.from_bytes(expand_label("SHA256", secret, "quic iv", 12))


def space() -> Space:
    return Space.of_secrets([Secret(CLIENT_TRAFFIC, AES_SECRET)], [VERSION_1], None)


@pytest.mark.parametrize(
    "packets",
    [
        [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)],
        [(0, 0), (4, 1), (3, 0), (5, 1)],  # one of the phase before comes late
        [(0, 0), (9, 2), (10, 3)],  # a whole phase is missing
        [(0, 0), (9, 3)],
        [(5, 1), (6, 2)],  # the first phase is missing
    ],
)
def test_key_phases(packets: list[tuple[int, int]]) -> None:
    reader = space()
    assert all(reader.open(sealed(number, updates), 1, 0) for number, updates in packets)
    assert reader.phase is not None
    assert (reader.phase.packets, reader.phase.updates) == (len(packets), packets[-1][1])


@pytest.mark.parametrize(
    ("jump", "size", "is_found"),
    [(100, 1, True), (300, 1, True), (1500, 1, True), (9000, 1, False), (200_000, 2, True)],
)
def test_numbers_behind_missing_packets(jump: int, size: int, is_found: bool) -> None:
    reader = space()
    assert reader.open(sealed(0), 1, 0)
    assert (reader.open(sealed(jump, 0, size), 1, 0) is not None) == is_found


def test_late_packets_keep_the_largest_number() -> None:
    reader = space()
    for number in (0, 130, 250, 140, 370, 371):
        assert reader.open(sealed(number, 0, 1), 1, 0), number


def test_the_short_way_says_what_the_long_one_says() -> None:
    sent = [(0, 0, 2), (1, 0, 1), (5, 0, 4), (3, 0, 1), (200, 1, 2), (201, 1, 3), (199, 0, 2), (202, 1, 2), (9, 2, 2)]
    packets = [sealed(number, updates, size) for number, updates, size in sent]
    long_way, short_way = space(), space()
    assert short_way.open_expected(packets[0], 1, 0) is None  # the keys are not known yet
    taken = 0
    for packet in packets:
        found = short_way.open_expected(packet, 1, 7)
        taken += found is not None
        assert (found or short_way.open(packet, 1, 7)) == long_way.open(packet, 1, 7)
        assert (short_way._largest, short_way._present) == (long_way._largest, long_way._present)
    assert taken == 5
    assert short_way.phase is not None
    assert long_way.phase is not None
    assert (short_way.phase.packets, short_way.phase.bytes) == (long_way.phase.packets, long_way.phase.bytes)


def test_the_short_way_changes_nothing_where_it_fails() -> None:
    reader = space()
    assert reader.open(sealed(7), 1, 0)
    for packet in (sealed(8, 1), bytes([0x41]) + bytes(60), b"\x41", sealed(300, 0, 1)):
        assert reader.open_expected(packet, 1, 0) is None
    assert reader.phase is not None
    assert (reader._largest, reader._trials, reader._present, reader.phase.packets) == (7, 0, 0, 1)


def test_trials_are_limited() -> None:
    reader = space()
    junk = bytes([0x41]) + bytes(60)
    for _ in range(MAX_TRIALS // 8 + 10):
        assert reader.open(junk, 1, 0) is None
    assert reader._trials == MAX_TRIALS
    assert reader.open(sealed(0), 1, 0), "what is protected as expected is still opened"
    assert reader.open(sealed(1, 1), 1, 0) is None


@pytest.mark.parametrize("size", [0, 5, 20])
def test_packets_too_short_for_a_sample(size: int) -> None:
    assert space().open(bytes([0x41]) + bytes(size)[:19], 1, 0) is None


def test_a_secret_of_unknown_length_opens_nothing() -> None:
    reader = Space.of_secrets([Secret(CLIENT_TRAFFIC, b"short")], [VERSION_1], None)
    assert reader.open(sealed(0), 1, 0) is None
