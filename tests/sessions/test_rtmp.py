"""RTMP commands and media to sessions."""

from __future__ import annotations

import pytest

ENDS = {"client_ip": "192.168.1.22", "client_port": 41000, "server_ip": "203.0.113.50", "server_port": 1935}
APP = {"app": "live", "tc_url": "rtmp://in.example:1935/live"}
BASE_NS = 1_700_000_000 * 10**9


def message(lab, at, command, from_orig=True, kind="command", **more):
    lab.frame += 1
    values = {"ts_ns": BASE_NS + round(at * 1e9), "flow_id": 1, "from_orig": from_orig, "frame_no": lab.frame}
    lab.add("rtmp", **values, stream_offset=lab.frame * 100, kind=kind, command=command, **{**ENDS, **more})


def media(lab, at, until, from_orig=False, **more):
    lab.frame += 1
    values = {
        "ts_ns": BASE_NS + round(at * 1e9),
        "flow_id": 1,
        "from_orig": from_orig,
        "frame_no": lab.frame,
        "stream_offset": lab.frame * 100,
        "message_stream_id": 1,
        "audio_bytes": 300,
        "video_bytes": 700,
        "media_s": until - at,
        "last_frame_no": lab.frame + 50,
        "last_ns": BASE_NS + round(until * 1e9),
        "missing_bytes": 0,
        "complete": True,
    }
    lab.add("rtmp_media", **{**values, **more})


def connected(lab, history="ShADadF", **more):
    lab.flow(history=history, client=ENDS["client_ip"], server=ENDS["server_ip"], port=1935, **more)
    message(lab, 0, None, kind="handshake")
    message(lab, 0.1, "connect", flash_ver="LNX 9,0", **APP)


def play(lab, at=0.5, name="sport?token=x", **more):
    message(lab, at, "play", message_stream_id=1, stream_name=name, **APP, **more)


def test_play(lab):
    connected(lab)
    play(lab)
    media(lab, 1, 21, role="play", stream_name="sport?token=x", **APP)
    session = lab.one()
    assert (session["delivery"], session["stream"]) == ("rtmp", "live/sport?token=x")
    assert (session["kind"], session["kind_basis"]) == ("live", "RTMP play without duration")
    assert (session["bytes"], session["media_seconds"]) == (1000, 20.0)
    assert session["media_seconds_basis"] == "RTMP timestamps"
    assert (session["edge_host"], session["edge_ip"], session["edge_port"]) == ("in.example", "203.0.113.50", 1935)
    assert (session["client_ip"], session["user_agent"], session["panel_host"]) == ("192.168.1.22", "LNX 9,0", None)
    assert session["start_ns"] == BASE_NS
    assert session["end_ns"] == BASE_NS + 21 * 10**9
    assert session["completeness"] == "complete"


def test_publish(lab):
    connected(lab)
    message(lab, 0.5, "publish", message_stream_id=1, stream_name="key", **APP)
    media(lab, 1, 11, from_orig=True, role="publish", stream_name="key", **APP)
    session = lab.one()
    assert (session["delivery"], session["kind"], session["kind_basis"]) == ("rtmp-publish", "live", "publish")
    assert "192.168.1.22 asked to publish key at rtmp://in.example:1935/live." in lab.shown()


def test_a_name_without_its_application_is_evidence_only(lab):
    lab.flow(client=ENDS["client_ip"], server=ENDS["server_ip"], port=1935)
    message(lab, 0.5, "play", message_stream_id=1, stream_name="sport")
    media(lab, 1, 21, role="play", stream_name="sport")
    assert lab.one()["stream"] is None
    assert "192.168.1.22 asked to play sport in an application whose name was not captured." in lab.shown()


def test_an_application_may_have_no_name(lab):
    connected(lab)
    message(lab, 0.5, "play", message_stream_id=1, stream_name="sport", app="", tc_url="rtmp://in.example/")
    media(lab, 1, 21, role="play", stream_name="sport", app="", tc_url="rtmp://in.example/")
    assert lab.one()["stream"] == "sport"


def test_play_without_media_is_no_session(lab):
    connected(lab)
    play(lab)
    media(lab, 1, 1, role="play", audio_bytes=0, video_bytes=0)
    assert lab.sessions() == []


def test_second_play_on_a_connection_begins_with_its_own_command(lab):
    connected(lab)
    play(lab, 0.5, "one")
    media(lab, 1, 5, role="play", stream_name="one", **APP)
    play(lab, 6, "two")
    media(lab, 7, 9, role="play", stream_name="two", **APP)
    assert [(one["stream"], (one["start_ns"] - BASE_NS) / 1e9) for one in lab.sessions()] == [
        ("live/one", 0.0),
        ("live/two", 6.0),
    ]


@pytest.mark.parametrize(
    ("start", "metadata", "kind", "basis"),
    [
        (-2.0, None, "live", "RTMP play without duration"),
        (-2000.0, None, "live", "RTMP play without duration"),
        (-1.0, '[{"duration": 0.0}]', "live", "the client asked for a live stream (RTMP play, start -1)"),
        (-1000.0, None, "live", "the client asked for a live stream (RTMP play, start -1000)"),
        (0.0, '[{"duration": 0.0}]', "live", "metadata: duration 0"),
        (0.0, None, None, None),
        (0.0, '[{"width": 160.0}]', None, None),
        (0.0, '[{"duration": 60.0}]', "vod", "metadata: duration 60 s"),
        (30.0, '[{"duration": 0.0}]', "vod", "the client asked for a recording (RTMP play, start 30)"),
        (None, '[{"duration": 5400.5}]', "vod", "metadata: duration 5400.5 s"),
        (None, '[{"duration": "..."}]', "live", "RTMP play without duration"),
        (None, '[{"duration": 1e}]', "live", "RTMP play without duration"),
    ],
)
def test_live_or_recorded(lab, start, metadata, kind, basis):
    connected(lab)
    play(lab, play_start=start)
    if metadata is not None:
        message(lab, 0.9, "onMetaData", from_orig=False, kind="data", arguments=metadata)
    media(lab, 1, 9, role="play")
    session = lab.one()
    assert (session["kind"], session["kind_basis"]) == (kind, basis)
    if start is not None:
        assert any(text.endswith(f"rtmp://in.example:1935/live, start {start:g}.") for text in lab.shown())


