"""Observed things with their evidence, and how they become entities.

An `Atom` is what one rule recognises by itself: a line under one host name, a client address in one capture. A
`Resolution` joins atoms that are one thing, by rules, and keeps a log of every join. The identifier of an entity is
derived from its first atom in the order of their keys, so it depends on what was found and not on the order of work.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

STRENGTHS = ("conclusive", "strong", "supporting", "lead")
"""How well something is founded, the best first (the words of the graph)."""

_CITED = 3
"""Frames cited per entity, capture and rule: enough to check it by hand."""

_SHOWN, _SHOWN_CHARS = 3, 80
"""How many of several texts a reason names, and how much of each."""

Key = tuple[str, ...]


class TableReader(Protocol):
    """The tables of a case, each with the column capture_id."""

    def has(self, table: str) -> bool:
        """Return True if the case has rows of that table."""

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over tables that were asked for."""


class Place(NamedTuple):
    """Where something was seen: the columns of `evidence` that lead to the bytes, and the time."""

    capture_id: str
    ts_ns: int | None
    frame_no: int | None
    flow_id: int | None = None
    from_orig: bool | None = None
    stream_offset: int | None = None


FIRST_FRAME = "min(ts_ns), min(frame_no), arg_min(flow_id, frame_no), arg_min(from_orig, frame_no)"
"""SQL for a group of rows: the fields of the `Place` where it was first seen, from time to direction."""
FIRST_PLACE = f"{FIRST_FRAME}, arg_min(stream_offset, frame_no)"
"""The same with the offset in the stream."""


class Kind(NamedTuple):
    """Rows of a table for which a rule looks, by a condition in SQL."""

    table: str
    condition: str


def kinds_there(reader: TableReader, kinds: Iterable[Kind]) -> Set[Kind]:
    """Return the kinds of which a case has rows.

    Most cases have few of them, and a query that finds nothing takes nearly as long as one that does: one looks for
    all of them.
    """
    of_table: dict[str, list[Kind]] = {}
    for kind in kinds:
        if reader.has(kind.table):
            of_table.setdefault(kind.table, []).append(kind)
    if not of_table:
        return frozenset()
    parts = []
    for table, looked_for in of_table.items():
        columns = ", ".join(f"bool_or({kind.condition})" for kind in looked_for)
        parts.append(f"(SELECT {columns} FROM {table})")  # noqa: S608 (parts of this program)
    [found] = reader.select(f"SELECT * FROM {', '.join(parts)}")  # noqa: S608
    every = (kind for looked_for in of_table.values() for kind in looked_for)
    return {kind for kind, is_there in zip(every, found, strict=True) if is_there}


def most_per_capture(query: str, most: int) -> str:
    """Return a query for the first rows that another one finds in each capture: no capture crowds out another."""
    return (
        f"SELECT * FROM ({query}) AS found "  # noqa: S608 (parts of this program)
        f"QUALIFY row_number() OVER (PARTITION BY capture_id ORDER BY found) <= {most:d} ORDER BY ALL NULLS FIRST"
    )


@dataclass(slots=True)
class Atom:
    """One observed thing: when, where, with what properties, by which rules."""

    key: Key
    first_ns: int | None = None
    last_ns: int | None = None
    count: int = 0
    captures: set[str] = field(default_factory=set)
    rules: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Counter[Any]] = field(default_factory=dict)
    cited: dict[tuple[str, str], list[tuple[Place, str]]] = field(default_factory=dict)

    def seen(
        self, rule: str, strength: str, place: Place, shows: str, *, last_ns: int | None = None, count: int = 1
    ) -> None:
        """Note that a rule has seen it."""
        self.span(place.ts_ns, last_ns if last_ns is not None else place.ts_ns)
        self.count += count
        self.captures.add(place.capture_id)
        self.rules[rule] = min(self.rules.get(rule, strength), strength, key=STRENGTHS.index)
        if place.frame_no is not None:
            cited = self.cited.setdefault((place.capture_id, rule), [])
            cited.append((place, shows))
            if len(cited) > 4 * _CITED:
                self.cited[place.capture_id, rule] = _first(cited)

    def span(self, first_ns: int | None, last_ns: int | None) -> None:
        """Widen the time in which it was seen."""
        if first_ns is not None:
            self.first_ns = first_ns if self.first_ns is None else min(self.first_ns, first_ns)
        if last_ns is not None:
            self.last_ns = last_ns if self.last_ns is None else max(self.last_ns, last_ns)

    def fact(self, name: str, value: Any, count: int = 1) -> None:
        """Note a property; None and empty texts are none."""
        if value is not None and value != "":
            if name not in self.facts:
                self.facts[name] = Counter()
            self.facts[name][value] += count


