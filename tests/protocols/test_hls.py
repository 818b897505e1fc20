"""HLS against the m3u8 library, against public fixtures, and against what servers get wrong."""

from __future__ import annotations

import csv
import io
import itertools
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import m3u8
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.errors import DecodeError
from iptvforensics.protocol import Anomaly, ContentInfo, Event, Mark, Opening, Row, Rows
from iptvforensics.protocols import _hls_findings, _hls_lines, hls
from iptvforensics.protocols._hls_lines import read_date_time
from iptvforensics.protocols._hls_urls import resolve
from iptvforensics.protocols.hls import PROTOCOL, HlsParser

URL = "http://edge.example:8080/live/7/index.m3u8?token=a%20b&x=1"

MEDIA = b"""#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:41
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-KEY:METHOD=AES-128,URI="/keys/41.key"
#EXTINF:6.000000,
seg41.ts
#EXT-X-PROGRAM-DATE-TIME:2024-03-01T12:00:06.5+01:00
#EXTINF:5.500000,
seg42.ts
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/43",IV=0xABCDEF
#EXTINF:6.000000,
../other/seg43.ts?t=1
#EXT-X-KEY:METHOD=NONE
#EXTINF:6.000000,
//cdn.example/seg44.ts
"""

MULTIVARIANT = b"""#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SESSION-DATA:DATA-ID="com.tv.title",VALUE="News, live"
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://asset7",KEYFORMAT="com.apple.streamingkeydelivery"
#EXT-X-CONTENT-STEERING:SERVER-URI="/steer",PATHWAY-ID="A"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="English",LANGUAGE="en",DEFAULT=YES,URI="audio/en.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2100000,AVERAGE-BANDWIDTH=1900000,RESOLUTION=1280x720,FRAME-RATE=25.000,CODECS="avc1.4d401f,mp4a.40.2",AUDIO="aac"
720p.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000
360p.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,URI="iframe.m3u8"
"""

LOW_LATENCY = b"""#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,CAN-SKIP-UNTIL=12.0
#EXT-X-PART-INF:PART-TARGET=0.33334
#EXT-X-MEDIA-SEQUENCE:266
#EXT-X-SKIP:SKIPPED-SEGMENTS=3
#EXT-X-MAP:URI="init.mp4",BYTERANGE="616@0"
#EXT-X-PROGRAM-DATE-TIME:2024-03-01T02:14:00.106Z
#EXT-X-PART:DURATION=0.5,URI="f269.mp4",BYTERANGE="1000@0",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.5,URI="f269.mp4",BYTERANGE="500"
#EXTINF:1.0,
f269.mp4
#EXT-X-GAP
#EXTINF:1.0,
f270.mp4
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="f271.mp4",BYTERANGE-START=0
#EXT-X-RENDITION-REPORT:URI="../1M/index.m3u8",LAST-MSN=271,LAST-PART=2
"""

EXAMPLES = [
    ("media", MEDIA, b""),
    ("multivariant", MULTIVARIANT, b""),
    ("low-latency", LOW_LATENCY, b""),
    ("sloppy", b"\xef\xbb\xbf#extm3u\r\n#ext-x-targetduration 5\r\n#EXTINF5,\r\na.ts\r\n", b""),
]

MAX_KEPT_BYTES = 20 << 20
"""The body is kept until it ends: its limit, and what a growing buffer takes on top."""


def parse(body: bytes, url: str | None = URL, **info: Any) -> list[Event]:
    parser = HlsParser(Opening("content", body[:8192], b"", info=ContentInfo(name=url, **info)))
    events: list[Event] = []
    for event in parser.feed(memoryview(body), False) + parser.end(False):
        events += event.each() if isinstance(event, Rows) else [event]
    return events


def playlist(body: bytes, **options: Any) -> dict[str, Any]:
    return next(event.values for event in parse(body, **options) if isinstance(event, Row))


def entries(body: bytes, kind: str | None = None, **options: Any) -> list[dict[str, Any]]:
    rows = [event for event in parse(body, **options) if isinstance(event, Row)][1:]
    found = [{name: value for name, value in row.values.items() if value is not None} for row in rows]
    return [values for values in found if kind in (None, values["kind"])]


def problems(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, Anomaly)]


def score(body: bytes) -> float | None:
    return PROTOCOL.detect(Opening("content", body[:8192], b""))


