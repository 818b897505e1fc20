"""The page that plays what its address names."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from .scenario import Site
from .webplayer import PAGE, PARTS, address, chromium


@pytest.mark.parametrize(("delivery", "how"), [("hls", "hls"), ("http-flv", "flv"), ("http-ts", "mpegts")])
def test_an_address_says_what_to_play_and_how(delivery, how):
    url = "http://line.merlin-box.example:8080/live/a/b/1.m3u8?x=1&y=2"
    page = urlsplit(address(Site("s", ["web.example"]), delivery, url))
    assert page.hostname == "web.example"
    assert parse_qs(page.query) == {"how": [how], "url": [url]}


def test_the_page_takes_both_libraries():
    assert all(f'src="/{name}"' in PAGE for name in PARTS)


def test_the_browser_asks_for_no_other_names():
    assert "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.example" in chromium("http://web.example/", Path("x"))
