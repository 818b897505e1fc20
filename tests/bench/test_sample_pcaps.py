"""The sample captures and what is written of them agree."""

import hashlib
import json
import re
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
TRUTHS = sorted(SAMPLES.glob("*/*.truth.json"))
CAPTURES = sorted(f for f in SAMPLES.glob("*/*") if ".pcap" in f.name)


def name_of(file):
    return str(file.relative_to(SAMPLES))


@pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
def test_truth_names_the_capture_that_lies_beside_it(truth):
    told = json.loads(truth.read_text())
    for row in [told["capture"], *told.get("also", [])]:
        data = (truth.parent / row["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (row["bytes"], row["sha256"]), row["file"]


@pytest.mark.parametrize("capture", CAPTURES, ids=name_of)
def test_readme_lists_every_capture(capture):
    listed = re.findall(r"`([^`]+)`", (SAMPLES / "README.md").read_text())
    folder, name = capture.parent.name, capture.name
    assert any((folder + "/" + name) in (entry, entry.replace("*", name.split(".", 1)[-1])) or entry == name
               or entry == f"{folder}/*.pcap" for entry in listed)  # fmt: skip


@pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
def test_derived_captures_name_a_recording_with_truth(truth):
    told = json.loads(truth.read_text())
    if "derived_from" in told:
        assert (SAMPLES / told["derived_from"]).exists()
        assert "sessions" in json.loads((SAMPLES / told["true_in"]).read_text())
    else:
        assert "sessions" in told


def test_only_reserved_names_and_addresses_are_used():
    """Nothing recorded may point at somebody: hosts end in .example, addresses are private or for documentation."""
    allowed = re.compile(r"^(192\.168\.1|192\.0\.2|198\.51\.100|203\.0\.113|239\.10\.0)\.\d+$|^2001:db8:")
    for truth in TRUTHS:
        told = json.loads(truth.read_text())
        for session in told.get("sessions", []):
            for hop in session.get("chain", []):
                assert hop["host"].endswith(".example") or not hop["host"], truth.name
                assert allowed.match(hop["ip"]), truth.name
            assert allowed.match(session["client_ip"]), truth.name
