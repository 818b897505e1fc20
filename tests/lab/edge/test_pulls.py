"""Where an edge takes a channel from, and how it asks."""

from pathlib import Path

import pytest

from ..panel import config
from ..panel.conftest import EXAMPLE
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


def test_files_are_played_in_a_loop_and_options_are_passed_on():
    assert pull(upstream="a.ts")._input() == ["-re", "-stream_loop", "-1", "-i", "a.ts"]
    words = pull(
        upstream="http://a.example/x", pull={"user_agent": "Lavf/59", "input": ["-t", 5], "headers": {"A": "b"}}
    )
    assert words._input() == ["-t", "5", "-user_agent", "Lavf/59", "-headers", "A: b\r\n", "-i", "http://a.example/x"]
