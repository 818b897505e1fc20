"""Contacts: which names an address went by, and why none is known."""

from __future__ import annotations

import pytest

from iptvforensics.entities.clients import read_clients
from iptvforensics.entities.contacts import find_contacts
from iptvforensics.entity_tables import CONTACTS

from .conftest import BASE_NS, BOX, BOX_MAC, EDGE, ONE, PANEL, ROUTER_MAC, TWO

BOX6, EDGE6, LINK6 = "2001:db8:1::20", "2001:db8:9::5", "fe80::200:5eff:fe00:120"


def contacts(lab):
    bench = lab.bench()
    rows = [
        dict(zip(CONTACTS.column_names, row, strict=True)) for row in find_contacts(bench, lambda: read_clients(bench))
    ]
    return {row["server_ip"]: row for row in rows}


def answer(lab, name, *addresses, at, **values):
    chain = values.pop("chain", [])
    lab.message("dns", at, is_response=True, query_name=name, addresses=list(addresses), cname_chain=chain,
                server_port=53, from_orig=False, **values)  # fmt: skip


def test_the_last_answer_before_the_flow_names_it_with_its_aliases(lab):
    answer(lab, "old.example", EDGE, at=0)
    answer(lab, "WWW.New.example.", EDGE, at=5, chain=["cdn.example"])
    lab.flow(server=EDGE)
    answer(lab, "later.example", EDGE, at=10_000)
    row = contacts(lab)[EDGE]
    assert (row["names"], row["cname_chain"], row["domains"]) == (["www.new.example"], ["cdn.example"], ["new.example"])
    assert (row["dns_frame_no"], row["dns_age_s"], row["name_gap"]) == (20, 15.0, None)


def test_names_that_were_asked_for_are_added_with_their_source(lab):
    answer(lab, "tv.example", PANEL, at=0)
    lab.get("/", host="tv.example:8080")
    lab.message("tls", server_name="secure.example")
    lab.message("rtmp", tc_url="rtmp://live.example:1935/app")
    row = contacts(lab)[PANEL]
    assert row["names"] == ["live.example", "secure.example", "tv.example"]
    assert row["name_sources"] == ["dns", "http", "rtmp", "tls"]


def test_a_proxy_does_not_go_by_the_names_behind_it(lab):
    answer(lab, "gate.example", EDGE, at=0)
    lab.message("http", host="far.example:443", server_ip=EDGE, method="CONNECT")
    lab.message("tls", server_name="far.example", server_ip=None, server_port=None)
    lab.flow(server=EDGE)
    assert contacts(lab)[EDGE]["names"] == ["gate.example"]


@pytest.mark.parametrize(
    ("what", "gap"),
    [
        ("nothing", "no DNS query of this client was captured"),
        ("others", "no answer holds this address"),
        ("dot", "DNS over TLS to 192.0.2.53"),
        ("doh", "DNS over HTTPS, it seems, to dns.google"),
        ("host", "may have been looked up before the capture began"),
        ("late host", "the name was used without a DNS answer in the capture"),
    ],
)
def test_why_no_answer_names_an_address(lab, what, gap):
    if what == "nothing":
        lab.flow(server=EDGE)
    elif what in ("dot", "doh"):
        lab.flow(server="192.0.2.53", port=853 if what == "dot" else 443, orig_bytes=900, resp_bytes=4000)
        if what == "doh":
            lab.message("tls", server_ip="192.0.2.53", server_name="dns.google")
        lab.flow(server=EDGE)
    else:
        answer(lab, "other.example", PANEL, at=0)
        lab.frame = 1000 if what == "late host" else 0
        if what == "late host":
            lab.flow(server=PANEL, first_ns=1, last_ns=2)
        if what == "others":
            lab.flow(server=EDGE)
        else:
            lab.get("/", host="edge.example", server_ip=EDGE)
    row = contacts(lab)[EDGE]
    assert row["dns_frame_no"] is None
    assert gap in row["name_gap"]


def test_answers_of_other_clients_and_captures_do_not_count(lab):
    answer(lab, "tv.example", PANEL, at=0, client_ip="192.168.1.99")
    answer(lab, "tv.example", PANEL, at=0, capture_id=TWO)
    lab.flow(server=PANEL)
    assert contacts(lab)[PANEL]["names"] == []


