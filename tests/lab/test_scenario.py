"""Scenarios: what is filled in, and what is refused."""

import pytest

from .isolation import LabError
from .run import SCENARIOS
from .scenario import read

SMALL = """
about = "a"
home = [{ id = "h1" }, { id = "h2" }]
box = [{ id = "b1", home = "h1", line = "l1" }, { id = "b2", home = "h1" }, { id = "b3", home = "h2" }]
panel = [{ id = "p1", names = ["a.merlin-box.example"] }, { id = "p2", names = ["b.example"], clone_of = "p1" }]
line = [{ id = "l1", panel = "p1" }, { id = "l2", panel = "p1", portal_mac = "00:1a:79:00:00:02" }]
headend = [{ id = "head", names = ["in.example"] }]
edge = [{ id = "e1", names = ["e1.example"] }]
account = [{ id = "a1" }, { id = "a2", push = "srt" }]
channel = [{ id = "c1", name = "Harrier News", accounts = ["a1", "a2"] }]
"""


def scenario(tmp_path, more=""):
    file = tmp_path / "one.toml"
    file.write_text(SMALL + more)
    return read(file)


def test_what_is_left_open_is_filled_in(tmp_path):
    made = scenario(tmp_path)
    assert [box.ip for box in made.box] == ["192.168.1.21", "192.168.1.22", "192.168.1.21"]
    assert len({box.mac for box in made.box}) == 3
    assert (made.one("edge", "e1").ip, made.one("channel", "c1").stream_id) == ("203.0.113.10", 101)
    assert made.one("channel", "c1").epg_id == "harriernews.example"
    assert made.one("line", "l1").username
    assert made.one("line", "l2").username == ""
    assert made.one("line", "l2").portal_mac == "00:1A:79:00:00:02"
    assert [account.ip for account in made.account] == ["198.51.100.100", "198.51.100.101"]


def test_a_clone_shares_the_secret_of_tokens(tmp_path):
    first, second = scenario(tmp_path).panel
    assert first.secret == second.secret


def test_a_name_leads_to_the_reverse_proxy_that_has_it(tmp_path):
    made = scenario(tmp_path, 'cdn = [{ id = "cdn", fronts = "p1", names = ["other.example"] }]')
    panel = made.one("panel", "p1")
    assert made.front(panel, "other.example").id == "cdn"
    assert made.front(panel, "a.merlin-box.example").id == "p1"


def test_names_lead_to_all_addresses_of_a_server(tmp_path):
    more = 'resolver = [{ id = "r1", names = ["dns.example"], ip6 = "2001:db8:ffff::53" }]'
    assert ("dns.example", "192.0.2.150") in scenario(tmp_path, more).names()
    assert ("dns.example", "2001:db8:ffff::53") in scenario(tmp_path, more).names()
    made = scenario(tmp_path)
    made.panel[0].ip6, made.panel[0].names6 = "2001:db8:ffff::10", ["a.merlin-box.example"]
    assert [ip for name, ip in made.names() if name == "a.merlin-box.example"] == ["192.0.2.10", "2001:db8:ffff::10"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('watch = [{ box = "b9", start = 1, end = 2, channel = "c1" }]', "watch.box: 'b9' is unknown"),
        ('watch = [{ box = "b1", start = 5, end = 2, channel = "c1" }]', "from 5 to 2"),
        ('watch = [{ box = "b1", start = 5, end = 99, channel = "c1" }]', "the scenario ends at 30"),
        ('watch = [{ box = "b1", start = 1, end = 2, channel = "c1", delivery = "fax" }]', "watch.delivery fax"),
        ('watch = [{ box = "b1", begin = 1, end = 2 }]', "unknown ['begin'], missing ['start']"),
        ('operator = [{ id = "e1" }]', "e1 is defined twice"),
        ('title = [{ id = "t1", name = "A", length = 3 }]', "unknown ['length']"),
        ('act = [{ box = "b9", at = 1, what = "clock" }]', "act.box: 'b9' is unknown"),
        ('title = [{ id = "t1", name = "A", panels = ["p9"] }]', "panels: 'p9' is unknown"),
        ('listing = [{ id = "l", names = [], entries = [{ channel = "c1", edge = "e9" }] }]', "edge: 'e9' is unknown"),
        ('watch = [{ box = "b1", start = 1, end = 2, list_at = "l9" }]', "list_at: 'l9' is unknown"),
        ("colour = 3", "unknown colour"),
        ("= 3", "line"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, more, told):
    with pytest.raises(LabError) as error:
        scenario(tmp_path, more)
    assert told in str(error.value)


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.toml")), ids=lambda file: file.stem)
def test_the_scenarios_of_the_project_can_be_read(file):
    made = read(file)
    assert made.about
    assert made.record
    hosts = [name for row in (*made.public_panels, *made.edge, *made.headend, *made.operator) for name in row.names]
    assert all(host.endswith(".example") for host in hosts)


def test_one_reverse_proxy_may_stand_before_several_panels(tmp_path):
    made = scenario(tmp_path, 'cdn = [{ id = "cdn", fronts = "p1", also = ["p2"] }]')
    assert {made.front(panel, panel.names[0]).id for panel in made.panel} == {"cdn"}


def test_panels_offer_what_is_theirs(tmp_path):
    made = scenario(tmp_path, 'title = [{ id = "t1", name = "A", panels = ["p2"] }, { id = "t2", name = "B" }]')
    assert [[t.id for t in made.offered(panel, "title")] for panel in made.panel] == [["t2"], ["t1", "t2"]]


def test_a_box_without_a_line_may_watch(tmp_path):
    made = scenario(tmp_path, 'watch = [{ box = "b3", start = 1, end = 2, channel = "c1" }]')
    assert [made.watches(box) for box in made.box] == [True, False, True]


def test_a_panel_on_a_device_has_its_address_and_no_name_on_the_internet(tmp_path):
    more = 'listing = [{ id = "list", names = ["list.example"], entries = [] }]'
    made = scenario(tmp_path, more)
    file = tmp_path / "two.toml"
    file.write_text(SMALL.replace('names = ["b.example"], clone_of = "p1"', 'names = ["192.168.1.22"], on = "b2"'))
    within = read(file)
    assert (within.one("panel", "p2").ip, within.one("box", "b2").ip) == ("192.168.1.22", "192.168.1.22")
    assert [panel.id for panel in within.public_panels] == ["p1"]
    assert "192.168.1.22" not in dict(within.names())
    assert ("list.example", "192.0.2.170") in made.names()
