"""SRT connections to sessions."""

from __future__ import annotations

import pytest

BASE_NS = 1_700_000_000 * 10**9
CALLER, LISTENER = "198.51.100.60", "203.0.113.51"


def connection(lab, *, from_caller=True, opened=True, carried=True, **more):
    lab.flow(client=CALLER, server=LISTENER, port=9000, transport="udp", protocol="srt")
    if opened:
        lab.add(
            "srt",
            ts_ns=BASE_NS,
            frame_no=3,
            flow_id=1,
            stream_offset=0,
            from_orig=True,
            caller_socket=11,
            listener_socket=22,
            **{"stream_id": "live/five", "closed_by": "caller", **more.pop("said", {})},
        )
    at = 160 if carried else None
    lab.add(
        "srt_streams",
        ts_ns=BASE_NS + 10**9,
        frame_no=7,
        flow_id=1,
        stream_offset=144,
        from_orig=from_caller,
        destination_socket=22 if from_caller else 11,
        is_from_caller=from_caller if opened else None,
        payload_offset=at,
        last_ns=BASE_NS + 9 * 10**9,
        last_frame_no=90,
        **{
            "stream_id": "live/five" if opened else None,
            "packets": 70,
            "payload_bytes": 92120,
            "lost_packets": 0,
            "sequence_jumps": 0,
            "is_encrypted": not carried,
            **more,
        },
    )
    if carried:
        place = {"flow_id": 1, "from_orig": from_caller, "object_offset": at, "ts_ns": BASE_NS + 10**9, "frame_no": 7}
        lab.add(
            "transport_streams",
            **place,
            stream_offset=at,
            packet_bytes=188,
            packets=490,
            media_s=8.0,
            media_s_basis="PTS",
        )
        lab.add("ts_services", **place, stream_offset=at, service_name="Channel Five")
        body = {"flow_id": 1, "from_orig": from_caller, "stream_offset": at, "ts_ns": BASE_NS, "frame_no": 7}
        ends = {"client_ip": CALLER, "client_port": 40001, "server_ip": LISTENER, "server_port": 9000}
        lab.add("objects", **body, kind="mpegts", role="message", bytes=92120, **ends)


@pytest.mark.parametrize("from_caller", [True, False], ids=["publish", "play"])
def test_who_called_is_the_client(lab, from_caller):
    connection(lab, from_caller=from_caller)
    session = lab.one()
    assert (session["delivery"], session["published"], session["stream"]) == ("srt", from_caller, "live/five")
    assert (session["client_ip"], session["edge_ip"], session["edge_port"]) == (CALLER, LISTENER, 9000)
    assert (session["channel"], session["media_seconds"], session["bytes"]) == ("Channel Five", 8.0, 92120)
    assert (session["first_frame"], session["last_frame"], session["completeness"]) == (3, 90, "complete")
    assert lab.shown()[0] == f"{CALLER} called {LISTENER} port 9000 as live/five."


def test_what_was_called_is_the_name_where_the_caller_gave_none(lab):
    connection(lab, said={"stream_id": None, "closed_by": None}, stream_id=None)
    session = lab.one()
    assert session["stream"] == f"srt://{LISTENER}:9000"
    assert session["completeness"] == "still open at the end of the capture"


@pytest.mark.parametrize(
    ("said", "encryption"),
    [({"cipher": "AES-CTR", "key_bits": 192}, "SRT AES-CTR 192"), ({"key_bits": 128}, "SRT AES 128"), ({}, "SRT")],
)
def test_encrypted_media_are_counted(lab, said, encryption):
    connection(lab, carried=False, said=said)
    session = lab.one()
    assert (session["encryption"], session["channel"], session["bytes"]) == (encryption, None, 92120)


def test_without_a_handshake_the_receiver_is_the_client(lab):
    connection(lab, opened=False, lost_packets=2)
    session = lab.one()
    assert (session["client_ip"], session["stream"], session["published"]) == (LISTENER, None, False)
    assert session["completeness"] == "starts before the capture; gaps in the media"


def test_a_connection_without_data_is_no_session(lab):
    connection(lab, carried=False, payload_bytes=0)
    assert lab.sessions() == []


def test_the_name_that_the_client_looked_up_last(lab):
    for frame, (name, address, client) in enumerate(
        [
            ("Old.example", LISTENER, CALLER),
            ("In.Harrier.example.", LISTENER, CALLER),
            ("else.example", "203.0.113.99", CALLER),
            ("another.example", LISTENER, "198.51.100.61"),
        ]
    ):
        lab.add("dns", ts_ns=BASE_NS - 9 + frame, frame_no=1, flow_id=9, stream_offset=frame, from_orig=False,
                is_response=True, query_name=name, addresses=[address], client_ip=client)  # fmt: skip
    lab.add("dns", ts_ns=BASE_NS + 9, frame_no=9, flow_id=9, stream_offset=9, from_orig=False, is_response=True,
            query_name="late.example", addresses=[LISTENER], client_ip=CALLER)  # fmt: skip
    connection(lab)
    session = lab.one()
    assert (session["edge_host"], session["hosts"]) == ("in.harrier.example", ["in.harrier.example"])
    assert f"{CALLER} was told that in.harrier.example is {LISTENER}." in lab.shown()


def test_a_file_that_is_transferred_is_not_live(lab):
    connection(lab, said={"congestion_control": "file"})
    assert (lab.one()["kind"], lab.one()["kind_basis"]) == (None, None)


def test_a_connection_of_a_group_says_so(lab):
    connection(lab, said={"bonding_group": 7})
    assert lab.shown()[0].endswith("It is a connection of group 7: others of it carry the same or parts of it.")
