"""What differs at shared addresses: told with its reason, and never taken for two devices."""

from __future__ import annotations

import pytest

from .conftest import BASE_NS, BOX, BOX_MAC

HOME = "192.0.2.9"
ROUTER = "02:00:5e:00:00:09"


@pytest.fixture
def home(lab):
    """Return a case in which a shared address asked for something."""
    lab.get("/", client_ip=HOME, mac=ROUTER)
    return lab


def told(lab):
    [found] = lab.build()["devices"]
    assert found["told_apart"].startswith(f"{found['ips'][0]}: ")
    return found


def test_where_nothing_differs_nothing_is_said(home):
    found = told(home)
    assert found["told_apart"] == f"{HOME}: a shared address (not a private one), nothing tells devices apart"
    assert found["rule"] == "device-address"


def test_clocks_by_turns_are_several_devices_at_least(home):
    for at in range(100, 160, 10):
        ahead = 5 if at % 20 else -3600
        home.message("ntp", at, mode="client", client_ip=HOME, transmit_ns=BASE_NS + (at + ahead) * 10**9)
    found = told(home)
    assert "2 clocks by turns (-3600.000 s, +5.000 s from the capture's): at least 2 devices" in found["told_apart"]
    assert (found["clock_offset_s"], found["strength"]) == (None, "supporting")
    assert "differs-behind-address" in found["rule"]


def test_programs_may_be_one_devices(home):
    for number, agent in enumerate(("okhttp/4.9.0", "Lavf/58.12", "okhttp/4.9.0")):
        home.get("/x", client_ip=HOME, mac=ROUTER, flow_id=number, user_agent=agent)
    for number, ja4 in enumerate(("t13d1516h2_a", "t13d1516h2_b", "t12d1209h2_c", "t12d1209h2_d")):
        home.message("tls", client_ip=HOME, flow_id=20 + number, ja4=ja4)
    text = told(home)["told_apart"]
    assert "2 user agents (Lavf/58.12, okhttp/4.9.0), but one device may run several programs" in text
    assert "4 fingerprints of TLS clients (JA4) (t12d1209h2_c, t12d1209h2_d, t13d1516h2_a and 1 more)" in text
    assert "whose traffic is whose is not told" in text


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(52, 116, True), (63, 127, True), (52, 58, False), (1, 64, False), (64, 255, False), (None, None, False)],
)
def test_times_to_live_of_two_systems(home, low, high, shown):
    home.add("link_addresses", mac=ROUTER, ip=HOME, basis="IP", ttl_min=low, ttl_max=high, first_frame=1)
    text = told(home)["told_apart"]
    assert (f"times to live of {low} and {high}, as of systems that send 64 and 128" in text) is shown


def test_of_a_device_with_its_own_link_address_nothing_is_said(lab):
    for number in range(2):
        lab.get("/", flow_id=number, user_agent=f"app{number}/1")
    [found] = lab.build()["devices"]
    assert (found["ips"], found["told_apart"]) == ([BOX], f"own link-layer address {BOX_MAC}")