def test_multicast_names_and_groups_are_left_out(lab):
    lab.flow(server="239.1.2.3")
    lab.message("dns", 0, is_response=True, query_name="box.local", addresses=[PANEL], server_port=5353)
    lab.flow(server=PANEL)
    found = contacts(lab)
    assert set(found) == {PANEL}
    assert (found[PANEL]["names"], found[PANEL]["client_ip"], found[PANEL]["capture_id"]) == ([], BOX, ONE)


def test_without_flows_there_are_no_contacts(lab):
    assert contacts(lab) == {}


def test_each_flow_gets_the_names_in_force_at_its_time(lab):
    answer(lab, "second.example", EDGE, at=0)
    lab.flow(server=EDGE, flow=1)
    answer(lab, "third.example", EDGE, at=15)
    lab.flow(server=EDGE, flow=2, port=9001)
    answer(lab, "later.example", EDGE, at=10_000)
    row = contacts(lab)[EDGE]
    assert (row["names"], row["ports"], row["flows"]) == (["second.example", "third.example"], [80, 9001], 2)
    assert (row["dns_names"], row["dns_frames"], row["dns_flow_frames"]) == (
        ["second.example", "third.example"], [10, 20], [11, 21],
    )  # fmt: skip
    assert (row["dns_frame_no"], row["dns_age_s"], row["name_gap"]) == (10, 10.0, None)


@pytest.mark.parametrize(("kept_s", "names"), [(19, ["new.example"]), (20, ["new.example", "old.example"])])
def test_an_answer_before_the_last_one_counts_while_it_is_to_be_kept(lab, kept_s, names):
    answer(lab, "old.example", EDGE, at=0, answer_ttls_s=[kept_s, 300])
    answer(lab, "new.example", EDGE, at=5, answer_ttls_s=[1])
    lab.flow(server=EDGE)
    assert contacts(lab)[EDGE]["dns_names"] == names


def test_an_answer_that_was_given_again_counts_again(lab):
    answer(lab, "old.example", EDGE, at=0)
    answer(lab, "new.example", EDGE, at=1)
    lab.flow(server=EDGE)
    answer(lab, "old.example", EDGE, at=25)
    lab.flow(server=EDGE, flow=2)
    row = contacts(lab)[EDGE]
    assert (row["dns_names"], row["dns_frames"]) == (["new.example", "old.example"], [20, 30])


def test_flows_before_the_first_answer_have_no_name(lab):
    lab.flow(server=EDGE)
    lab.flow(server=EDGE, flow=2, first_ns=BASE_NS + 1)
    answer(lab, "tv.example", EDGE, at=5)
    lab.flow(server=EDGE, flow=3)
    row = contacts(lab)[EDGE]
    assert (row["dns_names"], row["dns_frame_no"]) == (["tv.example"], 10)
    assert row["name_gap"].startswith("before the first answer (2 of 3 flows): ")


def test_an_answer_over_the_other_version_of_ip_names_the_flow(lab):
    lab.flow(server="192.168.1.1", port=53, transport="udp")
    answer(lab, "tv.example", EDGE6, at=0)
    lab.flow(client=BOX6, server=EDGE6, flow=2)
    lab.flow(client=LINK6, server="fe80::1", flow=3, port=53, transport="udp")
    answer(lab, "edge.example", EDGE, at=15, client_ip=LINK6, server_ip="fe80::1")
    lab.flow(server=EDGE, flow=4)
    found = contacts(lab)
    assert (found[EDGE6]["names"], found[EDGE6]["name_gap"]) == (["tv.example"], None)
    assert (found[EDGE6]["client_ip"], found[EDGE6]["dns_clients"]) == (BOX6, [BOX])
    assert (found[EDGE]["names"], found[EDGE]["dns_clients"]) == (["edge.example"], [LINK6])


def test_what_a_box_asked_over_the_other_version_of_ip_counts_where_nothing_names_a_flow(lab):
    lab.flow(server="192.168.1.1", port=53, transport="udp")
    answer(lab, "other.example", PANEL, at=0)
    lab.flow(client=BOX6, server=EDGE6, flow=2)
    assert contacts(lab)[EDGE6]["name_gap"].startswith("no answer holds this address")


def test_two_addresses_of_ipv4_are_not_held_to_be_one_box(lab):
    lab.flow(server="192.168.1.1", port=53, transport="udp")
    answer(lab, "tv.example", EDGE, at=0)
    lab.flow(client="192.168.1.21", server=EDGE, flow=2)
    row = contacts(lab)[EDGE]
    assert (row["names"], row["dns_clients"]) == ([], [])


