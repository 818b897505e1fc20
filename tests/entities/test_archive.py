"""URLs of catch-up: which time they ask for."""

from __future__ import annotations

from datetime import datetime

import pytest

from iptvforensics.entities.archive import Archive, asked_archive, place
from iptvforensics.entities.urls import read_url

from .conftest import ONE
from .test_guide import STARTS

HOST = "http://tv.example:8080"
LOCAL = datetime.fromisoformat("2023-11-14T19:30")
IN_PARIS = {"p-1": ["Europe/Paris"]}


@pytest.mark.parametrize(
    ("target", "start", "local", "seconds"),
    [
        ("/timeshift/viewer/secret/60/2023-11-14:19-30/79.ts", None, LOCAL, 3600),
        ("/timeshift/viewer/secret/60/2023-11-14_19-30/79.m3u8", None, LOCAL, 3600),
        ("/timeshifts/viewer/secret/90/79/2023-11-14:19-30.ts", None, LOCAL, 5400),
        (
            "/streaming/timeshift.php?username=u&password=p&stream=79&start=2023-11-14:19-30&duration=60",
            None,
            LOCAL,
            3600,
        ),
        ("/live/viewer/secret/80.ts?utc=1699990000", 1_699_990_000, None, None),
        ("/viewer/secret/80.m3u8?utc=1699990000&lutc=1699999999", 1_699_990_000, None, None),
        ("/live/viewer/secret/80.ts?utc=now", None, None, None),
        ("/timeshift/viewer/secret/60/2023-99-14:19-30/79.ts", None, None, 3600),
        ("/tsauth/abcdefghijklmnopqrst", None, None, None),
    ],
)
def test_forms(target, start, local, seconds):
    url = HOST + target
    found = asked_archive(url, read_url(url, bare=True), None)
    assert found is not None
    assert found[1:] == (start * 10**9 if start else None, local, seconds)


@pytest.mark.parametrize(
    "target", ["/live/viewer/secret/80.ts", "/movie/viewer/secret/80.mkv", "/index.html?utc=1699990000"]
)
def test_what_asks_for_no_past(target):
    assert asked_archive(HOST + target, read_url(HOST + target), None) is None


@pytest.mark.parametrize(
    ("zones", "local", "hour"),
    [
        (IN_PARIS, LOCAL, 18.5),
        ({"p-1": ["Asia/Seoul", "Asia/Tokyo"]}, LOCAL, 10.5),
        ({"p-1": ["Asia/Seoul", "Asia/Jakarta"]}, LOCAL, None),
        ({"p-2": ["Europe/Paris"]}, LOCAL, None),
        ({"p-1": ["Nowhere/Else"]}, LOCAL, None),
        ({"p-1": ["../../etc/passwd"]}, LOCAL, None),
        (IN_PARIS, datetime.fromisoformat("2023-10-29T02:30"), None),
        (IN_PARIS, datetime.fromisoformat("2023-03-26T02:30"), None),
    ],
)
def test_the_panels_clock_is_placed_by_its_zone(zones, local, hour):
    span = place(Archive("its path", None, local, 3600), "p-1", zones, 0)
    if hour is None:
        assert (span.start_ns, span.end_ns) == (None, None)
        assert "by the panel's clock" in span.why
    else:
        assert span.start_ns == (1_699_920_000 + int(hour * 3600)) * 10**9
        assert span.end_ns == span.start_ns + 3600 * 10**9


def test_without_a_duration_the_sessions_own_counts():
    assert place(Archive("", 5 * 10**9), None, {}, 7 * 10**9)[:2] == (5 * 10**9, 12 * 10**9)


@pytest.mark.parametrize("kind", ["tv_archive", "itv"])
def test_a_portals_link_to_its_archive(lab, kind):
    link = "http://media.example/ch1/archive/1699990000/3600/mpegts"
    lab.get("/portal.php?type=tv_archive&action=create_link&cmd=x", cookie="mac=00:1A:79:00:00:01")
    lab.message("stream_links", family="stalker", host="tv.example", mac="001a79000001", kind=kind, link_url=link,
                requested="auto /media/4711.mpg")  # fmt: skip
    lab.session(link)
    tables = lab.build()
    [row] = tables["session_entities"]
    is_archive = kind == "tv_archive"
    assert row["kind"] == ("catchup" if is_archive else None)
    assert row["archive_ns"] == (1_699_990_000 * 10**9 if is_archive else None)
    # The number of a recording is none of a channel.
    assert (row["channel_id"] is None) is is_archive


def test_the_zone_of_a_portal_may_be_the_clients(lab):
    lab.message("account_replies", family="stalker", role="response", action="stb.get_profile", host="tv.example",
                mac="00:1A:79:00:00:01", timezone="Asia/Jakarta", capture_id=ONE)  # fmt: skip
    lab.get(STARTS["local"], status=302, location="http://edge.example/tsauth/abcdefghijklmnopqrst")
    lab.session(f"http://tv.example{STARTS['local']}", panel_host="tv.example")
    [row] = lab.build()["session_entities"]
    assert (row["kind"], row["archive_ns"]) == ("catchup", None)
