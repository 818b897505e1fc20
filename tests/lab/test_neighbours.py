"""What stands in homes and on the Internet besides the service."""

import xml.etree.ElementTree as ET

from .neighbours import announced, list_text, programs
from .run import SCENARIOS
from .scenario import read


def test_programs_that_a_scenario_needs():
    assert programs(read(SCENARIOS / "mixed.toml")) == {"avahi-daemon", "miniupnpd", "unbound", "chronyd"}
    assert programs(read(SCENARIOS / "small.toml")) == set()


def test_a_service_is_one_document_with_its_texts():
    text = announced({"name": "A & B", "type": "_googlecast._tcp", "port": 8009, "txt": ["md=Linnet <TV>"]})
    group = ET.fromstring(text)
    assert group.findtext("name") == "A & B"
    assert group.findtext("service/txt-record") == "md=Linnet <TV>"


def test_a_list_names_panels_or_edges():
    shared = read(SCENARIOS / "shared.toml")
    free, editor = (list_text(shared, listing).splitlines()[2::2] for listing in shared.listing)
    assert free == ["http://e1.heron-media.example:8080/s/901.ts"]
    assert editor == ["http://tv.siskin-line.example/live/quarry28/Gd6sJu9a/101.ts",
                      "http://portal.dunlin-play.example/live/lantern40/Xe2fVk8o/204.ts"]  # fmt: skip
