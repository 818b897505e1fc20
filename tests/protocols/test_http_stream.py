"""HTTP/1.x: what must hold however the bytes come in, with holes, cuts and damage."""

from __future__ import annotations

import gzip
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iptvforensics.protocol import ContentData, Row

from .test_http import GET, OK, Seen
from .test_http import TCP_EXAMPLES as EXAMPLES

IDS = [name for name, _, _ in EXAMPLES]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def fed_at_random(orig: bytes, resp: bytes, chance: random.Random, largest: int, **opening: Any) -> Any:
    """Return what is seen if the directions are cut and interleaved at random."""
    seen = Seen(orig, resp, **opening)
    ends = [True, False]
    while ends:
        direction = chance.choice(ends)
        if seen.fed[direction] < len(seen.streams[direction]):
            seen.feed(direction, chance.randint(1, largest))
        else:
            seen.end(direction)
            ends.remove(direction)
    return seen


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return the data with some bytes changed, removed, doubled or moved."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        if not out:
            break
        at, size = chance.randrange(len(out)), chance.randint(1, 12)
        match chance.randrange(4):
            case 0:
                out[at] = chance.choice(b"\r\n :;H0f\xff,/")
            case 1:
                del out[at : at + size]
            case 2:
                out[at:at] = out[at : at + size]
            case _:
                out[at:at] = bytes(chance.choices(b"\r\n HTTP/1.120G", k=size))
    return bytes(out)


body = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"G\0\0" * 60]),
)


@st.composite
def conversations(draw: st.DrawFn, clean: bool = False) -> tuple[bytes, bytes]:
    """Draw what a client and a server send."""
    orig, resp = bytearray(), bytearray()
    for number in range(draw(st.integers(1, 5))):
        method = draw(st.sampled_from(["GET", "GET", "POST", "HEAD"]))
        eol = b"\r\n" if clean else draw(st.sampled_from([b"\r\n", b"\r\n", b"\n"]))
        orig += f"{method} /{number} HTTP/1.1".encode() + eol + b"Host: a.example" + eol
        orig += framed(draw, draw(body) if method == "POST" else b"", eol, length_of_nothing=False)
        if draw(st.integers(0, 5)) == 0:
            resp += b"HTTP/1.1 100 Continue" + eol + eol
        status = draw(st.sampled_from([200, 200, 200, 302, 204, 304, 206]))
        content = draw(body)
        resp += f"HTTP/1.1 {status} Text".encode() + eol
        if status in (204, 304):
            resp += eol
        elif method == "HEAD":
            resp += b"Content-Length: 7" + eol + eol
        else:
            if draw(st.booleans()):
                resp += b"Content-Encoding: gzip" + eol
                content = gzip.compress(content, mtime=0)
            resp += framed(draw, content, eol, length_of_nothing=True)
    return bytes(orig), bytes(resp)


def framed(draw: st.DrawFn, content: bytes, eol: bytes, *, length_of_nothing: bool) -> bytes:
    """Return the end of a head and the body."""
    if not content and not length_of_nothing:
        return eol
    if draw(st.booleans()):
        return b"Content-Length: %d" % len(content) + eol + eol + content
    out = b"Transfer-Encoding: chunked" + eol + eol
    while content:
        size = draw(st.integers(1, len(content)))
        out += b"%x" % size + eol + content[:size] + eol
        content = content[size:]
    return out + b"0" + eol + eol


@pytest.mark.parametrize(("name", "orig", "resp"), EXAMPLES, ids=IDS)
@pytest.mark.parametrize("client_first", [True, False], ids=["client first", "server first"])
def test_byte_by_byte_is_as_whole(name: str, orig: bytes, resp: bytes, client_first: bool) -> None:
    seen = Seen(orig, resp)
    for direction in (client_first, not client_first):
        for _ in seen.streams[direction]:
            seen.feed(direction, 1)
    assert seen.end(not client_first, client_first).everything() == Seen(orig, resp).whole().everything()


@QUICK
@given(conversation=conversations(), seed=st.integers(0, 1 << 30), largest=st.sampled_from([1, 3, 20, 300]))
def test_cuts_and_interleaving_do_not_matter(conversation: tuple[bytes, bytes], seed: int, largest: int) -> None:
    whole = Seen(*conversation).whole()
    assert fed_at_random(*conversation, random.Random(seed), largest).everything() == whole.everything()


