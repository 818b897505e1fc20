"""Where an edge takes a channel from, and how it asks."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..panel import config
from ..panel.conftest import EXAMPLE, ROOT
from ..panel.journal import Journal
from .pulls import Pull, is_panel_address, upstream_of


def made(software="xui", edge="lb1", **channel):
    told = config.from_dict({**EXAMPLE, "software": software, "channels": [{"id": 1, "name": "One", **channel}]})
    return told, told.edge(edge), told.channels[0]


def pull(**more):
    return Pull(*made(**more), Path("x"), None)


@pytest.mark.parametrize(
    ("url", "is_panel"),
    [("http://a.example/live/u/p/1.ts", True), ("http://a.example:8080/u/p/1", True), ("http://a.example/hls/1.m3u8",
     False),
     ("rtmp://a.example/live/u/p", False), ("film.ts", False)],
)  # fmt: skip
def test_addresses_of_panels(url, is_panel):
    assert is_panel_address(url) is is_panel


def test_other_edges_are_asked_with_the_panels_secret():
    told, edge, channel = made(upstream="http://a.example/x.ts", pull={"parents": {"lb2": "lb1"}})
    assert upstream_of(told, edge, channel) == "http://a.example/x.ts"
    assert upstream_of(told, told.edge("lb2"), channel) == (
        "http://lb1.heron.example:8080/admin/live?stream=1&password=heron%2077&extension=ts&prebuffer=1"
    )


def test_a_channel_without_an_upstream():
    told, edge, channel = made()
    with pytest.raises(config.ConfigError, match="no upstream"):
        upstream_of(told, edge, channel)


@pytest.mark.parametrize(
    ("software", "wanted"),
    [("xui", "X-XUI-Detect: 1\r\n"), ("xc_vm", "X-XC_VM-Detect:1\r\n"), ("xc", None)],
)
def test_other_panels_are_asked_whether_they_are_of_the_same_kind(software, wanted):
    words = pull(software=software, upstream="http://b.example/live/u/p/1.ts")._input()
    assert ("-headers" in words) == (wanted is not None)
    assert wanted is None or words[words.index("-headers") + 1] == wanted
    assert words[-1] == "http://b.example/live/u/p/1.ts"


def test_when_one_upstream_breaks_the_next_is_taken(tmp_path):
    film = tmp_path / "film.ts"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10", "-t", "2",
                    "-g", "10", str(film)], check=True, timeout=60)  # fmt: skip

    async def run():
        told, edge, channel = made(upstream=str(tmp_path / "none.ts"), pull={"backups": [str(film)]})
        edge.hls_time = 1
        journal = Journal("lb1", tmp_path / "log")
        one = Pull(told, edge, channel, tmp_path, journal)
        try:
            async with asyncio.timeout(20):
                return await anext(one.packets())
        finally:
            await one.stop()
            journal.close()

    assert set(asyncio.run(run())[::188]) == {0x47}
    rows = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [row["upstream"] for row in rows if row["event"] == "pull-start"] == [str(tmp_path / "none.ts"), str(film)]
    assert next(row["ended"] for row in rows if row["event"] == "pull").startswith("ffmpeg ended with")


def test_a_silent_upstream_is_given_up(tmp_path):
    async def run():
        told, edge, channel = made(upstream="tcp://127.0.0.1:1", pull={"stall_s": 0.5})
        one = Pull(told, edge, channel, tmp_path, None)
        one._start = lambda source, pipe: asyncio.create_subprocess_exec("sleep", "20", stdout=asyncio.subprocess.PIPE)
        return await one._ffmpeg([0])

    assert asyncio.run(run()) == "stalled"


def test_ffmpeg_ends_with_its_edge(tmp_path):
    """An edge that is killed leaves nothing behind, even if its upstream is silent."""
    lines = [
        "import subprocess, time",
        "from tests.lab.edge.pulls import _die_with_parent",
        "child = subprocess.Popen(['sleep', '60'], preexec_fn=_die_with_parent)",
        "print(child.pid, flush=True)",
        "time.sleep(60)",
    ]
    code = "\n".join(lines)
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as edge:
        child = int(edge.stdout.readline())
        edge.kill()
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the program lives on")


def test_files_are_played_in_a_loop_and_options_are_passed_on():
    assert pull(upstream="a.ts")._input() == ["-re", "-stream_loop", "-1", "-i", "a.ts"]
    words = pull(
        upstream="http://a.example/x", pull={"user_agent": "Lavf/59", "input": ["-t", 5], "headers": {"A": "b"}}
    )
    assert words._input() == ["-t", "5", "-user_agent", "Lavf/59", "-headers", "A: b\r\n", "-i", "http://a.example/x"]
