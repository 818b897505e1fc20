"""The case folder: Parquet tables and a manifest per capture, and SQL over them.

Layout of a case folder::

    case.json                                      format of the folder, made once
    captures/capture_id=<16 hex digits>/
        manifest.json                              written last: its presence makes the capture part of the case
        <table>-0000.parquet, <table>-0001.parquet, ...
    entities/state=<16 hex digits>/            tables of the whole case (module `derived`)
    references/                                tables that files of the examiner fill (room `enrich`)

A capture is written to a folder of its own whose name begins with a dot and is renamed when it is complete,
so a killed run leaves a case that opens; the leftovers are removed by the next run that writes. The column
`capture_id` is the folder's name (Hive partitioning), every other column is in the files.

Reading goes through DuckDB with one view per table. The connection cannot reach the network, loads no
extensions, and reports times in UTC.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__, parquet
from .entity_tables import DEVICES, ENTITY_TABLES
from .errors import CaseError, SchemaError
from .folders import MANIFEST, begun, put_in_place, remove_leftovers
from .parquet import connect, literal, session
from .reference_tables import FOLDER, REFERENCE_TABLES
from .schema import CAPTURE_ID, ROW_ORDER, TABLES, Table, digest_of
from .views import CaptureFiles, PartReader, case_view, empty_view, reference_view, with_makers

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    import duckdb

FORMAT = 1
"""Version of the folder's layout."""

MAX_WAITING = 32
"""Portions of any table that wait for the thread that writes: a slow disk holds the analysis up, not the memory."""
MAX_LARGE_WAITING = 1
"""Portions of long lists that wait for the thread that writes: a catalogue comes faster than it is written."""
ENTITIES = "entities"
"""Folder of the tables of the whole case (module `derived`)."""
DECISIONS = "decisions.json"
"""File with what the examiner decided (module `derived`)."""

_MARKER = "case.json"
_CAPTURES = "captures"
_PREFIX = "capture_id="
_NEEDED = ("rows", "sha256", "size_bytes", "version")
"""What the manifest of a capture has in every version."""


def tables() -> dict[str, Table]:
    """Return every table that a case can hold, by name: the general ones, who is who, those of the protocols."""
    from .protocols import registry  # an analysis begins to read before it loads parsers

    protocol_tables = (table for protocol in registry().values() for table in protocol.tables)
    return {table.name: table for table in (*TABLES, *ENTITY_TABLES, *REFERENCE_TABLES, *protocol_tables)}


@cache
def schema_digest() -> str:
    """Return 16 hexadecimal digits that stand for the columns of all tables of this version."""
    return digest_of(tables().values())


def _thread() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # loads logging, too

    return ThreadPoolExecutor(1, "iptvforensics-writer")


