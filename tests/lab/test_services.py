"""Documents for panels and edges are such as those programs take."""

from pathlib import Path

import pytest

from .isolation import LabError
from .network import Network
from .panel.config import from_dict
from .run import SCENARIOS
from .scenario import read
from .services import Services


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.toml")), ids=lambda file: file.stem)
def test_documents_are_taken(tmp_path, file):
    scenario = read(file)
    services = Services(Network(tmp_path), scenario)
    services.certificate = {"certificate": "a", "key": "b"}
    for panel in scenario.panel:
        config = from_dict(services.document(panel))
        edges = {panel.id} if panel.on else {edge.id for edge in scenario.edge}
        assert {edge.name for edge in config.edges} == edges
        assert {c.id for c in config.channels} == {c.stream_id for c in scenario.offered(panel, "channel")}
        films = [title.name for title in scenario.offered(panel, "title") if not title.series]
        assert [title["name"] for title in config.vod.named] == films
    for panel in scenario.public_panels[:1]:
        everything = from_dict(services.document(panel, for_edges=True))
        assert {c.id for c in everything.channels} == {c.stream_id for c in scenario.channel}


def test_a_channel_is_transcoded_everywhere_or_nowhere(tmp_path):
    scenario = read(SCENARIOS / "small.toml")
    scenario.channel[0].edges = ["edge-1", "edge-2"]
    with pytest.raises(LabError, match="some of its edges transcode"):
        Services(Network(tmp_path), scenario).document(scenario.panel[0])


def test_a_portal_says_where_channels_are_and_knows_no_made_up_line(tmp_path):
    shared = read(SCENARIOS / "shared.toml")
    document = Services(Network(tmp_path), shared).document(shared.one("panel", "panel-2"))
    commands = [c["stalker_cmd"] for c in document["channels"] if "stalker_cmd" in c]
    assert commands == ["ffmpeg http://e1.heron-media.example:8080/s/301.ts"]
    assert {line["username"] for line in document["lines"]} == {"orchard9", "lantern40", ""}


def test_a_panel_on_a_device_gives_the_media_itself(tmp_path):
    homes = read(SCENARIOS / "homes.toml")
    document = Services(Network(tmp_path), homes).document(homes.one("panel", "panel-2"))
    assert [(edge["host"], edge["port"]) for edge in document["edges"]] == [("192.168.1.50", 8081)]
    assert [c["edges"] for c in document["channels"]] == [["panel-2"], ["panel-2"]]
    assert {Path(c["upstream"]).name for c in document["channels"]} == {"one-2.ts", "two-2.ts"}
