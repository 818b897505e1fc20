"""What devices do besides watching."""

from .acts import ACTS, PROGRAMS, programs
from .network import Network, Node
from .run import SCENARIOS
from .scenario import read

SCENARIO = read(SCENARIOS / "mixed.toml")


def test_every_act_of_the_scenario_is_a_command_of_its_program(tmp_path):
    net = Network(tmp_path)
    net.nodes["receiver-1"] = Node("receiver-1", "192.168.1.25", tmp_path)
    said = {}
    for act in SCENARIO.act:
        argv = ACTS[act.what](net, SCENARIO, SCENARIO.one("box", act.box), act)
        assert argv[0] == PROGRAMS[act.what]
        said[act.what] = argv
    assert said["clock"][-1] == "time.plover-net.example"
    assert "http://192.168.1.25/api/about" in said["receiver"]
    assert programs(SCENARIO) == {argv[0] for argv in said.values()}


def test_a_line_is_tried_at_its_panel(tmp_path):
    shared = read(SCENARIOS / "shared.toml")
    first, second = (ACTS[act.what](Network(tmp_path), shared, shared.one("box", act.box), act) for act in shared.act)
    assert first[-1] == "http://tv.siskin-line.example/player_api.php?username=test&password=test"
    assert second[-1].startswith("http://portal.dunlin-play.example/")
