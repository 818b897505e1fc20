"""Playlist deliveries and media segments to HLS sessions."""

from __future__ import annotations

import pytest

from .conftest import CLIENT

EDGE = "http://edge.example/live/a/index.m3u8"
FAR = "198.51.100.9"


def live(lab, url=EDGE, begin=0.0, polls=3, **more):
    """Poll a live playlist of three media segments and fetch the newest one after each poll."""
    folder = url.rsplit("/", 1)[0]
    for poll in range(polls):
        at = begin + 4 * poll
        lab.playlist(url, at, [f"s{poll + number}.ts" for number in range(3)], start=poll, **more)
        lab.segment(f"{folder}/s{poll + 2}.ts", at + 1, **{key: more[key] for key in more if key != "target"})


def vod(lab, url="http://vod.example/f/index.m3u8", at=0.0, names=("a.ts", "b.ts"), **more):
    lab.playlist(url, at, names, endlist=True, **more)


def test_live_session_from_first_playlist_to_last_media_frame(lab):
    live(lab)
    session = lab.one()
    assert (session["delivery"], session["kind"], session["stream"]) == ("hls", "live", EDGE)
    assert session["kind_basis"] == "playlist polled, media sequence grew"
    assert session["media_objects"] == 3
    assert session["bytes"] == 3000
    assert session["media_seconds"] == 12.0
    assert session["rate_bps"] == 2000.0
    assert session["requests"] == 6
    assert session["end_ns"] - session["start_ns"] == 9_100_000_000
    assert session["completeness"] == "complete"
    assert (session["edge_host"], session["edge_ip"], session["edge_port"]) == ("edge.example", "203.0.113.10", 80)
    assert session["panel_host"] is None
    assert session["user_agent"] == "Player/1.0"


def test_playlist_without_media_is_no_session(lab):
    lab.playlist(EDGE, 0, ["s0.ts"])
    lab.get("http://edge.example/live/a/s0.ts", 1, status=404)
    assert lab.sessions() == []


def test_page_in_place_of_a_media_segment_is_no_media(lab):
    vod(lab)
    lab.get("http://vod.example/f/a.ts", 1, size=900, kind="html")
    assert lab.sessions() == []


def test_denied_media_segment_is_noted(lab):
    vod(lab)
    lab.segment("http://vod.example/f/a.ts", 1)
    lab.get("http://vod.example/f/b.ts", 2, status=404)
    session = lab.one()
    assert session["completeness"] == "media asked for but not delivered"
    assert session["media_objects"] == 1
    assert session["requests"] == 3


def test_two_clients_are_two_sessions(lab):
    live(lab)
    live(lab, client="192.168.1.21", flow=2)
    assert [session["client_ip"] for session in lab.sessions()] == ["192.168.1.20", "192.168.1.21"]


def test_two_channels_at_once_are_two_sessions(lab):
    live(lab)
    live(lab, url="http://edge.example/live/b/index.m3u8", begin=0.5, flow=2)
    found = {session["stream"]: session["media_objects"] for session in lab.sessions()}
    assert found == {EDGE: 3, "http://edge.example/live/b/index.m3u8": 3}


@pytest.mark.parametrize(("pause", "sessions"), [(25, 1), (45, 2)], ids=["within the limit", "beyond the limit"])
def test_pause_before_the_playlist_is_asked_again(lab, pause, sessions):
    live(lab)  # last frame at 9.1 s; the limit is 30 s
    live(lab, begin=9.1 + pause)
    assert len(lab.sessions()) == sessions


def test_long_target_duration_allows_a_longer_pause(lab):
    live(lab, target=10.0)
    live(lab, begin=9.1 + 45, target=10.0)
    assert len(lab.sessions()) == 1


def test_paused_film_without_a_new_playlist_request_is_one_session(lab):
    vod(lab)
    lab.segment("http://vod.example/f/a.ts", 1)
    lab.segment("http://vod.example/f/b.ts", 900)
    assert lab.one()["media_objects"] == 2


