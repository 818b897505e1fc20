"""Hellos of a real client and server, and what nobody decent sends."""

from __future__ import annotations

import ssl
import struct

import pytest

from iptvforensics.tls.hello import RETRY_RANDOM, ClientHello, is_grease, read_client_hello, read_server_hello
from iptvforensics.tls.messages import MessageReader
from iptvforensics.tls.wire import MessageError

from . import talk as talks


def vector(size: int, data: bytes) -> bytes:
    return len(data).to_bytes(size) + data


def extension(kind: int, content: bytes) -> bytes:
    return struct.pack(">H", kind) + vector(2, content)


def client_hello(*extensions: bytes, version: int = 0x0303, suites: bytes = b"\x13\x01", session: bytes = b"") -> bytes:
    head = struct.pack(">H", version) + bytes(range(32)) + vector(1, session) + vector(2, suites) + b"\x01\0"
    return head + vector(2, b"".join(extensions)) if extensions else head


def first_message(stream: bytes) -> bytes:
    return next(MessageReader().feed(0, stream[5:])).body


def test_hellos_of_a_real_connection() -> None:
    talk = talks.talk(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256", alpn=["h2", "http/1.1"])
    client, server = (first_message(talk.stream(side)) for side in (True, False))
    hello, answer = read_client_hello(client), read_server_hello(server)
    assert (hello.server_name, hello.alpn, hello.versions) == (talks.HOST, ["h2", "http/1.1"], (0x0303,))
    assert (answer.version, answer.suite, answer.alpn, answer.is_retry) == (0x0303, 0xC02F, "h2", False)
    assert hello.random.hex() in talk.keylog


def test_versions_leave_out_what_is_strewn_in() -> None:
    offered = extension(43, vector(1, bytes.fromhex("1a1a03040303")))
    assert read_client_hello(client_hello(offered)).versions == (0x0304, 0x0303)
    assert read_client_hello(client_hello(version=0x0301)).versions == (0x0301,)


def test_ticket_and_identity() -> None:
    identities = vector(2, vector(2, b"identity") + bytes(4)) + vector(2, vector(1, bytes(32)))
    assert read_client_hello(client_hello(extension(41, identities))).ticket == b"identity"
    assert read_client_hello(client_hello(extension(35, b"ticket"))).ticket == b"ticket"
    assert read_client_hello(client_hello(extension(35, b""))).ticket is None


def test_a_damaged_extension_leaves_the_others_readable() -> None:
    name = extension(0, vector(2, b"\0" + vector(2, b"cdn.falcon.example")))
    hello = read_client_hello(client_hello(extension(16, b"\xff\xff"), extension(43, b"\x09"), name))
    assert (hello.alpn, hello.versions, hello.server_name) == (None, (0x0303,), "cdn.falcon.example")


def test_name_that_is_no_text_stays_visible() -> None:
    name = extension(0, vector(2, b"\0" + vector(2, b"a\xff.example")))
    assert read_client_hello(client_hello(name)).server_name == "a\\xff.example"


@pytest.mark.parametrize("cut", [0, 1, 33, 36, 38])
def test_a_hello_cut_before_the_end_of_its_suites_is_an_error(cut: int) -> None:
    whole = client_hello(extension(35, b"ticket"))
    for is_cut in (False, True):
        with pytest.raises(MessageError):
            read_client_hello(whole[:cut], is_cut=is_cut)


NAME = extension(0, vector(2, b"\0" + vector(2, b"cdn.falcon.example")))


def test_a_hello_says_what_stands_before_its_damage() -> None:
    whole = client_hello(NAME, extension(16, vector(2, vector(1, b"h2"))), extension(35, b"ticket"))
    assert read_client_hello(whole).damage is None
    assert read_client_hello(whole, is_cut=True).damage == "its end is missing"
    bare = len(client_hello())
    for cut in range(39, len(whole)):
        hello = read_client_hello(whole[:cut], is_cut=True)
        assert hello.damage is not None
        assert (read_client_hello(whole[:cut]).damage is None) is (cut == bare), cut  # old hellos have no extensions
        assert (hello.server_name is not None) is (cut >= bare + 2 + len(NAME))
    assert (hello.server_name, hello.alpn, hello.ticket) == ("cdn.falcon.example", ["h2"], None)


def test_an_extension_longer_than_the_list_leaves_those_before_it() -> None:
    hello = read_client_hello(client_hello(NAME, struct.pack(">HH", 43, 9) + b"\x02\x03\x04"))
    assert (hello.server_name, hello.damage) == ("cdn.falcon.example", "9 bytes expected, 3 left")


def test_retry_is_known_by_its_random() -> None:
    body = b"\x03\x03" + RETRY_RANDOM + b"\0" + b"\x13\x01\0" + vector(2, extension(43, b"\x03\x04"))
    hello = read_server_hello(body)
    assert (hello.is_retry, hello.version) == (True, 0x0304)


def test_grease() -> None:
    assert [value for value in range(1 << 16) if is_grease(value)] == [0x0A0A + 0x1010 * i for i in range(16)]


def test_empty_hello_has_no_extensions() -> None:
    hello = read_client_hello(client_hello())
    assert isinstance(hello, ClientHello)
    assert (hello.extensions, hello.server_name, hello.groups, hello.signatures) == ((), None, (), ())