def test_media_playlist_row() -> None:
    row = playlist(MEDIA)
    assert row["kind"] == "media"
    assert (row["version"], row["target_duration_s"], row["media_sequence"]) == (3, 6.0, 41)
    assert row["duration_s"] == 23.5
    assert row["has_endlist"] is False
    assert row["encryption_methods"] == ["AES-128"]
    assert row["key_urls"] == ["http://edge.example:8080/keys/41.key", "https://keys.example/43"]
    assert row["first_program_date_time"] == "2024-03-01T12:00:06.5+01:00"
    assert row["first_program_date_time_ns"] == 1709290806_500000000
    assert row["ffmpeg_layout"] is True
    assert row["entries"] == 7
    assert row["body_bytes"] == len(MEDIA)


def test_media_segments_carry_urls_numbers_keys_and_clock() -> None:
    found = entries(MEDIA, "media-segment")
    assert [row["url"] for row in found] == [
        "http://edge.example:8080/live/7/seg41.ts",
        "http://edge.example:8080/live/7/seg42.ts",
        "http://edge.example:8080/live/other/seg43.ts?t=1",
        "http://cdn.example/seg44.ts",
    ]
    assert [row["media_sequence"] for row in found] == [41, 42, 43, 44]
    assert [row["discontinuity_sequence"] for row in found] == [2, 2, 3, 3]
    assert [row.get("key_iv") for row in found] == [f"{41:032x}", f"{42:032x}", f"{0xABCDEF:032x}", None]
    assert [row.get("key_method") for row in found] == ["AES-128", "AES-128", "AES-128", None]
    assert [row.get("program_date_time_ns") for row in found] == [
        1709290800_500000000,  # counted back from the next one
        1709290806_500000000,
        None,  # a discontinuity ends what the clock says
        None,
    ]


def test_rows_stand_where_their_line_stands() -> None:
    for row in [event for event in parse(MEDIA) if isinstance(event, Row)][1:]:
        assert MEDIA[row.offset :].decode().startswith(row.values["raw"])
        assert MEDIA[: row.offset].count(b"\n") + 1 == row.values["line_no"]


def test_multivariant_playlist() -> None:
    row = playlist(MULTIVARIANT)
    assert row["kind"] == "multivariant"
    assert row["duration_s"] is None
    assert [json.loads(text) for text in row["session_data"]] == [{"DATA-ID": "com.tv.title", "VALUE": "News, live"}]
    kinds = [entry["kind"] for entry in entries(MULTIVARIANT)]
    assert kinds == ["session-key", "content-steering", "rendition", "variant", "variant", "i-frame-variant"]
    variant = entries(MULTIVARIANT, "variant")[0]
    assert (variant["bandwidth_bps"], variant["average_bandwidth_bps"]) == (2_100_000, 1_900_000)
    assert (variant["resolution"], variant["frame_rate"]) == ("1280x720", 25.0)
    assert variant["codecs"] == "avc1.4d401f,mp4a.40.2"
    assert variant["url"] == "http://edge.example:8080/live/7/720p.m3u8"
    rendition = entries(MULTIVARIANT, "rendition")[0]
    assert (rendition["rendition_type"], rendition["group_id"], rendition["name"], rendition["language"]) == (
        "AUDIO",
        "aac",
        "English",
        "en",
    )
    key = entries(MULTIVARIANT, "session-key")[0]
    assert (key["key_url"], key["key_format"]) == ("skd://asset7", "com.apple.streamingkeydelivery")
    assert entries(MULTIVARIANT, "content-steering")[0]["url"] == "http://edge.example:8080/steer"


def test_low_latency_playlist() -> None:
    row = playlist(LOW_LATENCY)
    assert row["is_low_latency"] is True
    assert (row["skipped_segments"], row["part_target_s"]) == (3, 0.33334)
    assert row["server_control"] == "CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,CAN-SKIP-UNTIL=12.0"
    parts = entries(LOW_LATENCY, "part")
    assert [(part["byte_range_first"], part["byte_range_length"]) for part in parts] == [(0, 1000), (1000, 500)]
    assert [part["media_sequence"] for part in parts] == [269, 269]
    assert parts[1]["program_date_time_ns"] - parts[0]["program_date_time_ns"] == 500_000_000
    media = entries(LOW_LATENCY, "media-segment")
    assert [row["media_sequence"] for row in media] == [269, 270]
    assert [row["gap"] for row in media] == [False, True]
    assert all(row["map_url"] == "http://edge.example:8080/live/7/init.mp4" for row in media)
    assert all("discontinuity_sequence" not in row for row in media), "unknown after a skip"
    (report,) = entries(LOW_LATENCY, "rendition-report")
    assert (report["media_sequence"], report["url"]) == (271, "http://edge.example:8080/live/1M/index.m3u8")
    assert entries(LOW_LATENCY, "preload-hint")[0]["byte_range_first"] == 0


