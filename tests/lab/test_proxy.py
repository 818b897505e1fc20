"""A stranger's viewing through a box, in the recording that is kept."""

import json
from pathlib import Path

TRUTH = Path(__file__).parent / "recordings/proxy/proxy.truth.json"


def test_a_strangers_viewing_is_told_apart_from_the_users():
    truth = json.loads(TRUTH.read_text())
    (stranger,) = (s for s in truth["sessions"] if s["by"] == "proxy")
    users = [s for s in truth["sessions"] if s["by"] == "user" and s["box"] == stranger["box"]]
    assert stranger["client_ip"] == users[0]["client_ip"]
    assert stranger["line_id"] not in {s["line_id"] for s in users}
    assert any(s["start"] < stranger["start"] < s["end"] for s in users)
    assert ("box-2", "proxies-for", "hub-1") in {(e["source"], e["kind"], e["target"]) for e in truth["edges"]}
    assert ("box-2", stranger["line_id"]) not in {(e["source"], e["target"]) for e in truth["edges"]}
