"""What servers gave to which client: whose sessions it explains."""

from __future__ import annotations

import pytest

from iptvforensics.entities import given

from .conftest import BASE_NS, BOX, BOX_MAC, TWO

MONO = "http://edge.example/k7.ts"
FIRST = {"client_ip": "192.168.1.21", "mac": "02:00:5e:00:01:21", "flow_id": 2}
SECOND = {"client_ip": "192.168.1.22", "mac": "02:00:5e:00:01:22", "flow_id": 3}
HOME = {"client_ip": "192.0.2.9", "mac": "02:00:5e:00:00:09"}
TOKEN = "http://edge.example/auth/Zk3tu8fOsSK-iPOC4s76Wu1o_nkdv1Gf6IZjrNx8StsD"


def sent(lab, user, location=MONO, number=5, **values):
    lab.get(f"/live/{user}/p1/{number}.ts", status=302, location=location, **values)


def played(lab, url=MONO, flow_id=1, mac=None, **values):
    lab.session(url, flow_ids=[flow_id], **values)


def users(lab):
    """Return for each session, in order, the user name of its line and why."""
    tables = lab.build()
    lines = {line["line_id"]: line["username"] or line["mac"] for line in tables["lines"]}
    rows = {row["session_id"]: row for row in tables["session_entities"]}
    ordered = [rows[row["session_id"]] for row in lab.rows["sessions"]]
    return [(lines.get(row["line_id"]), row["line_why"]) for row in ordered]


@pytest.mark.parametrize("capture", [None, TWO])
def test_each_client_has_the_link_that_it_was_given(lab, capture):
    for number, client in enumerate((FIRST, SECOND)):
        where = {"capture_id": capture} if number and capture else {}
        lab.get("/portal.php?type=itv&action=create_link", cookie=f"mac=00:1A:79:00:00:0{number}", **client, **where)
        lab.message("stream_links", host="tv.example", mac=f"001a7900000{number}", kind="itv", link_url=MONO,
                    requested="ffmpeg http://localhost/ch/77_", client_ip=client["client_ip"], from_orig=False,
                    flow_id=client["flow_id"], **where)  # fmt: skip
        played(lab, **client, **where)
    assert [user for user, _ in users(lab)] == ["00:1a:79:00:00:00", "00:1a:79:00:00:01"]


def test_the_last_redirect_before_the_session_counts(lab):
    for user in ("u1", "u2"):
        sent(lab, user)
    played(lab)
    sent(lab, "u3")
    assert [user for user, _ in users(lab)] == ["u2"]


def test_a_redirect_after_the_session_explains_nothing(lab):
    played(lab, at=0)
    sent(lab, "u1", at=1000)
    assert users(lab) == [(None, "nothing in the requests of the session names a line")]


def test_one_during_the_session_does(lab):
    played(lab, at=0)
    sent(lab, "u1", at=20)
    assert [user for user, _ in users(lab)] == ["u1"]


def test_behind_one_address_lines_that_differ_tell_nothing_but_the_channel(lab):
    for flow, user in ((2, "u1"), (3, "u2"), (4, "u1"), (5, "u2")):
        sent(lab, user, flow_id=flow, **HOME)
    played(lab, flow_id=6, client_ip=HOME["client_ip"])
    [(user, why)] = users(lab)
    assert (user, why) == (None, "the client was given this URL for several lines, and nothing tells which one counts")
    [session] = lab.build()["session_entities"]
    assert session["panel_id"] is not None
    assert session["channel_id"] is not None


def test_behind_one_address_several_channels_are_none(lab):
    for flow, number in ((2, 5), (3, 6)):
        sent(lab, "u1", number=number, flow_id=flow, **HOME)
    played(lab, flow_id=6, client_ip=HOME["client_ip"])
    [session] = lab.build()["session_entities"]
    assert (session["channel_id"], session["line_id"] is not None) == (None, True)


