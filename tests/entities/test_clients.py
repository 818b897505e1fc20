"""Clients: which addresses asked, which link-layer address is their own, which are shared."""

from __future__ import annotations

import pytest

from iptvforensics.entities.clients import read_clients

from .conftest import BOX, BOX_MAC, ONE, PANEL, ROUTER_MAC, TWO


def clients(lab):
    return read_clients(lab.bench())


def test_a_client_has_its_own_link_address(lab):
    lab.get("/", user_agent="libmpv")
    found = clients(lab)[ONE, BOX]
    assert (found.mac, found.is_shared, found.speaks) == (BOX_MAC, False, True)
    assert [(text, count) for text, count, _ in found.agents] == [("libmpv", 1)]


@pytest.mark.parametrize("is_agreed", [True, False])
def test_who_calls_by_srt_is_a_client_if_it_was_answered(lab, is_agreed):
    lab.flow(server=PANEL, transport="udp")
    lab.message("srt", is_agreed=is_agreed)
    found = clients(lab)[ONE, BOX]
    assert (found.speaks, found.agents) == (is_agreed, [])


def test_a_router_sends_for_many_and_is_nobodys_address(lab):
    for number in range(4):
        lab.get("/", client_ip=f"192.168.1.{number + 30}", mac="02:00:5e:00:00:09", flow_id=number)
    assert {(c.mac, c.is_shared) for c in clients(lab).values()} == {(None, True)}


def test_a_public_address_may_be_shared(lab):
    lab.get("/", client_ip="192.0.2.9", mac="02:00:5e:00:00:09")
    assert clients(lab)[ONE, "192.0.2.9"].is_shared


def test_the_way_to_servers_is_a_routers(lab):
    lab.get("/", client_ip="192.0.2.9", mac=ROUTER_MAC)
    assert clients(lab)[ONE, "192.0.2.9"].mac is None


def test_both_ip_versions_of_a_device_do_not_make_a_router(lab):
    lab.get("/")
    lab.get("/", client_ip="2001:db8:1::20", server_ip="2001:db8:2::7", flow_id=2)
    assert {c.mac for c in clients(lab).values()} == {BOX_MAC}


def test_without_flows_or_exchanges_there_is_nobody(lab):
    assert clients(lab) == {}
    lab.flow(transport="udp")
    assert not clients(lab)[ONE, BOX].speaks


def test_a_single_packet_is_no_client(lab):
    lab.get("/", flow_id=7)
    lab.get("/", client_ip="10.99.3.4", flow_id=8)
    for flow in lab.rows["flows"]:
        flow.update(orig_packets=1, resp_packets=flow["flow_id"] == 7)
    found = clients(lab)
    assert found[ONE, BOX].speaks
    assert not found[ONE, "10.99.3.4"].speaks


SIX = "2001:db8:1::20"


def dialogue(lab, client=SIX, mac=BOX_MAC, transport="tcp", sent=500, received=900, **values):
    lab.flow(client, "2001:db8:9::9", mac, transport=transport, orig_packets=9, resp_packets=9, orig_payload_bytes=sent,
             resp_payload_bytes=received, **values)  # fmt: skip
    return clients(lab)[ONE, client]


def test_a_dialogue_over_global_ipv6_is_a_clients_with_its_own_link_address(lab):
    assert dialogue(lab).speaks


def test_a_dialogue_over_ipv6_behind_a_router_may_be_anybodys(lab):
    lab.add("link_addresses", mac=BOX_MAC, ip=SIX, basis="IP", ttl_max=57)
    found = dialogue(lab)
    assert (found.speaks, found.mac, found.is_shared) == (False, None, True)


def test_who_answers_as_well_is_no_client_by_a_dialogue(lab):
    lab.flow("2001:db8:7::1", SIX, ROUTER_MAC, orig_bytes=10, resp_bytes=10, flow=2)
    assert not dialogue(lab).speaks


@pytest.mark.parametrize(("received", "speaks"), [(900, True), (0, False)])
@pytest.mark.parametrize("client", [SIX, BOX])
def test_datagrams_both_ways_are_a_dialogue(lab, client, received, speaks):
    assert dialogue(lab, client, transport="udp", received=received).speaks is speaks


def test_what_a_router_asks_from_its_link_local_address_it_asks_itself(lab):
    lab.add("link_addresses", mac=ROUTER_MAC, ip="2001:db8:9::9", basis="IP", ttl_max=57)
    found = dialogue(lab, "fe80::1", ROUTER_MAC, "udp")
    assert (found.speaks, found.mac, found.is_shared) == (True, ROUTER_MAC, False)


def test_dhcp_is_no_dialogue_of_a_client(lab):
    assert not dialogue(lab, transport="udp", protocol="dhcp").speaks
    assert dialogue(lab, transport="udp", protocol="quic", flow=2).speaks


def test_the_loopback_has_no_link_address(lab):
    assert dialogue(lab, BOX, "00:00:00:00:00:00").mac is None


def test_what_takes_connections_in_another_capture_is_no_client_by_a_dialogue(lab):
    lab.flow("2001:db8:7::1", SIX, ROUTER_MAC, orig_bytes=10, flow=2, capture=TWO)
    assert not dialogue(lab).speaks


def test_noise_over_udp_beside_noise_over_tcp_is_no_client(lab):
    lab.get("/", client_ip="10.99.3.4", flow_id=8)
    lab.rows["flows"][-1].update(orig_packets=1, resp_packets=0)
    lab.flow("10.99.3.4", transport="udp", mac="02:5e:99:00:00:01", flow=9, orig_packets=1, orig_bytes=9)
    assert not clients(lab)[ONE, "10.99.3.4"].speaks


def test_packets_one_way_at_a_global_address_are_no_dialogue(lab):
    assert not dialogue(lab, "203.0.113.8", received=0).speaks
    assert dialogue(lab, "203.0.113.8", flow=2).speaks


def test_of_many_link_addresses_the_first_are_named(lab):
    for number in range(1, 200):
        lab.get("/", mac=f"02:00:5e:00:03:{number:02x}", flow_id=number)
    found = clients(lab)[ONE, BOX].why_shared
    shown = "02:00:5e:00:03:01, 02:00:5e:00:03:02, 02:00:5e:00:03:03 and 196 more"
    assert found == f"the link-layer addresses {shown} sent from it"