def first_few(texts: Iterable[str]) -> str:
    """Return the first texts in order, each up to its 80th character, and how many more there are.

    Example:
        >>> first_few(["d", "c", "b", "a"])
        'a, b, c and 1 more'
    """
    ordered = sorted(texts)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(text[:_SHOWN_CHARS] for text in ordered[:_SHOWN]) + more


def _first(cited: list[tuple[Place, str]]) -> list[tuple[Place, str]]:
    return sorted(set(cited), key=lambda item: (item[0].frame_no or 0, item[0].flow_id or 0, item[1]))[:_CITED]


class Entity:
    """One or more atoms that are one thing."""

    def __init__(self, entity_id: str, atoms: list[Atom]) -> None:
        self.id = entity_id
        self.atoms = atoms
        self.captures = sorted({capture for atom in atoms for capture in atom.captures})
        self.count = sum(atom.count for atom in atoms)

    @property
    def first_ns(self) -> int | None:
        """When it was first seen."""
        return min((a.first_ns for a in self.atoms if a.first_ns is not None), default=None)

    @property
    def last_ns(self) -> int | None:
        """When it was last seen."""
        return max((a.last_ns for a in self.atoms if a.last_ns is not None), default=None)

    @property
    def strength(self) -> str:
        """How well it is founded: as its best rule."""
        return min((s for atom in self.atoms for s in atom.rules.values()), key=STRENGTHS.index, default="lead")

    @property
    def rule(self) -> str:
        """Names of its rules, joined."""
        return "; ".join(sorted({rule for atom in self.atoms for rule in atom.rules}))

    def all(self, name: str) -> list[Any]:
        """Return all values of a property, in order."""
        return sorted({value for atom in self.atoms for value in atom.facts.get(name, ())})

    def ranked(self, name: str) -> list[Any]:
        """Return all values of a property, the most frequent first."""
        total: Counter[Any] = Counter()
        for atom in self.atoms:
            total.update(atom.facts.get(name, Counter()))
        return sorted(total, key=lambda value: (-total[value], value))

    def one(self, name: str) -> Any:
        """Return the most frequent value of a property; None if it has none."""
        return next(iter(self.ranked(name)), None)

    def total(self, name: str) -> int:
        """Return the sum of what was counted under a property."""
        return sum(sum(atom.facts[name].values()) for atom in self.atoms if name in atom.facts)

    def joined(self, name: str) -> str | None:
        """Return all values of a property as one text; None if it has none."""
        return "; ".join(map(str, self.ranked(name))) or None

    def evidence(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of `evidence` that support it."""
        for atom in self.atoms:
            for cited in atom.cited.values():
                yield from (evidence_row(self.id, place, shows) for place, shows in _first(cited))


def evidence_row(row_id: str, place: Place, shows: str) -> tuple[Any, ...]:
    """Return a row of `evidence`."""
    return (
        place.capture_id,
        row_id,
        place.flow_id,
        place.from_orig,
        place.frame_no,
        place.stream_offset,
        None,
        shows,
    )


class Atoms:
    """The atoms of one kind, by key."""

    def __init__(self) -> None:
        self._atoms: dict[Key, Atom] = {}

    def __getitem__(self, key: Key) -> Atom:
        """Return the atom of that key, which is made if there is none."""
        if key not in self._atoms:
            self._atoms[key] = Atom(key)
        return self._atoms[key]

    def __contains__(self, key: Key) -> bool:
        return key in self._atoms

    def __iter__(self) -> Iterator[Atom]:
        return iter([self._atoms[key] for key in sorted(self._atoms)])

    def __len__(self) -> int:
        return len(self._atoms)


class Merge(NamedTuple):
    """A join of two atoms that was found."""

    merge_id: str
    one: Key
    other: Key
    rule: str
    strength: str
    why: str
    undone: bool


def digest(prefix: str, *parts: str) -> str:
    """Return an identifier derived from texts."""
    return prefix + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


class Resolution:
    """Joins atoms of one kind to entities and keeps the log."""

    def __init__(
        self, kind: str, prefix: str, undone: Mapping[str, str], parted: Callable[[Key, Key], bool] | None = None
    ) -> None:
        """Take the kind of thing, how its identifiers begin, merges that were undone, and which pairs no rule joins."""
        self.kind = kind
        self._parted = parted
        self._prefix = prefix
        self._undone = undone
        self.merges: dict[str, Merge] = {}
        self.entities: list[Entity] = []
        self._of: dict[Key, Entity] = {}
        self._known: list[tuple[Merge, str, str, tuple[str, str]]] = []

    def join(self, one: Key, other: Key, rule: str, strength: str, why: str) -> None:
        """Note that two atoms are one thing, unless the examiner has undone it."""
        if one == other or (self._parted is not None and self._parted(one, other)):
            return
        one, other = sorted((one, other))
        merge_id = digest("m-", self.kind, rule, *one, "", *other)
        self.merges.setdefault(merge_id, Merge(merge_id, one, other, rule, strength, why, merge_id in self._undone))

    def log(self, merge: Merge, one: str, other: str, captures: tuple[str, str]) -> None:
        """Add a merge that equal keys made, with its members as text and the captures that they were seen in."""
        self._known.append((merge, one, other, captures))

    def resolve(self, atoms: Iterable[Atom]) -> None:
        """Make the entities of all atoms."""
        known = {atom.key: atom for atom in atoms}
        root = {key: key for key in known}

        def find(key: Key) -> Key:
            while root[key] != key:
                root[key] = root[root[key]]
                key = root[key]
            return key

        for merge in sorted(self.merges.values()):
            if not merge.undone and merge.one in known and merge.other in known:
                one, other = sorted((find(merge.one), find(merge.other)))
                root[other] = one
        groups: dict[Key, list[Atom]] = {}
        for key in sorted(known):
            groups.setdefault(find(key), []).append(known[key])
        self.entities = [Entity(digest(self._prefix, self.kind, *first), group) for first, group in groups.items()]
        self._of = {atom.key: entity for entity in self.entities for atom in entity.atoms}

    def of(self, key: Key) -> Entity | None:
        """Return the entity that holds an atom."""
        return self._of.get(key)

    def rows(self, label: Any) -> list[tuple[Any, ...]]:
        """Return the rows of `merges`; `label` turns a key into text."""
        found = []
        known = [(merge, label(merge.one), label(merge.other), None) for merge in sorted(self.merges.values())]
        for merge, one, other, captures in [*known, *sorted(self._known)]:
            entity = self.of(merge.one)
            if entity is None or self.of(merge.other) is None:
                continue
            found.append(
                (
                    merge.merge_id,
                    self.kind,
                    entity.id,
                    one,
                    other,
                    merge.rule,
                    merge.strength,
                    merge.why,
                    merge.undone,
                    self._undone.get(merge.merge_id),
                    entity.captures if captures is None else sorted(captures),
                )
            )
        return found