def metadata(lab, at, duration, from_orig=False, **more):
    arguments = f'[{{"duration": {duration}}}]'
    message(lab, at, "onMetaData", from_orig=from_orig, kind="data", arguments=arguments, **more)


def test_metadata_of_the_film_before_say_nothing_of_a_live_stream(lab):
    connected(lab)
    play(lab, 0.5, "film", play_start=0.0)
    metadata(lab, 0.9, 60.0, message_stream_id=1)
    media(lab, 1, 5, role="play", stream_name="film", **APP)
    play(lab, 6, "channel", play_start=-1000.0)
    media(lab, 7, 9, role="play", stream_name="channel", **APP)
    metadata(lab, 10, 90.0, message_stream_id=1)
    assert [(one["stream"], one["kind"]) for one in lab.sessions()] == [("live/film", "vod"), ("live/channel", "live")]


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ({"message_stream_id": 2}, None),
        ({"message_stream_id": 1, "from_orig": True}, None),
        ({"message_stream_id": 0}, "vod"),
    ],
    ids=["other message stream", "what the client publishes", "no message stream"],
)
def test_metadata_that_run_beside_the_media(lab, place, kind):
    connected(lab)
    play(lab, play_start=0.0)
    metadata(lab, 0.9, 60.0, **place)
    media(lab, 1, 9, role="play")
    assert lab.one()["kind"] == kind


def test_metadata_before_a_stop_are_not_those_of_media_whose_command_is_missing(lab):
    ends = {"client": ENDS["client_ip"], "orig_port": ENDS["client_port"], "server": ENDS["server_ip"], "port": 1935}
    lab.flow(history="AD", starts_midstream=True, **ends)
    metadata(lab, 0.1, 60.0, message_stream_id=1)
    message(lab, 0.2, "deleteStream")
    media(lab, 1, 9, role="unknown")
    assert lab.one()["kind"] is None


def test_durations_of_parts_of_the_metadata_are_not_those_of_the_stream(lab):
    connected(lab)
    play(lab)
    arguments = '["onMetaData", {"cuePoints": [{"duration": 5}], "next": {"duration": 60}, "duration": 0}]'
    message(lab, 0.8, "@setDataFrame", kind="data", message_stream_id=1, from_orig=False, arguments=arguments)
    media(lab, 1, 21, role="play")
    assert lab.one()["kind"] == "live"


def test_lost_bytes_may_have_named_a_duration(lab):
    connected(lab)
    play(lab, play_start=-2000.0)
    media(lab, 1, 21, role="play", missing_bytes=1460, complete=False)
    assert lab.one()["kind"] is None


def test_media_without_what_a_server_says_before_them_lack_their_beginning(lab):
    connected(lab)
    play(lab)
    media(lab, 1, 21, role="play", complete=False)
    assert lab.one()["completeness"] == "gaps in the media"


def test_media_of_which_the_end_is_cut_have_no_gaps(lab):
    connected(lab)
    play(lab)
    message(lab, 0.7, "onStatus", from_orig=False, message_stream_id=1)
    media(lab, 1, 21, role="play", complete=False)
    assert lab.one()["completeness"] == "complete"


def test_metadata_without_a_duration_say_live_whatever_was_lost_behind(lab):
    connected(lab)
    play(lab, play_start=-2000.0)
    message(lab, 0.8, "onMetaData", kind="data", message_stream_id=1, from_orig=False, arguments='[{"width":320}]')
    media(lab, 1, 21, role="play", missing_bytes=1460, complete=False)
    assert (lab.one()["kind"], lab.one()["kind_basis"]) == ("live", "RTMP play without duration")


@pytest.mark.parametrize(("from_orig", "delivery"), [(False, "rtmp"), (True, "rtmp-publish")], ids=["play", "publish"])
def test_media_without_commands_start_before_the_capture(lab, from_orig, delivery):
    lab.flow(history="AD", client="192.168.1.22", server="203.0.113.50", port=1935, starts_midstream=True)
    media(lab, 1, 9, from_orig=from_orig, role="unknown", missing_bytes=40)
    session = lab.one()
    assert (session["delivery"], session["stream"], session["client_ip"]) == (delivery, None, "192.168.1.22")
    assert session["completeness"] == (
        "starts before the capture; gaps in the media; still open at the end of the capture"
    )
    assert (session["edge_ip"], session["requests"]) == ("203.0.113.50", 0)


def test_media_whose_command_was_not_captured_say_so(lab):
    connected(lab)
    media(lab, 1, 9, role="play", stream_name=None)
    assert lab.one()["completeness"] == "requests not seen"


def test_command_is_found_by_name_where_the_message_stream_is_not_known(lab):
    connected(lab)
    play(lab)
    media(lab, 1, 9, role="play", stream_name="sport?token=x", message_stream_id=None, complete=False)
    assert (lab.one()["requests"], lab.one()["completeness"]) == (1, "gaps in the media")


def test_stream_that_a_command_stopped_is_not_open_at_the_end(lab):
    connected(lab, history="ShADad")
    play(lab)
    media(lab, 1, 9, role="play")
    message(lab, 9.5, "deleteStream")
    assert lab.one()["completeness"] == "complete"
