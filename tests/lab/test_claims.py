"""Claims about devices, contacts and sessions against the truth."""

import pytest

from .claims import insiders, score_contacts, score_devices, score_kinds, score_server_addresses
from .matching import Expected
from .score import CLEAN, KEYED, captures, score_under
from .truths import TrueAnswer, TrueCapture, TrueSession

SECOND = 1_000_000_000
OWN, LINES_MAC, ROUTERS = "00:1a:79:00:00:05", "00:1a:79:00:00:77", "02:00:5e:10:01:01"
ADDRESSES = ["192.168.1.5", "2001:db8:1::5"]
DOCUMENT = {
    "nodes": [
        {"id": "pc-1", "kind": "box", "home": "home-1", "mac": OWN, "ips": ADDRESSES, "public_ip": "198.51.100.20",
         "seems": ["app"]},
        {"id": "tv-1", "kind": "bystander", "home": "home-1", "mac": "02:00:00:00:00:06", "ips": ["192.168.1.6"]},
        {"id": "home-1", "kind": "home", "public_ip": "198.51.100.20"},
        {"id": "home-1-router", "kind": "router", "home": "home-1", "mac": ROUTERS, "ips": ["192.168.1.1"]},
        {"id": "line-1", "kind": "line", "portal_mac": LINES_MAC.upper()},
        {"id": "panel-1", "kind": "panel", "ips": ["192.0.2.10"], "names": [{"name": "tv.example"}]},
        {"id": "cdn-1", "kind": "cdn", "ips": ["192.0.2.20"], "fronts": "panel-1"},
    ],
    "edges": [{"source": "pc-1", "target": "line-1", "kind": "uses-line", "intervals": [[1, 2]]}],
    "captures": [{"file": "a.pcap", "point": "home-1", "side": "home"},
                 {"file": "b.pcap", "point": "edge-1", "side": "server"}],
    "sessions": [{"by": "user", "box": "pc-1", "visible_in": ["a.pcap", "b.pcap"]}],
    "clocks": [{"node": "pc-1", "offset_s": -30.0, "asked": True}],
    "names": [{"box": "pc-1", "name": "tv.example", "ip": "192.0.2.10", "by": "home-1", "asked_from": ADDRESSES[0]},
              {"box": "pc-1", "name": "tv.example", "ip": "192.0.2.20", "by": "home-1", "asked_from": ADDRESSES[0]}],
}  # fmt: skip
ROW = {"device_id": "d-1", "ips": [f"{ip}@home-1" for ip in ADDRESSES], "macs": [OWN], "claimed_macs": [LINES_MAC],
       "kind": "app", "clock_offset_s": -29.8}  # fmt: skip


class Left:
    """What is left of a recording."""

    def __init__(self, seen=(*ADDRESSES, "192.168.1.6", "192.168.1.1"), facts=(), names_kept=True):
        self.seen, self.facts, self.names_kept = seen, dict.fromkeys(facts), names_kept

    def address(self, ip):
        return ip

    def shown(self, time_ns):
        return time_ns

    def server_seen(self, ip):
        return ip in self.seen

    def answer(self, true):
        return 1.0

    def all_kept(self, client, server, port):
        return self.names_kept and (client, server, port) == (ADDRESSES[0], "192.168.1.1", 53)


def devices(row, *, left=None):
    captures = {"a.pcap": left or Left()}
    score = score_devices(DOCUMENT, captures, [row], {"d-1": "pc-1"}, {"pc-1", "tv-1"})
    return {kind.removeprefix("device "): tally for kind, tally in score.items()}


def test_what_is_true_of_a_device_is_right():
    found = devices(ROW)
    assert [found[kind].precision for kind in ("addresses", "marks", "kinds", "clocks")] == [1, 1, 1, 1]
    assert found["addresses"].missed == ["('tv-1', '192.168.1.6')"]
    assert found["clocks"].recall == found["kinds"].recall == 1


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("addresses", {"ips": ["192.168.1.5@home-1", "192.168.1.6@home-1"]}),
        ("marks", {"macs": [ROUTERS]}),
        ("kinds", {"kind": "tv-box"}),
        ("clocks", {"clock_offset_s": 0.0}),
    ],
)
def test_what_belongs_to_another_device_is_false(kind, change):
    found = devices(ROW | change)
    assert found[kind].precision < 1
    assert found[kind].false


def test_addresses_that_did_not_pass_are_not_demanded_and_outside_no_mark_is():
    quiet = Left(seen=ADDRESSES[:1])
    assert devices(ROW | {"ips": ADDRESSES[:1]}, left=quiet)["addresses"].recall == 1
    bare = ROW | {"macs": [], "claimed_macs": []}
    assert devices(bare)["marks"].missed
    outside = devices(bare, left=Left(facts=["nat"]))
    assert not outside["marks"].missed
    assert outside["clocks"].missed == outside["addresses"].missed == []


def test_a_router_may_be_a_device_but_none_that_watches():
    def kinds(kind):
        row = ROW | {"kind": kind}
        return score_devices(DOCUMENT, {"a.pcap": Left()}, [row], {"d-1": "home-1-router"}, set())["device kinds"]

    assert kinds("tv-box").false == ["home-1-router tv-box"]
    assert kinds(None).found == kinds("router").found == 0


