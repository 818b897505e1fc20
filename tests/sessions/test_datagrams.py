"""Bare transport streams to sessions."""

from __future__ import annotations

BASE_NS = 1_700_000_000 * 10**9


def stream(lab, **more):
    place = {
        "flow_id": 1,
        "from_orig": more.pop("from_orig", True),
        "object_offset": more.pop("object_offset", None),
        "ts_ns": BASE_NS,
        "frame_no": 4,
    }
    values = {
        "stream_offset": 0,
        "packet_bytes": 188,
        "packets": 70,
        "missing_bytes": 0,
        "media_s": 6.0,
        "media_s_basis": "PTS",
    }
    lab.add("transport_streams", **place, **{**values, "last_frame_no": 40, "last_ns": BASE_NS + 6 * 10**9, **more})
    lab.add("ts_services", **place, stream_offset=0, service_name="Cable One")


def test_multicast_group_has_no_known_client(lab):
    lab.flow(client="192.168.1.70", server="239.10.0.7", port=5000, transport="udp")
    stream(lab)
    session = lab.one()
    assert (session["delivery"], session["stream"], session["client_ip"]) == ("udp-ts", "udp://239.10.0.7:5000", None)
    assert (session["channel"], session["bytes"], session["edge_ip"]) == ("Cable One", 70 * 188, "192.168.1.70")
    assert session["completeness"] == "complete"


def test_lost_datagrams_show_as_continuity_errors(lab):
    lab.flow(client="192.168.1.70", server="2001:db8::7", port=5000, transport="udp")
    stream(lab, continuity_errors=2)
    session = lab.one()
    assert (session["client_ip"], session["stream"]) == ("2001:db8::7", "udp://[2001:db8::7]:5000")
    assert (session["completeness"], session["missing_bytes"]) == ("gaps in the media", None)


def test_transport_stream_straight_on_tcp(lab):
    lab.flow(client="192.168.1.20", server="203.0.113.9", port=9000, starts_midstream=True)
    stream(lab, from_orig=False)
    session = lab.one()
    assert (session["delivery"], session["client_ip"], session["edge_port"]) == ("tcp-ts", "192.168.1.20", 9000)
    assert session["completeness"] == "starts before the capture; still open at the end of the capture"


def test_stream_without_a_packet_is_no_session(lab):
    lab.flow(transport="udp")
    stream(lab, packets=0)
    assert lab.sessions() == []


def rtp_stream(lab, **more):
    place = {"flow_id": 1, "from_orig": True, "ts_ns": BASE_NS, "frame_no": 4, "stream_offset": 0}
    values = {"ssrc": 7, "packets": 10, "lost_packets": 0, "sequence_jumps": 0, "payload_offset": 12}
    lab.add("rtp_streams", **place, **{**values, **more})


def test_transport_stream_in_rtp(lab):
    lab.flow(client="192.168.1.70", server="239.10.0.8", port=5004, transport="udp")
    rtp_stream(lab)
    stream(lab, object_offset=12)
    session = lab.one()
    assert (session["delivery"], session["stream"], session["client_ip"]) == ("rtp-ts", "rtp://239.10.0.8:5004", None)
    assert (session["channel"], session["kind"], session["completeness"]) == ("Cable One", "live", "complete")


def test_lost_rtp_packets_are_gaps(lab):
    lab.flow(client="192.168.1.70", server="239.10.0.8", port=5004, transport="udp")
    rtp_stream(lab, lost_packets=2)
    stream(lab, object_offset=12)
    assert lab.one()["completeness"] == "gaps in the media"


def test_object_that_rtp_carries_was_not_fetched(lab):
    lab.flow(client="192.168.1.70", server="239.10.0.8", port=5004, transport="udp")
    rtp_stream(lab)
    stream(lab, object_offset=12)
    lab.add("objects", flow_id=1, from_orig=True, ts_ns=BASE_NS, frame_no=4, stream_offset=12, kind="mpegts",
            role="message", bytes=9000, client_ip="239.10.0.8", server_ip="192.168.1.70")  # fmt: skip
    assert [session["delivery"] for session in lab.sessions()] == ["rtp-ts"]
