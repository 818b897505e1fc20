"""The small scenario, played with real servers and clients: its truth is whole, and the analysis finds it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from . import run
from .isolation import unable
from .run import NEEDED, SCENARIOS
from .scenario import read
from .score import captures, score_under
from .viewers import programs

HERE = Path(__file__).parent
SCENARIO = SCENARIOS / "small.toml"
WHY = unable({*NEEDED, *programs(read(SCENARIO))})


@pytest.mark.skipif(bool(WHY), reason=f"the lab cannot run: {WHY}")
def test_small_scenario(tmp_path):
    command = [sys.executable, "-m", "tests.lab.run", "small", "-o", str(tmp_path)]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    truth = json.loads((tmp_path / "small.truth.json").read_text())
    schema = json.loads((HERE / "truth.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(truth)
    every_viewing_is_told(truth)
    the_way_from_account_to_box_is_told(truth)
    routers_and_name_servers_logged(truth)
    the_analysis_finds_it(tmp_path)


def every_viewing_is_told(truth):
    watched = {(w.box, w.channel or w.title) for w in read(SCENARIO).watch}
    told = {(s["box"], s.get("channel", s.get("title"))) for s in truth["sessions"] if s["by"] == "user"}
    assert told == watched
    by_box = {s["box"]: s for s in truth["sessions"] if s["by"] == "user"}
    assert by_box["box-2"]["chain"][0]["host"] == "tv.falcon-stream.example"
    assert by_box["box-2"]["line"] == {"mac": "00:1A:79:4C:20:11"}


def the_way_from_account_to_box_is_told(truth):
    edges = {(e["source"], e["kind"], e["target"]) for e in truth["edges"]}
    assert {
        ("account-1", "pushes-to", "headend"),
        ("headend", "pulls-from", "ott-b"),
        ("edge-1", "pulls-from", "headend"),
        ("box-1", "streams-from", "edge-1"),
        ("panel-1", "redirects-to", "edge-2"),
        ("drama", "fed-by", "account-4"),
        ("cdn-1", "fronts", "panel-1"),
        ("box-3", "uses-line", "line-3"),
    } <= edges


def routers_and_name_servers_logged(truth):
    assert {(row["mac"], row["ip"]) for row in truth["dhcp"]} >= {("00:1a:79:4c:20:11", "192.168.1.22")}
    assert truth["dns"]["tv.falcon-stream.example"][0] == "192.0.2.20"
    assert {row["box"] for row in truth["http"] if "client_public_ip" in row} == {"box-1", "box-2", "box-3"}


def the_analysis_finds_it(folder):
    score = score_under("clean", captures(folders=[folder]))
    for kind in (
        "session http-ts",
        "session hls",
        "session progressive",
        "session rtmp",
        "session rtmp-publish",
        "session srt",
        "edge",
        *("lines", "devices", "panels", "servers", "channels", "titles"),
        *("link carries", "link fed-by", "link pushes-to", "link uses-line"),
    ):
        assert score[kind].recall == 1, score[kind].missed
        assert score[kind].precision == 1, score[kind].false
    assert score["http answer"].recall == 1
    assert max(score["session hls"].bytes_share) < 0.02


def test_who_may_not_is_told_why(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run.run(SCENARIO, tmp_path) == 1
    assert "needs root" in capsys.readouterr().err


def test_a_scenario_that_cannot_be_read_is_refused(tmp_path, capsys):
    (tmp_path / "a.toml").write_text("colour = 3\n")
    assert run.run(tmp_path / "a.toml", tmp_path) == 1
    assert "unknown colour" in capsys.readouterr().err
