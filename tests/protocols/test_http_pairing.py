"""Which response answers which request, and what is held back until that is known."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.protocol import Anomaly, Row
from iptvforensics.protocols._http_pairing import MAX_ANOMALIES, MAX_OPEN_REQUESTS
from iptvforensics.protocols._http_requests import RequestStream
from iptvforensics.protocols._http_responses import ResponseStream

from .test_http import GET, OK, Seen


def get(number: int) -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % number


def answer(number: int, size: int = 0) -> bytes:
    return b"HTTP/1.1 200 OK\r\nServer: %d\r\nContent-Length: %d\r\n\r\n" % (number, size) + bytes(size)


def pairs(seen: Any) -> list[tuple[str | None, str | None]]:
    return [(v["target"], v["server"]) for v in seen.values]


def in_order(count: int) -> list[tuple[str, str]]:
    return [(f"/{i}", str(i)) for i in range(count)]


def test_responses_wait_for_their_requests() -> None:
    seen = Seen(b"".join(map(get, range(9))), b"".join(map(answer, range(9))))
    seen.feed(False)
    assert seen.events == []
    seen.feed(True)
    assert pairs(seen) == in_order(9)


def test_responses_wait_for_late_requests_one_by_one() -> None:
    seen = Seen(b"".join(map(get, range(9))), b"".join(map(answer, range(9)))).feed(False)
    for count in range(1, 10):
        seen.feed(True, len(get(0)))
        assert pairs(seen) == in_order(count)


def test_response_is_let_go_when_no_request_can_come() -> None:
    seen = Seen(b"", answer(0)).feed(False).end(False)
    assert seen.rows == []
    seen.end(True)
    assert pairs(seen) == [(None, "0")]


def test_too_much_without_a_request_goes_on_without_it() -> None:
    seen = Seen(b"", answer(0, 200_000)).feed(False, ResponseStream.HELD_BYTES)
    assert seen.events == []
    seen.feed(False)
    assert seen.anomaly_names == ["HTTP_response_before_request"]
    assert pairs(seen) == [(None, "0")]
    assert sum(map(len, seen.bodies)) == 200_000


def test_request_that_comes_during_its_response_is_still_paired() -> None:
    seen = Seen(get(0) + get(1), answer(0, 200_000) + answer(1)).feed(False, 150_000).feed(True).feed(False).end()
    assert pairs(seen) == in_order(2)
    assert seen.values[0]["complete"]


def test_request_that_comes_after_its_response_is_a_row_of_its_own() -> None:
    seen = Seen(get(0) + get(1), answer(0, 100_000) + answer(1)).feed(False, len(answer(0, 100_000)))
    seen.feed(True).feed(False).end()
    assert sorted(map(str, pairs(seen))) == sorted(map(str, [("/0", None), ("/1", "1"), (None, "0")]))
    (late,) = [v for v in seen.values if v["target"] == "/0"]
    assert (late["interrupted"], late["deviations"]) == ("no response", ["response_before_request"])


def test_many_requests_before_the_first_response_are_all_paired() -> None:
    count = MAX_OPEN_REQUESTS * 3
    seen = Seen(b"".join(map(get, range(count))), b"".join(map(answer, range(count)))).feed(True)
    seen.feed(False).end()
    assert pairs(seen) == in_order(count)
    assert seen.anomalies == []


def test_open_requests_are_limited() -> None:
    count = MAX_OPEN_REQUESTS + (RequestStream.HELD_BYTES // len(get(0)))
    seen = Seen(b"".join(get(i % 10) for i in range(count + 5000))).feed(True)
    given_up = [e for e in seen.events if isinstance(e, Row)]
    assert given_up
    assert {row.values["interrupted"] for row in given_up} == {"no response"}
    assert "HTTP_too_many_open_requests" in seen.anomaly_names
    seen.end()
    assert len(seen.rows) == count + 5000


def test_responses_to_requests_given_up_are_not_given_to_others() -> None:
    count = MAX_OPEN_REQUESTS + RequestStream.HELD_BYTES // len(get(0)) + 2000
    seen = Seen(b"".join(map(get, range(count))), b"".join(map(answer, range(count)))).feed(True).feed(False).end()
    paired = [pair for pair in pairs(seen) if None not in pair]
    assert paired == [(f"/{number}", number) for _, number in paired]
    assert len(paired) > count // 2
    assert sum(1 for _, number in pairs(seen) if number is not None) == count


def test_bytes_behind_connect_wait_for_the_answer() -> None:
    seen = Seen(b"CONNECT a.example:1 HTTP/1.1\r\n\r\n" + b"x" * 1000, b"HTTP/1.1 200 OK\r\n\r\n").feed(True)
    assert seen.contents == {}
    seen.feed(False)
    assert seen.bodies == [b"x" * 1000]


def test_too_much_behind_connect_is_taken_for_a_tunnel() -> None:
    big = b"x" * (RequestStream.HELD_BYTES + 1)
    seen = Seen(b"CONNECT a.example:1 HTTP/1.1\r\n\r\n" + big, b"HTTP/1.1 200 OK\r\n\r\ny").feed(True)
    assert seen.bodies == [big]
    assert seen.anomaly_names == ["HTTP_tunnel_answer_not_seen"]
    seen.feed(False).end()
    assert seen.bodies == [big, b"y"]
    assert seen.values[0]["complete"]


def test_requests_behind_an_upgrade_that_nobody_answers_are_read_when_too_many() -> None:
    upgrade = b"GET /u HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"
    seen = Seen(upgrade + b"".join(get(i % 10) for i in range(30_000))).feed(True).end()
    assert len(seen.rows) == 30_001
    assert all(v["method"] == "GET" for v in seen.values)


def test_gap_behind_connect_waits_for_the_answer() -> None:
    request = b"CONNECT a.example:1 HTTP/1.1\r\n\r\n"
    seen = (
        Seen(request + b"ab......cd", b"HTTP/1.1 200 OK\r\n\r\n").feed(True, len(request) + 2).gap(True, 6).feed(True)
    )
    seen.feed(False).end()
    assert seen.contents[0][3] == (b"ab", 6, b"cd")
    immediately = Seen(request + b"......cd", b"HTTP/1.1 200 OK\r\n\r\n").feed(True, len(request)).gap(True, 6)
    immediately.feed(True).feed(False).end()
    assert immediately.bodies == [b"cd"]
    assert pairs(immediately) == [("a.example:1", None)]


def test_lost_answer_to_connect_lets_the_client_go_on() -> None:
    request = b"CONNECT a.example:1 HTTP/1.1\r\n\r\n"
    seen = Seen(request + b"ab", b"HTTP/1.1 200 OK\r\n\r\nyy").feed(True).gap(False, 19).feed(False).end()
    assert sorted(seen.bodies) == [b"ab", b"yy"]
    assert seen.values[0]["interrupted"] == "gap"


@pytest.mark.parametrize("lost", [1, 3])
def test_requests_lost_in_a_gap_are_counted_by_their_usual_length(lost: int) -> None:
    seen = Seen(b"".join(map(get, range(9))), b"".join(map(answer, range(9))))
    seen.feed(True, 2 * len(get(0))).gap(True, lost * len(get(0))).feed(True).feed(False).end()
    expected: list[tuple[str | None, str]] = list(in_order(9))
    expected[2 : 2 + lost] = [(None, str(i)) for i in range(2, 2 + lost)]
    assert sorted(map(str, pairs(seen))) == sorted(map(str, expected))
    uncertain = [v["target"] for v in seen.values if "pairing_uncertain" in v["deviations"]]
    assert uncertain == [f"/{i}" for i in range(2 + lost, 9)]


def test_early_answer_ends_with_its_request() -> None:
    request = b"POST /0 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\n"
    seen = Seen(request + b"0123456789" + get(1), answer(0) + answer(1)).feed(True, len(request) + 2).feed(False)
    assert seen.rows == []
    seen.feed(True).end()
    assert pairs(seen) == in_order(2)
    assert seen.values[0]["request_body_bytes"] == 10


def test_anomalies_of_a_kind_are_told_at_most_so_often_and_then_counted() -> None:
    odd = OK.replace(b" 5", b" 5, 7")
    seen = Seen(GET * 40, odd * 40).whole()
    found = [e for e in seen.events if isinstance(e, Anomaly)]
    assert len(found) == MAX_ANOMALIES + 1
    assert sum(e.count for e in found) == 40
    assert found[-1].offset == len(odd) * MAX_ANOMALIES


def test_end_may_come_twice_and_nothing_follows_it() -> None:
    seen = Seen(GET + GET, OK + OK).feed(True, len(GET)).feed(False, len(OK)).end().end()
    assert seen.feed(True).feed(False).gap(True, 5).rows == Seen(GET, OK).whole().rows


def test_the_side_that_stays_closed_is_named() -> None:
    asked = Seen(get(0), b"", is_opened=True, is_half_opened=True).whole()
    assert asked.values[0]["interrupted"] == "response not opened: no secret of the server's side"
    answered = Seen(b"", answer(0), is_opened=True, is_half_opened=True).whole()
    assert answered.values[0]["interrupted"] == "request not opened: no secret of the client's side"