@settings(QUICK, max_examples=300)
@given(conversation=conversations(), seed=st.integers(0, 1 << 30), midstream=st.booleans())
def test_cuts_and_interleaving_do_not_matter_in_damaged_input(
    conversation: tuple[bytes, bytes], seed: int, midstream: bool
) -> None:
    chance = random.Random(seed)
    orig, resp = (damaged(data, chance) if chance.random() < 0.8 else data for data in conversation)
    whole = Seen(orig, resp, midstream=midstream).whole()
    assert fed_at_random(orig, resp, chance, 30, midstream=midstream).everything() == whole.everything()


@settings(QUICK, max_examples=200)
@given(conversation=conversations(), seed=st.integers(0, 1 << 30))
def test_cuts_and_interleaving_do_not_matter_with_gaps(conversation: tuple[bytes, bytes], seed: int) -> None:
    chance = random.Random(seed)
    holes = {
        True: chance.sample(range(len(conversation[0])), chance.randint(0, 1)),
        False: chance.sample(range(len(conversation[1])), chance.randint(0, min(2, len(conversation[1])))),
    }
    size = chance.choice([1, 4, 40, 400])

    def fed(largest: int, order: list[bool]) -> Any:
        seen = Seen(*conversation)
        ends = [True, False]
        while ends:
            direction = next(d for d in order if d in ends) if order else chance.choice(ends)
            position, length = seen.fed[direction], len(seen.streams[direction])
            stops = [hole for hole in holes[direction] if hole >= position]
            if position >= length:
                seen.end(direction)
                ends.remove(direction)
            elif position in stops:
                seen.gap(direction, size)
            else:
                seen.feed(direction, min(chance.randint(1, largest), min(stops, default=length) - position))
        return seen.everything()

    assert fed(5, []) == fed(1 << 20, [True, False]) == fed(1 << 20, [False, True])


def has_own_end(row: dict[str, Any]) -> bool:
    """Return True if the response tells its end, and told it."""
    framed_body = row["response_body_declared_bytes"] is not None or row["transfer_encoding"] is not None
    return framed_body and not row["deviations"]


@pytest.mark.parametrize(("name", "orig", "resp"), EXAMPLES, ids=IDS)
def test_cut_conversation_gives_the_beginning_of_the_whole(name: str, orig: bytes, resp: bytes) -> None:
    full = Seen(orig, resp).whole()
    for cut in range(len(resp)):
        seen = Seen(orig, resp[:cut]).whole()
        finished = [row for row in seen.rows if row[2]["complete"] and has_own_end(row[2])]
        assert finished == [row for row in full.rows if has_own_end(row[2])][: len(finished)]
        assert len(seen.rows) == len(full.rows)
        for key, part in seen.contents.items():
            whole = full.contents[key]
            assert part[:2] == whole[:2]
            assert part[2] == whole[2]._replace(status=part[2].status, extra=part[2].extra)
            assert whole[3][0].startswith(part[3][0])


@pytest.mark.parametrize(("name", "orig", "resp"), EXAMPLES, ids=IDS)
@pytest.mark.parametrize("size", [1, 9, 60])
def test_gap_anywhere_keeps_every_request_and_every_offset(name: str, orig: bytes, resp: bytes, size: int) -> None:
    requests = [row[:2] for row in Seen(orig, resp).whole().rows]
    coded = b"Encoding" in resp
    for place in range(len(resp) - size):
        seen = Seen(orig, resp).feed(True).feed(False, place).gap(False, size).feed(False).end()
        assert [row[:2] for row in seen.rows if row[2]["method"]] == requests
        if not coded:
            check_offsets(seen)


@pytest.mark.parametrize(("name", "orig", "resp"), EXAMPLES, ids=IDS)
def test_gap_in_requests_keeps_every_response(name: str, orig: bytes, resp: bytes) -> None:
    if name in ("CONNECT and what follows", "upgrade to WebSocket"):
        return
    responses = sum(row[2]["status"] is not None for row in Seen(orig, resp).whole().rows)
    for place in range(len(orig) - 9):
        seen = Seen(orig, resp).feed(True, place).gap(True, 9).feed(True).feed(False).end()
        found = [row[2]["response_frame_no"] for row in seen.rows if row[2]["status"] is not None]
        assert len(found) == len(set(found))
        assert responses - 1 <= len(found) <= responses + 1
        if b"Encoding" not in resp:
            check_offsets(seen)


def check_offsets(seen: Any) -> None:
    """Every piece of identity content is what the stream holds at its offset."""
    direction = {key: part[0] for key, part in seen.contents.items()}
    for event in seen.events:
        if isinstance(event, ContentData):
            stream = seen.streams[direction[event.key]]
            assert stream[event.offset : event.offset + len(event.data)] == bytes(event.data)


