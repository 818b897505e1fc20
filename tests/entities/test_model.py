"""Atoms, entities, and how atoms are joined."""

from __future__ import annotations

import random
from itertools import pairwise

import duckdb

from iptvforensics.entities.model import (
    Atom,
    Atoms,
    Entity,
    Kind,
    Place,
    Resolution,
    digest,
    evidence_row,
    first_few,
    kinds_there,
    most_per_capture,
)
from iptvforensics.schema import EVIDENCE


def place(frame, capture="a"):
    return Place(capture, frame * 10, frame)


def test_an_atom_widens_its_time_and_keeps_few_frames():
    atom = Atom(("x",))
    for frame in random.Random(1).sample(range(1, 101), 100):
        atom.seen("rule", "lead", place(frame), f"frame {frame}")
    atom.seen("rule", "strong", place(50), "again", count=0)
    atom.fact("name", "")
    entity = Entity("x-1", [atom])
    assert (entity.first_ns, entity.last_ns, entity.count, entity.strength) == (10, 1000, 100, "strong")
    assert [row[4] for row in entity.evidence()] == [1, 2, 3]
    assert entity.all("name") == []


def test_facts_are_ranked_by_frequency():
    atom = Atom(("x",))
    for value, count in (("b", 1), ("a", 1), ("c", 5)):
        atom.fact("host", value, count)
    entity = Entity("x-1", [atom])
    assert (entity.ranked("host"), entity.all("host"), entity.one("host")) == (["c", "a", "b"], ["a", "b", "c"], "c")
    assert (entity.joined("host"), entity.one("none"), entity.total("host")) == ("c; a; b", None, 7)


def resolved(order, undone=()):
    atoms = Atoms()
    for name in order:
        _ = atoms[name,]
    joins = Resolution("thing", "t-", dict.fromkeys(undone, "why"))
    for one, other in pairwise(order):
        if {one, other} != {"b", "c"}:
            joins.join((one,), (other,), "rule", "strong", "")
    joins.resolve(atoms)
    return joins


def test_joins_make_groups_named_by_their_first_atom():
    joins = resolved(["a", "b", "c", "d"])
    assert [[atom.key[0] for atom in entity.atoms] for entity in joins.entities] == [["a", "b"], ["c", "d"]]
    assert joins.entities[0].id == digest("t-", "thing", "a")
    assert joins.of(("d",)).id == joins.entities[1].id
    assert joins.of(("z",)) is None


def test_an_undone_merge_stays_in_the_log():
    merge = next(iter(resolved(["a", "b"]).merges))
    joins = resolved(["a", "b"], [merge])
    assert len(joins.entities) == 2
    assert [(row[0], row[8], row[9]) for row in joins.rows(" ".join)] == [(merge, True, "why")]


def test_rows_of_evidence_have_the_declared_columns():
    assert len(evidence_row("x", place(1), "shows")) == len(EVIDENCE.columns)


def test_no_capture_crowds_out_another():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE named AS SELECT 'a' AS capture_id, 'noise ' || range AS url FROM range(50) "
        "UNION ALL VALUES ('b', NULL), ('b', 'http://tv.example/'), ('b', 'http://tv.example/')"
    )
    query = most_per_capture("SELECT capture_id, url, count(*) FROM named GROUP BY ALL", 3)
    rows = connection.execute(query).fetchall()
    assert rows[:3] == [("a", "noise 0", 1), ("a", "noise 1", 1), ("a", "noise 10", 1)]
    assert rows[3:] == [("b", None, 1), ("b", "http://tv.example/", 2)]


def test_of_many_texts_the_first_are_named():
    assert first_few([]) == ""
    assert first_few(["b", "a"]) == "a, b"
    assert first_few(str(number) * 200 for number in range(9)) == f"{'0' * 80}, {'1' * 80}, {'2' * 80} and 6 more"


def test_kinds_of_rows_are_looked_for_together(lab):
    lab.get("http://cdn.example/a.ts")
    asked = Kind("http", "method = 'GET'")
    missing, null = Kind("http", "status = 404"), Kind("http", "regexp_matches(referer, 'x') OR status = 404")
    elsewhere = Kind("rtmp", "true")
    assert kinds_there(lab.bench(), (missing, asked, elsewhere, null)) == {asked}
    assert kinds_there(lab.bench(), (elsewhere,)) == set()
