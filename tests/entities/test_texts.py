"""Lines that stand in texts."""

from __future__ import annotations

import base64

import pytest


def text(lab, url, **values):
    return lab.message("named_urls", url=url, body_url="http://forum.example/thread/7", **values)


@pytest.mark.parametrize(
    ("url", "username"),
    [
        ("http://tv.example:8080/get.php?username=u9&password=p9&type=m3u_plus", "u9"),
        ("http://tv.example/live/u9/p9/7.ts", "u9"),
        ("http://tv.example/c/", None),
        ("http://tv.example/u9/p9/7.ts", None),
    ],
)
def test_a_line_that_a_text_names_is_a_lead_and_was_not_used(lab, url, username):
    text(lab, url)
    text(lab, url, at=900)
    tables = lab.build()
    if username is None:
        assert tables["lines"] == tables["panels"] == []
        return
    [line], [panel] = tables["lines"], tables["panels"]
    assert (line["username"], line["used"], line["rule"], line["strength"]) == (username, False, "line-in-text", "lead")
    assert (panel["host"], panel["strength"]) == ("tv.example", "lead")
    shows = [row["shows"] for row in tables["evidence"] if row["row_id"] == line["line_id"]]
    assert shows == [f"a text that 192.168.1.20 sent or got named the line at tv.example, text: {url}"]


def test_a_line_that_is_used_keeps_the_place_in_the_text(lab):
    lab.get("/player_api.php?username=u9&password=p9")
    text(lab, "http://tv.example/get.php?username=u9&password=p9")
    [line] = lab.build()["lines"]
    assert (line["rule"], line["used"], line["places"]) == ("line-in-request; line-in-text", True, ["request", "text"])


def test_without_texts_nothing_is_asked(lab):
    lab.get("/")
    assert lab.build()["lines"] == []


UPSTREAM = "http://upstream.example:8080/live/reseller/secret/7.ts"


@pytest.mark.parametrize("alphabet", ["standard", "url", "padded"])
def test_a_stream_that_a_server_examines_names_origin_and_account(lab, alphabet):
    coded = base64.b64encode(UPSTREAM.encode()).decode()
    coded = {
        "standard": coded.rstrip("="),
        "url": coded.rstrip("=").translate(str.maketrans("+/", "-_")),
        "padded": coded,
    }
    lab.watch(at=1)
    lab.get(f"/probe/{coded[alphabet]}", "edge.example", client_ip="203.0.113.5", server_ip="198.51.100.7", flow_id=8)
    tables = lab.build()
    [line] = [row for row in tables["lines"] if row["username"] == "reseller"]
    assert (line["rule"], line["strength"], line["used"]) == ("line-in-probe", "strong", False)
    servers = {row["host"]: row for row in tables["servers"]}
    origin = servers["upstream.example"]
    assert (origin["role"], "edge.example was told to examine a stream there" in origin["why"]) == ("panel", True)
    links = [
        (row["source"], row["rule"], row["strength"]) for row in tables["links"] if row["target"] == origin["server_id"]
    ]
    assert links == [(servers["edge.example"]["server_id"], "server-probe", "supporting")]


@pytest.mark.parametrize(
    ("url", "role"),
    [("http://tuner.example:9981/stream/channelid/1", "origin"), ("udp://239.1.1.1:1234", None), ("no url", None)],
)
def test_a_stream_without_an_account_names_its_server(lab, url, role):
    coded = base64.urlsafe_b64encode(url.encode()).decode()
    lab.get(f"/probe/{coded}", "edge.example", client_ip="203.0.113.5", flow_id=8)
    tables = lab.build()
    assert [row["role"] for row in tables["servers"] if row["host"] == "tuner.example"] == ([role] if role else [])
    assert tables["lines"] == []


def test_what_is_no_base64_is_left(lab):
    lab.get("/probe/***", "edge.example")
    lab.get("/probe/aHR0cDo", "edge.example")
    assert lab.build()["servers"] == []
