"""A case folder as one object: tables as DataFrames, SQL, frames and contents behind them.

`Case` only opens doors: each method is one call into the room that does the work.

The DataFrames are described in `dataframes`; their rows stand in the canonical order of the store (by capture,
then time, then frame), so that the same evidence gives the same DataFrame.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .errors import CaptureError, CaseError, instead_of
from .queries import Rows, checked, fetch, sql_errors, without_zone
from .schema import Table
from .store import Store, tables
from .views import order_by

if TYPE_CHECKING:
    import duckdb
    import networkx as nx
    import pandas as pd

    from .analysis import Progress, Summary
    from .derived import Derived
    from .exhibits.contents import Body
    from .exhibits.digest import Digest
    from .exhibits.frame import Frame
    from .exhibits.verify import Verification
    from .redaction import Redactor

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def analyze(
    paths: Paths,
    case: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = None,
    force: bool = False,
    progress: Callable[[Progress], None] | None = None,
    scheduler: str | None = None,
    keylog: Paths = (),
) -> Case:
    """Return a case that holds what was found in these captures, and what it held before.

    Captures that the case holds already are skipped. Those that could not be read are named in
    `case.failures`, the others are analysed all the same.

    Args:
        paths: one or more files, folders, patterns or URLs.
        case: case folder, made if absent; None: a temporary folder that is removed with the Case.
        workers: processor cores to use in all; None: all that are available.
        force: analyse again what the case holds already.
        progress: called as the analysis proceeds.
        scheduler: address of a running Dask scheduler that is to do the work (extra `cluster`).
        keylog: one or more files with secrets that open TLS (`SSLKEYLOGFILE`).

    Raises:
        CaptureError: none of the captures could be read, or a key log is none.
        CaseError: the folder is no case and not empty.
    """
    from .analysis import Options, keylogs_at
    from .batch import analyze_many

    names, keylogs = (
        [os.fspath(p) for p in ([given] if isinstance(given, str | os.PathLike) else given)]
        for given in (paths, keylog)
    )
    options = Options(keylogs=keylogs_at(keylogs)) if keylogs else None
    temporary = tempfile.TemporaryDirectory(prefix="iptvforensics-") if case is None else None
    store = Store.create(temporary.name if temporary is not None else os.fspath(case or ""))
    summaries = analyze_many(
        names, store, options=options, workers=workers, force=force, progress=progress, scheduler=scheduler
    )
    failed = [summary for summary in summaries if summary.error]
    if failed and len(failed) == len(summaries):
        raise CaptureError("; ".join(f"{summary.error}" for summary in failed[:5]))
    return Case(store, summaries=summaries, temporary=temporary)


def open_case(path: str | os.PathLike[str], *, evidence: str | os.PathLike[str] | None = None) -> Case:
    """Return the case in a folder.

    Args:
        path: the case folder.
        evidence: folder in which the evidence files lie now, if not where they were analysed.

    Raises:
        CaseError: there is no case.
    """
    return Case(Store.open(path), evidence=evidence)


class Case:
    """The tables of a case as attributes: `case.sessions`, `case.flows`, `case["http"]`, ...

    Example:
        with open_case("case/") as case:
            case.sessions[["client_ip", "stream", "start", "end"]]
    """

    def __init__(
        self,
        store: Store,
        *,
        summaries: Sequence[Summary] = (),
        evidence: str | os.PathLike[str] | None = None,
        temporary: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self.store = store
        self.summaries = list(summaries)
        """What each file gave, if the case was opened by `analyze`."""
        self._evidence = evidence
        self._temporary = temporary
        self._lock = RLock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._derived: Derived | None = None
        self._state: object = None
        self._frames: dict[str, pd.DataFrame] = {}

    @property
    def path(self) -> Path:
        """The case folder."""
        return self.store.root

    @property
    def failures(self) -> dict[str, str]:
        """Files that could not be read by the `analyze` that opened the case, and why."""
        return {summary.path: summary.error for summary in self.summaries if summary.error}

    # --- tables ---------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Return a table as a DataFrame of its own."""
        from .dataframes import to_dataframe

        table = self.table(name)
        with self._lock:
            connection = self._connected()
            if name not in self._frames:
                times = [column.name for column in table.columns if column.type == "time_ns"]
                relation = connection.sql(f'SELECT * FROM "{name}"{order_by(table)}')  # noqa: S608
                self._frames[name] = to_dataframe(relation, times=times)
            return self._frames[name].copy()

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *tables()})

    def table(self, name: str) -> Table:
        """Return the declaration of a table.

        Raises:
            KeyError: there is no such table; the message has the nearest names.
        """
        known = tables()
        if name not in known:
            raise KeyError(f"a case has no table {name!r}; {instead_of(name, sorted(known))}")
        return known[name]

    def tables(self) -> pd.DataFrame:
        """Return the tables: name, number of rows, number of columns, what one row stands for."""
        import pandas as pd

        return pd.DataFrame(self.listing(), columns=["name", "rows", "columns", "row"])

    def listing(self) -> list[tuple[str, int, int, str]]:
        """Return name, number of rows, number of columns and what one row stands for, per table, without pandas."""
        rows = self.count_rows()
        return [(t.name, rows.get(t.name, 0), len(t.columns), t.row) for t in tables().values()]

    def count_rows(self) -> dict[str, int]:
        """Return the number of rows of every table that has some."""
        with self._lock:
            self._connected()
            rows = Counter(self.store.count_rows())
            rows.update(self._derived.rows if self._derived is not None else {})
        return dict(sorted(rows.items()))

    def sql(self, query: str) -> pd.DataFrame:
        """Return the answer to one SELECT over the tables; it cannot change anything or read other files.

        Raises:
            CaseError: the query is wrong, or no SELECT.
        """
        from .dataframes import to_dataframe

        with self._lock, sql_errors():
            connection = self._connected()
            relation = connection.sql(checked(connection, query))
            types = [str(kind) for kind in relation.types]
            return to_dataframe(connection.sql(without_zone(query, relation.columns, types)), types=types)

    def query(self, query: str) -> Rows:
        """Return the answer to one SELECT as plain rows, without pandas; read them before the next query."""
        with self._lock, sql_errors():
            connection = self._connected()
            relation = connection.sql(checked(connection, query))
            columns, types = list(relation.columns), [str(kind) for kind in relation.types]
            return Rows(columns, types, fetch(connection.execute(without_zone(query, columns, types))))

    def rows(
        self, name: str, columns: Sequence[str] | None = None, *, where: str | None = None, limit: int | None = None
    ) -> Rows:
        """Return rows of a table in their canonical order as plain rows, without pandas.

        Raises:
            KeyError: there is no such table or column.
            CaseError: the condition is no SQL.
        """
        table = self.table(name)
        for column in columns or ():
            if column not in table.column_names:
                raise KeyError(f"table {name} has no column {column!r}; {instead_of(column, table.column_names)}")
        names = ", ".join(f'"{column}"' for column in columns or table.column_names)
        condition = f" WHERE ({where}\n)" if where else ""
        most = "" if limit is None else f" LIMIT {limit:d}"
        return self.query(f'SELECT {names} FROM "{name}"{condition}{order_by(table)}{most}')  # noqa: S608

    def redactor(self) -> Redactor:
        """Return what replaces the secrets of this case by pseudonyms; it knows the secrets of all tables."""
        from .redaction import Redactor, may_hold_secrets

        redactor = Redactor.of_case(self.path)
        filled = self.count_rows()
        for table in tables().values():
            for column in table.columns if table.name in filled else ():
                if may_hold_secrets(column):
                    query = f'SELECT DISTINCT "{column.name}" FROM "{table.name}"'  # noqa: S608
                    redactor.learn(column.name, (row[0] for row in self.query(query).rows))
        return redactor

    # --- behind the rows --------------------------------------------------------------------------------------

    def evidence(self, row_id: str) -> pd.DataFrame:
        """Return the evidence of a row of a reasoning table, for example of a session: frames and what they show.

        Raises:
            CaseError: there is none for this identifier.
        """
        everything = self["evidence"]
        found = everything[everything["row_id"] == row_id].reset_index(drop=True)
        if found.empty:
            raise CaseError(f"no evidence for a row {row_id!r}: expected an identifier such as a session_id")
        return found

    def frame(self, capture_id: str, frame_no: int) -> Frame:
        """Return one frame, read again from the evidence file.

        Raises:
            CaseError: the case has no such capture, or its file is not where it was.
            CaptureError: the capture has no such frame.
        """
        from .exhibits.frame import frame_of_case

        return frame_of_case(self.store, capture_id, frame_no, evidence=self._evidence)

    def content(self, capture_id: str, flow_id: int, stream_offset: int, from_orig: bool = False) -> bytes:
        """Return the body that begins at a place of a flow (a row of `objects`), read again from the evidence."""
        return self._body(capture_id, flow_id, stream_offset, from_orig).data

    def save_content(
        self,
        capture_id: str,
        flow_id: int,
        stream_offset: int,
        path: str | os.PathLike[str],
        from_orig: bool = False,
    ) -> str:
        """Write a body to a new file; return its SHA-256."""
        body = self._body(capture_id, flow_id, stream_offset, from_orig)
        with open(path, "xb") as file:
            file.write(body.data)
        return body.sha256

    def _body(self, capture_id: str, flow_id: int, stream_offset: int, from_orig: bool) -> Body:
        from .exhibits.contents import body_of_case

        return body_of_case(self.store, capture_id, flow_id, stream_offset, from_orig, evidence=self._evidence)

    def graph(self, *, redact: bool = False) -> nx.MultiDiGraph[Any]:
        """Return clients, streams, hosts and addresses of the case with their relations.

        Args:
            redact: replace user names, passwords, tokens and cookies by pseudonyms.
        """
        from . import graph

        built: nx.MultiDiGraph[Any] = graph.build(_Reader(self, self.redactor() if redact else None))
        return built

    def unmerge(self, *merge_ids: str, reason: str | None) -> None:
        """Undo merges of entities (table `merges`); the tables of the case are made anew when they are next asked for.

        Args:
            merge_ids: which.
            reason: kept in the case; None: let them stand again.

        Raises:
            CaseError: the case has no such merge.
        """
        from .derived import decide

        known = {row[0] for row in self.rows("merges", ["merge_id"]).rows}
        for merge_id in merge_ids:
            if merge_id not in known:
                raise CaseError(f"no merge {merge_id!r} in this case: expected a merge_id of the table merges")
        decide(self.store, dict.fromkeys(merge_ids, reason))

    def digest(self) -> Digest:
        """Return the SHA-256 of each table and of the whole, over rows in canonical form."""
        from .exhibits.digest import digest

        with self._lock:
            self._connected()
            return digest(self.store, derived=self._derived.folder if self._derived is not None else None)

    def verify(self, *, workers: int | None = None) -> Verification:
        """Return what differs when the evidence is hashed and analysed again."""
        from .exhibits.verify import verify

        return verify(self.store, evidence=self._evidence, workers=workers)

    # --- opening, closing, showing -----------------------------------------------------------------------------

    def close(self) -> None:
        """Close the case; a temporary one is removed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._derived, self._state = None, None, None
            self._frames.clear()
            if self._temporary is not None:
                self._temporary.cleanup()

    def __enter__(self) -> Case:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        captures = len(self.store.manifests())
        rows = sum(self.count_rows().values())
        return f"<Case {str(self.path)!r}: {captures} capture{'s' * (captures != 1)}, {rows} rows>"

    def _repr_html_(self) -> str:
        from .notebook import case_html

        return case_html(self)

    def _connected(self) -> duckdb.DuckDBPyConnection:
        """Return the connection; made anew when captures have been added to the folder, or merges undone."""
        state = [path.stat().st_mtime_ns if path.exists() else None for path in self.store.changing()]
        if self._connection is None or state != self._state:
            from .derived import refresh

            if self._connection is not None:
                self._connection.close()
            self._frames.clear()
            with sql_errors():
                self._derived = refresh(self.store)
                self._connection, self._state = self.store.connection(derived=self._derived.folder), state
        return self._connection


class _Reader:
    """What the graph reads from: the tables of a case, with secrets or without."""

    def __init__(self, case: Case, redactor: Redactor | None) -> None:
        self._case = case
        self._redactor = redactor
        self._filled = case.count_rows()

    def has(self, table: str) -> bool:
        """Return True if the table has rows."""
        return self._filled.get(table, 0) > 0

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        found = self._case.query(sql)
        return list(found.rows if self._redactor is None else self._redactor.rows(found.columns, found.rows))
