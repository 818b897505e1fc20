"""Links: collected observations, with strength, rule and evidence."""

from __future__ import annotations

from iptvforensics.entities.links import Links
from iptvforensics.entities.model import Place

from .conftest import ONE, TWO


def test_observations_of_one_relation_are_one_link():
    links = Links()
    links.add("d-1", "l-1", "uses-line", "a", "strong", Place(TWO, 20, 2), "second", 25, 2)
    links.add("d-1", "l-1", "uses-line", "b", "conclusive", Place(ONE, 10, 1), "first")
    [row], evidence = links.rows()
    assert row[1:10] == ("d-1", "l-1", "uses-line", "conclusive", 3, 10, 25, "a; b", "first; second")
    assert row[-1] == [ONE, TWO]
    assert [(e[0], e[1], e[4], e[7]) for e in evidence] == [(ONE, row[0], 1, "first"), (TWO, row[0], 2, "second")]


def test_what_has_no_end_is_no_link():
    links = Links()
    links.add(None, "l-1", "uses-line", "a", "strong", Place(ONE, 1, 1), "")
    links.add("l-1", "l-1", "same-as", "a", "strong", Place(ONE, 1, 1), "")
    assert links.rows() == ([], [])


def test_few_frames_are_cited_per_capture():
    links = Links()
    for frame in range(100):
        links.add("a", "b", "streams-from", "r", "strong", Place(ONE, frame, frame + 1), "w")
    assert len(links.rows()[1]) == 5
