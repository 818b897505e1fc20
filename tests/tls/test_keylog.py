from __future__ import annotations

import hashlib

import pytest

from iptvforensics.tls import keylog
from iptvforensics.tls.keylog import MAX_OTHERS, MAX_SESSIONS, Secrets

RANDOM, OTHER = b"\x01" * 32, b"\x02" * 32


def line(label: str, random: bytes, secret: bytes) -> bytes:
    return f"{label} {random.hex()} {secret.hex()}\n".encode()


def test_secrets_are_found_by_label_and_random() -> None:
    secrets = Secrets()
    log = b"# a comment\n" + line(keylog.MASTER, RANDOM, b"m" * 48) + line(keylog.CLIENT_TRAFFIC, OTHER, b"c" * 32)
    assert secrets.add(log.replace(b"\n", b"\r\n")) == 2
    found = secrets.find(keylog.MASTER, RANDOM)
    assert found is not None
    assert (found.value, found.sha256) == (b"m" * 48, hashlib.sha256(b"m" * 48).hexdigest())
    assert secrets.find(keylog.MASTER, OTHER) is None
    assert (secrets.knows(OTHER), secrets.knows(bytes(32)), bool(secrets)) == (True, False, True)


def test_the_first_of_two_secrets_counts() -> None:
    secrets = Secrets()
    secrets.add(line(keylog.MASTER, RANDOM, b"first") + line(keylog.MASTER, RANDOM, b"second"))
    found = secrets.find(keylog.MASTER, RANDOM)
    assert found is not None
    assert found.value == b"first"


def test_all_secrets_of_one_label_are_kept_up_to_a_limit() -> None:
    secrets = Secrets()
    for value in (b"one", b"two", b"one", b"two", *(bytes([65 + i]) for i in range(MAX_OTHERS))):
        secrets.add(line(keylog.MASTER, RANDOM, value))
    found = [secret.value for secret in secrets.find_all(keylog.MASTER, RANDOM)]
    assert found[:3] == [b"one", b"two", b"A"]
    assert len(found) == 1 + MAX_OTHERS
    assert secrets.find_all(keylog.MASTER, OTHER) == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_the_first_line_behind_a_byte_order_mark_counts(encoding: str) -> None:
    text = line(keylog.MASTER, RANDOM, b"m" * 48).decode() + line(keylog.CLIENT_TRAFFIC, OTHER, b"c" * 32).decode()
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    secrets = Secrets()
    assert secrets.add((mark + text.replace("\n", "\r\n")).encode(encoding)) == 2
    assert secrets.knows(RANDOM)


def test_broken_utf_16_is_no_error() -> None:
    assert Secrets().add(b"\xff\xfe\x00\xd8\x00") == 0


@pytest.mark.parametrize(
    "log",
    [
        b"",
        b"RSA 0102030405060708 aabb\n",
        b"CLIENT_RANDOM aabb ccdd\n",
        b"CLIENT_RANDOM " + RANDOM.hex().encode() + b"\n",
        b"CLIENT_RANDOM " + RANDOM.hex().encode() + b" xyz\n",
        b"CLIENT_RANDOM " + b"\xff" * 64 + b" aabb\n",
        line("CLIENT_RANDOM", RANDOM, b"x" * 65),
        bytes(range(256)),
    ],
)
def test_what_is_no_line_of_a_key_log_is_left_out(log: bytes) -> None:
    secrets = Secrets()
    assert secrets.add(log) == 0
    assert not secrets


def test_sessions_are_remembered_up_to_a_limit() -> None:
    secrets = Secrets()
    secrets.remember(b"", b"never")
    for number in range(MAX_SESSIONS + 1):
        secrets.remember(number.to_bytes(4), b"master")
    assert secrets.resumed(b"") is None
    assert secrets.resumed((0).to_bytes(4)) is None
    assert secrets.resumed((1).to_bytes(4)) == (keylog.MASTER, b"master")


def test_identifiers_of_connections() -> None:
    secrets = Secrets()
    for name, random in ((b"12345678", b"a"), (b"abc", b"b"), (b"1234", b"c"), (b"12345678", b"d"), (b"", b"e")):
        secrets.own(name, random)
    assert secrets.owner(b"\x40abcdefgh") is None, "too short to be met by no chance"
    assert secrets.owner(b"\x4012345678rest") == b"c"
    assert secrets.owner(b"\x40x2345678rest") is None
    assert Secrets().owner(b"\x40") is None


def test_identifiers_that_are_remembered_are_limited() -> None:
    secrets = Secrets()
    for number in range(MAX_SESSIONS + 2):
        secrets.own(number.to_bytes(4), b"x")
    assert secrets.owner(b"\x40" + (1).to_bytes(4)) is None
    assert secrets.owner(b"\x40" + (2).to_bytes(4)) == b"x"
