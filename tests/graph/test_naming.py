from __future__ import annotations

import pytest

CLIENT, HOST, ADDRESS = "client:192.168.1.20", "host:edge.example", "address:203.0.113.10"


def test_http_host_names_the_address_that_answered(lab, edges_of):
    first = lab.get("EDGE.example.:8080", response_body_bytes=7)
    lab.get("edge.example", response_body_bytes=5)
    graph = lab.graph()
    edge = edges_of(graph, "resolves-to")[HOST, ADDRESS]
    assert (edge["rule"], edge["strength"], edge["count"], edge["bytes"]) == ("http-host", "strong", 2, 12)
    assert edge["evidence"][0] == f"aaaaaaaaaaaaaaaa#{first['frame_no']}"
    assert edges_of(graph, "asks-for")[CLIENT, HOST]["rule"] == "http-request"


def test_request_without_response_asks_but_does_not_resolve(lab, edges_of):
    lab.get(response_frame_no=None)
    graph = lab.graph()
    assert (CLIENT, HOST) in edges_of(graph, "asks-for")
    assert not edges_of(graph, "resolves-to")


def test_a_proxy_is_not_the_address_of_the_host_behind_it(lab, edges_of):
    lab.get("edge.example:443", method="CONNECT")
    graph = lab.graph()
    assert (CLIENT, HOST) in edges_of(graph, "asks-for")
    assert not edges_of(graph, "resolves-to")


@pytest.mark.parametrize("host", ["", "[::", "http://[", "\x00"], ids=["empty", "open", "broken", "nul"])
def test_host_that_is_none_is_no_node_or_a_name_of_its_own(lab, host):
    lab.get(host)
    lab.graph()  # broken names must not stop the graph


def test_host_field_with_an_address_does_not_resolve(lab, edges_of):
    lab.get("203.0.113.10:8080")
    graph = lab.graph()
    assert (CLIENT, ADDRESS) in edges_of(graph, "asks-for")
    assert not edges_of(graph, "resolves-to")


def test_rtmp_connect_names_its_server(lab, edges_of):
    lab.message("rtmp", command="connect", tc_url="rtmp://edge.example:1935/live")
    lab.message("rtmp", command="play", stream_name="x", tc_url=None)
    graph = lab.graph()
    assert edges_of(graph, "resolves-to")[HOST, ADDRESS]["rule"] == "rtmp-connect"
    assert edges_of(graph, "asks-for")[CLIENT, HOST]["count"] == 1


def answered(lab, *, after_s, **flow):
    answer = lab.answer("edge.example", "203.0.113.10")
    lab.flow("203.0.113.10", (answer["ts_ns"] - 1_700_000_000 * 10**9) / 10**9 + after_s, **flow)
    return answer


def test_answer_that_was_used_resolves_by_itself(lab, edges_of):
    answer = answered(lab, after_s=2)
    edge = edges_of(lab.graph(), "resolves-to")[HOST, ADDRESS]
    assert (edge["rule"], edge["strength"]) == ("dns-answer-used", "strong")
    assert edge["evidence"] == [f"aaaaaaaaaaaaaaaa#{answer['frame_no']}"]


@pytest.mark.parametrize(
    ("after_s", "flow"),
    [(-2, {}), (3601, {}), (2, {"orig_ip": "192.168.1.99"}), (2, {"capture_id": "bbbbbbbbbbbbbbbb"})],
    ids=["before the answer", "too late", "by another client", "in another capture"],
)
def test_answer_that_was_not_used_shows_nothing_of_unknown_hosts(lab, edges_of, after_s, flow):
    answered(lab, after_s=after_s, **flow)
    assert not edges_of(lab.graph(), "resolves-to")


def test_an_answer_that_another_address_of_the_box_used_resolves(lab, edges_of):
    answered(lab, after_s=2, orig_ip="2001:db8:1::20")
    lab.add("contacts", client_ip="2001:db8:1::20", server_ip="203.0.113.10", dns_clients=["192.168.1.20"])
    edge = edges_of(lab.graph(), "resolves-to")[HOST, ADDRESS]
    assert (edge["rule"], edge["strength"]) == ("dns-answer-used", "strong")


def test_service_records_name_the_host_behind_their_labels(lab, edges_of):
    lab.answer("_8443._https.edge.example", "203.0.113.10")["query_type"] = "HTTPS"
    lab.answer("_dns.resolver.arpa", "203.0.113.10")["query_type"] = "SVCB"
    lab.flow("203.0.113.10", 5)
    assert set(edges_of(lab.graph(), "resolves-to")) == {(HOST, ADDRESS)}


def test_unused_answer_supports_what_another_rule_found(lab, edges_of):
    lab.session()
    lab.answer("Edge.Example", "203.0.113.10", "203.0.113.11")
    resolves = edges_of(lab.graph(), "resolves-to")
    assert resolves[HOST, "address:203.0.113.11"]["strength"] == "supporting"
    assert resolves[HOST, ADDRESS]["rule"] == "dns-answer"


def test_answer_and_host_field_together_are_conclusive(lab, edges_of):
    answered(lab, after_s=1)
    lab.get()
    edge = edges_of(lab.graph(), "resolves-to")[HOST, ADDRESS]
    assert (edge["rule"], edge["strength"]) == ("dns-answer-used; http-host", "conclusive")


def test_queries_make_clients_that_ask(lab, edges_of):
    lab.query("edge.example")
    lab.query("edge.example", query_type="AAAA")
    graph = lab.graph()
    assert edges_of(graph, "asks-for")[CLIENT, HOST]["count"] == 2
    assert edges_of(graph, "asks-for")[CLIENT, HOST]["rule"] == "dns-query"


@pytest.mark.parametrize(
    "values",
    [{"server_port": 5353}, {"server_port": 5355}, {"query_type": "PTR"}, {"client_ip": None}, {"query_name": ""}],
    ids=["multicast DNS", "LLMNR", "reverse", "no client", "root"],
)
def test_other_queries_are_left_out(lab, values):
    lab.query(**{"name": "edge.example", **values} if "query_name" not in values else {"name": ""})
    if "query_name" not in values:
        lab.rows["dns"][0].update(values)
    assert not lab.graph()


def test_name_that_answers_itself_by_an_address_is_no_loop(lab, edges_of):
    lab.query("203.0.113.10")
    graph = lab.graph()
    assert (CLIENT, ADDRESS) in edges_of(graph, "asks-for")
