"""RTMPT: which bodies belong to a stream, and what is said of the others."""

from __future__ import annotations

import pytest

from iptvforensics.protocol import Anomaly, ContentInfo, Opening, Tunnel
from iptvforensics.protocols.rtmpt import PROTOCOL, Command, RtmptParser, detect, read_command, tunnel

BASE = "http://media.example"


def info(
    path: str | None, role: str = "request", status: int | None = None, media_type: str | None = None
) -> ContentInfo:
    name = None if path is None else BASE + path
    return ContentInfo(name=name, media_type=media_type or "application/x-fcs", role=role, method="POST", status=status)


EXAMPLES = [
    ("open-request", b"\0", b"", info("/open/1")),
    ("open-response", b"Xq7Lb2\n", b"", info("/open/1", "response", 200)),
    ("idle-request", b"\0", b"", info("/idle/Xq7Lb2/4")),
    ("request-not-captured", b"\x01\x03abc", b"", info(None, "response", 200)),
]


def read(what: ContentInfo, *pieces: bytes) -> list[object]:
    parser = RtmptParser(Opening("content", b"", b"", info=what))
    events = [event for piece in pieces for event in parser.feed(memoryview(piece), True)]
    return [*events, *parser.gap(3, True), *parser.end(True)]


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/open/1", Command("open", None, None)),
        ("/fcs/ident2", Command("fcs", None, None)),
        ("/send/Xq7/0", Command("send", "Xq7", 0)),
        ("/idle/Xq7/12", Command("idle", "Xq7", 12)),
        ("/close/Xq7/13", Command("close", "Xq7", 13)),
        ("http://10.0.0.1:8080/send/Xq7/2?x=1", Command("send", "Xq7", 2)),
        ("/send/Xq7", Command("send", "Xq7", None)),
        ("/send/Xq7/12345678901234567890", Command("send", "Xq7", None)),
        ("/send//1", None),
        ("/send/Xq7/x", None),
        ("/live/send/Xq7/1", None),
        ("/open", None),
        ("", None),
        (None, None),
    ],
)
def test_commands_are_read_from_paths(path: str | None, command: Command | None) -> None:
    assert read_command(path) == command


def test_request_of_send_is_part_of_the_stream_from_its_first_byte() -> None:
    assert tunnel(info("/send/Xq7/1")) == Tunnel("Xq7", 0, 1)


@pytest.mark.parametrize("command", ["send", "idle"])
def test_response_begins_with_a_byte_that_is_no_part_of_the_stream(command: str) -> None:
    assert tunnel(info(f"/{command}/Xq7/2", "response", 200)) == Tunnel("Xq7", 1, 2)


def test_idle_request_counts_in_the_order_and_carries_nothing() -> None:
    assert tunnel(info("/idle/Xq7/2")) == Tunnel("Xq7", None, 2)


def test_close_ends_either_direction() -> None:
    assert tunnel(info("/close/Xq7/2")) == Tunnel("Xq7", None, 2, is_last=True)
    assert tunnel(info("/close/Xq7/2", "response", 200)) == Tunnel("Xq7", 1, 2, is_last=True)


@pytest.mark.parametrize("status", [404, 500])
def test_refusal_carries_nothing(status: int) -> None:
    assert tunnel(info("/send/Xq7/2", "response", status)) == Tunnel("Xq7", None, 2)


@pytest.mark.parametrize("path", ["/open/1", "/fcs/ident2", "/index.html", None])
@pytest.mark.parametrize("role", ["request", "response"])
def test_other_bodies_are_part_of_no_stream(path: str | None, role: str) -> None:
    assert tunnel(info(path, role, 200)) is None


@pytest.mark.parametrize(("number", "late"), [(0, False), (2, False), (3, True), (57, True)])
def test_high_number_says_that_the_beginning_is_missing(number: int, late: bool) -> None:
    part = tunnel(info(f"/send/Xq7/{number}"))
    assert part is not None
    assert part.is_midstream is late


def test_session_is_told_apart_by_its_id() -> None:
    first, second = tunnel(info("/send/Xq7/1")), tunnel(info("/send/Xq8/1"))
    assert first is not None
    assert second is not None
    assert first.key != second.key


@pytest.mark.parametrize("media_type", ["application/x-fcs", "Application/X-FCS; charset=x"])
def test_media_type_decides(media_type: str) -> None:
    assert detect(Opening("content", b"\x47" * 400, b"", info=info("/send/Xq7/1", media_type=media_type))) == 1.0


@pytest.mark.parametrize("media_type", ["application/x-fcst", "text/plain"])
def test_other_media_types_are_refused(media_type: str) -> None:
    assert detect(Opening("content", b"", b"", info=info("/send/Xq7/1", media_type=media_type))) == 0.0


def test_missing_media_type_is_refused() -> None:
    assert detect(Opening("content", b"", b"", info=ContentInfo(name=f"{BASE}/send/Xq7/1"))) == 0.0


def test_body_of_a_known_command_says_nothing() -> None:
    assert read(info("/open/1", "response", 200), b"Xq7", b"\n") == []


def test_body_without_a_request_is_said_to_be_unread() -> None:
    assert read(info(None, "response", 200), b"\x01", b"abc") == [
        Anomaly("RTMPT_session_not_known", True, 0, "4 bytes were not read")
    ]


def test_empty_body_without_a_request_says_nothing() -> None:
    assert read(info(None, "response", 200)) == []


def test_inner_protocol_exists_and_reads_streams() -> None:
    from iptvforensics.protocols import registry

    assert PROTOCOL.inner
    assert all("tcp" in registry()[name].carriers for name in PROTOCOL.inner)
