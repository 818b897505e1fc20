"""The tables of the whole case: where they are kept, when they are out of date, what the examiner decided.

Layout, beside the captures::

    decisions.json                      what the examiner decided about merges
    entities/state=<16 hex digits>/     one Parquet file per table, and manifest.json, written last

The state is derived from the version of this program, that of the list of domains, the captures of the case and the
decisions. Tables are written to a folder whose name begins with a dot and renamed, so that a case always has whole
tables or none. Where the case folder cannot be written, they are made in a temporary folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from . import __version__, parquet
from .errors import CaseError, SchemaError
from .folders import MANIFEST, begun, put_in_place
from .libraries import present
from .schema import Column, Table
from .store import DECISIONS, ENTITIES, Store, tables
from .views import CaptureFiles, Source, with_tables

if TYPE_CHECKING:
    import duckdb

_PREFIX = "state="

Made = TypeVar("Made")


class Undone(NamedTuple):
    """A merge that the examiner has undone."""

    merge_id: str
    reason: str


class Derived:
    """The tables of a case as they stand: their folder and the number of rows of each."""

    def __init__(self, folder: Path, *, temporary: bool = False) -> None:
        self.folder = folder
        if temporary:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.rows: dict[str, int] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["rows"]


class Workbench:
    """Reads the tables of the captures and writes those of the case.

    A table is looked for when `has` is asked for it; only then queries can name it, and they name each column. With
    more than one core, tables are written, and what was given to `beside` is made, on threads; `finish` waits for the
    tables.
    """

    def __init__(self, store: Store, folder: Path, *, cores: int = 1, files: CaptureFiles | None = None) -> None:
        self._store = store
        self._readers = ThreadPoolExecutor(2, "iptvforensics-derived") if cores > 1 else None
        self._writer = ThreadPoolExecutor(1, "iptvforensics-derived-tables") if cores > 1 else None
        """One thread: a connection does one thing at a time, and refuses others meanwhile."""
        self._tasks: list[Future[None]] = []
        self._files = store.files() if files is None else files
        self._known: dict[str, Source] = {}
        self.folder = folder
        self.connection: duckdb.DuckDBPyConnection = parquet.session()
        self._writing = parquet.session() if cores > 1 else self.connection
        self.rows: dict[str, int] = {}

    @property
    def captures(self) -> int:
        """How many captures the case has."""
        return len(self._store.manifests())

    def has(self, table: str) -> bool:
        """Return True if a capture has rows of that table."""
        if table not in self._files.by_table:
            return False
        if table not in self._known:
            self._known[table] = self._files.source(self.connection, tables()[table])
        return True

    def beside(self, make: Callable[[Workbench], Made]) -> Callable[[], Made]:
        """Return what gives the answer of a function that reads tables and needs nothing that is made here.

        Functions are begun one after the other, so that one may ask for the answer of an earlier one.
        """
        if self._readers is None:
            return cache(partial(make, self))
        return self._readers.submit(self._apart, make).result

    def _apart(self, make: Callable[[Workbench], Made]) -> Made:
        bench = Workbench(self._store, self.folder, files=self._files)
        try:
            return make(bench)
        finally:
            bench.close()

    def finish(self) -> None:
        """Return when all tables have been written."""
        for task in self._tasks:
            task.result()

    def close(self) -> None:
        """Let go of the threads and the connection."""
        for threads in (self._readers, self._writer):
            if threads is not None:
                threads.shutdown(cancel_futures=True)
        self._writing.close()
        self.connection.close()

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the tables that were asked for."""
        return self.connection.execute(with_tables(sql, self._known)).fetchall()

    def keep(self, name: str, sql: str) -> None:
        """Give queries the answer of a query as a table."""
        self.connection.execute(f'CREATE TEMP TABLE "{name}" AS {with_tables(sql, self._known)}')

    def put(self, name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Give queries a table of texts."""
        parquet.put_rows(self.connection, name, [Column(column, "text", "") for column in columns], rows)

    def put_table(self, name: str, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Give queries a table with the columns of a declared one."""
        parquet.put_rows(self.connection, name, table.columns, rows)

    def write(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write a table of the case, in the order of its columns."""
        if not rows:
            return
        if len(rows[0]) != len(table.columns):
            raise SchemaError(table.name, "*", f"expected {len(table.columns)} values, found {len(rows[0])}")
        self.rows[table.name] = len(rows)
        path = str(self.folder / f"{table.name}.parquet")
        if self._writer is None:
            parquet.copy_rows(self.connection, path, table.columns, rows)
        else:
            self._tasks.append(self._writer.submit(parquet.copy_rows, self._writing, path, table.columns, rows))

    def write_query(self, table: Table, sql: str) -> None:
        """Write a table of the case as a query gives it, in the order of its columns; the first one names the rows."""
        names = ", ".join(f'"{name}"' for name in table.column_names)
        path = str(self.folder / f"{table.name}.parquet")
        query = with_tables(f"SELECT {names} FROM ({sql}) ORDER BY 1", self._known)  # noqa: S608
        copy = f"COPY ({query}) TO {parquet.literal(path)} (FORMAT parquet, COMPRESSION snappy)"
        with parquet.written(path):
            found = self.connection.execute(copy).fetchone()
        self.rows[table.name] = int(found[0]) if found else 0


def state_of(store: Store) -> str:
    """Return the state of a case: equal for equal captures, decisions, version, and list of domains."""
    known = [[m["capture_id"], m["version"], m.get("options"), m["rows"]] for m in store.manifests()]
    undone = [list(row) for row in decisions(store)]
    text = json.dumps([__version__, known, undone, _libraries()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _libraries() -> dict[str, str]:
    """Return name and version of the library on which these tables depend."""
    return {name: version for name, version in present().items() if name == "publicsuffixlist"}


def refresh(store: Store, *, anew: bool = False, cores: int = 1) -> Derived:
    """Return the tables of the case; they are made if they are not there, not those of its present state, or `anew`."""
    state = state_of(store)
    folder = store.root / ENTITIES / f"{_PREFIX}{state}"
    if not anew:
        with suppress(OSError, ValueError, KeyError, TypeError):  # damaged ones are made again
            return Derived(folder)
    try:
        return _made_in(store, folder, cores)
    except OSError:  # a case that may only be read, or whose disk is full
        import tempfile

        made = Path(tempfile.mkdtemp(prefix="iptvforensics-entities-"))
        _fill(store, made, cores)
        return Derived(made, temporary=True)


def _made_in(store: Store, folder: Path, cores: int) -> Derived:
    """Return the tables of the case, made in the case folder."""
    part = begun(store.root / ENTITIES)
    try:
        _fill(store, part, cores)
        _replace(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Derived(folder)


def _fill(store: Store, folder: Path, cores: int) -> None:
    from .entities import build

    bench = Workbench(store, folder, cores=cores)
    try:
        build(bench, decisions(store))
        bench.finish()
    finally:
        bench.close()
    manifest = {"version": __version__, "libraries": _libraries(), "rows": dict(sorted(bench.rows.items()))}
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=1) + "\n")


def _replace(part: Path, folder: Path) -> None:
    """Put new tables in place; those of other states are removed."""
    put_in_place(part, folder)
    for other in folder.parent.iterdir():
        if other.name.startswith(_PREFIX) and other != folder:
            shutil.rmtree(other, ignore_errors=True)


# --- what the examiner decided ------------------------------------------------------------------------------------


def decisions(store: Store) -> list[Undone]:
    """Return the merges that the examiner has undone, by identifier.

    Raises:
        CaseError: the file of decisions is damaged.
    """
    path = store.root / DECISIONS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return sorted(Undone(str(merge_id), str(reason)) for merge_id, reason in found["undone"].items())
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CaseError(f"{path}: the file of decisions cannot be read: {error}") from error


def decide(store: Store, changes: Mapping[str, str | None]) -> None:
    """Note that merges are undone, with the reason, or (None) that they stand again."""
    undone: dict[str, str] = {row.merge_id: row.reason for row in decisions(store)}
    for merge_id, reason in changes.items():
        undone.pop(merge_id, None)
        if reason is not None:
            undone[merge_id] = reason
    path = store.root / DECISIONS
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps({"undone": undone}, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    os.replace(part, path)
