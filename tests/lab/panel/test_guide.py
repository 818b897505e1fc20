"""The guide is the same whenever it is asked for, and a scenario's own programmes come before made ones."""

import itertools

from .config import Channel
from .guide import programmes

NOW = 1_700_000_000


def channel(**more):
    return Channel(1, "One", epg_id="one.example", **more)


def test_no_gaps_and_no_overlaps():
    rows = programmes(channel(), NOW, NOW + 86_400)
    assert rows[0].start <= NOW < rows[0].stop
    assert all(a.stop == b.start for a, b in itertools.pairwise(rows))
    assert rows[-1].stop >= NOW + 86_400


def test_the_same_whenever_asked():
    whole = programmes(channel(), NOW, NOW + 86_400)
    later = programmes(channel(), NOW + 40_000, NOW + 86_400)
    assert later == [p for p in whole if p.stop > NOW + 40_000]


def test_programmes_of_a_scenario_come_first():
    told = {"start": NOW + 1000, "stop": NOW + 9000, "title": "Final", "text": "Live."}
    rows = programmes(channel(programmes=[told]), NOW, NOW + 20_000)
    final = next(p for p in rows if p.title == "Final")
    assert (final.start, final.stop, final.text) == (NOW + 1000, NOW + 9000, "Live.")
    assert [p for p in rows if p.start < final.stop and final.start < p.stop] == [final]


def test_no_guide_without_an_id():
    assert programmes(Channel(1, "One"), NOW, NOW + 86_400) == []
