"""Documents for panels and edges are such as those programs take."""

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
        assert {edge.name for edge in config.edges} == {edge.id for edge in scenario.edge}
        assert {channel.id for channel in config.channels} == {channel.stream_id for channel in scenario.channel}
        assert [title["name"] for title in config.vod.named] == [title.name for title in scenario.title]


def test_a_channel_is_transcoded_everywhere_or_nowhere(tmp_path):
    scenario = read(SCENARIOS / "small.toml")
    scenario.channel[0].edges = ["edge-1", "edge-2"]
    with pytest.raises(LabError, match="some of its edges transcode"):
        Services(Network(tmp_path), scenario).document(scenario.panel[0])
