"""Computers that claim to be boxes."""

from __future__ import annotations

import pytest

from .conftest import BOX_MAC, PANEL, ROUTER_MAC

MAG = "Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) MAG200 stbapp ver: 2 rev: 250"
PORTAL = "/portal.php?type=stb&action=handshake"


def device(lab):
    [row] = [row for row in lab.build()["devices"] if row["macs"] == [BOX_MAC]]
    return row


def dhcp(lab, vendor_class):
    lab.message(
        "dhcp", client_mac=BOX_MAC, vendor_class=vendor_class, is_response=False, message_type="DISCOVER",
        client_ip="0.0.0.0", server_ip="255.255.255.255", server_port=67,
    )  # fmt: skip


@pytest.mark.parametrize(("vendor_class", "kind"), [("MSFT 5.0", "app"), ("udhcp 1.27.2", "tv-box"), (None, "tv-box")])
def test_dhcp_of_windows_beside_the_user_agent_of_a_box(lab, vendor_class, kind):
    lab.get(PORTAL, user_agent=MAG, cookie="mac=00:1A:79:00:00:01")
    dhcp(lab, vendor_class)
    row = device(lab)
    assert row["kind"] == kind
    assert ("computer-acts-as-box" in row["rule"]) is (kind == "app")


def test_both_user_agents_of_one_computer(lab):
    lab.get(PORTAL, user_agent=MAG)
    lab.get("/index.html", host="news.example", user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/118.0.0.0")
    row = device(lab)
    assert (row["kind"], row["strength"]) == ("app", "strong")
    tables = lab.build()
    assert any("a program acts as one" in piece["shows"] for piece in tables["evidence"])


def test_behind_a_shared_address_the_box_may_be_another_one(lab):
    lab.get(PORTAL, user_agent=MAG, client_ip="198.51.100.99", mac=ROUTER_MAC)
    lab.get("/", host="news.example", user_agent="Mozilla/5.0 (Windows NT 10.0) Chrome/118.0.0.0",
            client_ip="198.51.100.99", mac=ROUTER_MAC, server_ip=PANEL)  # fmt: skip
    assert all("computer-acts-as-box" not in row["rule"] for row in lab.build()["devices"])
