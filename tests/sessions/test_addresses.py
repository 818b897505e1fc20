"""URLs to keys by which a request is found again."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.addresses import (
    Address,
    absolute,
    address,
    address_of_header,
    family,
    host_of,
    one_spelling,
    without_low_latency,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://E.Example/a?b#c", Address("http://e.example:80", "/a", "b")),
        ("http://e.example:80", Address("http://e.example:80", "/", "")),
        ("https://e.example/%41", Address("https://e.example:443", "/A", "")),
        ("http://[2001:db8::1]:8080/x", Address("http://2001:db8::1:8080", "/x", "")),
        ("/only/a/path", None),
        ("http://[broken/x", None),
        ("http://e.example:99999999/x", None),
        ("http:///x", None),
        ("", None),
        (None, None),
    ],
)
def test_address(url, expected):
    assert address(url) == expected


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("/한국 0.ts", "/%ED%95%9C%EA%B5%AD%200.ts"),  # GStreamer, ffmpeg, mpv, Chromium
        ("/한.ts", "/%ed%95%9c.ts"),  # curl
        ("/a[0]|{b}.ts", "/a%5B0%5D%7C%7Bb%7D.ts"),  # streamlink
        ("/a[0]|{b}.ts", "/a[0]%7C%7Bb%7D.ts"),  # ffmpeg, mpv
        ('/"<>^`.ts', "/%22%3C%3E%5E%60.ts"),
        ("/100%.ts", "/100%25.ts"),
        ("/%7euser/%2E.ts", "/~user/..ts"),
        ("/q?f=a%2fb", "/q?f=a%2Fb"),
        ("/q?f=한 국", "/q?f=%ED%95%9C%20%EA%B5%AD"),
        ("/q?f=a b", "/q?f=a+b"),  # curl, after a redirect
        ("/q?f='a'", "/q?f=%27a%27"),  # Chromium
        (r"/\xc7\xd1.ts", "/%C7%D1.ts"),  # EUC-KR in a playlist: ffmpeg and mpv send the bytes
    ],
)
def test_what_is_named_raw_and_asked_percent_encoded_is_one(named, asked):
    named, asked = f"http://e.example{named}", f"http://e.example{asked}"
    assert address(named) == address(asked)
    assert one_spelling(named) == one_spelling(asked)


def test_an_international_host_name_is_asked_in_ascii():
    assert address("http://한국.example/") == address("http://xn--3e0b707e.example/")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/a%2Fb", "/a/b"),
        ("/a%3Fb", "/a?b"),
        ("/a%23b", "/a"),
        ("/a%2Bb", "/a+b"),
        ("/a+b", "/a b"),
        ("/q?a%26b", "/q?a&b"),
        ("/q?a%3Db", "/q?a=b"),
        ("/q?a%2Bb", "/q?a+b"),
        ("/a%2520b", "/a%20b"),
        ("/A", "/a"),
    ],
)
def test_what_servers_tell_apart_stays_apart(one, other):
    assert address(f"http://e.example{one}") != address(f"http://e.example{other}")


def test_a_header_field_in_another_encoding_is_its_bytes():
    read_as_latin = "한".encode("euc-kr").decode("latin-1")
    assert address("http://e.example/%C7%D1") in address_of_header(f"http://e.example/{read_as_latin}")
    assert address_of_header("http://e.example/한") == (address("http://e.example/%ED%95%9C"),)
    assert address_of_header(None) == ()


def test_text_that_is_no_url_is_its_own_spelling():
    assert one_spelling("한국") == "한국"


@pytest.mark.parametrize(
    ("text", "host"),
    [("E.example:8080", "e.example"), ("http://e.example/a", "e.example"), ("[2001:db8::1]:80", "2001:db8::1")],
)
def test_host_of(text, host):
    assert host_of(text) == host


@pytest.mark.parametrize("text", [None, "", "[broken", "http://"])
def test_no_host(text):
    assert host_of(text) is None


@pytest.mark.parametrize(
    ("base", "reference", "expected"),
    [
        ("http://e.example/a/b", "c", "http://e.example/a/c"),
        ("http://e.example/a/b", "//f.example/c", "http://f.example/c"),
        (None, "http://f.example/c", "http://f.example/c"),
        (None, "/c", None),
        ("http://e.example/", None, None),
        ("http://e.example/", "http://[broken", None),
    ],
)
def test_absolute(base, reference, expected):
    assert absolute(base, reference) == expected


@pytest.mark.parametrize(
    ("query", "rest"),
    [("_HLS_msn=5&k=1", "k=1"), ("k=1&_HLS_msn=5&_HLS_part=2", "k=1"), ("k=1", "k=1"), ("x_HLS_msn=5", "x_HLS_msn=5")],
)
def test_without_low_latency(query, rest):
    assert without_low_latency(Address("s", "/p", query)).query == rest


@pytest.mark.parametrize(
    ("path", "pattern", "number"),
    [
        ("/hls/news-12.ts", "/hls/news-#.ts", 12),
        ("/a1/b2_c3.m4s", "/a1/b2_c#.m4s", 3),
        ("/live/7", "/live/#", 7),
        ("/x/5.mp4", "/x/#.mp4", 5),
        ("/%ED%95%9C12%B5%20.ts", "/%ED%95%9C#%B5%20.ts", 12),
        ("/%205.ts", "/%20#.ts", 5),
        ("/x.y/n5.token-of-many-letters", "/x.y/n#.token-of-many-letters", 5),
    ],
)
def test_family(path, pattern, number):
    found = family(Address("s", path, ""))
    assert found is not None
    assert (found[0][1], found[1]) == (pattern, number)


@pytest.mark.parametrize("path", ["/a1/b.ts", "/", "/a%20.ts", "/" + "9" * 19])
def test_no_family(path):
    assert family(Address("s", path, "")) is None