def media(*lines: str) -> bytes:
    return "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:10", *lines, ""]).encode()


def test_byte_ranges_continue_in_the_same_resource_only() -> None:
    body = media(
        "#EXTINF:1,", "#EXT-X-BYTERANGE:100@50", "a.ts",
        "#EXTINF:1,", "#EXT-X-BYTERANGE:70", "a.ts",
        "#EXTINF:1,", "#EXT-X-BYTERANGE:70", "b.ts",
    )  # fmt: skip
    found = [(row.get("byte_range_first"), row["byte_range_length"]) for row in entries(body)]
    assert found == [(50, 100), (150, 70), (None, 70)]
    assert problems(parse(body)) == ["HLS_byte_range_start_unknown"]


def test_several_key_systems_give_the_plain_key() -> None:
    body = media(
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a",KEYFORMAT="com.apple.streamingkeydelivery"',
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k.bin",KEYFORMAT="identity"',
        "#EXTINF:1,", "a.ts",
    )  # fmt: skip
    (row,) = entries(body, "media-segment")
    assert (row["key_url"], row["key_iv"]) == ("http://edge.example:8080/live/7/k.bin", "0" * 32)


def test_key_systems_with_own_vectors_get_none() -> None:
    body = media(
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a",KEYFORMAT="com.apple.streamingkeydelivery"', "#EXTINF:1,", "a"
    )
    assert "key_iv" not in entries(body, "media-segment")[0]


def test_variables_are_replaced_in_url_and_kept_in_uri() -> None:
    body = media(
        '#EXT-X-DEFINE:NAME="host",VALUE="cdn.example"',
        '#EXT-X-DEFINE:QUERYPARAM="token"',
        '#EXT-X-DEFINE:IMPORT="session"',
        '#EXT-X-KEY:METHOD=AES-128,URI="https://{$host}/k?{$token}"',
        "#EXTINF:1,", "https://{$host}/a.ts?t={$token}&s={$session}",
    )  # fmt: skip
    (row,) = entries(body, "media-segment")
    assert row["uri"] == "https://{$host}/a.ts?t={$token}&s={$session}"
    assert row["url"] == "https://cdn.example/a.ts?t=a b&s={$session}"
    assert row["key_url"] == "https://cdn.example/k?a b"
    assert problems(parse(body)) == ["HLS_variable_imported", "HLS_variable_undefined"]


def test_variables_cannot_unfold_without_limit() -> None:
    doubling = ['#EXT-X-DEFINE:NAME="v0",VALUE="0123456789"']
    doubling += [f'#EXT-X-DEFINE:NAME="v{i}",VALUE="{{$v{i - 1}}}{{$v{i - 1}}}"' for i in range(1, 40)]
    body = media(*doubling, "#EXTINF:1,", "{$v39}")
    (row,) = entries(body)
    assert len(row["url"]) <= _hls_findings.MAX_VARIABLE_CHARS + 100
    assert "HLS_variable_over_limit" in problems(parse(body))


def test_cues_and_date_ranges() -> None:
    body = media(
        "#EXT-X-CUE-OUT:DURATION=30",
        "#EXT-OATCLS-SCTE35:/DAlAAAAAAAAAP/wFAUAAAABf+//",
        '#EXT-X-DATERANGE:ID="ad7",START-DATE="2024-03-01T00:00:00Z",DURATION=30.5,SCTE35-OUT=0xFC30',
        "#EXTINF:1,", "a.ts",
        "#EXT-X-FOO:1",
    )  # fmt: skip
    assert [row["raw"] for row in entries(body, "cue")] == body.decode().splitlines()[2:4]
    (dates,) = entries(body, "date-range")
    assert (dates["name"], dates["duration_s"], dates["program_date_time_ns"]) == ("ad7", 30.5, 1709251200_000000000)
    assert json.loads(dates["attributes"])["SCTE35-OUT"] == "0xFC30"
    assert playlist(body)["tags_unknown"] == ["EXT-X-FOO"]


