"""Media in WebSocket to sessions."""

from __future__ import annotations

import pytest

BASE_NS = 1_700_000_000 * 10**9
CLIENT, SERVER = "192.168.1.48", "203.0.113.53"
URL = "http://edge.example/live/five.flv"


def connection(lab, *, kind="flv", asked=True, from_server=True, at=206, **more):
    lab.flow(client=CLIENT, server=SERVER)
    if asked:
        lab.get(URL, 0, status=101, client=CLIENT, server=SERVER, user_agent="Browser/1")
    place = {"ts_ns": BASE_NS + 10**9, "flow_id": 1, "from_orig": not from_server}
    ends = {"client_ip": CLIENT, "client_port": 40001, "server_ip": SERVER, "server_port": 80}
    values = {"binary_messages": 9, "close_code": 1000, "media_body_offset": at, **more.pop("said", {})}
    lab.add("websocket", **place, frame_no=31, stream_offset=202, url=URL, **values, **ends)
    body = {"bytes": 5000, "missing_bytes": 0, "last_ns": BASE_NS + 9 * 10**9, "last_frame": 99, **more}
    lab.add("objects", **place, frame_no=31, stream_offset=206, name=URL, kind=kind, role="message", **body, **ends)
    lab.add(
        "objects", **place, frame_no=31, stream_offset=202, name=URL, kind="websocket", role="tunnel", **body, **ends
    )
    if kind == "mpegts":
        stream = {**place, "frame_no": 31, "stream_offset": 206, "object_offset": 206}
        lab.add("transport_streams", **stream, packet_bytes=188, packets=26, media_s=8.0, media_s_basis="PTS")
        lab.add("ts_services", **stream, service_name="Channel Five")


def test_flv_in_websocket(lab):
    connection(lab)
    session = lab.one()
    assert (session["delivery"], session["published"], session["stream"]) == ("ws-flv", False, URL)
    assert (session["client_ip"], session["edge_host"], session["edge_ip"]) == (CLIENT, "edge.example", SERVER)
    assert (session["bytes"], session["last_frame"], session["user_agent"]) == (5000, 99, "Browser/1")
    assert (session["start_ns"], session["completeness"]) == (BASE_NS, "complete")
    assert lab.shown() == [
        f"{CLIENT} asked for {URL} as a WebSocket connection.",
        f"First of 5000 bytes of flv from {SERVER}, in 9 binary messages.",
    ]


def test_transport_streams_have_seconds_and_a_name(lab):
    connection(lab, kind="mpegts")
    session = lab.one()
    assert (session["delivery"], session["channel"], session["media_seconds"]) == ("ws-ts", "Channel Five", 8.0)


def test_who_sends_the_media_publishes(lab):
    connection(lab, from_server=False)
    assert lab.one()["published"] is True


def test_what_was_not_seen_is_said(lab):
    connection(lab, asked=False, missing_bytes=7, said={"close_code": None})
    assert (
        lab.one()["completeness"]
        == "starts before the capture; gaps in the media; still open at the end of the capture"
    )


@pytest.mark.parametrize("more", [{"kind": "json"}, {"at": None, "kind": "json"}, {"bytes": 0}])
def test_other_messages_are_no_session(lab, more):
    connection(lab, **more)
    assert lab.sessions() == []
