"""What stands in the places of secrets is found, up to its end and no further."""

from __future__ import annotations

import time

import pytest

from iptvforensics.secret_places import field_places, is_folder, places

TOKEN = "Qq1_" * 8


def found(text: str) -> set[str]:
    return {text[place.start : place.end] for place in places(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/live/jo doe/p@ss w#rd/9.ts", {"jo doe", "p@ss w#rd"}),
        ("http://h.example/movie/u/plain/pw77/9.mp4", {"u", "plain/pw77"}),
        ("/timeshift/u/p/60/2026-01-01:10-00/77.ts", {"u", "p"}),
        ("/timeshifts/u/p/60/77/2026-01-01:10-00.ts", {"u", "p"}),
        ("/thumb/user/word/12", {"user", "word"}),
        ("/subtitle/user/word/3/12", {"user", "word"}),
        ("/hlsr/0123/user/word/77/8/77_1.ts", {"0123", "user", "word"}),
        ("/player_api/user/word/get_live_streams", {"user", "word"}),
        ("/playlist/user/word/m3u_plus", {"user", "word"}),
        ("/epg/user/word/gz", {"user", "word"}),
        ("asked for /live/a/b/1.ts and /live/c/d/2.ts", {"a", "b", "c", "d"}),
        ("rtsp://user:p@ss@cam.example/1", {"user", "p@ss"}),
        ("/get.php?username=jo doe&password=a,b#c&type=m3u", {"jo doe", "a,b#c"}),
        ("password=first&x=1", {"first"}),
        ('Digest username="jo doe", realm="x"', {"jo doe"}),
        (r'{"password": "a\"b"}', {r"a\"b"}),
        ("#!::r=live,u=jo,h=x", {"jo"}),
        ('filename="playlist_jo doe_plus.m3u"', {"jo doe"}),
        ('filename="jo_list.txt"', {"jo"}),
        ("/live/1?hmac=abcdef&identifier=customer9", {"abcdef", "customer9"}),
    ],
)
def test_secrets_stand_in_these_places(text: str, expected: set[str]) -> None:
    assert expected <= found(text)
    assert not {text, "realm", "m3u"} & found(text)


@pytest.mark.parametrize(
    "folder", ["auth", "sauth", "vauth", "tsauth", "thauth", "subauth", "hls", "hlsr", "key", "play", "token", "probe"]
)
@pytest.mark.parametrize("end", ["", "?x=1", ", twice", "/ts"])
def test_tokens_stand_in_the_folders_of_edges(folder: str, end: str) -> None:
    assert TOKEN in found(f"http://e.example/{'0' * 32}/{folder}/{TOKEN}{end}")


def test_tokens_stand_before_numbers() -> None:
    assert TOKEN in found(f"/live/{TOKEN}/77.ts")


@pytest.mark.parametrize(
    "text",
    [
        "http://edge.example/hls/news24-5.ts",
        "http://img.example/2026/logos/12.jpg",
        "/live/alpha/index3.ts",
        "asked to play sport1 at rtmp://h.example/live",
        "video/mp2t",
    ],
)
def test_other_texts_have_no_such_places(text: str) -> None:
    assert found(text) == set()


def test_a_value_ends_where_a_sentence_goes_on() -> None:
    assert found("plays sport1?token=abc123 at rtmp://h.example/live?x=1&y=2") == {"abc123"}


def test_names_are_told_from_other_secrets() -> None:
    assert {place.is_name for place in places("/live/ab/cd/1.ts")} == {True}
    assert {place.is_name for place in places("?token=abcdef")} == {False}


def test_common_paths_are_hidden_but_not_looked_for() -> None:
    assert {place.is_known for place in places("/epg/2026/11")} == {False}


def test_fields_are_secret_as_a_whole() -> None:
    text = 'sid=abcdef; mac="00:1A:79:00:00:01"; Path=/; HttpOnly'
    assert [(text[p.start : p.end], p.is_known) for p in field_places(text)] == [
        ("abcdef", True),
        ("00:1A:79:00:00:01", True),
    ]
    assert [" Bearer a b"[p.start : p.end] for p in field_places(" Bearer a b")] == ["a b"]


def test_folders_are_no_credentials() -> None:
    assert is_folder("Live")
    assert not is_folder("viewer23")


@pytest.mark.parametrize(
    "piece", ["a", "/live/", "http://", "#!::", '"password":"', "playlist_", "?token=", "&", "\\", "%2"]
)
def test_hostile_texts_take_time_in_proportion_to_their_length(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    assert sum(1 for _ in places(text)) < len(text)
    assert time.process_time() - start < 8
