"""Marks: what clients at shared addresses say of themselves, connection by connection."""

from __future__ import annotations

from iptvforensics.entities.clients import read_clients
from iptvforensics.entities.marks import read_marks

from .conftest import ONE

HOME = "192.0.2.9"


def test_marks_are_read_for_shared_addresses_only(lab):
    lab.get("/live/u1/p1/7.ts")
    lab.get("/live/u2/p2/7.ts", client_ip=HOME, flow_id=4, user_agent="app", mac=None)
    lab.get("/c/", client_ip=HOME, flow_id=5, cookie="mac=00:1A:79:00:00:01; sn=77", mac=None)
    bench = lab.bench()
    found = read_marks(bench, read_clients(bench))
    assert set(found) == {(ONE, HOME)}
    line, mac = found[ONE, HOME]
    assert (line.name, line.agents, line.flows) == ("line u2", {"app"}, {4})
    assert (mac.name, mac.serials, mac.flows) == ("mac 00:1a:79:00:00:01", {"77"}, {5})
    assert not line.interleaves(mac)


def test_without_exchanges_there_are_none(lab):
    lab.flow(client=HOME)
    bench = lab.bench()
    assert read_marks(bench, read_clients(bench)) == {}


def test_posted_forms_name_lines_and_addresses_too(lab):
    lab.get("/player_api.php", client_ip=HOME, flow_id=4, user_agent="app", mac=None)
    lab.message("account_replies", family="xtream", role="request", username="u3", password="p3", client_ip=HOME,
                flow_id=4)  # fmt: skip
    lab.message("account_replies", family="stalker", role="request", mac="00:1A:79:00:00:02", serial="88",
                client_ip=HOME, flow_id=5)  # fmt: skip
    lab.message("account_replies", family="xtream", role="response", username="u4", password="p4", client_ip=HOME)
    bench = lab.bench()
    line, mac = read_marks(bench, read_clients(bench))[ONE, HOME]
    assert (line.name, line.agents, line.flows) == ("line u3", {"app"}, {4})
    assert (mac.name, mac.agents, mac.serials) == ("mac 00:1a:79:00:00:02", set(), {"88"})


def test_one_model_alone_tells_nothing(lab):
    lab.get("/", client_ip=HOME, mac=None, user_agent="Dalvik/2.1.0 (Linux; U; Android 9; X96 Build/PI)")
    bench = lab.bench()
    assert read_marks(bench, read_clients(bench)) == {}