def test_redirect_chain_names_panel_edge_and_stream(lab):
    lab.redirect("http://tv.example/live/u/p/7.m3u8", "http://lb.example:8080/hls/7.m3u8?token=x", 0)
    lab.playlist("http://lb.example:8080/hls/7.m3u8?token=x", 0.2, ["http://seg.example/7_1.ts"], flow=2)
    lab.segment("http://seg.example/7_1.ts", 1, flow=3, server=FAR, port=8081)
    session = lab.one()
    assert session["stream"] == "http://tv.example/live/u/p/7.m3u8"
    assert session["panel_host"] == "tv.example"
    assert session["hosts"] == ["tv.example", "lb.example", "seg.example"]
    assert (session["edge_host"], session["edge_ip"], session["edge_port"]) == ("seg.example", FAR, 8081)
    assert session["flow_ids"] == [1, 2, 3]
    assert session["start_ns"] == 1_700_000_000 * 10**9
    assert any("was sent to http://lb.example:8080" in shows for shows in lab.shown())


@pytest.mark.parametrize("status", [301, 302, 307])
def test_relative_redirect_on_the_same_host_makes_no_panel(lab, status):
    lab.redirect("http://edge.example/go", "/live/a/index.m3u8", 0, status=status)
    lab.playlist(EDGE, 0.1, ["s0.ts"])
    lab.segment("http://edge.example/live/a/s0.ts", 1)
    session = lab.one()
    assert session["stream"] == "http://edge.example/go"
    assert session["panel_host"] is None


def test_redirected_media_segment_counts_for_its_playlist(lab):
    vod(lab, names=["a.ts"])
    lab.redirect("http://vod.example/f/a.ts", "http://other.example/x/9.ts", 1)
    lab.segment("http://other.example/x/9.ts", 1.2, server=FAR, flow=2)
    session = lab.one()
    assert (session["edge_host"], session["panel_host"]) == ("other.example", "vod.example")
    assert session["requests"] == 3
    assert session["media_seconds"] == 4.0


def test_polls_over_a_redirect_with_a_new_token_each_are_one_playlist(lab):
    for poll in range(3):
        target = f"http://lb.example/hls/tok{poll}"
        lab.redirect("http://tv.example/7.m3u8", target, 4 * poll)
        lab.playlist(target, 4 * poll + 0.1, [f"/m/{poll}.ts"], start=poll)
        lab.segment(f"http://lb.example/m/{poll}.ts", 4 * poll + 1)
    session = lab.one()
    assert session["kind"] == "live"
    assert session["variants"] == ["http://lb.example/hls/tok0"]


def test_multivariant_playlist_joins_variants_and_audio(lab):
    master = "http://vod.example/f/master.m3u8"
    audio = ("aud.m3u8", {"kind": "rendition", "rendition_type": "AUDIO"})
    lab.playlist(master, 0, ["low.m3u8", "high.m3u8", audio], kind="multivariant")
    lab.playlist("http://vod.example/f/low.m3u8", 1, ["l0.ts", "l1.ts"], endlist=True)
    lab.playlist("http://vod.example/f/aud.m3u8", 1.1, ["a0.aac", "a1.aac"], endlist=True)
    lab.playlist("http://vod.example/f/high.m3u8", 3, ["h0.ts", "h1.ts"], endlist=True)
    lab.segment("http://vod.example/f/l0.ts", 2)
    lab.segment("http://vod.example/f/a0.aac", 2.1, kind="aac", size=100)
    lab.segment("http://vod.example/f/h1.ts", 4)
    lab.segment("http://vod.example/f/a1.aac", 4.1, kind="aac", size=100)
    session = lab.one()
    assert session["stream"] == master
    assert session["variants"] == ["http://vod.example/f/low.m3u8", "http://vod.example/f/high.m3u8"]
    assert session["bytes"] == 2200
    assert session["media_objects"] == 4
    assert session["media_seconds"] == 8.0  # audio runs beside the picture


def test_audio_alone_has_its_own_seconds(lab):
    audio = ("aud.m3u8", {"kind": "rendition", "rendition_type": "AUDIO"})
    lab.playlist("http://r.example/m.m3u8", 0, [audio], kind="multivariant")
    lab.playlist("http://r.example/aud.m3u8", 1, ["a0.aac"], endlist=True)
    lab.segment("http://r.example/a0.aac", 2, kind="aac")
    assert lab.one()["media_seconds"] == 4.0