def test_boxes_that_are_seen_from_outside_only():
    def outside(files, taken):
        rows = [{"device_id": name, "ips": ["198.51.100.20"]} for name in ("d-1", "d-2")]
        return score_devices(DOCUMENT, dict.fromkeys(files, Left()), rows, taken, set())["devices outside"]

    told = outside(["b.pcap"], {"d-1": "pc-1"})
    assert (told.true, told.right, told.false) == (1, 1, ["d-2"])
    assert outside(["b.pcap"], {"d-1": "home-1", "d-2": "home-1"}).missed == ["pc-1"]
    assert outside(["a.pcap", "b.pcap"], {"d-1": "pc-1"}).true == 0


def test_who_is_inside_a_recorded_home():
    assert set(insiders(DOCUMENT, {"a.pcap": None})) == {"pc-1", "tv-1", "home-1-router"}
    assert insiders(DOCUMENT, {"b.pcap": None}) == {}


def contacts(rows, left=None):
    asked = [TrueAnswer(ADDRESSES[1], 5000, ip, 80, "http://tv.example/a", 9, 0, SECOND) for ip in
             ("192.0.2.10", "192.0.2.20")]  # fmt: skip
    capture = TrueCapture(None, "a", [], [], DOCUMENT, "home-1", asked)
    return score_contacts(capture, left or Left(), rows)


def test_names_of_contacts_and_who_told_them():
    rows = [{"client_ip": ADDRESSES[1], "server_ip": ip, "names": ["tv.example"], "dns_names": []}
            for ip in ("192.0.2.10", "192.0.2.20")]  # fmt: skip
    found = contacts(rows)
    assert (found["contact names"].recall, found["contact names"].precision) == (1, 1)
    assert len(found["contact names by dns"].missed) == 2  # asked over IPv4, watched over IPv6
    told = contacts([row | {"dns_names": ["tv.example"]} for row in rows])["contact names by dns"]
    assert (told.recall, told.precision) == (1, 1)


def test_a_name_that_is_another_servers_is_false_and_lost_answers_are_not_demanded():
    row = {
        "client_ip": ADDRESSES[1],
        "server_ip": "192.0.2.10",
        "names": ["other.example"],
        "dns_names": ["other.example"],
    }
    assert contacts([row])["contact names"].false
    assert contacts([], Left(names_kept=False))["contact names by dns"].true == 0


def test_what_sessions_are_and_which_programme_was_asked_for():
    true = TrueSession("view-1", "progressive", "catchup", frozenset({"192.168.1.5"}), frozenset({"http://e1.example/a"}),
                       0, 9 * SECOND, None, (), programmes=frozenset({"World Today"}))  # fmt: skip
    wanted = [Expected(true, true.clients, true.streams, frozenset(), 1.0, 0, 9 * SECOND)]
    row = {"client_ip": "192.168.1.5", "delivery": "progressive", "stream": "http://e1.example/a", "start_ns": 0,
           "end_ns": 9 * SECOND, "kind": "catchup", "programmes": ["World Today"]}  # fmt: skip
    assert {kind: tally.recall for kind, tally in score_kinds(wanted, [row]).items()} == {
        "kind of session": 1,
        "programmes": 1,
    }
    wrong = score_kinds(wanted, [row | {"kind": "vod", "programmes": ["Late Football"]}])
    assert wrong["kind of session"].false == ["view-1 catchup: vod"]
    assert (wrong["programmes"].missed, wrong["programmes"].false) == (["World Today"], ["Late Football"])


def test_addresses_of_a_server_of_both_versions_are_one_row():
    node = {"id": "edge-1", "kind": "edge", "ips": ["203.0.113.10", "2001:db8:ffff::e1"]}
    document = DOCUMENT | {"nodes": [node]}

    def addresses(*ips):
        left = Left(seen=["203.0.113.10", "2001:db8:ffff::e1"])
        rows = [{"server_id": "v-1", "ips": list(ips)}]
        score = score_server_addresses(document, {"a.pcap": left}, rows, {"v-1": "edge-1"}, {"edge-1"})
        return score["server addresses"]

    assert addresses(*node["ips"]).recall == 1
    assert addresses("203.0.113.10").missed == ["('edge-1', '2001:db8:ffff::e1')"]
    assert addresses(*node["ips"], "203.0.113.99").false == ["('edge-1', '203.0.113.99')"]


def test_what_stands_behind_a_reverse_proxy_has_its_address():
    panel = {"id": "panel-1", "kind": "panel", "ips": ["192.0.2.10"]}
    cdn = {"id": "cdn-1", "kind": "cdn", "ips": ["192.0.2.20"], "fronts": "panel-2", "also": ["panel-1"]}
    left = Left(seen=["192.0.2.20"])
    rows = [{"server_id": "v-1", "ips": ["192.0.2.20"]}]
    document = DOCUMENT | {"nodes": [panel, cdn]}
    score = score_server_addresses(document, {"a.pcap": left}, rows, {"v-1": "panel-1"}, set())
    assert (score["server addresses"].found, score["server addresses"].false) == (1, [])


@pytest.mark.parametrize("how", [CLEAN, KEYED])
def test_what_is_said_of_homes_with_both_ip_versions(how):
    found = score_under(how, captures("mixed/"))
    whole = ["lines", "panels", "channels", "servers", "server addresses", "device addresses", "device marks",
             "contact names", "contact names by dns", "kind of session"]  # fmt: skip
    if how == CLEAN:
        whole += ["titles", "programmes", "device clocks", "session http-ts", "link uses-line", "link logs-in"]
    assert {kind: found[kind].false for kind in whole if found[kind].false} == {}
    assert {kind: found[kind].missed for kind in (*whole, "devices") if found[kind].missed} == {}
    assert all(found[kind].right for kind in whole)
