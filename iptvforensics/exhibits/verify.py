"""Case and evidence -> what differs when the evidence is hashed and analysed again.

Each capture is looked for, hashed and analysed into a temporary case; then the digests of all its tables are
compared (`digest`), and those of the whole case if its captures gave the same. A difference is a finding, not an
error: the evidence file changed, the case was changed, or another version of this program sees other things.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import __version__
from ..analysis import Options
from ..batch import analyze_many
from ..derived import decide, decisions, refresh
from ..entity_tables import DERIVED, ENTITY_TABLES
from ..errors import CaseError
from ..libraries import present, unlike
from ..schema import CAPTURE_ID, SESSIONS
from ..store import Store
from .digest import compared, compared_columns, digest
from .files import EvidenceFolder, keylogs_of, locate

if TYPE_CHECKING:
    from ..analysis import Progress, Summary

_OF_CAPTURES = {table.name for table in (*DERIVED, SESSIONS)} - {table.name for table in ENTITY_TABLES}
"""Tables of captures to which the whole case adds something."""
_OF_THE_CASE = {table.name for table in ENTITY_TABLES} | _OF_CAPTURES


class Difference(NamedTuple):
    """What differs, in one capture or (`case`) in the tables of the whole case."""

    capture_id: str
    what: str


@dataclass(slots=True)
class Verification:
    """The outcome: everything that was compared and is equal, that differs, or could not be compared."""

    captures: int = 0
    """Captures that were hashed and analysed again."""
    tables: int = 0
    """Tables of captures that were compared."""
    differences: list[Difference] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Captures whose evidence could not be read, and why."""
    is_case_compared: bool = False
    """True if the tables of the whole case were compared: only where all its captures gave the same again."""

    @property
    def is_confirmed(self) -> bool:
        """True if all was compared and nothing differs."""
        return not self.differences and not self.unreadable


def verify(
    store: Store,
    *,
    evidence: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Verification:
    """Return what differs between a case and a new analysis of its evidence."""
    outcome = Verification()
    found: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    folder_given = None if evidence is None else EvidenceFolder(evidence)
    for manifest in store.manifests():
        try:
            keylogs = keylogs_of(manifest, folder_given)
            found.setdefault(keylogs, {})[manifest["capture_id"]] = locate(manifest, folder_given)
        except CaseError as error:
            outcome.unreadable[manifest["capture_id"]] = str(error)
    with tempfile.TemporaryDirectory(prefix="iptvforensics-verify-") as folder:
        again = Store.create(folder)
        for keylogs, paths in found.items():
            options = Options(keylogs=keylogs)
            summaries = analyze_many(list(paths.values()), again, options=options, workers=workers, progress=progress)
            by_path = {os.path.realpath(summary.path): summary for summary in summaries}
            for capture_id, path in paths.items():
                _compare(store, again, capture_id, by_path[os.path.realpath(path)], outcome)
        if outcome.is_confirmed:
            _compare_case(store, again, outcome)
    return outcome


def _compare_case(store: Store, again: Store, outcome: Verification) -> None:
    """Add to the outcome what the tables of the whole case give, under the decisions of the case."""
    outcome.is_case_compared = True
    decide(again, {undone.merge_id: undone.reason for undone in decisions(store)})
    here, there = (digest(case, derived=refresh(case).folder, only=_OF_THE_CASE).tables for case in (store, again))
    outcome.tables += len({*here, *there} - _OF_CAPTURES)
    for name in sorted({*here, *there}):
        if here.get(name) != there.get(name):
            outcome.differences.append(Difference("case", f"table {name} of the whole case differs"))


def _compare(store: Store, again: Store, capture_id: str, summary: Summary, outcome: Verification) -> None:
    """Add to the outcome what one capture gives."""
    if summary.error is not None:
        outcome.unreadable[capture_id] = summary.error
        return
    outcome.captures += 1
    manifest = store.manifest(capture_id) or {}
    if summary.sha256 != manifest.get("sha256"):
        what = f"{summary.path}: the file's SHA-256 is {summary.sha256}, recorded was {manifest.get('sha256')}"
        outcome.differences.append(Difference(capture_id, what))
        return
    there = digest(again, capture_id).tables
    try:
        here = digest(store, capture_id).tables
    except CaseError as error:
        outcome.differences.append(Difference(capture_id, f"its tables cannot be read: {error}"))
        return
    outcome.tables += len({*here, *there})
    for name in sorted({*here, *there}):
        if here.get(name) != there.get(name):
            recorded, now = _rows_apart(store, again, name, capture_id)
            made_by = manifest.get("version")
            by = "" if made_by == __version__ else f" (made by version {made_by}, this is {__version__})"
            why = unlike(manifest.get("libraries", {}), present()) if "libraries" in manifest else ""
            by += f" ({why})" if why else ""
            what = f"table {name}: {recorded} rows only in the case, {now} rows only in the new analysis{by}"
            outcome.differences.append(Difference(capture_id, what))


def _rows_apart(store: Store, again: Store, name: str, capture_id: str) -> tuple[int, int]:
    """Return how many rows of a table only the first case has, and how many only the second."""
    here, there = (sorted(map(repr, _rows(s, name, capture_id))) for s in (store, again))
    ours, theirs = Counter(here), Counter(there)
    return (ours - theirs).total(), (theirs - ours).total()


def _rows(store: Store, name: str, capture_id: str) -> Iterator[tuple[Any, ...]]:
    table = compared()[name]
    names = ", ".join(f'"{column}"' for column in compared_columns(table))
    where = " WHERE capture_id = ?" if CAPTURE_ID.name in table.column_names else ""
    connection = store.connection(only=[name], capture_id=capture_id)
    try:
        query = f'SELECT {names} FROM "{name}"{where}'  # noqa: S608
        answer = connection.execute(query, [capture_id] if where else [])
        while rows := answer.fetchmany(10_000):
            yield from rows
    finally:
        connection.close()
