"""Queries in which boxes describe themselves."""

from __future__ import annotations

import pytest


def device(lab):
    [found] = lab.build()["devices"]
    return found


def test_an_update_check_describes_the_box(lab):
    lab.get("/ota?model=X96%20mini&fwver=9.2&sn=SN77&mac=02:00:5e:00:00:aa&t=1", host="ota.example")
    lab.get("/ota?model=X96+mini&fwver=9.2&sn=SN77&mac=02005E0000AA&t=2", host="ota.example")
    found = device(lab)
    assert (found["model"], found["firmware"], found["serial"]) == ("X96 mini", "9.2", "SN77")
    assert found["claimed_macs"] == ["02:00:5e:00:00:aa"]
    assert {"claimed-address", "claimed-model", "claimed-serial"} <= set(found["rule"].split("; "))
    assert "claims model X96 mini to ota.example" in {row["shows"] for row in lab.build()["evidence"]}


@pytest.mark.parametrize(
    ("query", "model", "serial"),
    [
        ("wifi_mac=02:00:5e:00:00:aa", None, None),
        ("device_model=T95&serialNumber=S1", "T95", "S1"),
        ("Model=T95&firmware_version=7", "T95", None),
        ("mac=02:00:5e:00:00:aa&model=unknown&sn=0", None, None),
    ],
)
def test_names_of_parameters(lab, query, model, serial):
    lab.get(f"/w?{query}")
    found = device(lab)
    assert (found["model"], found["serial"]) == (model, serial)


@pytest.mark.parametrize("query", ["model=Estate", "sn=12", "mac=apple&os=1", "submodel=T95&sn=1", "model=&sn=1"])
def test_other_queries_describe_nothing(lab, query):
    lab.get(f"/shop?{query}")
    found = device(lab)
    assert (found["model"], found["serial"], found["claimed_macs"]) == (None, None, [])


def test_an_address_that_stands_for_none_is_not_claimed(lab):
    lab.get("/ota?model=T95&fwver=1&mac=02:00:00:00:00:00")
    found = device(lab)
    assert (found["model"], found["claimed_macs"]) == ("T95", [])


def test_a_posted_report_describes_the_box(lab):
    lab.get("/")
    lab.message("device_reports", body_url="http://ota.example/check", model="X96", firmware="9.2", serial="SN77",
                claimed_macs=["02:00:5e:00:00:aa", "02:00:00:00:00:00"])  # fmt: skip
    found = device(lab)
    assert (found["model"], found["firmware"], found["serial"]) == ("X96", "9.2", "SN77")
    assert found["claimed_macs"] == ["02:00:5e:00:00:aa"]
    assert "claims serial number SN77 to ota.example" in {row["shows"] for row in lab.build()["evidence"]}


@pytest.mark.parametrize(("url", "kind"), [("http://ota.example/help", "browser"), ("http://ota.example/check", "app")])
def test_what_a_browser_posts_is_no_kind(lab, url, kind):
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:108.0) Gecko/20100101 Firefox/108.0"
    lab.get("/help", host="ota.example", url="http://ota.example/help", user_agent=agent)
    lab.message("device_reports", body_url=url, model="MAG322", serial="SN77", firmware="9.2")
    found = device(lab)
    assert (found["model"], found["serial"]) == ("MAG322", "SN77")
    assert found["kind"] == kind  # app: a computer that claims to be a box


@pytest.mark.parametrize("mac", ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"])
def test_groups_are_nobodys_address(lab, mac):
    lab.get("/")
    lab.message("device_reports", body_url="http://ota.example/check", claimed_macs=[mac])
    assert device(lab)["claimed_macs"] == []


def test_a_report_from_an_address_without_device_is_nobodys(lab):
    lab.get("/")
    lab.message("device_reports", body_url="http://ota.example/check", model="X96", serial="1", client_ip="192.168.1.9")
    assert device(lab)["model"] is None


def test_what_a_browser_asks_about_is_no_kind(lab):
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:108.0) Gecko/20100101 Firefox/108.0"
    lab.get("/help?model=MAG322&sn=SN77", user_agent=agent)
    found = device(lab)
    assert (found["model"], found["kind"]) == ("MAG322", "browser")
