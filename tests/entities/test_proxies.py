"""Hints at traffic of third parties through a box."""

from __future__ import annotations

import pytest

from .conftest import EDGE, PANEL

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0"


def test_a_connection_that_passes_on_what_comes_in(lab):
    lab.get("/x", user_agent="libmpv")
    lab.flow(server=EDGE, flow=2, orig_bytes=2_000, resp_bytes=1_000_000)
    lab.flow(server="198.51.100.99", flow=3, port=443, orig_bytes=1_010_000, resp_bytes=9_000)
    [device] = lab.build()["devices"]
    assert device["third_party"] == "may pass on what it receives: 1010000 bytes to 198.51.100.99 port 443"
    assert "relays-out" in device["rule"]


@pytest.mark.parametrize("up", [60_000, 100_000_000, 70_000])
def test_what_a_viewer_sends_is_no_hint(lab, up):
    lab.get("/x")
    lab.flow(server=EDGE, flow=2, orig_bytes=2_000, resp_bytes=1_000_000)
    lab.flow(server="198.51.100.99", flow=3, port=443, orig_bytes=up, resp_bytes=9_000)
    assert lab.build()["devices"][0]["third_party"] is None


@pytest.mark.parametrize(("first", "hinted"), [("libmpv", True), (BROWSER, False)])
def test_a_desktop_browser_beside_a_player(lab, first, hinted):
    lab.get("/x", user_agent=first)
    lab.get("/y", user_agent=BROWSER, server_ip=PANEL)
    assert (lab.build()["devices"][0]["third_party"] is not None) is hinted


def passing(lab, sent, lines=("u1", "u9")):
    for number, user in enumerate(lines):
        lab.watch(77 + number, user, at=10)
    lab.rows["sessions"][-1]["bytes"] = 100_000
    first = lab.rows["sessions"][0]["start_ns"] - 10**9
    lab.flow(server="198.51.100.99", flow=3, port=443, orig_bytes=sent, first_ns=first, last_ns=first + 99 * 10**9)
    lab.flow(server=EDGE, flow=4, resp_bytes=200_000, orig_bytes=100)
    tables = lab.build()
    users = {row["line_id"]: row["username"] for row in tables["lines"]}
    return {(row["kind"], users[row["target"]], row["strength"]) for row in tables["links"] if row["target"] in users}


def test_a_line_whose_media_went_on_beside_a_line_of_the_devices_own(lab):
    assert passing(lab, 108_000) == {("uses-line", "u1", "conclusive"), ("passes-on", "u9", "supporting")}


@pytest.mark.parametrize(("sent", "lines"), [(99_000, ("u1", "u9")), (130_000, ("u1", "u9")), (108_000, ("u9",))])
def test_other_sizes_and_an_only_line_stay_what_the_frames_show(lab, sent, lines):
    assert {kind for kind, _, _ in passing(lab, sent, lines)} == {"uses-line"}
