"""Deliveries of playlists to programmes."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.hls_groups import Sets


def test_sets_are_named_by_their_smallest_member():
    sets = Sets(5)
    sets.join(4, 2)
    sets.join(2, 1)
    assert [sets.of(member) for member in range(5)] == [0, 1, 1, 3, 1]


def test_playlist_whose_token_changes_is_one_if_a_media_segment_is_common(lab):
    for poll in range(3):
        url = f"http://e.example/p.m3u8?token={poll}"
        lab.playlist(url, 4 * poll, [f"s{poll}.ts", f"s{poll + 1}.ts"], start=poll)
        lab.segment(f"http://e.example/s{poll}.ts", 4 * poll + 1)
    session = lab.one()
    assert session["kind"] == "live"
    assert session["variants"] == ["http://e.example/p.m3u8?token=0"]


def test_playlists_told_apart_by_the_query_alone_stay_apart(lab):
    for poll in range(2):
        for name in "ab":
            url = f"http://e.example/play.php?ch={name}"
            lab.playlist(url, 4 * poll, [f"{name}{poll}.ts"], start=poll)
            lab.segment(f"http://e.example/{name}{poll}.ts", 4 * poll + 1)
    assert sorted(one["stream"][-1] for one in lab.sessions()) == ["a", "b"]


TOKEN = "4dC_RvAB64MBAU86xNYr" * 4


@pytest.mark.parametrize(
    ("numbers", "ends", "flows", "sessions"),
    [
        ([0, 1, 2], "abc", (1, 1, 1), 1),
        ([0, 50, 100], "abc", (1, 1, 1), 3),
        ([0, 1, 2], "abc", (1, 2, 3), 3),
    ],
    ids=["goes on", "other numbers", "other connections"],
)
def test_playlist_whose_path_is_a_new_token_at_each_poll(lab, numbers, ends, flows, sessions):
    for number, end, flow in zip(numbers, ends, flows, strict=True):
        lab.playlist(f"http://e.example/auth/{TOKEN}{end * 40}", number, [f"/{end}.ts"], start=number, flow=flow)
        lab.segment(f"http://e.example/{end}.ts", number + 0.5)
    assert len(lab.sessions()) == sessions


def test_low_latency_parameters_do_not_make_another_playlist(lab):
    for poll in range(3):
        lab.playlist(f"http://e.example/p.m3u8?k=1&_HLS_msn={poll}&_HLS_part=0", poll, [f"{poll}.mp4"], start=poll)
        lab.segment(f"http://e.example/{poll}.mp4", poll + 0.5, kind="mp4")
    session = lab.one()
    assert session["media_objects"] == 3
    assert session["kind"] == "live"


def test_variant_is_found_on_another_host_and_under_another_token(lab):
    lab.playlist("http://a.example/m.m3u8", 0, ["one/x.m3u8?t=1", "two/x.m3u8?t=1"], kind="multivariant")
    lab.playlist("http://b.example/one/x.m3u8?t=1", 1, ["1.ts"], endlist=True)
    lab.playlist("http://a.example/two/x.m3u8?t=2", 2, ["2.ts"], endlist=True)
    lab.segment("http://b.example/one/1.ts", 3)
    lab.segment("http://a.example/two/2.ts", 4)
    session = lab.one()
    assert session["stream"] == "http://a.example/m.m3u8"
    assert len(session["variants"]) == 2


def test_url_that_is_a_variant_and_a_rendition_counts_as_variant(lab):
    rendition = ("x.m3u8", {"kind": "rendition", "rendition_type": "AUDIO"})
    lab.playlist("http://a.example/m.m3u8", 0, [rendition, "x.m3u8", "y.m3u8"], kind="multivariant")
    for name, at in (("x", 1), ("y", 2)):
        lab.playlist(f"http://a.example/{name}.m3u8", at, [f"{name}0.ts"], endlist=True)
        lab.segment(f"http://a.example/{name}0.ts", at + 0.5)
    assert lab.one()["media_seconds"] == 8.0


@pytest.mark.parametrize("names", ["seg.php?channel={0}&n={1}", "{1}.ts?channel={0}", "seg.php?c={0}&t={1}"])
@pytest.mark.parametrize("order", ["11112222", "12121212"], ids=["one after the other", "at once"])
def test_channels_told_apart_by_the_query_are_two_viewings(lab, names, order):
    polls = {"1": 0, "2": 0}
    for at, channel in enumerate(order):
        number = polls[channel]
        polls[channel] += 1
        listed = [names.format(channel, number + ahead) for ahead in range(3)]
        lab.playlist(f"http://e.example/get.php?channel={channel}", 2 * at, listed, start=number, seconds=2.0)
        lab.segment(f"http://e.example/{listed[0]}", 2 * at + 1)
    found = {one["stream"][-1]: (one["kind"], one["media_seconds"], one["media_objects"]) for one in lab.sessions()}
    assert found == {"1": ("live", 8.0, 4), "2": ("live", 8.0, 4)}


@pytest.mark.parametrize(
    ("playlist", "names"),
    [
        ("get.php?channel=1&token={poll}", "seg.php?channel=1&n={number}&token={poll}"),
        ("get.php?channel=1&x={poll}", "seg.php?channel=1&n={number}&x={poll}"),
        ("p.m3u8?x=9f86d081884c7d659a2feaa0c55ad01{poll}", "{number}.ts?x=9f86d081884c7d659a2feaa0c55ad01{poll}"),
        ("p.m3u8?_={poll}", "seg.php?t={number}&sig={poll}"),
        ("p.m3u8?{poll}", "{number}.ts?{poll}"),
    ],
    ids=["token", "unknown counter", "long value", "segments numbered like times", "without names"],
)
def test_tokens_and_counters_do_not_split_a_viewing(lab, playlist, names):
    for poll in range(5):
        listed = [names.format(poll=poll, number=poll + ahead) for ahead in range(3)]
        lab.playlist(f"http://e.example/{playlist.format(poll=poll)}", 4 * poll, listed, start=poll)
        lab.segment(f"http://e.example/{listed[0]}", 4 * poll + 1)
    session = lab.one()
    assert (session["kind"], session["media_seconds"], len(session["variants"])) == ("live", 20.0, 1)


def test_a_channel_of_a_script_is_no_variant_of_another(lab):
    lab.playlist("http://e.example/m.m3u8", 0, ["get.php?channel=1&token=1"], kind="multivariant")
    for channel in (1, 2):
        lab.playlist(f"http://e.example/get.php?channel={channel}&token=2", channel, [f"{channel}.ts"], endlist=True)
        lab.segment(f"http://e.example/{channel}.ts", channel + 0.5)
    assert [one["stream"] for one in lab.sessions()] == [
        "http://e.example/m.m3u8",
        "http://e.example/get.php?channel=2&token=2",
    ]
