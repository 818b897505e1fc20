"""Programme guides: what was on."""

from __future__ import annotations

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
