"""The benchmark harness: what it cuts, how it reports, and that failures are named."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("bench_run", Path(__file__).with_name("run.py"))
run = importlib.util.module_from_spec(spec)
sys.modules["bench_run"] = run
spec.loader.exec_module(run)

SAMPLE = Path(__file__).parents[2] / "sample_pcaps/rtmp/publish.pcap"


@pytest.mark.parametrize("size", [24, 25, 1_000, 100_000])
def test_first_part_ends_with_a_whole_record(tmp_path, size):
    part = tmp_path / "part.pcap"
    written = run.first_part(SAMPLE, part, size)
    data, at = part.read_bytes(), 24
    while at < len(data):
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
    assert at == len(data) == written <= size
    assert SAMPLE.read_bytes().startswith(data)
    assert written > size - 1_600


def test_first_part_of_a_small_capture_is_all_of_it(tmp_path):
    part = tmp_path / "part.pcap"
    assert run.first_part(SAMPLE, part, 10**9) == SAMPLE.stat().st_size
    assert part.read_bytes() == SAMPLE.read_bytes()


def peer(text):
    return run.Peer("iptvforensics", lambda capture, scratch: [sys.executable, "-c", text], lambda: True)


def test_a_program_that_fails_is_named_with_its_message(tmp_path):
    result = run.Result()
    run.run_one(peer("import sys; sys.exit('no such thing')"), SAMPLE, SAMPLE, tmp_path / "s", result, 60, counted=True)
    assert result.seconds == []
    assert result.failure == "ended with 1: no such thing"
    assert "no such thing" in run.table("rtmp", {"iptvforensics": result}, ["iptvforensics"], 1)


def test_a_program_that_does_not_end_is_ended(tmp_path):
    result = run.Result()
    run.run_one(peer("import time; time.sleep(600)"), SAMPLE, SAMPLE, tmp_path / "s", result, 0.5, counted=True)
    assert result.failure.startswith("ended with -9")


def test_peak_memory_is_that_of_the_program(tmp_path):
    # From a process of its own: what a program starts takes over the peak of the starter, and pytest is large.
    code = "import pathlib, sys, run; print(run.measure(sys.argv[2:], pathlib.Path(sys.argv[1]), 60)[1])"
    program = [sys.executable, "-c", "x = b'x' * 300_000_000"]
    command = [sys.executable, "-c", code, str(tmp_path / "log"), *program]
    folder = Path(__file__).parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert 300_000_000 < int(done.stdout) < 400_000_000


def test_uncounted_runs_leave_no_figures(tmp_path):
    result = run.Result()
    run.run_one(peer("pass"), SAMPLE, SAMPLE, tmp_path / "s", result, 60, counted=False)
    assert (result.seconds, result.peak_bytes, result.failure) == ([], 0, "")


def test_table_gives_medians_ratios_and_what_is_missing():
    results = {
        "iptvforensics": run.Result(seconds=[3.0, 1.0, 2.0], peak_bytes=500_000_000),
        "sha256": run.Result(seconds=[1.0, 1.0, 4.0], peak_bytes=20_000_000),
        "tshark": run.Result(seconds=[50.0], peak_bytes=1, scale=10.0),
    }
    text = run.table("hls-rtmp", results, ["iptvforensics", "sha256", "tcpflow", "tshark"], 1)
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()[2:]}
    assert rows["iptvforensics"] == ["2.00", "1.00..3.00", "2.00", "500"]
    assert rows["sha256"][2] == "1.00"
    assert "not installed" in " ".join(rows["tcpflow"])
    assert "scaled by 10.00" in " ".join(rows["tshark"])