def test_gap_in_a_body_of_known_length_is_counted() -> None:
    seen = Seen(GET + GET, OK + OK).feed(True).feed(False, len(OK) - 4).gap(False, 2).feed(False).end()
    first, second = seen.values
    assert (first["response_body_bytes"], first["response_missing_bytes"], first["interrupted"]) == (3, 2, "gap")
    assert second["complete"]
    assert second["deviations"] == []
    assert seen.contents[1][3:] == ((b"h", 2, b"lo"), True)


def test_gap_over_the_end_of_a_body_loses_the_next_answer() -> None:
    seen = Seen(GET * 3, OK * 3).feed(True).feed(False, len(OK) - 4).gap(False, 10).feed(False).end()
    assert [v["interrupted"] for v in seen.values] == ["gap", "gap", None]
    assert [v["status"] for v in seen.values] == [200, None, 200]
    assert seen.values[2]["deviations"] == ["pairing_uncertain"]
    assert seen.contents[1][4] is True
    assert seen.anomaly_names == ["HTTP_gap_in_head"]


def test_gap_in_a_head_keeps_its_whole_lines() -> None:
    response = b"HTTP/1.1 200 OK\r\nServer: s\r\nX: lost\r\nContent-Length: 5\r\n\r\nhello"
    seen = Seen(GET * 2, response + OK).feed(True).feed(False, 32).gap(False, 9).feed(False).end()
    assert seen.values[0]["response_headers"] == ["Server: s"]
    assert seen.values[0]["interrupted"] == "gap"
    assert seen.values[1]["status"] == 200
    unknown = seen.contents[1]
    assert unknown[2].role == "message"
    assert unknown[3][0].endswith(b"hello")


@pytest.mark.parametrize(("lost_at", "headers"), [(17, []), (30, ["Accept: */*"])])
def test_what_a_cut_request_does_not_name_may_have_stood_behind(lost_at: int, headers: list[str]) -> None:
    request = b"GET /a HTTP/1.1\r\nAccept: */*\r\nHost: h.example\r\n\r\n"
    seen = (
        Seen(request + GET, OK + OK).feed(True, lost_at).gap(True, len(request) - lost_at).feed(True).feed(False).end()
    )
    assert (seen.values[0]["target"], seen.values[0]["request_headers"], seen.values[0]["host"]) == (
        "/a",
        headers,
        None,
    )
    assert "incomplete_request_head" in seen.values[0]["deviations"]
    assert "no_host_header" not in seen.values[0]["deviations"]


CHUNKS = [bytes([65 + i]) * 20 for i in range(8)]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED_BODY = b"".join(b"14\r\n%b\r\n" % c for c in CHUNKS) + b"0\r\n\r\n"


def test_gap_within_a_chunk_is_counted() -> None:
    seen = Seen(GET * 2, CHUNKED + CHUNKED_BODY + OK).feed(True).feed(False, len(CHUNKED) + 30).gap(False, 3)
    seen.feed(False).end()
    joined = b"".join(CHUNKS)
    place = 30 - 4 - 6
    assert seen.contents[1][3:] == ((joined[:place], 3, joined[place + 3 :]), True)
    assert [v["interrupted"] for v in seen.values] == ["gap", None]
    assert seen.values[1]["deviations"] == []


def test_chunks_are_found_again_behind_a_gap_over_several() -> None:
    seen = Seen(GET * 2, CHUNKED + CHUNKED_BODY + OK).feed(True).feed(False, len(CHUNKED) + 10).gap(False, 60)
    seen.feed(False).end()
    before, length, after = seen.contents[1][3]
    joined = b"".join(CHUNKS)
    assert joined.startswith(before)
    assert length == -1
    assert joined.endswith(after)
    assert len(after) > 80
    assert seen.values[0]["interrupted"] == "gap"
    assert seen.values[1]["status"] == 200


def test_damaged_chunk_line_is_told_and_the_next_one_found() -> None:
    damaged_body = CHUNKED_BODY.replace(b"14\r\nCC", b"ZZ\r\nCC")
    seen = Seen(GET * 2, CHUNKED + damaged_body + OK).whole()
    assert seen.values[0]["interrupted"] == "unreadable chunks"
    assert seen.anomaly_names == ["HTTP_chunk_size_not_readable"]
    assert seen.bodies[0].endswith(b"".join(CHUNKS[3:]))
    assert seen.values[1]["complete"]


