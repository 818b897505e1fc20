"""Receivers: what their web interface says of them is theirs, not the client's."""

from __future__ import annotations

from .conftest import BOX, BOX_MAC, PANEL, ROUTER_MAC

RECEIVER, ITS_MAC = "192.168.1.77", "02:00:5e:00:01:77"


def ask(lab, server=RECEIVER, mac=ITS_MAC, **values):
    """Add what the interface of a receiver answers to the box."""
    lab.get("/api/deviceinfo", host=server, server_ip=server, **values)
    lab.rows["flows"][-1]["resp_mac"] = mac
    lab.message("account_replies", family="enigma2", role="response", action="deviceinfo", host=server,
                url=f"http://{server}/api/deviceinfo", mac="02:00:5e:aa:bb:cc", mac_raw="02:00:5e:aa:bb:cc",
                model="Brand One", firmware="Image 9.2", software="OpenWebif", server_ip=server, **values)  # fmt: skip


def test_a_receiver_is_a_device_with_its_own_claims(lab):
    ask(lab)
    tables = lab.build()
    devices = {row["ips"][0]: row for row in tables["devices"]}
    assert set(devices) == {BOX, RECEIVER}
    assert (devices[BOX]["model"], devices[BOX]["firmware"], devices[BOX]["claimed_macs"]) == (None, None, [])
    found = devices[RECEIVER]
    assert (found["model"], found["firmware"], found["kind"]) == ("Brand One", "Image 9.2", "tv-box")
    assert (found["macs"], found["claimed_macs"]) == ([ITS_MAC], ["02:00:5e:aa:bb:cc"])
    assert found["strength"] == "strong"
    assert "device-link-address" in found["rule"]
    assert tables["panels"] == tables["lines"] == []


def test_a_receiver_behind_a_router_has_no_link_address(lab):
    ask(lab, "203.0.113.77", ROUTER_MAC)
    [found] = [row for row in lab.build()["devices"] if row["ips"] == ["203.0.113.77"]]
    assert (found["macs"], found["model"]) == ([], "Brand One")
    assert "device-answers" in found["rule"]
    assert found["strength"] == "supporting"


def test_a_receiver_that_asks_itself_is_one_device(lab):
    lab.get("/live/u1/p1/7.ts", client_ip=RECEIVER, mac=ITS_MAC, flow_id=2)
    ask(lab)
    [found] = [row for row in lab.build()["devices"] if row["ips"] == [RECEIVER]]
    assert (found["model"], found["macs"]) == ("Brand One", [ITS_MAC])


def test_a_router_is_no_receiver_because_it_passes_on(lab):
    ask(lab, mac=ROUTER_MAC)
    lab.flow(BOX, "198.51.100.8", BOX_MAC, 3)
    [found] = [row for row in lab.build()["devices"] if row["ips"] == [RECEIVER]]
    assert found["macs"] == []


def test_a_receiver_that_gives_a_stream_and_watches_keeps_its_viewing(lab):
    ask(lab)
    lab.get("/live/u1/p1/7.ts", client_ip=RECEIVER, mac=ITS_MAC, flow_id=2)
    lab.session("http://tv.example/live/u1/p1/7.ts", "tv.example", client_ip=RECEIVER, edge_ip=PANEL, flow_ids=[2])
    stream = f"http://{RECEIVER}:8001/1:0:19:283D:3FB:1:C00000:0:0:0:"
    lab.session(stream, f"{RECEIVER}:8001", edge_ip=RECEIVER, edge_port=8001)
    tables = lab.build()
    [found] = [row for row in tables["devices"] if row["ips"] == [RECEIVER]]
    assert (found["macs"], found["sessions"], found["kind"]) == ([ITS_MAC], 1, "tv-box")
    devices = [row["device_id"] for row in tables["session_entities"]]
    assert (devices[0], devices[1] is not None, devices[1] != devices[0]) == (found["device_id"], True, True)
    [server] = [row for row in tables["servers"] if RECEIVER in row["ips"]]
    assert (server["role"], server["sessions"]) == ("edge", 1)
    assert ("streams-from", server["server_id"]) in {(row["kind"], row["target"]) for row in tables["links"]}