@pytest.mark.parametrize(
    "sloppy",
    [
        MEDIA.replace(b"\n", b"\r\n"),
        MEDIA.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + MEDIA,
        MEDIA.replace(b"\n", b" \t\n"),
        MEDIA.replace(b"\n", b"\n\n"),
        MEDIA.replace(b"#EXT-X-KEY:", b"#ext-x-key : ").replace(b"METHOD=", b"method = ").replace(b"URI=", b" Uri="),
        MEDIA.replace(b"SEQUENCE:", b"SEQUENCE ").replace(b"EXTINF:", b"EXTINF"),
        MEDIA.replace(b'URI="', b"URI=").replace(b'"', b""),
        MEDIA.replace(b'key"', b"key"),
        MEDIA.replace(b'URI="', b"URI="),
        MEDIA.replace(b"#EXTM3U\n", b""),
    ],
    ids=[
        "crlf", "cr", "bom", "trailing-space", "blank-lines", "lower-case", "no-colon", "no-quotes",
        "no-closing-quote", "no-opening-quote", "no-header",
    ],
)  # fmt: skip
def test_sloppy_playlists_say_the_same(sloppy: bytes) -> None:
    columns = ("kind", "url", "duration_s", "media_sequence", "key_url", "key_iv", "program_date_time_ns")

    def table(body: bytes) -> list[list[Any]]:
        return [[row.get(column) for column in columns] for row in entries(body)]

    assert table(sloppy) == table(MEDIA)
    assert (score(sloppy) or 0) >= 0.8


def test_sequence_numbers_behind_the_first_media_segment_still_count() -> None:
    body = media("#EXTINF:1,", "a.ts", "#EXT-X-MEDIA-SEQUENCE:7")
    assert entries(body)[0]["media_sequence"] == 7
    assert problems(parse(body)) == ["HLS_tag_misplaced"]


@pytest.mark.parametrize(
    ("lines", "anomaly"),
    [
        (["#EXTINF:1,", "#EXTINF:1,", "a.ts"], "HLS_media_segment_without_uri"),
        (["#EXTINF:1,"], "HLS_media_segment_without_uri"),
        (["a.ts"], "HLS_uri_without_extinf"),
        (["#EXTINF:abc,", "a.ts"], "HLS_duration_malformed"),
        (["#EXT-X-VERSION:99999999999999999999", "#EXTINF:1,", "a.ts"], "HLS_number_malformed"),
        (["#EXT-X-KEY:METHOD=AES-128,IV=0xZZ"], "HLS_iv_malformed"),
        (["#EXT-X-KEY:URI=a"], "HLS_attribute_malformed"),
        (["#EXT-X-PROGRAM-DATE-TIME:yesterday"], "HLS_date_time_malformed"),
        (["#EXT-X-PROGRAM-DATE-TIME:2024-03-01T00:00:00"], "HLS_date_time_without_zone"),
        (["#EXT-X-BYTERANGE:1@x"], "HLS_byte_range_malformed"),
        (["#EXT-X-STREAM-INF:BANDWIDTH=1"], "HLS_variant_without_uri"),
        (["#EXT-X-MAP:URI=a,URI=b"], "HLS_attribute_repeated"),
    ],
)
def test_broken_rules_are_rows(lines: list[str], anomaly: str) -> None:
    assert anomaly in problems(parse(media(*lines)))


def test_name_that_is_no_url_leaves_relative_references_open() -> None:
    body = media("#EXTINF:1,", "a.ts", "#EXTINF:1,", "http://edge.example/b.ts")
    assert [row.get("url") for row in entries(body, url="stream7")] == [None, "http://edge.example/b.ts"]
    assert "playlist_url" not in entries(body, url="stream7")[0]
    assert playlist(body, url=None)["url"] is None


def test_gap_in_the_body_makes_numbers_unknown() -> None:
    parser = HlsParser(Opening("content", MEDIA, b"", info=ContentInfo(name=URL)))
    cut, resume = MEDIA.index(b"seg42") + 2, MEDIA.index(b"#EXT-X-DISCONTINUITY\n") + 4
    parser.feed(memoryview(MEDIA[:cut]), False)
    parser.gap(resume - cut, False)
    parser.feed(memoryview(MEDIA[resume:]), False)
    events = parser.end(False)
    found = [event for event in events if isinstance(event, Row) and event.values.get("kind") == "media-segment"]
    assert [event.values["uri"] for event in found] == ["seg41.ts", "../other/seg43.ts?t=1", "//cdn.example/seg44.ts"]
    assert [event.values.get("media_sequence") for event in found] == [41, None, None]
    for event in found:
        assert MEDIA[event.offset :].decode().startswith(event.values["raw"])
    assert "HLS_body_gap" in problems(events)


