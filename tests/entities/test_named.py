"""URLs inside of other URLs, and in attributes of listed items."""

from __future__ import annotations

import pytest

from iptvforensics.entities.named import inner_urls

INNER = "http%3A%2F%2Ftv.example%3A8080%2Fget.php%3Fusername%3Du1%26password%3Dp1"


@pytest.mark.parametrize(
    "outer",
    [
        f"/convert?url={INNER}&x=1",
        f"http://player.example/?src={INNER}",
        f"/convert?url={INNER.replace('%', '%25')}",
        "/convert?url=http://tv.example:8080/get.php?username=u1&password=p1",
        "/convert?url=http://tv.example:8080/live/u1/p1/7.ts",
        "/play?x=1&stream=rtmp%3A%2F%2Ftv.example%3A8080%2Flive%2F7%3Fusername%3Du1%26password%3Dp1",
    ],
)
def test_a_line_in_a_query_is_read(outer):
    [(url, says)] = inner_urls(outer)
    assert (says.username, says.password) == ("u1", "p1")
    assert "://tv.example:8080/" in url


@pytest.mark.parametrize(
    "outer",
    ["/x?url=http%3A%2F%2Fnews.example%2F", "/x?username=u1&password=p1", "/x?u=http%3A%2F%2F%5B", "http://[x", ""],
)
def test_other_queries_name_nothing(outer):
    assert inner_urls(outer) == []


@pytest.mark.parametrize("where", ["target", "referer", "location"])
def test_it_is_a_lead_with_a_place_of_its_own(lab, where):
    outer = f"http://player.example/p?url={INNER}"
    lab.get(**{"target": "/", "host": "player.example", "status": 302 if where == "location" else 200, where: outer})
    tables = lab.build()
    [line], [panel] = tables["lines"], tables["panels"]
    assert (line["username"], line["panel_host"], line["used"]) == ("u1", "tv.example", False)
    assert (line["rule"], line["strength"], line["places"]) == ("line-in-url", "lead", ["named url"])
    assert (panel["host"], panel["strength"], panel["contacted"]) == ("tv.example", "lead", False)


@pytest.mark.parametrize(
    "attribute",
    [
        'catchup-source="http://tv.example/timeshift/u1/p1/{duration:60}/{Y}-{m}-{d}:{H}-{M}/7.ts"',
        'catchup-source="http://tv.example/live/u1/p1/7.ts?utc=${start}"',
        "catchup-source=http://tv.example/streaming/timeshift.php?username=u1&password=p1&stream=7&start={utc}",
    ],
)
def test_templates_in_lists_name_lines(lab, attribute):
    for number in (7, 8):
        lab.message("catalogue_entries", family="m3u", host="list.example", entry_url=f"http://cdn.example/{number}.ts",
                    raw=f"#EXTINF:-1 {attribute},One\nhttp://cdn.example/{number}.ts")  # fmt: skip
    [line] = lab.build()["lines"]
    assert (line["username"], line["password"], line["rule"]) == ("u1", "p1", "line-in-url")


def test_the_url_of_the_item_itself_is_no_attribute(lab):
    url = "http://tv.example/live/u1/p1/7.ts"
    lab.message("catalogue_entries", family="m3u", host="list.example", entry_url=url, raw=f"#EXTINF:-1,One\n{url}")
    assert [row["rule"] for row in lab.build()["lines"]] == ["line-in-list"]
