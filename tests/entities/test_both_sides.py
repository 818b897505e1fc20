"""Both sides of a router: connections at a shared address are those of devices seen from inside."""

from __future__ import annotations

from time import process_time

import pytest

from iptvforensics.entities.both_sides import find_crossings
from iptvforensics.entities.clients import read_clients

from .conftest import BOX, ONE, TWO

ONE_TOKEN = "/auth/Zk3tu8fOsSK-iPOC4s76Wu1o_nkdv1Gf6IZjrNx8StsD"
OTHER_TOKEN = "/auth/pwy4CvqdsY3SaAfAIwiK6yuLcgzl1oIdzCZ3BV9nGMCM"

HOME, ROUTER = "192.0.2.9", "02:00:5e:00:00:09"
OTHER = {"client_ip": "192.168.1.21", "mac": "02:00:5e:00:01:21"}


def outside(lab, target, at, flow, **values):
    lab.get(target, "edge.example", at=at, flow_id=flow, capture_id=TWO, client_ip=HOME, mac=ROUTER, **values)


def test_a_device_is_found_again_behind_its_router(lab):
    lab.get(ONE_TOKEN, "edge.example", at=100)
    outside(lab, ONE_TOKEN, 101, 7)
    lab.session("http://edge.example" + ONE_TOKEN, capture_id=TWO, client_ip=HOME, flow_ids=[7])
    tables = lab.build()
    [device] = tables["devices"]
    assert device["ips"] == [HOME, BOX]
    assert [row["rule"] for row in tables["merges"] if row["kind"] == "device"] == ["same-requests"]
    assert tables["session_entities"][0]["device_id"] == device["device_id"]


def test_an_ipv6_address_is_the_same_on_both_sides(lab):
    new = {"client_ip": "2001:db8:1::20"}
    lab.get(ONE_TOKEN, "edge.example", at=100, **new)
    lab.add("link_addresses", capture_id=TWO, mac=ROUTER, ip=new["client_ip"], basis="IP", ttl_min=63, ttl_max=63)
    lab.get(ONE_TOKEN, "edge.example", at=100, flow_id=7, capture_id=TWO, mac=ROUTER, **new)
    [device] = lab.build()["devices"]
    assert (device["ips"], len(device["capture_ids"])) == (["2001:db8:1::20"], 2)
    assert ROUTER not in device["macs"]


def test_two_devices_behind_one_router_are_kept_apart(lab):
    lab.get(ONE_TOKEN, "edge.example", at=100)
    lab.get(OTHER_TOKEN, "edge.example", at=100, flow_id=2, **OTHER)
    outside(lab, ONE_TOKEN, 101, 7)
    outside(lab, OTHER_TOKEN, 101, 8)
    lab.session("http://edge.example/other.ts", capture_id=TWO, client_ip=HOME, flow_ids=[9])
    tables = lab.build()
    assert sorted(row["ips"] for row in tables["devices"]) == [[HOME, BOX], [HOME, OTHER["client_ip"]]]
    assert tables["session_entities"][0]["device_id"] is None


def test_what_two_devices_ask_for_at_one_time_tells_nothing(lab):
    lab.get("/live/news/index.m3u8", "edge.example", at=100)
    lab.get("/live/news/index.m3u8", "edge.example", at=100, flow_id=2, **OTHER)
    outside(lab, "/live/news/index.m3u8", 101, 7)
    assert sorted(row["rule"] for row in lab.build()["devices"]) == ["device-address"] + 2 * ["device-link-address"]


def test_the_same_request_at_another_time_is_another(lab):
    lab.get(ONE_TOKEN, "edge.example", at=100)
    outside(lab, ONE_TOKEN, 200, 7)
    assert len(lab.build()["devices"]) == 2


def test_rtmp_streams_count_as_requests(lab):
    lab.get("/x")
    outside(lab, "/y", 50, 6)
    for name in ("sport?username=u1&password=p1", "news?username=u1&password=p1", "film?username=u1&password=p1"):
        played = {"command": "play", "stream_name": name, "at": 100}
        lab.message("rtmp", **played)
        lab.message("rtmp", capture_id=TWO, client_ip=HOME, flow_id=7, **played)
    assert [HOME, BOX] in [row["ips"] for row in lab.build()["devices"]]


