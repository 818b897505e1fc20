"""Bursts to answers, by client and server name."""

from __future__ import annotations

from iptvforensics.sessions import closed as module
from iptvforensics.sessions.closed import answers_of, read_clients
from iptvforensics.sessions.fetches import read_fetches
from iptvforensics.sessions.records import Burst

from .conftest import BASE_NS, DuckReader


def burst(cause, at, size, *, asked=300, took=0.1, flow=1, frame=None):
    frame = frame or round(at * 10) + 1
    first = BASE_NS + round(at * 1e9)
    return Burst(flow, first, first + round(took * 1e9), frame, frame + 1, cause, asked, size, size // 1400 + 1, 0.001)


def sizes(bursts, **more):
    return [answer.bytes for answer in answers_of(bursts, **more)]


def test_the_handshake_is_no_answer():
    bursts = [burst("first", 0, 1400), burst("request", 1, 5000), burst("request", 2, 6000)]
    assert sizes(bursts) == [5000, 6000]
    assert sizes(bursts, midstream=True) == [1400, 5000, 6000]


def test_what_comes_after_a_pause_belongs_to_the_same_request():
    bursts = [burst("first", 0, 1400), burst("request", 1, 5000), burst("pause", 4, 700, asked=0),
              burst("time", 6, 800, asked=0), burst("request", 9, 10)]  # fmt: skip
    first, second = answers_of(bursts)
    assert (first.bytes, len(first.parts), second.bytes) == (6500, 3, 10)
    assert (first.start_ns, first.end_ns) == (BASE_NS + 10**9, BASE_NS + 6_100_000_000)


def test_without_requests_a_pause_begins_an_answer():
    bursts = [burst("first", 0, 1400, asked=0), burst("pause", 1, 5000, asked=0), burst("time", 3, 5, asked=0)]
    assert sizes(bursts) == [1400, 5005]


def test_a_stream_without_requests_and_pauses_is_one_answer():
    bursts = [burst("first", 0, 1400, asked=0), burst("time", 5, 5000, asked=0), burst("time", 10, 5000, asked=0)]
    assert sizes(bursts) == [11_400]


def test_requests_without_an_answer_are_none():
    assert sizes([burst("first", 0, 0), burst("request", 1, 0), burst("pause", 2, 0)]) == []


def groups(lab):
    reader = DuckReader(lab.rows)
    found = read_clients(reader, read_fetches(reader).flows)
    return [[[(one.flow.flow_id, one.name) for one in group] for group in client] for client in found]


def add(lab, flow, name=None, protocol="tls", table="tls", client="192.168.1.20", **more):
    lab.flow(flow, protocol=protocol, port=443, client=client, **more)
    lab.add("bursts", **burst("first", 0, 1400, flow=flow)._asdict())
    lab.add("bursts", **burst("request", 1, 50_000, flow=flow)._asdict())
    if table:
        ends = {"client_ip": client, "client_port": 40000 + flow}
        lab.add(table, flow_id=flow, client_hello_frame=4, server_name=name, **ends)


def test_connections_to_one_name_belong_together(lab):
    add(lab, 1, "Edge.example")
    add(lab, 2, "edge.example", server="203.0.113.99")
    add(lab, 3, "edge.example", client="192.168.1.21")
    add(lab, 4, "other.example")
    add(lab, 5, "edge.example", protocol="quic", table="quic", transport="udp")
    first = [[(1, "Edge.example"), (2, "edge.example"), (5, "edge.example")], [(4, "other.example")]]
    assert groups(lab) == [first, [[(3, "edge.example")]]]


def test_clients_are_read_in_portions(lab, monkeypatch):
    monkeypatch.setattr(module, "MOST_BURSTS", 3)
    for number in range(7):
        add(lab, number, "edge.example", client=f"192.168.1.{20 + number}")
    assert groups(lab) == [[[(number, "edge.example")]] for number in range(7)]


def test_servers_that_sent_next_to_nothing_are_left_out(lab):
    lab.flow(1, protocol="tls", port=443)
    lab.add("bursts", **burst("request", 1, 20_000)._asdict())
    assert groups(lab) == []


def test_without_a_name_address_and_port_count(lab):
    add(lab, 1, table=None)
    add(lab, 2)
    add(lab, 3, server="203.0.113.99")
    assert groups(lab) == [[[(1, None), (2, None)], [(3, None)]]]


def test_secrets_of_the_handshake_open_nothing_behind_it(lab):
    add(lab, 1, "edge.example")
    lab.add("decrypted", flow_id=1, label="SERVER_HANDSHAKE_TRAFFIC_SECRET")
    assert groups(lab) == [[[(1, "edge.example")]]]


def test_what_was_opened_or_is_something_else_is_left_out(lab):
    add(lab, 1, "edge.example")
    lab.add("decrypted", flow_id=1, label="SERVER_TRAFFIC_SECRET_0")
    add(lab, 2, "edge.example", protocol="http")
    add(lab, 3, "edge.example", protocol=None)
    add(lab, 4, "edge.example", protocol="-tls")
    lab.add("bursts", **burst("request", 1, 50_000, flow=77)._asdict())  # of a flow that is not known
    lab.flow(5, protocol="tls")
    lab.add("bursts", **burst("request", 1, 50_000, flow=5)._asdict())
    lab.add("tls", flow_id=5, server_name="edge.example", client_ip="203.0.113.10", client_port=80)
    assert groups(lab) == [[[(4, "edge.example")]]]
