"""Accounts and services of sessions against the truth."""

import pytest

from .attribution import Told, score_attribution
from .matching import Expected
from .score import CLEAN, captures, score_under
from .truths import SECOND, Hop, TrueCapture, TrueSession

T = 1_800_000_000
PANEL = {"id": "panel-1", "kind": "panel", "names": [{"name": "tv.example"}, {"name": "tv2.example"}]}
OTHER = {"id": "panel-2", "kind": "panel", "names": [{"name": "other.example"}]}
CDN = {"id": "cdn-1", "kind": "cdn", "fronts": "panel-2", "also": ["panel-1"]}
SESSION = {"id": "view-1", "box": "box-1", "by": "user", "start": T, "end": T + 20, "panel": "panel-1",
           "line": {"username": "u1", "password": "p1"}, "line_id": "line-1"}  # fmt: skip
ASKED = {"server": "panel-1", "host": "tv.example", "target": "/live/u1/p1/7.ts", "start": T + 1, "done": T + 1.1,
         "client_ip": "192.168.1.5", "client_port": 5000, "server_ip": "192.0.2.10", "server_port": 80,
         "status": 302}  # fmt: skip
EDGE = Hop("e1.example", "203.0.113.9", 80, frozenset({"media"}))
LINE = {"line_id": "l-1", "panel_id": "p-1", "panel_host": "tv.example", "username": "u1", "password": "p1"}
PANELS = [{"panel_id": "p-1", "hosts": ["tv.example", "tv2.example"]}, {"panel_id": "p-2", "hosts": ["other.example"]}]


class Everything:
    """Remains of a recording of which nothing was lost."""

    def __init__(self, *, left=True, outside=False):
        self.left = left
        self.facts = {"nat": {}} if outside else {}

    def exchange(self, answer):
        return self.left


def document(**session):
    told = {key: value for key, value in (SESSION | session).items() if value is not None}
    return {"nodes": [PANEL, OTHER, CDN], "sessions": [told], "http": [ASKED | {"box": "box-1", "line": "u1"}]}


def tally(
    kind, lines=(LINE,), panels=PANELS, *, left=True, outside=False, home="home-1", truth=None, opened=True, **row
):
    true = TrueSession("view-1", "http-ts", "live", frozenset({"192.168.1.5"}), frozenset({"http://tv.example/7"}),
                       T * SECOND, (T + 20) * SECOND, None, (EDGE,))  # fmt: skip
    wanted = [
        Expected(true, true.clients, true.streams, frozenset({(EDGE.ip, EDGE.port)}), 1.0, true.start_ns, true.end_ns)
    ]
    found = {"client_ip": "192.168.1.5", "delivery": "http-ts", "stream": "http://tv.example/7", "line_id": "l-1",
             "start_ns": true.start_ns, "end_ns": true.end_ns, "edge_ip": EDGE.ip, "edge_port": 80, **row}  # fmt: skip
    capture = TrueCapture(None, "a", [true], [], truth or document(), home)
    tables = {"sessions": [found], "lines": list(lines), "panels": panels}
    score = score_attribution(capture, Everything(left=left, outside=outside), wanted, tables, opened=opened)
    one = score.get(f"{kind} of session")
    return (one.true, one.found, one.right) if one else (0, 0, 0)


def test_the_account_at_its_panel_is_right():
    assert tally("line") == tally("panel") == (1, 1, 1)


@pytest.mark.parametrize(
    "wrong", [{"username": "u2"}, {"password": "p2"}, {"username": None, "mac": "00:1a:79:00:00:01"}]
)
def test_another_account_of_the_panel_is_wrong(wrong):
    assert tally("line", [LINE | wrong]) == (1, 1, 0)
    assert tally("panel", [LINE | wrong]) == (1, 1, 1)


def test_equal_credentials_at_another_panel_are_wrong():
    elsewhere = [LINE | {"panel_id": "p-2", "panel_host": "other.example"}]
    assert tally("line", elsewhere) == tally("panel", elsewhere) == (1, 1, 0)


def test_two_panels_that_became_one_are_no_answer():
    joined = [{"panel_id": "p-1", "hosts": ["tv.example", "other.example"]}]
    assert tally("line", panels=joined) == tally("panel", panels=joined) == (1, 1, 0)


def test_a_session_without_account_belongs_to_nobody():
    nobody = document(line=None, line_id=None, panel=None)
    assert tally("line", truth=nobody) == tally("panel", truth=nobody) == (0, 1, 0)
    assert tally("line", truth=nobody, line_id=None) == (0, 0, 0)


