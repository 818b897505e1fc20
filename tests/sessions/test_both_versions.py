"""Addresses of one client, over both IP versions."""

import pytest

from iptvforensics.sessions.both_versions import same_clients
from iptvforensics.sessions.records import Flow, LinkAddress

OLD, NEW, TEMPORARY, MAC = "192.168.1.21", "2001:db8:1::21", "2001:db8:1:0:9a1:2:3:4", "d8:af:3b:20:41:01"
OTHER_NETWORK, PUBLIC = "2001:db8:2::21", "198.51.100.21"


def flow(client, mac=MAC, server="203.0.113.10"):
    return Flow(1, "tcp", client, 4000, mac, server, 80, "02:00:5e:10:01:01", None, False, None, 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("ips", "same"),
    [
        ([OLD, NEW], {NEW: OLD}),
        ([OLD, NEW, TEMPORARY], {NEW: OLD, TEMPORARY: OLD}),
        ([NEW, TEMPORARY], {}),
        ([OLD, NEW, OTHER_NETWORK], {}),
        ([OLD, "192.168.1.22", NEW], {}),  # a router's, or one device after the other
        ([PUBLIC, NEW], {}),
        ([OLD, *(f"2001:db8:1::{n}" for n in range(4))], {}),
    ],
)
def test_what_one_link_layer_address_stands_for(ips, same):
    found = same_clients(set(ips), [flow(ip) for ip in ips])
    assert {ip: old for ip, old in found.items() if ip in ips} == same


def test_an_address_that_two_link_layer_addresses_used_is_nobodys():
    flows = [flow(OLD), flow(NEW), flow("192.168.1.22", "d8:af:3b:20:41:02"), flow(NEW, "d8:af:3b:20:41:02")]
    assert same_clients({OLD, NEW}, flows) == {}


def test_without_link_layer_or_ipv6_nothing_is_the_same():
    assert same_clients({OLD, NEW}, [flow(OLD, None), flow(NEW, None)]) == {}
    assert same_clients({OLD}, [flow(OLD), flow(NEW)]) == {}


@pytest.mark.parametrize(
    ("low", "high", "same"), [(64, 64, True), (1, 255, True), (63, 63, False), (63, 64, False), (None, None, True)]
)
def test_what_was_passed_on_is_not_one_clients(low, high, same):
    near = [LinkAddress(MAC, NEW, "IP", 64, 64), LinkAddress(MAC, OLD, "IP", low, high)]
    assert same_clients({OLD, NEW}, [flow(OLD), flow(NEW)], near) == ({NEW: OLD} if same else {})


def test_a_playlist_over_ipv4_and_segments_over_ipv6_are_one_session(lab):
    lab.playlist("http://a.example/x.m3u8", 0, ["http://b.example/1.ts", "http://b.example/2.ts"], flow=1)
    lab.flow(1, orig_mac=MAC)
    for number in (1, 2):
        lab.get(f"http://b.example/{number}.ts", number, size=900, kind="mpegts", client=NEW, flow=2)
    lab.flow(2, client=NEW, orig_mac=MAC)
    session = lab.one()
    assert (session["client_ip"], session["stream"], session["media_objects"]) == (NEW, "http://a.example/x.m3u8", 2)


def test_media_of_strangers_behind_one_router_stay_apart(lab):
    lab.playlist("http://a.example/x.m3u8", 0, ["http://b.example/1.ts", "http://b.example/2.ts"], flow=1)
    lab.flow(1, orig_mac=MAC)
    for number in (1, 2):
        lab.get(f"http://b.example/{number}.ts", number, size=900, kind="mpegts", client=NEW, flow=2)
    lab.flow(2, client=NEW, orig_mac=MAC)
    lab.add("link_addresses", mac=MAC, ip=NEW, basis="IP", ttl_min=63, ttl_max=63)
    assert "http://a.example/x.m3u8" not in [row["stream"] for row in lab.sessions() if row["client_ip"] == NEW]