def test_next_answer_ends_a_chunked_body_with_a_hole() -> None:
    seen = Seen(GET * 2, CHUNKED + CHUNKED_BODY + OK).feed(True).feed(False, len(CHUNKED) + 10)
    seen.gap(False, len(CHUNKED_BODY) - 11).feed(False).end()
    assert [v["status"] for v in seen.values] == [200, 200]
    assert seen.contents[1][4] is False
    assert seen.contents[3][3] == (b"hello",)


def test_joining_within_a_body_hands_it_on_and_pairs_the_next_answer() -> None:
    seen = Seen(GET, b"\x47\x00rest of a body" + OK, midstream=True).whole()
    (row,) = seen.values
    assert (row["method"], row["status"], row["deviations"]) == ("GET", 200, [])
    assert seen.contents[1][2].role == "message"
    assert seen.contents[1][2].name is None
    assert seen.bodies == [b"\x47\x00rest of a body", b"hello"]
    assert seen.anomalies == []


def test_joining_within_a_request_expects_its_answer() -> None:
    seen = Seen(b"ept: */*\r\n\r\n" + GET, OK + OK.replace(b"200", b"404"), midstream=True).whole()
    assert [(v["method"], v["status"]) for v in seen.values] == [("GET", 404), (None, 200)]


def test_joining_between_messages_is_uncertain() -> None:
    seen = Seen(GET, OK, midstream=True).whole()
    assert seen.values[0]["deviations"] == ["pairing_uncertain"]


def test_bytes_between_messages_are_handed_on() -> None:
    seen = Seen(GET * 2, OK + b"more than declared" + OK).whole()
    assert [v["status"] for v in seen.values] == [200, 200]
    assert seen.bodies == [b"hello", b"more than declared", b"hello"]
    assert seen.anomaly_names == ["HTTP_no_start_line"]


def test_requests_alone_are_rows() -> None:
    seen = Seen(GET * 3).feed(True).end()
    assert [v["interrupted"] for v in seen.values] == ["no response"] * 3
    assert seen.values[0]["response_headers"] is None
    assert seen.values[0]["response_body_bytes"] is None


def test_responses_alone_are_rows() -> None:
    seen = Seen(b"", OK * 3).feed(False).end()
    assert [v["interrupted"] for v in seen.values] == ["no request seen"] * 3
    assert [row[:2] for row in seen.rows] == [(False, len(OK) * i) for i in range(3)]
    assert seen.values[0]["request_headers"] is None
    assert seen.bodies == [b"hello"] * 3


@pytest.mark.parametrize("cut", [1, 3], ids=["in the body", "more"])
def test_body_cut_by_the_end_is_interrupted(cut: int) -> None:
    (row,) = Seen(GET, OK[:-cut]).whole().values
    assert (row["interrupted"], row["response_body_bytes"]) == ("ended early", 5 - cut)


def test_head_cut_by_the_end_keeps_its_whole_lines() -> None:
    seen = Seen(GET + GET[:30], OK + OK[:25]).whole()
    assert [v["interrupted"] for v in seen.values] == [None, "ended early"]
    assert seen.values[1]["status"] == 200
    assert seen.anomaly_names == ["HTTP_head_cut", "HTTP_head_cut"]


def test_head_without_end_is_cut_at_the_limit() -> None:
    for head in (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 12000, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000):
        for resp in (head, head + b"\r\n\r\n" + OK):
            whole = Seen(GET * 2, resp).whole()
            assert whole.values[0]["status"] == 200
            assert whole.values[0]["interrupted"] == "header too long"
            assert "HTTP_header_too_long" in whole.anomaly_names
            assert fed_at_random(GET * 2, resp, random.Random(1), 9000).everything() == whole.everything()


def test_head_of_exactly_the_limit_is_read() -> None:
    start = b"HTTP/1.1 204 N\r\nX: "
    for extra, reason in ((0, None), (1, "header too long")):
        head = start + b"x" * (65536 - len(start) - 4 + extra) + b"\r\n\r\n"
        (row,) = Seen(GET, head).whole().values
        assert row["interrupted"] == reason
        (row,) = fed_at_random(GET, head, random.Random(1), 999).values
        assert row["interrupted"] == reason


def test_rows_are_emitted_once() -> None:
    seen = fed_at_random(GET * 20, OK * 20, random.Random(2), 50)
    assert len([e for e in seen.events if isinstance(e, Row)]) == 20