def test_a_panel_may_be_said_without_an_account():
    assert tally("panel", line_id=None, panel_id="p-1") == (1, 1, 1)
    assert tally("panel", line_id=None, panel_host="tv2.example") == (1, 1, 1)
    assert tally("panel", line_id=None, panel_host="nobody.example") == (1, 1, 0)
    assert tally("line", line_id=None, panel_id="p-1") == (1, 0, 0)


def test_what_the_recording_does_not_show_is_not_demanded():
    assert tally("line", line_id=None, left=False) == tally("line", line_id=None, home="") == (0, 0, 0)
    assert tally("line", line_id=None, outside=True) == (0, 0, 0)
    assert tally("line", left=False) == tally("line", outside=True) == (1, 1, 1)
    sealed = document()
    sealed["http"][0]["tls"] = True
    assert tally("line", line_id=None, truth=sealed, opened=False) == (0, 0, 0)
    assert tally("line", line_id=None, truth=sealed) == (1, 0, 0)


def test_boxes_of_a_portal_are_compared_by_their_address():
    portal = document(line={"mac": "00:1A:79:00:00:07"})
    assert tally("line", [LINE | {"username": None, "mac": "00:1a:79:00:00:07"}], truth=portal) == (1, 1, 1)


def test_an_account_is_told_behind_a_reverse_proxy_and_in_the_addresses_of_edges():
    passed_on = [ASKED | {"server": "cdn-1", "box": "box-1"}, ASKED | {"line": "u1", "start": T + 1.2}]
    assert [row["server"] for row in Told(document() | {"http": passed_on}).of(SESSION)] == ["cdn-1"]
    edge = ASKED | {"server": "edge-1", "box": "box-1", "line": "u1"}
    assert Told(document() | {"http": [edge]}).of(SESSION) == [edge]
    assert Told(document() | {"http": [edge | {"target": "/auth/TOKEN"}]}).of(SESSION) == []


def test_exchanges_in_the_time_of_a_session_go_before_earlier_ones():
    early, late = ({**ASKED, "box": "box-1", "line": "u1", "start": T + second} for second in (-90, 2))
    assert Told(document() | {"http": [early, late]}).of(SESSION) == [late]
    assert Told(document() | {"http": [early]}).of(SESSION) == [early]


@pytest.mark.parametrize("name", ["clone/", "proxy/"])
def test_sessions_of_recordings_are_put_down_to_whom_they_belong(name):
    score = score_under(CLEAN, captures(name))
    for kind in ("line of session", "panel of session"):
        assert (score[kind].missed, score[kind].false) == ([], [])
        assert score[kind].right >= 2


@pytest.mark.parametrize("name", ["shared/", "homes/"])
def test_nobody_gets_what_others_watched(name):
    for kind, tally in score_under(CLEAN, captures(name)).items():
        assert (tally.missed, tally.false) == ([], []), kind
        if kind.endswith("of session"):
            assert tally.found == tally.right, kind


def test_the_shared_edge_gives_media_that_name_nobody():
    recordings = captures("shared/")
    document = recordings[0].document
    wanted = {s["id"]: s for s in document["sessions"] if s["by"] == "user"}
    assert {s["edge"] for s in wanted.values() if s.get("panel") == "panel-1"} == {"edge-1"}
    assert {s["panel"] for s in wanted.values() if s["edge"] == "edge-1" and "panel" in s} == {"panel-1", "panel-2"}
    assert [s["channel"] for s in wanted.values() if "line" not in s] == ["news", "free"]
    links = [row["link"] for row in document["http"] if "link" in row and row.get("line", "").startswith("00:1A")]
    assert (len(links), len(set(links))) == (3, 1)
    assert sum(len(capture.sessions) for capture in recordings) == len(wanted)


def test_a_panel_in_a_home_is_not_that_of_another_home():
    truth = document()
    truth["nodes"] = [{"id": f"panel-{n}", "kind": "panel", "home": f"home-{n}", "names": [{"name": "192.168.1.50"}]}
                      for n in (1, 2)]  # fmt: skip
    row = {"panel_id": "p-1", "hosts": ["192.168.1.50"]}
    assert tally("panel", panels=[row | {"homes": ["home-1"]}], truth=truth) == (1, 1, 1)
    assert tally("panel", panels=[row | {"homes": ["home-2"]}], truth=truth) == (1, 1, 0)
    assert tally("panel", panels=[row | {"homes": ["home-1", "home-2"]}], truth=truth) == (1, 1, 0)
