"""Redirects and the requests that followed them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import CLIENT, SERVER

URLS = ("http://a.example/x", "http://b.example/y", "http://c.example/z.m3u8")


def test_redirect_to_a_broken_url_is_no_redirect(lab):
    lab.redirect("http://a.example/x", "http://[broken", 0)
    lab.get("http://b.example/t", 1, size=500, kind="mp4")
    assert lab.one()["panel_host"] is None


def test_a_redirect_of_another_client_is_not_tied(lab):
    lab.redirect("http://a.example/x", "http://b.example/t", 0)
    lab.get("http://b.example/t", 1, size=500, kind="mp4", client="192.168.1.99", flow=2)
    assert lab.one()["panel_host"] is None


OWN, ANOTHERS = "d8:af:3b:20:41:01", "d8:af:3b:20:41:02"


@pytest.mark.parametrize(
    ("client", "mac", "panel"),
    [
        ("2001:db8:1::7", OWN, "a.example"),
        ("2001:db8:1::7", ANOTHERS, None),
        ("2001:db8:1::7", None, None),
        ("192.168.1.99", OWN, None),  # another client behind one router
    ],
)
def test_a_box_is_sent_on_over_ipv4_and_follows_over_ipv6(lab, client, mac, panel):
    lab.redirect("http://a.example/live/u/p/7", "http://b.example/auth/token", 0)
    lab.flow(1, orig_mac=OWN)
    lab.get("http://b.example/auth/token", 1, size=500, kind="mp4", client=client, flow=2)
    lab.flow(2, client=client, orig_mac=mac)
    session = lab.one()
    assert (session["client_ip"], session["panel_host"]) == (client, panel)


def test_a_redirect_is_followed_once(lab):
    lab.redirect("http://a.example/x", "http://b.example/t", 0)
    lab.flow(1, orig_mac=OWN)
    for number, client in ((2, "2001:db8:1::7"), (3, CLIENT)):
        lab.get("http://b.example/t", number, size=500, kind="mp4", client=client, flow=number)
        lab.flow(number, client=client, orig_mac=OWN)
    panels = {one["client_ip"]: one["panel_host"] for one in lab.sessions()}
    assert panels == {"2001:db8:1::7": "a.example", CLIENT: None}


def test_redirect_to_itself_ends(lab):
    for at in range(3):
        lab.redirect("http://a.example/x", "http://a.example/x", at)
    lab.get("http://a.example/x", 3, size=500, kind="mp4")
    session = lab.one()
    assert (session["requests"], session["panel_host"]) == (4, None)


@settings(derandomize=True, max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(URLS), st.sampled_from((*URLS, None, "", "::", "http://[")), st.booleans())
    ),
    seed=st.integers(0, 9),
)
def test_any_web_of_redirects_and_any_order_of_rows_gives_one_result(lab, steps, seed):
    lab.rows.clear()
    for at, (url, target, playlist) in enumerate(steps):
        if target is not None:
            lab.redirect(url, target, at)
        elif playlist:
            lab.playlist(url, at, URLS, start=at)
        else:
            lab.get(url, at, size=10 + at, kind="mpegts", media_s=1.0)
    assert lab.build() == lab.build(seed=seed)


def test_an_endless_chain_of_redirects_is_cut(lab):
    for at in range(30):
        lab.redirect(f"http://h{at}.example/x", f"http://h{at + 1}.example/x", at)
    lab.get("http://h30.example/x", 30, size=500, kind="mp4")
    assert lab.one()["stream"] == "http://h21.example/x"


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("http://edge.example/한국.ts", "http://edge.example/%ED%95%9C%EA%B5%AD.ts"),
        ("http://edge.example/two words.ts", "http://edge.example/two%20words.ts"),
        ("http://edge.example/" + "한".encode("euc-kr").decode("latin-1"), "http://edge.example/%C7%D1"),
    ],
    ids=["UTF-8", "space", "EUC-KR"],
)
def test_a_redirect_to_a_raw_url_is_followed(lab, location, asked):
    lab.redirect("http://tv.example/live/u/p/5.ts", location, 0)
    lab.segment(asked, 0.2, declared=None, media_s=9.0)
    session = lab.one()
    assert (session["panel_host"], session["hosts"]) == ("tv.example", ["tv.example", "edge.example"])


def test_a_relative_redirect_of_a_request_without_host_is_followed(lab):
    lab.redirect("http://a.example/x/7.ts", "8.ts", 0)
    lab.get("http://a.example/x/8.ts", 1, size=500, kind="mp4")
    for row in lab.rows["http"]:
        row.update(host=None, url=None)
    assert lab.one()["stream"] == f"http://{SERVER}/x/7.ts"