@pytest.mark.parametrize("cut", range(1, len(LOW_LATENCY) - 1, 7))
def test_cut_body_gives_a_prefix_and_says_so(cut: int) -> None:
    try:
        part, whole = entries(LOW_LATENCY[:cut]), entries(LOW_LATENCY)
    except DecodeError:
        assert cut < len("#EXTM3U")
        return
    if LOW_LATENCY[cut - 1 : cut] != b"\n":
        assert "HLS_last_line_unterminated" in problems(parse(LOW_LATENCY[:cut]))
        part = part[:-1]
    assert part == whole[: len(part)]


def test_body_of_declared_length_is_whole_without_final_newline() -> None:
    body = MEDIA.rstrip()
    assert problems(parse(body)) == ["HLS_last_line_unterminated"]
    assert problems(parse(body, declared_bytes=len(body))) == []


def test_body_without_tags_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="#EXT tags"):
        parse(b"<html>not here</html>")


def test_empty_body_gives_nothing() -> None:
    assert parse(b"") == []


def test_limits_keep_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hls, "MAX_BODY_BYTES", len(MEDIA) - 10)
    monkeypatch.setattr(hls, "MARKS_FROM_BYTES", 1 << 30)
    events = parse(MEDIA + b"#EXTINF:1,\nlater.ts\n")
    assert [row.values["kind"] for row in events if isinstance(row, Row)][-1:] == ["key"]
    assert not any(isinstance(row, Row) and row.values.get("uri") == "//cdn.example/" for row in events)
    assert "HLS_playlist_over_limit" in problems(events)
    assert playlist(MEDIA + b"#\n")["body_bytes"] == len(MEDIA) + 2


def test_entries_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_hls_findings, "MAX_ENTRIES", 3)
    assert len(entries(MEDIA)) == 3
    assert problems(parse(MEDIA)) == ["HLS_playlist_over_limit"]
    assert playlist(MEDIA)["entries"] == 3


def test_text_of_entries_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_hls_findings, "MAX_TEXT_CHARS", 500)
    assert 0 < len(entries(MEDIA)) < 7
    assert "HLS_playlist_over_limit" in problems(parse(MEDIA))


def test_kept_bytes_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hls, "MAX_BODY_BYTES", 1000)
    parser = HlsParser(Opening("content", b"", b""))
    for _ in range(100):
        parser.feed(memoryview(b"#EXTM3U " * 100), False)
    assert sum(len(piece) for _, piece in parser._pieces) == 1000


@pytest.mark.parametrize("step", [1, 7, 100000])
def test_long_bodies_tell_where_lines_begin(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(hls, "MARKS_FROM_BYTES", 100)
    parser = HlsParser(Opening("content", MEDIA, b"", info=ContentInfo(name=URL)))
    events = [e for i in range(0, len(MEDIA), step) for e in parser.feed(memoryview(MEDIA[i : i + step]), False)]
    lines = MEDIA.splitlines(keepends=True)
    assert events == [Mark(False, sum(map(len, lines[:i]))) for i in range(len(lines))]
    marked = {event.offset for event in events if isinstance(event, Mark)}
    assert {event.offset for event in parser.end(False) if isinstance(event, Row)} <= marked


CHANNELS = b'#EXTM3U x-tvg-url="http://epg.example/x.xml"\n#EXTINF:-1 tvg-id="a.example" group-title="N, E",One\nhttp://p.example/1\n'


@pytest.mark.parametrize(
    "body",
    [
        CHANNELS,
        CHANNELS.replace(b"#EXTINF", b'#EXT-X-SESSION-DATA:DATA-ID="com.xui.1_5",VALUE="1"\n#EXTINF', 1),
        CHANNELS.replace(b"-1 tvg", b"5400 tvg"),
        b"<html><body>#EXT-X-TARGETDURATION:1</body></html>",
        b"GIF89a" + bytes(100),
        b"\x47" + bytes(187),
        b"# just a script\necho\n" * 600,
    ],
    ids=["channels", "channels-with-session-data", "titles", "html", "gif", "ts", "script"],
)
def test_other_bodies_are_refused(body: bytes) -> None:
    assert score(body) == 0.0


def test_detect_waits_while_a_body_may_be_either() -> None:
    assert [score(body) for body in (b"", b"#", b"#EXTM3U\n", b"#EXTM3U\n#EXTINF:10,\na.ts\n")] == [None] * 4


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("g:h", "g:h"), ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"), ("//g", "http://g"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"), ("g#s", "http://a/b/c/g#s"), (";x", "http://a/b/c/;x"),
        ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("..", "http://a/b/"), ("../g", "http://a/b/g"),
        ("../..", "http://a/"), ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("/./g", "http://a/g"),
        ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), ("..g", "http://a/b/c/..g"),
        ("./g/.", "http://a/b/c/g/"), ("g/../h", "http://a/b/c/h"), ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"), ("g#s/../x", "http://a/b/c/g#s/../x"), ("//", "http://"),
    ],
)  # fmt: skip
def test_references_as_in_rfc_3986_section_5_4(reference: str, expected: str) -> None:
    assert resolve("http://a/b/c/d;p?q", reference) == expected


