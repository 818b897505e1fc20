"""Both sides of a router: connections at a shared address are those of devices seen from inside."""

from __future__ import annotations

from .conftest import BOX, TWO

HOME, ROUTER = "192.0.2.9", "02:00:5e:00:00:09"
OTHER = {"client_ip": "192.168.1.21", "mac": "02:00:5e:00:01:21"}


def outside(lab, target, at, flow, **values):
    lab.get(target, "edge.example", at=at, flow_id=flow, capture_id=TWO, client_ip=HOME, mac=ROUTER, **values)


def test_a_device_is_found_again_behind_its_router(lab):
    lab.get("/auth/abcdefghijklmnopqrst", "edge.example", at=100)
    outside(lab, "/auth/abcdefghijklmnopqrst", 101, 7)
    lab.session("http://edge.example/auth/abcdefghijklmnopqrst", capture_id=TWO, client_ip=HOME, flow_ids=[7])
    tables = lab.build()
    [device] = tables["devices"]
    assert device["ips"] == [HOME, BOX]
    assert [row["rule"] for row in tables["merges"] if row["kind"] == "device"] == ["same-requests"]
    assert tables["session_entities"][0]["device_id"] == device["device_id"]


def test_an_ipv6_address_is_the_same_on_both_sides(lab):
    new = {"client_ip": "2001:db8:1::20"}
    lab.get("/auth/abcdefghijklmnopqrst", "edge.example", at=100, **new)
    lab.add("link_addresses", capture_id=TWO, mac=ROUTER, ip=new["client_ip"], basis="IP", ttl_min=63, ttl_max=63)
    lab.get("/auth/abcdefghijklmnopqrst", "edge.example", at=100, flow_id=7, capture_id=TWO, mac=ROUTER, **new)
    [device] = lab.build()["devices"]
    assert (device["ips"], len(device["capture_ids"])) == (["2001:db8:1::20"], 2)
    assert ROUTER not in device["macs"]


def test_two_devices_behind_one_router_are_kept_apart(lab):
    lab.get("/auth/abcdefghijklmnopqrst", "edge.example", at=100)
    lab.get("/auth/tsrqponmlkjihgfedcba", "edge.example", at=100, flow_id=2, **OTHER)
    outside(lab, "/auth/abcdefghijklmnopqrst", 101, 7)
    outside(lab, "/auth/tsrqponmlkjihgfedcba", 101, 8)
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
    lab.get("/auth/abcdefghijklmnopqrst", "edge.example", at=100)
    outside(lab, "/auth/abcdefghijklmnopqrst", 200, 7)
    assert len(lab.build()["devices"]) == 2


def test_rtmp_streams_count_as_requests(lab):
    lab.get("/x")
    name = {"command": "play", "stream_name": "102?username=u1&password=p1", "at": 100}
    lab.message("rtmp", **name)
    outside(lab, "/y", 50, 6)
    lab.message("rtmp", capture_id=TWO, client_ip=HOME, flow_id=7, **name)
    assert [HOME, BOX] in [row["ips"] for row in lab.build()["devices"]]
