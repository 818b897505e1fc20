"""Found sessions, servers and answers against true ones."""

from dataclasses import replace

import pytest

from .matching import Expected, Tally, score_answers, score_servers, score_sessions
from .truths import SECOND, Hop, TrueAnswer, TrueSession

START = 1_800_000_000 * SECOND
EDGE = Hop("e1.example", "203.0.113.9", 80, frozenset({"media"}))
PANEL = Hop("tv.example", "198.51.100.3", 80, frozenset({"redirect"}))


def true(name="a", start=0, end=60, client="192.168.1.5", delivery="http-ts", hops=(PANEL, EDGE), share=1.0):
    stream = f"http://tv.example/live/{name}"
    session = TrueSession(name, delivery, "live", frozenset({client}), frozenset({stream}), START + start * SECOND,
                          START + end * SECOND, 1000, hops)  # fmt: skip
    ends = frozenset((h.ip, h.port) for h in hops if h.roles == {"media"})
    return Expected(session, session.clients, session.streams, ends, share, session.start_ns, session.end_ns)


def found(name="a", start=0, end=60, **other):
    stream = f"http://tv.example/live/{name}" if name else None
    row = {"client_ip": "192.168.1.5", "delivery": "http-ts", "stream": stream, "bytes": 1000,
           "edge_ip": "203.0.113.9", "edge_port": 80, "edge_host": "e1.example", "panel_host": "tv.example",
           "start_ns": START + start * SECOND, "end_ns": START + end * SECOND}  # fmt: skip
    return row | other


def counts(tally):
    return tally.true, tally.found, tally.right


class Whole:
    """Remains of an unimpaired recording."""

    @staticmethod
    def address(ip):
        return ip

    @staticmethod
    def server_seen(ip):
        return ip != "192.0.2.99"

    @staticmethod
    def answer(answer):
        return 1.0 if answer.client_port else 0.0


