"""Messages of one capture to its viewing sessions: the rules together, and on recorded captures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iptvforensics.analysis import analyze_capture
from iptvforensics.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
RECORDED = [
    "formats/small",
    "hls/aes-128",
    "hls/byterange-vod",
    "hls/fmp4-vod",
    "hls/gzip-playlist",
    "hls/redirected",
    "hls/two-boxes",
    "hls/vod-multivariant",
    "http-ts/chunked",
    "http-ts/client-leaves-and-returns",
    "progressive/whole",
    "rtmp/gstreamer-publish",
    "rtmp/publish",
    "rtmp/play-midstream",
    "udp-ts/multicast",
]


def everything(lab, client, first_flow):
    """Let one client watch by every delivery over HTTP at once."""
    values = {"client": client, "flow": first_flow}
    lab.flow(first_flow, client=client)
    lab.redirect("http://tv.example/7.m3u8", "http://lb.example/7.m3u8", 0, **values)
    for poll in range(3):
        at = 0.1 + 4 * poll
        lab.playlist("http://lb.example/7.m3u8", at, [f"7-{poll}.ts", f"7-{poll + 1}.ts"], start=poll, **values)
        lab.segment(f"http://lb.example/7-{poll}.ts", at + 0.5, **values)
        lab.segment(f"http://fam.example/f-{poll}.ts", at + 0.6, media_s=4.0, **values)
        lab.get("http://vod.example/a.mp4", at, size=10, first=10 * poll, total=30, status=206, kind="mp4", **values)
    lab.segment("http://live.example/1.ts", 1, declared=None, media_s=9.0, service="News", **values)


def test_each_fetch_belongs_to_one_session_at_most(lab):
    everything(lab, "192.168.1.20", 1)
    sessions = lab.sessions()
    assert sorted(one["delivery"] for one in sessions) == ["hls", "hls", "http-ts", "progressive"]
    assert sum(one["requests"] for one in sessions) == len(lab.rows["http"])


@pytest.mark.parametrize("seed", range(4))
def test_order_of_rows_does_not_matter(lab, seed):
    everything(lab, "192.168.1.20", 1)
    everything(lab, "192.168.1.21", 2)
    assert lab.build(seed=seed) == lab.build()


def test_clients_do_not_touch_each_other(lab):
    everything(lab, "192.168.1.20", 1)
    everything(lab, "192.168.1.21", 2)
    both = {one["session_id"]: one for one in lab.sessions()}
    alone = [one for client in ("192.168.1.20", "192.168.1.21") for one in lab.build(only_client=client)[0]]
    assert both == {one["session_id"]: one for one in alone}


def test_names_and_evidence_belong_together(lab):
    everything(lab, "192.168.1.20", 1)
    sessions, evidence = lab.build()
    assert {row["row_id"] for row in evidence} == {one["session_id"] for one in sessions}
    assert len({one["session_id"] for one in sessions}) == len(sessions)


def found_in(name, folder):
    store = Store.create(folder / "case")
    analyze_capture(str(SAMPLES / f"{name}.pcap"), store, cores=1)
    cursor = store.connection().execute("SELECT * FROM sessions ORDER BY start_ns")
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_capture(name, tmp_path):
    truth = json.loads((SAMPLES / f"{name}.truth.json").read_text())
    found = found_in(name, tmp_path)
    assert len(found) == len(truth["sessions"])
    for session, true in zip(found, truth["sessions"], strict=True):
        assert session["delivery"] == true["delivery"]
        begins = true.get("recorded_from", true["start"])
        if true["delivery"] == "udp-ts":  # the group does not tell who received it, nor when
            assert session["stream"] == true["stream"]
            continue
        assert session["client_ip"] == true["client_ip"]
        assert begins <= session["start_ns"] / 1e9 <= begins + 1.5
        assert session["start_ns"] < session["end_ns"] <= (true["end"] + 0.1) * 1e9
        if "recorded_from" not in true:
            assert session["kind"] == true["kind"]
            assert true["stream"].endswith(session["stream"])
        bodies = [media["body_bytes"] for media in true.get("media", ()) if "body_bytes" in media]
        if bodies:
            assert session["bytes"] == sum(bodies)
            assert session["media_objects"] == len(bodies)
        hosts = [link["host"] for link in true["chain"]]
        if session["stream"] is not None:
            assert session["hosts"] == hosts
        assert session["edge_ip"] == true["chain"][-1]["ip"]
