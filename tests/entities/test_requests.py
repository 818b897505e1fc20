"""Requests: what is read from exchanges, and how often."""

from __future__ import annotations

from time import process_time

import pytest

from iptvforensics.entities.requests import read_requests

from .conftest import ONE


def test_equal_requests_are_read_once(lab):
    for _ in range(3):
        lab.get("/player_api.php?username=u1&password=p1")
    [sighting] = read_requests(lab.bench()).sightings
    assert (sighting.times, sighting.host, sighting.port, sighting.where) == (3, "tv.example", 80, "request")
    assert (sighting.place.capture_id, sighting.place.frame_no) == (ONE, 10)


def test_segments_at_edges_are_counted_not_read(lab):
    for number in range(5):
        lab.get(f"/hls/QUJDREVGR0hJSktMTU5PU{number}")
    [sighting] = read_requests(lab.bench()).sightings
    assert (sighting.times, sighting.says.form) == (5, "hls")


def test_relative_redirects_stay_at_their_host(lab):
    lab.get("/live/u/p/7.ts", host="tv.example:8080", status=302, location="/hls/x.m3u8")
    [redirect] = read_requests(lab.bench()).redirects
    assert (redirect.source, redirect.source_port, redirect.target) == ("tv.example", 8080, "tv.example")


@pytest.mark.parametrize(
    ("asked", "location", "leads_to"),
    [
        ({}, "b.m3u8?t=1", "http://tv.example:8080/live/u/p/b.m3u8?t=1"),
        ({}, "/hls/b.m3u8", "http://tv.example:8080/hls/b.m3u8"),
        ({}, "?t=1", "http://tv.example:8080/live/u/p/7.ts?t=1"),
        ({"host": None, "server_port": 8080}, "b.m3u8", "http://198.51.100.7:8080/live/u/p/b.m3u8"),
        ({"host": None, "server_ip": "2001:db8::5"}, "b.m3u8", "http://[2001:db8::5]/live/u/p/b.m3u8"),
    ],
)
def test_relative_redirects_are_relative_to_what_was_asked_for(lab, asked, location, leads_to):
    host = asked.get("host", "tv.example:8080")
    url = f"http://{host}/live/u/p/7.ts" if host else None
    lab.get("/live/u/p/7.ts", **{"host": host, "url": url, "status": 302, "location": location, **asked})
    [redirect] = read_requests(lab.bench()).redirects
    assert redirect.location == leads_to


def test_lists_with_short_names_of_users_are_read(lab):
    lab.message("catalogue_entries", family="m3u", host="list.example", entry_url="http://tv.example/live/b/x/7.ts")
    [sighting] = read_requests(lab.bench()).sightings
    assert (sighting.says.username, sighting.says.password) == ("b", "x")


def test_what_boxes_tell_portals(lab):
    headers = ["X-User-Agent: Model: MAG250; Link: Ethernet"]
    lab.get("/portal.php?type=stb&action=get_profile&sn=123", headers=headers, cookie="mac=00%3A1A%3A79%3A00%3A00%3A01",
            authorization="Bearer 0123")  # fmt: skip
    [mark] = read_requests(lab.bench()).marks
    assert (mark.mac, mark.serial, mark.model, mark.token) == ("00:1a:79:00:00:01", "123", "MAG250", "0123")
    assert mark.action == "stb.get_profile"


@pytest.mark.parametrize("value", ['"00:1A:79:00:00:01"', "001a.7900.0001", " 00%3A1A%3A79%3A00%3A00%3A01"])
def test_addresses_in_cookies_are_read_however_they_are_written(lab, value):
    lab.get("/portal.php?type=stb&action=handshake", cookie=f"mac={value}; stb_lang=en")
    [mark] = read_requests(lab.bench()).marks
    assert mark.mac == "00:1a:79:00:00:01"


def test_other_clients_of_portals_tell_model_and_version_in_one_header(lab):
    headers = ["X-User-Agent: model=MAG250;version=218;sig=0a1b"]
    lab.get("/portal.php?type=stb&action=handshake", headers=headers, cookie="mac=00%3A1A%3A79%3A00%3A00%3A01")
    [mark] = read_requests(lab.bench()).marks
    assert (mark.model, mark.firmware) == ("MAG250", "218")
    [device] = lab.build()["devices"]
    assert (device["model"], device["firmware"], device["kind"]) == ("MAG250", "218", "tv-box")


def test_headers_between_panels(lab):
    lab.get("/u/p/7.ts", headers=["X-XC_VM-Detect:1", "Accept: */*"])
    assert [row[0] for row in read_requests(lab.bench()).detects] == ["X-XC_VM-Detect:1"]


def test_ordinary_traffic_is_not_read(lab):
    lab.get("/index.html")
    lab.get("/live/alpha/index0.ts")
    found = read_requests(lab.bench())
    assert found.sightings == found.redirects == found.marks == []


def test_long_header_fields_with_file_names_are_read_quickly(lab):
    begun = process_time()
    lab.get("/get.php?username=u1&password=p1", content_disposition="filename=" * 8000)
    assert [sighting.where for sighting in read_requests(lab.bench()).sightings] == ["request"]
    assert process_time() - begun < 2