def test_encryption_key_and_its_request(lab):
    keyed = {"key_method": "AES-128", "key_url": "http://keys.example/k1"}
    key = ("http://keys.example/k1", {"kind": "key", "media_sequence": None, "duration_s": None, **keyed})
    vod(lab, names=[key, ("a.ts", keyed)])
    lab.get("http://keys.example/k1", 0.5, size=16, flow=2)
    lab.segment("http://vod.example/f/a.ts", 1, kind=None, media_type="video/mp2t")
    session = lab.one()
    assert (session["encryption"], session["key_urls"]) == ("AES-128", ["http://keys.example/k1"])
    assert session["bytes"] == 1000  # the key is no media
    assert session["requests"] == 3
    assert "192.168.1.20 asked for the key http://keys.example/k1 (status 200)." in lab.shown()


def test_initialisation_section_counts_as_media_but_not_alone(lab):
    init = ("init.mp4", {"kind": "map", "media_sequence": None, "duration_s": None})
    vod(lab, names=[init, "a.m4s"])
    lab.segment("http://vod.example/f/init.mp4", 1, kind="mp4", size=50)
    assert lab.sessions() == []
    lab.segment("http://vod.example/f/a.m4s", 2, kind="mp4")
    session = lab.one()
    assert (session["bytes"], session["media_objects"], session["media_seconds"]) == (1050, 2, 4.0)


def test_title_from_session_data_before_titles_of_media_segments(lab):
    data = ['{"DATA-ID": "org.example.title", "VALUE": "Night Train"}']
    vod(lab, names=[("a.ts", {"title": "Other"})], session_data=data)
    lab.segment("http://vod.example/f/a.ts", 1)
    assert lab.one()["title"] == "Night Train"


def test_channel_from_the_service_name(lab):
    vod(lab)
    lab.segment("http://vod.example/f/a.ts", 1, service="Falcon One")
    lab.segment("http://vod.example/f/b.ts", 2, service="Falcon One")
    assert lab.one()["channel"] == "Falcon One"


@pytest.mark.parametrize(
    ("deliveries", "kind", "basis"),
    [
        ([{}], None, None),
        ([{}, {}], None, None),
        ([{"start": 0}, {"start": 1}], "live", "playlist polled, media sequence grew"),
        ([{}, {"names": ["a.ts", "b.ts"]}], "live", "playlist polled, new media segments appeared"),
        (
            [{"start": 0}, {"start": 1, "endlist": True}],
            "live",
            "playlist polled, media sequence grew, then EXT-X-ENDLIST",
        ),
        ([{"endlist": True}], "vod", "EXT-X-ENDLIST"),
        ([{"playlist_type": "VOD"}], "vod", "playlist type VOD"),
        ([{"playlist_type": "EVENT"}], "live", "playlist type EVENT"),
        ([{"start": 5}, {"start": 4}], None, None),
        (
            [{"names": ["a.ts", "b.ts", "c.ts"]}, {"names": ["a.ts"]}, {"names": ["a.ts", "b.ts"]}],
            "live",
            "playlist polled, new media segments appeared",
        ),
    ],
    ids=[
        "fetched once",
        "polled unchanged",
        "sequence grew",
        "entries grew",
        "grew and ended",
        "end mark",
        "type VOD",
        "type EVENT",
        "sequence went back",
        "begun anew",
    ],
)
def test_live_or_vod(lab, deliveries, kind, basis):
    for number, values in enumerate(deliveries):
        names = values.pop("names", ["a.ts"])
        lab.playlist("http://e.example/p.m3u8", 4 * number, names, **values)
    lab.segment("http://e.example/a.ts", 5)
    session = lab.one()
    assert (session["kind"], session["kind_basis"]) == (kind, basis)


def test_media_before_the_first_captured_playlist_start_before_the_capture(lab):
    lab.segment("http://edge.example/live/a/s1.ts", 0)
    lab.playlist(EDGE, 1, ["s1.ts", "s2.ts"], start=1)
    lab.segment("http://edge.example/live/a/s2.ts", 2)
    session = lab.one()
    assert session["completeness"] == "starts before the capture"
    assert session["media_objects"] == 2