def test_reference_under_a_bare_host() -> None:
    assert resolve("http://a.example", "g.ts") == "http://a.example/g.ts"


@given(
    st.text("ab./?#:%", max_size=12),
    st.lists(
        st.sampled_from(["a", "seg.ts", ".", "..", "...", "/", "//", "?x=/", "#f", "x:", "%2e", " ", "\n"]), min_size=1
    ),
)
def test_references_below_the_folder_mean_what_they_mean_with_a_dot_before_them(base: str, parts: list[str]) -> None:
    reference = "".join(parts)
    if not reference.startswith(("/", "?", "#")) and ":" not in reference:
        base = f"http://host.example/{base}"
        assert resolve(base, reference) == resolve(base, f"./{reference}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", (0, True)),
        ("2024-02-29T23:59:60.000000001Z", (1709251200_000000001, True)),
        ("2024-03-01 12:00:00,25+0130", (1709289000_250000000, True)),
        ("20240301T120000-05", (1709312400_000000000, True)),
        ("2024-03-01T12:00:00", (None, True)),
        ("2024-02-30T12:00:00Z", (None, False)),
        ("9999-03-01T12:00:00Z", (None, False)),
        ("2024-03-01", (None, False)),
    ],
)
def test_date_times(text: str, expected: tuple[int | None, bool]) -> None:
    assert read_date_time(text) == expected


