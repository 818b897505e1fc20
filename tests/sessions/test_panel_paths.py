"""Paths of a panel's numbered media."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.panel_paths import is_panel_media, may_be_panel_media, names_channel, names_film


@pytest.mark.parametrize(
    ("path", "query", "certain", "possible", "channel"),
    [
        ("/live/u/p/61.ts", "", True, False, True),
        ("/live/u/p/61", "", True, False, True),
        ("/live/u/p/61.ts", "utc=1700000000&lutc=1700003600", True, False, False),
        ("/movie/u/p/501.ts", "", True, False, False),
        ("/series/u/p/501.mkv", "", True, False, False),
        ("/timeshift/u/p/60/2026-11-26:08-00/61.ts", "", True, False, False),
        ("/timeshifts/u/p/60/61/2026-11-26:08-00.ts", "", True, False, False),
        ("/auth/61.ts", "token=abc", True, False, True),
        ("/u/p/61", "", False, True, None),
        ("/u/p/61.ts", "", False, True, None),
        ("/u/p/61.m4s", "", False, False, False),
        ("/live/AbCdEfGhIjKlMnOpQr/61.ts", "", False, True, None),
        ("/live/61.ts", "username=u&password=p", False, True, None),
        ("/live/u/p/61_12.ts", "", False, False, False),
        ("/live/news/12.ts", "", False, False, False),
        ("/hls/token/12.ts", "", False, False, False),
        ("/live/hls/news/12.ts", "", False, False, False),
        ("/hlsr/token/u/p/61/key/12.ts", "", False, False, False),
    ],
)
def test_forms(path, query, certain, possible, channel):
    assert is_panel_media(path) is certain
    assert may_be_panel_media(path, query) is possible
    assert names_channel(path, query) is channel


@pytest.mark.parametrize(
    ("path", "film"),
    [
        ("/movie/u/p/501.ts", True),
        ("/series/u/p/501.mkv", True),
        ("/movie/AbCdEfGhIjKlMnOpQr/61.ts", True),
        ("/movie/hls/x/61.ts", None),
        ("/series/night-train/1.ts", None),
        ("/live/u/p/61.ts", False),
        ("/u/p/61.ts", False),
        ("/timeshift/u/p/60/2026-11-26:08-00/61.ts", False),
    ],
)
def test_films_and_episodes(path, film):
    assert names_film(path) is film