def test_hole_in_the_media_sequence_of_a_live_session(lab):
    live(lab, polls=4)
    lab.rows["http"] = [row for row in lab.rows["http"] if not row["url"].endswith("s3.ts")]
    lab.rows["objects"] = [row for row in lab.rows["objects"] if not row["name"].endswith("s3.ts")]
    assert lab.one()["completeness"] == "media segments skipped or not captured"


def test_gap_in_a_media_segment(lab):
    vod(lab)
    lab.segment("http://vod.example/f/a.ts", 1, size=750, missing=250)
    session = lab.one()
    assert (session["missing_bytes"], session["media_seconds"]) == (250, 3.0)
    assert session["completeness"] == "gaps in the media"


def test_media_segment_cut_by_the_end_of_the_capture(lab):
    lab.flow(history="ShADad")
    vod(lab)
    lab.segment("http://vod.example/f/a.ts", 1, size=500, declared=1000, whole=False, interrupted="ended early")
    session = lab.one()
    assert session["completeness"] == "still open at the end of the capture"
    assert session["media_seconds"] == 2.0


def test_media_segment_given_up_by_the_client(lab):
    lab.flow(history="ShADadFR")
    vod(lab)
    lab.segment("http://vod.example/f/a.ts", 1, size=500, declared=1000, whole=False, interrupted="ended early")
    assert lab.one()["completeness"] == "media not delivered whole"


def test_evidence_points_at_request_line_and_bodies(lab):
    lab.redirect("http://tv.example/7.m3u8", EDGE, 0)
    lab.playlist(EDGE, 0.1, ["s0.ts", "s1.ts"])
    lab.segment("http://edge.example/live/a/s0.ts", 1, size=700)
    lab.segment("http://edge.example/live/a/s1.ts", 2, size=800)
    sessions, evidence = lab.build()
    assert {row["row_id"] for row in evidence} == {sessions[0]["session_id"]}
    places = [(row["frame_no"], row["from_orig"], row["length_bytes"]) for row in evidence]
    assert places == [(10, True, len("GET /7.m3u8")), (21, False, 300), (31, False, 700), (41, False, 800)]
    assert evidence[2]["shows"].startswith("First media segment of the session: 700 bytes of http://edge.example")
    assert "the same URL as the playlist names" in evidence[2]["shows"]


def zap(lab, channel, first_s, last_s, *, client=CLIENT, step=2):
    """A live channel that is watched for some seconds, with media segments of two seconds."""
    for at in range(first_s, last_s, step):
        number = at // 2
        names = [f"{n}.ts" for n in range(number, number + 3)]
        more = {"start": number, "seconds": 2.0, "target": 2.0, "client": client}
        lab.playlist(f"http://e.example/{channel}/i.m3u8", at, names, **more)
        lab.segment(f"http://e.example/{channel}/{number}.ts", at + 0.2, client=client)


def test_who_zaps_there_and_back_has_two_viewings(lab):
    zap(lab, "a", 0, 8)
    zap(lab, "b", 8, 16)
    zap(lab, "a", 16, 24)
    found = lab.sessions()
    assert [one["stream"].split("/")[3] for one in found] == ["a", "b", "a"]
    assert [one["media_seconds"] for one in found] == [8.0] * 3
    assert {one["completeness"] for one in found} == {"complete"}
    assert found[0]["end_ns"] < found[1]["start_ns"]
    assert lab.build() == lab.build(seed=3)


@pytest.mark.parametrize(
    ("first_s", "last_s", "step"),
    [(4, 20, 2), (9, 11, 2), (0, 30, 6)],
    ids=["for longer", "between two polls", "by turns"],
)
def test_who_watches_beside_another_programme_has_not_left_it(lab, first_s, last_s, step):
    zap(lab, "a", 0, 10)
    zap(lab, "a", 10, 24)
    zap(lab, "b", first_s, last_s, step=step)
    assert sorted(one["stream"].split("/")[3] for one in lab.sessions()) == ["a", "b"]


def test_what_another_client_watched_ends_no_viewing(lab):
    zap(lab, "a", 0, 8)
    zap(lab, "b", 8, 16, client="192.168.1.99")
    zap(lab, "a", 16, 24)
    assert len(lab.sessions()) == 2