NAMES = st.text("abcdefghijklmnop0123456789_-", min_size=1, max_size=12)
SEGMENTS = st.lists(
    st.tuples(
        st.integers(0, 99_999).map(lambda n: n / 1000), NAMES, st.booleans(), st.sampled_from(["", "AES-128", "NONE"])
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(SEGMENTS, st.integers(0, 10**10), st.booleans())
def test_agrees_with_the_m3u8_library(segments: list[Any], first: int, ended: bool) -> None:
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:100", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for duration, name, is_discontinuity, method in segments:
        lines += ["#EXT-X-DISCONTINUITY"] * is_discontinuity
        lines += [f'#EXT-X-KEY:METHOD={method},URI="{name}.key"'] * (method == "AES-128")
        lines += ["#EXT-X-KEY:METHOD=NONE"] * (method == "NONE")
        lines += [f"#EXTINF:{duration},", f"{name}.ts"]
    lines += ["#EXT-X-ENDLIST"] * ended
    body = "\n".join(lines) + "\n"
    oracle = m3u8.loads(body, uri=URL)
    found = entries(body.encode(), "media-segment")
    assert [row["url"] for row in found] == [segment.absolute_uri for segment in oracle.segments]
    assert [row["duration_s"] for row in found] == [segment.duration for segment in oracle.segments]
    assert [row["media_sequence"] for row in found] == [segment.media_sequence for segment in oracle.segments]
    numbers = itertools.accumulate(bool(segment.discontinuity) for segment in oracle.segments)
    assert [row["discontinuity_sequence"] for row in found] == list(numbers)
    methods = [segment.key.method if segment.key else None for segment in oracle.segments]
    assert [row.get("key_method") for row in found] == [None if method == "NONE" else method for method in methods]
    assert playlist(body.encode())["has_endlist"] is oracle.is_endlist


SHARED = Path(__file__).parents[2] / "../shared/captures/public.tar.zst"


@pytest.fixture(scope="module")
def fixtures() -> dict[str, bytes]:
    if not SHARED.is_file():
        pytest.skip("the public captures are not beside the repository")
    zstd = pytest.importorskip("backports.zstd")
    found: dict[str, bytes] = {}
    with zstd.open(SHARED) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if "/hls/" in member.name or member.name.endswith("fixtures_hls_expected.csv"):
                extracted = archive.extractfile(member)
                if extracted is not None:
                    found[member.name.removeprefix("./")] = extracted.read()
    return found


def expected_rows(fixtures: dict[str, bytes]) -> Iterator[tuple[dict[str, str], bytes]]:
    table = fixtures["fixtures_hls_expected.csv"].decode()
    for row in csv.DictReader(io.StringIO(table)):
        yield row, fixtures[row["file"]]


@pytest.mark.parametrize("block_bytes", [1, 7, 100])
def test_blocks_of_lines_change_nothing(monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    bodies = [
        MEDIA,
        MEDIA.replace(b"\n", b"\r\n"),
        MEDIA.replace(b"\n", b"\r"),
        b"\n" * 300 + MEDIA,
        b"\xef\xbb\xbf" + MEDIA,
    ]
    bodies += [MEDIA.replace(b"\n", b"\n\r\n\r\r"), MEDIA + b"\r\n" * 200 + b"a.ts", MEDIA[:-1]]
    expected = [parse(body) for body in bodies]
    monkeypatch.setattr(_hls_lines, "BLOCK_BYTES", block_bytes)
    assert [parse(body) for body in bodies] == expected


def test_variant_without_uri_beyond_the_limit_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_hls_findings, "MAX_ENTRIES", 1)
    body = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n"
    assert len(entries(body)) == 1
    assert "HLS_playlist_over_limit" in problems(parse(body))


def test_long_lists_say_what_short_ones_say(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"#EXT-X-CUE-OUT:{i}\n#EXTINF:{2 + i % 3},{'title' if i == 7 else ''}\n{i}.ts" for i in range(100)]
    body = media("#EXT-X-MAP:URI=init.mp4", *lines)
    parser = HlsParser(Opening("content", body[:8192], b"", info=ContentInfo(name=URL)))
    parser.feed(memoryview(body), False)
    assert [event for event in parser.end(False) if isinstance(event, Rows)]
    by_column = entries(body)
    monkeypatch.setattr(_hls_findings, "LONG", 1000)
    assert by_column == entries(body)
    assert Counter(entry["kind"] for entry in by_column) == {"media-segment": 100, "cue": 100, "map": 1}


def test_what_is_remembered_of_lines_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [MEDIA, LOW_LATENCY, MULTIVARIANT, MEDIA.replace(b"6.000000,", b"6.000000, A title"), MEDIA.upper()]
    first = [parse(body) for body in bodies]
    assert first == [parse(body) for body in bodies]
    monkeypatch.setattr(_hls_lines, "_SHORT", -1)
    assert first == [parse(body) for body in bodies]


@pytest.mark.shared
def test_public_fixtures_have_the_expected_counts(fixtures: dict[str, bytes]) -> None:
    seen = 0
    for expected, body in expected_rows(fixtures):
        events = parse(body)
        rows = [event.values for event in events if isinstance(event, Row)]
        kinds = Counter(row["kind"] for row in rows[1:])
        bare = Counter({event.name: event.count for event in events if isinstance(event, Anomaly)})
        durations = kinds["media-segment"] - bare["HLS_uri_without_extinf"] + bare["HLS_media_segment_without_uri"]
        found = (durations, kinds["variant"], kinds["i-frame-variant"], kinds["rendition"], kinds["key"], kinds["part"])
        counted = tuple(int(expected[name]) for name in ("extinf", "variants", "iframe", "media", "keys", "parts"))
        assert found == counted, expected["file"]
        if rows[0]["kind"] == "media" and expected["m3u8lib_seq"]:
            assert rows[0]["media_sequence"] == int(expected["m3u8lib_seq"]), expected["file"]
        seen += 1
    assert seen == 66


@pytest.mark.shared
def test_public_fixtures_are_recognised(fixtures: dict[str, bytes]) -> None:
    unsure = [row["file"] for row, body in expected_rows(fixtures) if (score(body) or 0.0) < 0.5]
    assert unsure == []
