"""Truths that are kept: of the declared shape, beside the recordings that they speak of."""

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest

from .frames import unpacked
from .logbook import rounded
from .run import SCENARIOS

HERE = Path(__file__).parent
KEPT = sorted((HERE / "recordings").rglob("*.truth.json"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.name.split(".")[0])
def test_kept_truths(file):
    truth = json.loads(file.read_text())
    schema = json.loads((HERE / "truth.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(truth)
    for capture in truth["captures"]:
        data = unpacked(file.parent / capture["file"])
        assert (len(data), hashlib.sha256(data).hexdigest()) == (capture["bytes"], capture["sha256"])
    scenario = SCENARIOS / truth["scenario"]["file"]
    assert hashlib.sha256(scenario.read_bytes()).hexdigest() == truth["scenario"]["sha256"], "record it again"
    ids = [node["id"] for node in truth["nodes"]]
    assert len(set(ids)) == len(ids)
    assert {end for edge in truth["edges"] for end in (edge["source"], edge["target"])} <= set(ids)
    assert {hop["node"] for session in truth["sessions"] for hop in session["chain"]} <= set(ids)


def test_the_ring_is_the_case_in_miniature():
    truth = json.loads((HERE / "recordings/ring/ring.truth.json").read_text())
    kinds = [node["kind"] for node in truth["nodes"]]
    assert [kinds.count(kind) for kind in ("origin-account", "channel", "box", "edge")] == [40, 72, 12, 3]
    (panel,) = (node for node in truth["nodes"] if node["kind"] == "panel")
    assert len(panel["names"]) == 2
    assert panel["catalogue"]["vod"] == 110000
    assert {row["kind"] for row in truth["outages"]} == {"stop", "fail-over"}


def test_times_have_milliseconds():
    assert rounded({"a": [1.23456, (2, 3.00049)], "b": "x"}) == {"a": [1.235, [2, 3.0]], "b": "x"}