def test_addresses_behind_a_router_are_not_held_to_be_one_box(lab):
    for flow, client in enumerate((BOX, "192.168.1.21", "192.168.1.22", "192.168.1.23"), 1):
        lab.flow(client=client, mac=ROUTER_MAC, flow=flow, server="192.0.2.1")
    answer(lab, "tv.example", EDGE, at=0)
    lab.flow(client="192.168.1.21", mac=ROUTER_MAC, server=EDGE, flow=9)
    row = contacts(lab)[EDGE]
    assert (row["names"], row["dns_clients"]) == ([], [])
    assert row["name_gap"] == "no DNS query of this client was captured, as far as its addresses are known"


@pytest.mark.parametrize(
    ("port", "server", "values"),
    [
        (853, "192.168.1.1", {"orig_bytes": 0, "resp_bytes": 0}),
        (853, "192.168.1.1", {"orig_bytes": 300, "resp_bytes": 0}),
        (443, "8.8.8.8", {"orig_bytes": 0, "resp_bytes": 0}),
    ],
)
def test_a_try_at_a_resolver_that_sent_nothing_is_no_query_under_encryption(lab, port, server, values):
    answer(lab, "tv.example", PANEL, at=0)
    lab.flow(server=server, port=port, flow=2, **values)
    lab.flow(server=EDGE, flow=3)
    assert contacts(lab)[EDGE]["name_gap"].startswith("no answer holds this address")


def test_queries_under_encryption_that_were_opened_have_been_read(lab):
    lab.flow(server="8.8.8.8", port=853, flow=2, orig_bytes=900, resp_bytes=4000)
    answer(lab, "tv.example", PANEL, at=0, flow_id=2, secret_sha256="00" * 32)
    lab.flow(server=EDGE, flow=3)
    lab.flow(server=PANEL, flow=4)
    found = contacts(lab)
    assert found[PANEL]["names"] == ["tv.example"]
    assert found[EDGE]["name_gap"].startswith("no answer holds this address")


def test_what_was_opened_and_holds_no_query_is_no_encrypted_dns(lab):
    lab.flow(server="8.8.8.8", port=443, flow=2, orig_bytes=900, resp_bytes=4000)
    lab.message("decrypted", label="CLIENT_TRAFFIC_SECRET_0", flow_id=2)
    lab.flow(server=EDGE, flow=3)
    assert contacts(lab)[EDGE]["name_gap"].startswith("no DNS query of this client")
    lab.flow(server="1.1.1.1", port=443, flow=4, orig_bytes=900, resp_bytes=4000)
    lab.message("decrypted", label="SERVER_TRAFFIC_SECRET_0", flow_id=4)
    assert contacts(lab)[EDGE]["name_gap"].endswith("DNS over HTTPS, it seems, to 1.1.1.1")


def test_public_resolvers_are_known_over_ipv6(lab):
    lab.flow(client=BOX6, server="2001:4860:4860::8888", port=443, orig_bytes=900, resp_bytes=4000)
    lab.flow(server=EDGE, flow=2)
    assert contacts(lab)[EDGE]["name_gap"].endswith("DNS over HTTPS, it seems, to 2001:4860:4860::8888")


def test_dns_over_quic_is_named_as_such(lab):
    lab.flow(server="192.0.2.53", port=853, transport="udp", mac=BOX_MAC, orig_bytes=1300, resp_bytes=2600)
    lab.flow(server=EDGE)
    assert "DNS over QUIC to 192.0.2.53" in contacts(lab)[EDGE]["name_gap"]


def test_an_address_in_place_of_a_host_is_no_name(lab):
    lab.get("/", host="192.168.7.7:8080", server_ip=EDGE)
    lab.get("/", host="[2001:db8::7]:8080", server_ip=EDGE, flow_id=2)
    row = contacts(lab)[EDGE]
    assert (row["names"], row["name_sources"], row["domains"]) == ([], [], [])


def test_an_address_that_a_service_record_brings_along_names_the_flow(lab):
    answer(lab, "_8443._https.tv.example", EDGE, at=0, query_type="HTTPS")
    answer(lab, "_odd.tv.example", PANEL, at=1, query_type="A")
    answer(lab, "_dns.resolver.arpa", EDGE, at=2, query_type="SVCB")  # names a service, not the server
    lab.flow(server=EDGE)
    lab.flow(server=PANEL, flow=2)
    found = contacts(lab)
    assert (found[EDGE]["names"], found[PANEL]["names"]) == (["tv.example"], ["_odd.tv.example"])