@pytest.mark.parametrize(
    ("targets", "one"),
    [
        (["/generate_204"], False),
        (["/live/user1/pass1/7.ts"], False),
        ([f"/hls/channel/{number}.ts" for number in range(9)], False),  # what all viewers of a channel ask for
        (["/hls/0123456789abcdef"], False),
        (["/a/settings.json", "/b/messages.json"], False),
        (["/a/settings.json", "/b/messages.json", "/c/epg.json"], True),
        ([f"/hls/{'Ab3' * 14}/1.ts"], True),
        ([f"/live/{'international-sports-' * 3}/1.ts"], False),
    ],
)
def test_what_many_may_ask_for_is_not_enough(lab, targets, one):
    for number, target in enumerate(targets):
        lab.get(target, "edge.example", at=100 + 10 * number)
        outside(lab, target, 101 + 10 * number, 7)
    assert (len(lab.build()["devices"]) == 1) is one


@pytest.mark.parametrize(
    ("inside", "beyond", "one"),
    [
        ({"user_agent": "A/1"}, {"user_agent": "A/1"}, True),
        ({"user_agent": "A/1"}, {"user_agent": "B/2"}, False),
        ({"user_agent": "A/1"}, {}, True),
        ({"server_ip": "203.0.113.40"}, {"server_ip": "203.0.113.41"}, False),
        ({"server_ip": "203.0.113.40"}, {"server_ip": "10.0.0.41"}, True),  # the server's own network
    ],
)
def test_requests_that_differ_are_not_the_same(lab, inside, beyond, one):
    lab.get(ONE_TOKEN, "edge.example", at=100, **inside)
    outside(lab, ONE_TOKEN, 101, 7, **beyond)
    assert (len(lab.build()["devices"]) == 1) is one


@pytest.mark.parametrize(("later", "joined"), [(101, 0), (9000, 2)])
def test_a_device_has_one_address_outside_at_a_time(lab, later, joined):
    lab.get(ONE_TOKEN, "edge.example", at=100)
    outside(lab, ONE_TOKEN, 100, 7)
    lab.get(OTHER_TOKEN, "edge.example", at=later)
    lab.get(OTHER_TOKEN, "edge.example", at=later, flow_id=8, capture_id=TWO, client_ip="192.0.2.77", mac=ROUTER)
    assert [row["rule"] for row in lab.build()["merges"] if row["kind"] == "device"] == ["same-requests"] * joined


def test_a_second_network_outside_is_seen_in_another_capture(lab):
    lab.get(ONE_TOKEN, "edge.example", at=100)
    outside(lab, ONE_TOKEN, 100, 7)
    between = {"capture_id": "c" * 16, "client_ip": "10.0.0.9", "mac": "02:00:5e:00:00:33"}
    lab.get(ONE_TOKEN, "edge.example", at=100, flow_id=9, **between)
    lab.add(
        "link_addresses", capture_id="c" * 16, mac=between["mac"], ip="10.0.0.9", basis="IP", ttl_min=63, ttl_max=63
    )
    [device] = lab.build()["devices"]
    assert device["ips"] == ["10.0.0.9", HOME, BOX]


def test_polls_are_counted_once(lab):
    for number in range(40):
        lab.get(ONE_TOKEN, "edge.example", at=100)
        outside(lab, ONE_TOKEN, 100 + number % 2, 7)
    lab.get(ONE_TOKEN, "edge.example", at=101)
    lab.build()
    crossings = find_crossings(lab.bench(), read_clients(lab.bench()))
    assert [(one.outside, one.flow_id, one.inside, one.requests) for one in crossings] == [
        ((TWO, HOME), 7, (ONE, BOX), 40)]  # fmt: skip


def test_long_targets_without_digits_are_read_quickly(lab):
    target = "/" + "letters-" * 8000
    lab.get(target, "edge.example", at=100)
    outside(lab, target, 100, 7)
    begun = process_time()
    assert len(find_crossings(lab.bench(), read_clients(lab.bench()))) <= 1
    assert process_time() - begun < 2