class CaptureWriter:
    """Writes the tables of one capture into a folder that becomes part of the case on `commit`.

    With more than one core, tables are written on a thread beside the analysis; what is handed over must
    not be changed afterwards.
    """

    def __init__(self, root: Path, *, cores: int = 1) -> None:
        self._root = root
        self.folder = begun(root / _CAPTURES)
        self._threads = 1 if cores == 1 else None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._parts: dict[str, int] = {}
        self._beside = _thread() if cores > 1 else None
        self._waiting: deque[Future[None]] = deque()
        self._latest: dict[str, Future[None]] = {}
        self._large: list[Future[None]] = []
        self.rows: dict[str, int] = {}

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return the connection that writes; made when it is first needed."""
        if self._connection is None:
            self._connection = session(threads=self._threads)
        return self._connection

    def prepare(self) -> None:
        """Load DuckDB, which takes a tenth of a second, where there is a thread for it."""
        self._do(self._load)

    def write_rows(self, table: Table, rows: Sequence[tuple[Any, ...]] | parquet.ByColumn) -> None:
        """Write rows (all columns but `capture_id`, in order) as one part of a table, sorted."""
        task = self._do(self._write_rows, table, rows)
        if task is None:
            return
        self._latest[table.name] = task
        if isinstance(rows, parquet.ByColumn):
            self._large.append(task)
            if len(self._large) > MAX_LARGE_WAITING:
                self._large.pop(0).result()

    def write_columns(self, table: Table, arrays: Mapping[str, Any] | Callable[[], Mapping[str, Any]]) -> None:
        """Write numpy columns as one part of a table, in the order given; a function makes them in its turn."""
        task = self._do(self._write_columns, table, arrays)
        if task is not None:
            self._latest[table.name] = task

    def wait(self) -> None:
        """Return when all that was handed over has been written."""
        while self._waiting:
            self._waiting.popleft().result()

    def _do(self, method: Callable[..., None], *arguments: Any) -> Future[None] | None:
        """Do something now, or later on the thread that writes; raise what went wrong there meanwhile."""
        if self._beside is None:
            method(*arguments)
            return None
        while len(self._waiting) >= MAX_WAITING or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()
        task = self._beside.submit(method, *arguments)
        self._waiting.append(task)
        return task

    def _load(self) -> None:
        self.connection.execute("SELECT 1")

    def _write_rows(self, table: Table, rows: Sequence[tuple[Any, ...]] | parquet.ByColumn) -> None:
        columns = [column for column in table.columns if column.name != CAPTURE_ID.name]
        if not isinstance(rows, parquet.ByColumn) and rows and len(rows[0]) != len(columns):
            raise SchemaError(table.name, "*", f"expected {len(columns)} values, found {len(rows[0])}")
        names = [column.name for column in columns]
        order = [n for n in ROW_ORDER if n in names] or names[:1]
        if isinstance(rows, parquet.ByColumn):
            parquet.copy_columns(self.connection, self._next_part(table), columns, rows, order)
        else:
            parquet.copy_rows(self.connection, self._next_part(table), columns, rows, order)
        self._count(table, len(rows))

    def _write_columns(self, table: Table, arrays: Mapping[str, Any] | Callable[[], Mapping[str, Any]]) -> None:
        arrays = arrays() if callable(arrays) else arrays
        columns = [column for column in table.columns if column.name != CAPTURE_ID.name]
        parquet.copy_arrays(self.connection, self._next_part(table), columns, arrays)
        self._count(table, len(next(iter(arrays.values()), ())))

    def _next_part(self, table: Table) -> str:
        return self._part(table.name, self._parts.get(table.name, 0))

    def _part(self, name: str, number: int) -> str:
        return str(self.folder / f"{name}-{number:04d}.parquet")

    def _count(self, table: Table, rows: int) -> None:
        self._parts[table.name] = self._parts.get(table.name, 0) + 1
        self.rows[table.name] = self.rows.get(table.name, 0) + rows

    def reader(self) -> PartReader:
        """Return SQL access to what has been handed over so far; a table is waited for when it is asked for."""
        return PartReader(tables(), self.files, lambda: self.connection)

    def files(self, name: str) -> list[str]:
        """Return the files of a table, when all that was handed over of it has been written."""
        if name in self._latest:
            self._latest[name].result()
        return [self._part(name, number) for number in range(self._parts.get(name, 0))]

    def commit(self, capture_id: str, manifest: Mapping[str, Any]) -> Path:
        """Make the capture part of the case, in place of an earlier analysis of it; return its folder."""
        self.wait()
        whole = {
            **manifest,
            "capture_id": capture_id,
            "schema": schema_digest(),
            "rows": dict(sorted(self.rows.items())),
        }
        text = json.dumps(whole, indent=1, ensure_ascii=False, default=str)
        with (self.folder / MANIFEST).open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        target = self._root / _CAPTURES / f"{_PREFIX}{capture_id}"
        put_in_place(self.folder, target)
        self._close()
        return target

    def abandon(self) -> None:
        """Remove what was written; the case stays as it was."""
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _close(self) -> None:
        if self._beside is not None:
            self._beside.shutdown(cancel_futures=True)
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Store:
    """A case folder."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._manifests: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}

    @classmethod
    def create(cls, root: str | os.PathLike[str]) -> Store:
        """Return the case at `root`, which is made if there is none.

        Raises:
            CaseError: the folder holds something else, or a case of another format.
        """
        store = cls(root)
        marker = store.root / _MARKER
        if not marker.exists():
            if store.root.exists() and any(store.root.iterdir()):
                raise CaseError(f"{store.root}: the folder is not empty and is no case; choose another or an empty one")
            (store.root / _CAPTURES).mkdir(parents=True, exist_ok=True)
            part = marker.with_suffix(f".{os.getpid()}.part")
            part.write_text(json.dumps({"format": FORMAT, "made_by": f"iptvforensics {__version__}"}) + "\n")
            os.replace(part, marker)
        return cls.open(root)

    @classmethod
    def open(cls, root: str | os.PathLike[str]) -> Store:
        """Return the case at `root`.

        Raises:
            CaseError: there is no case, or one of another format.
        """
        store = cls(root)
        try:
            found = json.loads((store.root / _MARKER).read_text())
        except FileNotFoundError:
            how = f"make one with `analyze ... --case {root}`"
            raise CaseError(f"{root}: no case here (expected {_MARKER}); {how}") from None
        except (OSError, ValueError) as error:
            raise CaseError(f"{root}: {_MARKER} cannot be read: {error}") from error
        if found.get("format") != FORMAT:
            raise CaseError(f"{root}: case format {found.get('format')!r}, this version reads {FORMAT}; analyse again")
        return store

    def writer(self, *, cores: int = 1) -> CaptureWriter:
        """Return a writer for one capture."""
        return CaptureWriter(self.root, cores=cores)

    def manifests(self) -> list[dict[str, Any]]:
        """Return the manifests of all captures, by capture_id; do not change them."""
        folder = self.root / _CAPTURES
        if not folder.is_dir():
            return []
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.startswith(_PREFIX))
        return [found for name in names if (found := self._read_manifest(name)) is not None]

    def manifest(self, capture_id: str) -> dict[str, Any] | None:
        """Return the manifest of a capture, or None if it is not in the case."""
        return self._read_manifest(f"{_PREFIX}{capture_id}")

    def _read_manifest(self, name: str) -> dict[str, Any] | None:
        """Return a manifest, read again only if its file is another one: a batch asks for all of them per file."""
        path = self.root / _CAPTURES / name / "manifest.json"
        with suppress(FileNotFoundError, NotADirectoryError):
            status = path.stat()
            state = (status.st_mtime_ns, status.st_ino)
            known = self._manifests.get(name)
            if known is None or known[0] != state:
                known = self._manifests[name] = (state, _manifest_at(path, name.removeprefix(_PREFIX)))
            return known[1]
        return None

    def clean(self) -> int:
        """Remove what runs that were killed have left; return how many folders that were.

        A folder whose process still runs, or may run on another machine, is left alone.
        """
        return sum(remove_leftovers(self.root / name) for name in (_CAPTURES, ENTITIES, ""))

    def connection(
        self,
        *,
        derived: Path | None = None,
        only: Iterable[str] | None = None,
        capture_id: str | None = None,
        threads: int | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """Return a connection with a view per table over the captures as they are now; tables may be empty.

        It reads this folder (and that of the derived tables) and nothing else: queries may be typed in by anybody.

        Args:
            derived: folder with the tables of the whole case (module `derived`); None: these are empty, and
                `sessions` and `evidence` hold what was said of each capture alone.
            only: names of the tables wanted; None: all.
            capture_id: the capture wanted; None: all.
            threads: threads that queries may use.
        """
        connection = connect(threads=threads)
        folders = [str(folder.resolve()) + os.sep for folder in (self.root, derived) if folder is not None]
        allowed = ", ".join(literal(text) for folder in folders for text in (folder, escape(folder)))
        connection.execute(f"SET allowed_directories = [{allowed}]")
        connection.execute("SET enable_external_access = false; SET python_enable_replacements = false")
        files, known = self.files(capture_id), tables()
        for name in known if only is None else only:
            table = known[name]
            view = files.source(connection, table).select() if name in files.by_table else empty_view(table)
            if derived is not None:
                view = case_view(connection, table, view, derived)
                if table is DEVICES:
                    view = with_makers(connection, view, self.root / FOLDER)
                if table in REFERENCE_TABLES:
                    view = reference_view(connection, table, self.root / FOLDER)
            connection.execute(f'CREATE VIEW "{name}" AS {view}')
        connection.execute("SET lock_configuration = true")
        return connection

    def changing(self) -> tuple[Path, ...]:
        """Return the paths whose time of change tells that tables may be others now."""
        return self.root / _CAPTURES, self.root / DECISIONS, self.root / FOLDER

    def files(self, capture_id: str | None = None) -> CaptureFiles:
        """Return the files of all captures, or of one: of those that have a manifest, as all that a case counts."""
        found = self.manifests() if capture_id is None else filter(None, [self.manifest(capture_id)])
        schemas = {f"{_PREFIX}{manifest['capture_id']}": manifest.get("schema") for manifest in found}
        return CaptureFiles.below(self.root.resolve() / _CAPTURES, schemas, set(schemas.values()) <= {schema_digest()})

    def count_rows(self) -> dict[str, int]:
        """Return the number of rows of every table that has some, from the manifests."""
        counted = [manifest["rows"] for manifest in self.manifests()]
        with suppress(OSError, ValueError, KeyError):  # nothing was filled from files of the examiner
            counted.append(json.loads((self.root / FOLDER / "manifest.json").read_text(encoding="utf-8"))["rows"])
        names = sorted({name for rows in counted for name in rows})
        return {name: sum(rows.get(name, 0) for rows in counted) for name in names}


def _manifest_at(path: Path, capture_id: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        lacking = ", ".join(name for name in _NEEDED if name not in found)
    except (ValueError, TypeError) as error:
        lacking = str(error)
    if lacking:
        raise CaseError(f"{path}: no manifest of a capture ({lacking}): remove its folder and analyse again")
    return {**found, "capture_id": capture_id}
