"""The web interface of a receiver says what it is and what it receives."""

import xml.etree.ElementTree as ET

import pytest

REFERENCE = ":0:1:44C:3FB:1:C00000:0:0:0:"


def test_what_the_receiver_is(client):
    told = client.json("/api/deviceinfo")
    face = told["ifaces"][0]
    assert (face["mac"], face["ip"], face["gw"]) == ("02:00:5e:10:00:40", "192.168.1.40", "192.168.1.1")
    assert told["tuners"] == [{"name": "Tuner A", "type": "DVB-C", "live": "", "rec": ""}]
    assert {"brand", "model", "boxtype", "imagever", "enigmaver", "kernelver", "driverdate", "webifver"} <= set(told)
    assert client.json("/api/about")["info"] == told
    assert client.request.said["did"] == "openwebif:api/about"


def test_what_it_receives(client):
    services = client.json("/api/getservices")["services"]
    assert services[0] == {"servicereference": REFERENCE, "servicename": "Heron One HD", "program": 1100, "pos": 1}
    assert services[1]["servicereference"].startswith("4097:0:1:66:")
    (bouquet,) = client.json("/api/getallservices")["services"]
    assert bouquet["subservices"] == services
    assert client.json("/api/bouquets")["bouquets"][0][1] == "Favourites (TV)"
    events = client.json("/api/epgservice", {"sRef": REFERENCE})["events"]
    assert (events[0]["sref"], events[0]["sname"]) == (REFERENCE, "Heron One HD")


@pytest.mark.parametrize("name", ["statusinfo", "timerlist", "signal", "tunersignal"])
def test_other_tables(client, name):
    assert client.json(f"/api/{name}")


def test_playlist_of_a_channel_and_xml(client):
    text = client.ask("/web/stream.m3u", {"ref": REFERENCE}).body.decode()
    assert "#EXTVLCOPT:program=1100\n" in text
    assert text.endswith(f"http://tv.heron.example:8001/{REFERENCE}\n")
    assert ET.fromstring(client.ask("/web/about").body).findtext(".//e2lanmac") == "02:00:5e:10:00:40"
    names = ET.fromstring(client.ask("/web/getservices").body).findall("e2service/e2servicename")
    assert names[0].text == "Heron One HD"
    assert client.ask("/api/none").status == client.ask("/web/none").status == 404
