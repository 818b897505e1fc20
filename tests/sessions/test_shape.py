"""Sessions inferred from the shape of encrypted flows: what they say, and what they leave open."""

from __future__ import annotations

import pytest

from .conftest import BASE_NS, CLIENT, SERVER
from .test_closed import burst


def closed(lab, flow=1, name="edge.example", history="ShADadFf", **more):
    lab.flow(flow, protocol="tls", port=443, history=history, **more)
    if name:
        ends = {"client_ip": more.get("client", CLIENT), "client_port": 40000 + flow}
        lab.add("tls", flow_id=flow, client_hello_frame=4, server_name=name, **ends)
    lab.add("bursts", **burst("first", 0, 1400, flow=flow)._asdict())


def segment(lab, number, *, flow=1, period=4.0, first=1.0, size=400_000):
    size += number * 7919 % 90_000
    lab.add("bursts", **burst("request", first + number * period, size, flow=flow)._asdict())


def poll(lab, number, *, flow=1, period=4.0, first=0.6):
    lab.add("bursts", **burst("request", first + number * period, 1100, took=0.01, flow=flow)._asdict())


def test_segmented_delivery(lab):
    closed(lab)
    for number in range(16):
        segment(lab, number)
        poll(lab, number)
    session = lab.one()
    assert (session["delivery"], session["client_ip"], session["kind"]) == ("segmented", CLIENT, "live")
    assert (session["edge_host"], session["edge_ip"], session["edge_port"]) == ("edge.example", SERVER, 443)
    assert (session["basis"], session["confidence"], session["period_s"]) == ("shape", "likely", 4.0)
    assert "16 of 16 beats keep to a period of 4.00 s" in session["inference"]
    assert [session[name] for name in ("stream", "channel", "title", "panel_host")] == [None] * 4
    assert (session["media_seconds"], session["media_objects"]) == (64.0, 16)
    assert session["rate_bps"] == pytest.approx(session["bytes"] * 8 / 64)
    assert (session["start_ns"], session["missing_bytes"]) == (BASE_NS + 10**9, None)
    assert session["completeness"] == "complete"
    assert lab.shown()[0] == f"{CLIENT} claims to want edge.example."


def test_playlist_and_media_over_several_connections_are_one_session(lab):
    for flow in (1, 2, 3):
        closed(lab, flow)
    for number in range(14):
        segment(lab, number, flow=1 + number % 2)
        poll(lab, number, flow=3)
    session = lab.one()
    assert session["flow_ids"] == [1, 2, 3]
    assert session["kind"] == "live"


def test_a_player_that_changes_its_connection_goes_on(lab):
    closed(lab, 1)
    closed(lab, 2)
    for number in range(28):
        segment(lab, number, flow=1 if number < 14 else 2)
    session = lab.one()
    assert (session["flow_ids"], session["media_seconds"]) == ([1, 2], 112.0)


def test_two_players_of_one_server_are_one_session_and_not_none(lab):
    closed(lab, 1)
    closed(lab, 2)
    for number in range(14):
        segment(lab, number, flow=1)
        segment(lab, number, flow=2, first=2.3)
    session = lab.one()
    assert (session["period_s"], session["flow_ids"]) == (4.0, [1, 2])


def test_two_names_are_two_sessions(lab):
    closed(lab, 1)
    closed(lab, 2, "other.example")
    for number in range(14):
        segment(lab, number, flow=1)
        segment(lab, number, flow=2)
    assert {session["edge_host"] for session in lab.sessions()} == {"edge.example", "other.example"}


def test_continuous_delivery(lab):
    closed(lab, history="ShADad")
    lab.add("bursts", **burst("request", 1, 500_000, took=4.9)._asdict())
    for number in range(14):
        lab.add("bursts", **burst("time", 6 + 5 * number, 500_000, asked=0, took=4.9)._asdict())
    session = lab.one()
    assert (session["delivery"], session["kind"], session["confidence"]) == ("continuous", None, "likely")
    assert session["rate_bps"] == pytest.approx(800_000, rel=0.05)
    assert session["completeness"] == "still open at the end of the capture"
    assert session["period_s"] is None


def test_a_stream_that_broke_and_came_again_is_one_session(lab):
    for flow, start in ((1, 1), (2, 50)):
        closed(lab, flow)
        lab.add("bursts", **burst("request", start, 500_000, took=4.9, flow=flow)._asdict())
        for number in range(8):
            more = burst("time", start + 5 * number + 5, 500_000, asked=0, took=4.9, flow=flow)
            lab.add("bursts", **more._asdict())
    session = lab.one()
    assert (session["flow_ids"], session["media_objects"]) == ([1, 2], 2)


def test_a_file_at_the_pace_of_its_player(lab):
    closed(lab)
    lab.add("bursts", **burst("request", 1, 20_000_000, took=4.9)._asdict())
    for number in range(14):
        lab.add("bursts", **burst("pause", 6 + 5 * number, 500_000, asked=0, took=4.5)._asdict())
    session = lab.one()
    assert (session["delivery"], session["kind"]) == ("progressive", "vod")


def test_flows_that_were_opened_give_no_second_session(lab):
    closed(lab)
    for number in range(14):
        segment(lab, number)
    lab.add("decrypted", flow_id=1)
    assert lab.sessions() == []


def test_pages_and_small_talk_are_no_sessions(lab):
    closed(lab)
    for at, size in ((1, 90_000), (1.1, 400_000), (1.2, 8_000), (14, 50_000), (14.3, 900_000), (90, 20_000)):
        lab.add("bursts", **burst("request", at, size)._asdict())
    closed(lab, 2, "api.example")
    for number in range(60):
        lab.add("bursts", **burst("request", 2 + 5 * number, 1500, flow=2)._asdict())
    assert lab.sessions() == []


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(lab, seed):
    for flow in (1, 2):
        closed(lab, flow)
    for number in range(14):
        segment(lab, number, flow=1 + number % 2)
    assert lab.build(seed=seed) == lab.build()


def test_only_the_answers_were_captured(lab):
    lab.flow(1, protocol="tls", port=443, starts_midstream=False)
    lab.add("bursts", **burst("first", 0, 1400, asked=0)._asdict())
    for number in range(14):
        lab.add("bursts", **burst("pause", 1 + 4 * number, 400_000 + number * 9_000, asked=0)._asdict())
    session = lab.one()
    assert (session["delivery"], session["edge_host"], session["edge_ip"]) == ("segmented", None, SERVER)


def test_quic_is_named_as_such(lab):
    lab.flow(1, protocol="quic", port=443, transport="udp", history="Dd")
    lab.add("bursts", **burst("first", 0, 1400)._asdict())
    for number in range(14):
        segment(lab, number)
    session = lab.one()
    assert (session["encryption"], session["completeness"]) == ("QUIC", "complete")