@pytest.mark.parametrize(("url", "strength"), [(MONO, "supporting"), (TOKEN, "strong")])
def test_only_an_address_that_several_may_share_founds_less(lab, url, strength):
    sent(lab, "u1", url, flow_id=2, **HOME)
    lab.get("/x.ts", "edge.example", flow_id=6, capture_id=TWO, **HOME)
    played(lab, url, flow_id=6, client_ip=HOME["client_ip"], capture_id=TWO)
    [(user, why)] = users(lab)
    assert user == "u1"
    assert why.endswith("that this is the same client, only its address 192.0.2.9 shows")
    tables = lab.build()
    [link] = [link for link in tables["links"] if link["rule"] == "session-line"]
    assert (link["kind"], link["strength"], link["capture_ids"]) == ("uses-line", strength, [TWO])
    line = tables["lines"][0]["line_id"]
    assert TWO in {row["capture_id"] for row in tables["evidence"] if row["row_id"] == line}


@pytest.mark.parametrize(("days", "known"), [(0, True), (3, False)])
def test_a_public_address_is_one_client_for_a_day(lab, days, known):
    sent(lab, "u1", **HOME)
    played(lab, client_ip=HOME["client_ip"], capture_id=TWO, at=days * 24 * 3600 + 60)
    [(user, why)] = users(lab)
    assert (user == "u1") is known
    assert ("gave this URL to another client, 192.0.2.9" in why) is not known


@pytest.mark.parametrize(("days", "known"), [(0, True), (3, False)])
def test_a_public_address_leads_to_the_device_that_has_it_in_the_other_capture(lab, days, known):
    sent(lab, "u1")
    lab.get("/k7.ts", "edge.example", client_ip="2001:db8::20", server_ip="2001:db8:1::1", flow_id=5)
    lab.flow("2001:db8::20", "2001:db8:1::1", "02:00:5e:00:00:09", 1, TWO)
    played(lab, client_ip="2001:db8::20", capture_id=TWO, at=days * 24 * 3600 + 600)
    [(user, why)] = users(lab)
    assert (user == "u1") is known
    assert why.endswith("only its address 2001:db8::20 shows" if known else "a lead")


def test_private_addresses_of_two_captures_are_two_clients(lab):
    sent(lab, "u1")
    played(lab, client_ip=BOX, capture_id=TWO)
    [(user, why)] = users(lab)
    assert user is None
    assert f"gave this URL to another client, {BOX}" in why
    assert "of capture aaaaaaaaaaaaaaaa" in why


def test_one_device_is_one_client_under_its_other_address_and_in_the_next_capture(lab):
    sent(lab, "u1")
    lab.get("/k7.ts", "edge.example", client_ip="2001:db8::20", server_ip="2001:db8:1::1", flow_id=5)
    played(lab, client_ip="2001:db8::20", flow_id=5)
    lab.frame += 1000
    lab.flow(BOX, "203.0.113.40", BOX_MAC, 1, TWO)
    played(lab, capture_id=TWO)
    assert [user for user, _ in users(lab)] == ["u1", "u1"]


def test_what_is_given_again_and_again_is_read_in_time(lab):
    for user in ("u1", "u2"):
        sent(lab, user)
    lab.rows["http"][0]["response_ns"] = BASE_NS + 900 * 10**9
    played(lab)
    assert [user for user, _ in users(lab)] == [None]


def test_of_many_given_to_one_address_the_last_counts_as_far_as_all_agree(lab, monkeypatch):
    monkeypatch.setattr(given, "_MOST_COMPARED", 2)
    for flow in range(2, 12):
        sent(lab, "u1" if flow > 2 else "u2", flow_id=flow, **HOME)
    played(lab, flow_id=20, client_ip=HOME["client_ip"])
    assert [user for user, _ in users(lab)] == [None]


def test_of_many_given_to_one_device_the_last_counts(lab, monkeypatch):
    monkeypatch.setattr(given, "_MOST_COMPARED", 2)
    for number in range(10):
        sent(lab, f"u{number}", at=number)
    played(lab, at=20)
    assert [user for user, _ in users(lab)] == ["u9"]


def test_a_url_that_was_given_raw_is_asked_percent_encoded(lab):
    sent(lab, "u1", "http://edge.example/한국 7.ts")
    played(lab, "http://edge.example/%ED%95%9C%EA%B5%AD%207.ts")
    assert [user for user, _ in users(lab)] == ["u1"]
