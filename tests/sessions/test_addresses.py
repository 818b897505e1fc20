"""URLs to keys by which a request is found again."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.addresses import Address, absolute, address, family, host_of, without_low_latency


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://E.Example/a?b#c", Address("http://e.example:80", "/a", "b")),
        ("http://e.example:80", Address("http://e.example:80", "/", "")),
        ("https://e.example/%41", Address("https://e.example:443", "/%41", "")),
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
        ("/x.y/n5.token-of-many-letters", "/x.y/n#.token-of-many-letters", 5),
    ],
)
def test_family(path, pattern, number):
    found = family(Address("s", path, ""))
    assert found is not None
    assert (found[0][1], found[1]) == (pattern, number)


@pytest.mark.parametrize("path", ["/a1/b.ts", "/", "/" + "9" * 19])
def test_no_family(path):
    assert family(Address("s", path, "")) is None