def test_a_session_found_as_it_was_is_right():
    tally = score_sessions([true()], [found()])["http-ts"]
    assert counts(tally) == (1, 1, 1)
    assert (tally.named, tally.misnamed, tally.start_s, tally.bytes_share) == (1, 0, [0.0], [0.0])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"client_ip": "192.168.1.6"}, "another client"),
        ({"delivery": "hls"}, "another delivery"),
        ({"start_ns": START + 62 * SECOND, "end_ns": START + 70 * SECOND}, "another time"),
        ({"stream": "http://x.example/", "edge_ip": "203.0.113.1"}, "neither name nor server"),
        ({"client_ip": None}, "no client"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_claim_that_differs_is_false_and_the_session_missed(change, why):
    score = score_sessions([true()], [found(**change)])
    assert sum(tally.right for tally in score.values()) == 0
    assert counts(score["http-ts"])[0] == 1
    assert sum(len(tally.false) for tally in score.values()) == 1
    assert len(score["http-ts"].missed) == 1


def test_a_session_in_two_pieces_is_one_right_and_one_wrong():
    tally = score_sessions([true()], [found(end=30), found(start=31)])["http-ts"]
    assert counts(tally) == (1, 2, 1)
    assert tally.precision == 0.5


def test_two_sessions_reported_as_one_miss_one():
    tally = score_sessions([true(end=20), true(start=30)], [found()])["http-ts"]
    assert counts(tally) == (2, 1, 1)


def test_names_decide_between_two_sessions_of_one_client():
    wanted = [true("a"), true("b")]
    tally = score_sessions(wanted, [found("b"), found("a")])["http-ts"]
    assert (tally.right, tally.named) == (2, 2)


def test_a_session_without_name_is_right_by_its_server_and_not_named():
    tally = score_sessions([true()], [found(None)])["http-ts"]
    assert (tally.right, tally.named, tally.misnamed) == (1, 0, 0)
    assert score_sessions([true()], [found("z")])["http-ts"].misnamed == 1


def test_bare_media_may_be_any_of_the_deliveries_by_http():
    assert score_sessions([true(delivery="hls")], [found(delivery="tcp-ts")])["hls"].right == 1
    assert score_sessions([true(delivery="rtmp")], [found(delivery="tcp-ts")])["rtmp"].right == 0


@pytest.mark.parametrize(
    ("delivery", "inferred", "right"),
    [
        ("hls+tls", "segmented", 1),
        ("http-ts+tls", "continuous", 1),
        ("http-ts+tls", "segmented", 0),
        ("hls+tls", "hls", 0),
        ("hls", "segmented", 0),
    ],
)
def test_what_a_shape_shows_answers_sessions_under_tls_only(delivery, inferred, right):
    score = score_sessions([true(delivery=delivery)], [found(None, delivery=inferred, basis="shape")])
    assert sum(tally.right for tally in score.values()) == right
    assert sum(tally.found for tally in score.values()) == 1


def test_media_to_a_group_need_no_client():
    item = replace(true(delivery="udp-ts"), streams=frozenset({"udp://239.10.0.7:5000"}))
    row = found(None, client_ip=None, delivery="udp-ts", stream="udp://239.10.0.7:5000")
    assert score_sessions([item], [row])["udp-ts"].right == 1


def test_a_clock_that_jumped_back_is_no_reason_to_miss():
    item = replace(true(), start_ns=START, end_ns=START - 20 * SECOND)
    assert score_sessions([item], [found(start=-20, end=0)])["http-ts"].right == 1


def test_bytes_are_compared_with_what_is_left():
    tally = score_sessions([true(share=0.5)], [found(bytes=600)])["http-ts"]
    assert tally.bytes_share == [pytest.approx(0.1)]


def test_servers_by_role():
    score = score_servers([true()], Whole(), [found(panel_host=None, edge_host="x.example")])
    assert counts(score["panel"]) == (1, 0, 0)
    assert counts(score["edge"]) == (1, 1, 0)
    assert counts(score["edge address"]) == (1, 1, 1)


def test_of_a_server_behind_a_proxy_the_name_is_demanded_and_the_address_is_not():
    gate = Hop("gate.example", "198.51.100.9", 3128, frozenset({"proxy"}))
    far = Hop("e1.example", "192.0.2.99", 443, frozenset({"media"}))  # no frame has this address
    wanted = true(hops=(gate, far))
    assert wanted.session.ends == (gate,)
    rows = [found(edge_ip=None, edge_port=None, panel_host=None)]
    score = score_servers([wanted], Whole(), rows)
    assert counts(score["edge"]) == (1, 1, 1)
    assert counts(score["edge address"]) == (0, 0, 0)
    proxy_as_edge = score_servers([wanted], Whole(), [found(edge_ip=gate.ip, edge_port=gate.port, panel_host=None)])
    assert counts(proxy_as_edge["edge address"]) == (0, 1, 0)


def test_servers_without_a_frame_left_are_not_demanded():
    gone = Hop("gone.example", "192.0.2.99", 80, frozenset({"media"}))
    assert counts(score_servers([true(hops=(PANEL, gone))], Whole(), [])["edge"]) == (0, 0, 0)


def test_a_servers_table_adds_to_what_sessions_say():
    score = score_servers(
        [true()], Whole(), [], [{"role": "panel", "host": "tv.example"}, {"role": "update", "host": "u.example"}]
    )
    assert counts(score["panel"]) == (1, 1, 1)


def test_answers_are_counted_by_client_and_url():
    def answer(url, port=4000, size=100):
        return TrueAnswer("192.168.1.5", port, "203.0.113.9", 80, url, size, START, START)

    def row(url, size=100, server="203.0.113.9"):
        return {"client_ip": "192.168.1.5", "server_ip": server, "server_port": 80, "url": url, "status": 200,
                "response_body_bytes": size}  # fmt: skip

    logged = [answer("u1"), answer("u1"), answer("u2"), answer("u3", port=0)]
    tally = score_answers(logged, Whole(), [row("u1", 90), row("u2"), row("u4"), row("u1", server="203.0.113.1"),
                                             row("u1") | {"client_ip": "192.168.1.9"}])  # fmt: skip
    assert counts(tally) == (3, 3, 2)
    assert sorted(tally.bytes_share) == [0.0, pytest.approx(0.1)]


def test_nothing_to_find_and_nothing_found_have_no_share():
    assert (Tally().precision, Tally().recall) == (None, None)
    tally = Tally(true=2, found=1, right=1)
    tally.add(Tally(true=2, found=3, right=1, start_s=[1.0]))
    assert (tally.precision, tally.recall, tally.start_s) == (0.5, 0.5, [1.0])


def test_who_gives_the_media_under_its_own_name_is_no_panel_that_sent_elsewhere():
    itself = Hop("192.168.1.50", "192.168.1.50", 8080, frozenset({"redirect"}))
    media = Hop("192.168.1.50", "192.168.1.50", 8081, frozenset({"media"}))
    score = score_servers([true(hops=(itself, media))], Whole(), [])
    assert (score["panel"].true, score["edge"].true) == (0, 1)
