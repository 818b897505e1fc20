"""Programme guides: what was on."""

from __future__ import annotations

import pytest

from .conftest import BASE_NS

HOUR = 3600 * 10**9


def programme(lab, ref, hour, title, **values):
    start = BASE_NS + hour * HOUR
    lab.message("programmes", channel_ref=ref, start_ns=start, end_ns=start + HOUR, title=title, **values)


def watch(lab, **values):
    lab.watch(77, at=3000)
    lab.rows["sessions"][-1].update(end_ns=BASE_NS + HOUR + 60 * 10**9, **values)


def programmes(lab):
    return lab.build()["session_entities"][0]["programmes"]


def test_the_guide_is_asked_by_the_channels_identifier(lab):
    watch(lab)
    lab.message("catalogue_entries", kind="live", host="tv.example", entry_id="77", name="News", epg_id="news.id")
    for hour, title in ((-1, "Before"), (0, "Morning"), (1, "Noon"), (2, "After")):
        programme(lab, "news.id", hour, title, family="xmltv", host="epg.example")
    programme(lab, "other.id", 0, "Elsewhere", family="xmltv", host="epg.example")
    assert programmes(lab) == ["Morning", "Noon"]


def test_numbers_count_at_the_panels_own_hosts_only(lab):
    watch(lab)
    programme(lab, "77", 0, "Own", host="tv.example:8080")
    programme(lab, "77", 0, "Foreign", host="epg.example")
    assert programmes(lab) == ["Own"]


def test_without_a_guide_nothing_is_said(lab):
    watch(lab)
    assert programmes(lab) is None


def test_what_is_stored_has_no_programme(lab):
    watch(lab, kind="vod")
    programme(lab, "77", 0, "Own", host="tv.example")
    assert programmes(lab) is None


# BASE_NS is 2023-11-14 22:13:20 UTC; in Jakarta the 15th, 05:13:20.
STARTS = {
    "utc": "/live/u1/p1/77.ts?utc=1700003600&lutc=1700010000",
    "local": "/timeshift/u1/p1/60/2023-11-15:06-13/77.ts",
}


def catch_up(lab, target, zones=("Asia/Jakarta",)):
    """Watch for a minute what was on an hour after the beginning, three hours later."""
    for zone in zones:
        lab.message("account_replies", family="xtream", role="response", action="login", host="tv.example", auth=True,
                    username="u1", password="p1", timezone=zone)  # fmt: skip
    lab.get(target, status=302, location="http://edge.example/tsauth/abcdefghijklmnopqrst")
    lab.session(f"http://tv.example{target}", panel_host="tv.example", kind="live", at=3 * 3600)
    for hour, title in ((0, "Before"), (1, "Past show"), (2, "After"), (3, "On air now")):
        programme(lab, "77", hour, title, host="tv.example")
    return lab.build()["session_entities"][0]


@pytest.mark.parametrize("form", STARTS)
def test_catch_up_gets_the_programme_that_was_asked_for(lab, form):
    row = catch_up(lab, STARTS[form])
    assert row["programmes"][-1:] == ["Past show"]
    assert "On air now" not in row["programmes"]
    assert row["kind"] == "catchup"
    assert row["archive_ns"] == BASE_NS + 3600 * 10**9 - (20 * 10**9 if form == "local" else 0)


def test_without_a_stated_zone_there_is_no_programme(lab):
    row = catch_up(lab, STARTS["local"], zones=())
    assert (row["kind"], row["programmes"], row["archive_ns"]) == ("catchup", None, None)
    assert "06:13 by the panel's clock, which has no stated zone" in row["programmes_why"]


def test_catch_up_that_no_guide_has_says_so(lab):
    row = catch_up(lab, "/live/u1/p1/77.ts?utc=1600000000")
    assert (row["programmes"], row["archive_ns"]) == (None, 1_600_000_000 * 10**9)
    assert row["programmes_why"].endswith("no guide has it")
