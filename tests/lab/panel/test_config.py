"""What cannot be meant is refused, with words that help."""

import dataclasses
import json

import pytest

from . import config
from .conftest import EXAMPLE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"softwre": "xc"}, "unknown key softwre"),
        ({"software": "other"}, "software: one of xc, xui, xc_vm"),
        ({"family": ["xtreem"]}, "xtreem is none of"),
        ({"timezone": "Asia/Nowhere"}, "timezone"),
        ({"lines": [{}]}, "neither username nor mac"),
        ({"lines": [3]}, r"lines\[0\]: an object"),
        ({"channels": [{"name": "x"}]}, r"channels\[0\]"),
        ({"channels": [{"id": 1, "name": "x"}, {"id": 1, "name": "y"}]}, "same id"),
        ({"channels": [{"id": 1, "name": "x", "edges": ["lb9"]}]}, "no edge is called 'lb9'"),
        ({"vod": {"title": 1}}, "vod: unknown key title"),
    ],
)
def test_mistakes(change, words):
    with pytest.raises(config.ConfigError, match=words):
        config.from_dict({**EXAMPLE, **change})


def test_a_file_that_is_no_object(tmp_path):
    for text in ("[1]", "{"):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(config.ConfigError, match=r"a\.json"):
            config.read(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps(EXAMPLE))
    assert config.read(tmp_path / "a.json") == config.from_dict(EXAMPLE)


@pytest.mark.parametrize("kind", [config.Config, config.Line, config.Channel, config.Vod, config.Edge])
def test_every_key_is_explained(kind):
    pages = (config.Path(__file__).parents[1] / name / "__main__.py" for name in ("panel", "edge"))
    text = "".join(page.read_text() for page in pages)
    own = {"made_up", "id"} if kind is config.Line else set()
    assert [f.name for f in dataclasses.fields(kind) if f'"{f.name}"' not in text and f.name not in own] == []


def test_only_a_name_is_needed():
    told = config.from_dict({"name": "p"})
    assert (told.host, told.port, told.lines, told.edges) == ("127.0.0.1", 80, [], [])


def test_a_line_with_a_mac_alone_gets_a_log_in_of_its_own():
    line = config.from_dict(EXAMPLE).lines[3]
    assert line.key == "00:1A:79:00:00:02"
    assert len(line.username) == len(line.password) == 10


def test_an_item_comes_from_the_same_edge_always():
    told = config.from_dict(EXAMPLE)
    line = told.lines[0]
    assert told.edge_for(1, ["lb2"], line).name == "lb2"
    assert {told.edge_for(n, [], line).name for n in range(20)} == {"lb1", "lb2"}
    assert all(told.edge_for(n, [], line) is told.edge_for(n, [], line) for n in range(20))
    line.edge = "lb1"
    assert told.edge_for(1, ["lb2"], line).name == "lb1"
    assert config.from_dict({"name": "p"}).edge_for(1, [], config.Line("a")) is None


def test_a_kind_of_address_that_edges_do_not_have_is_refused():
    with pytest.raises(config.ConfigError, match="address: fax is none of token, plain, path"):
        config.from_dict({"name": "p", "edges": [{"name": "lb1", "address": "fax"}]})
