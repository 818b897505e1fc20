"""The captures of the catalogue benchmark hold what they say."""

import importlib.util
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("bench_catalogue", Path(__file__).with_name("catalogue.py"))
catalogue = importlib.util.module_from_spec(spec)
sys.modules["bench_catalogue"] = catalogue
spec.loader.exec_module(catalogue)


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_every_title_becomes_a_row(tmp_path, kind):
    make, target, table = catalogue.KINDS[kind]
    path = catalogue.capture(tmp_path / "x.pcap", target, make(3_000))
    cost = catalogue.analyze(path, tmp_path / "case")
    assert cost.elapsed > 0
    assert cost.processor > 0
    assert cost.peak > 10_000_000
    assert 3_000 <= catalogue.rows_of(tmp_path / "case", table) <= 3_001


def test_a_measured_line_has_a_figure_for_each_head(tmp_path):
    kind, _, *figures = catalogue.measured("M3U-Plus", 100, 1, tmp_path)
    assert kind == "M3U-Plus"
    assert [figure[-2:] for figure in figures] == [" s", " s", " s", " s", "MB", "MB", " s"]
