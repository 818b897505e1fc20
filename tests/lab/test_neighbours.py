"""What stands in homes and on the Internet besides the service."""

import xml.etree.ElementTree as ET

from .neighbours import announced, programs
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
