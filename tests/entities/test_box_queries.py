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
