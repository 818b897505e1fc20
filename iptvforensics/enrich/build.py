"""The tables that files of the examiner fill: made from the addresses of the case, written as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .. import __version__, parquet
from ..errors import CaseError
from ..folders import MANIFEST, begun, put_in_place
from ..reference_tables import FOLDER, MAKERS, PLACES
from .makers import Registry
from .places import Contact, place_rows

if TYPE_CHECKING:
    from ..schema import Table
    from ..store import Store

_CONTACTS = """
    SELECT ip, min(first_ns), max(last_ns)
    FROM (SELECT orig_ip AS ip, first_ns, last_ns FROM flows UNION ALL SELECT resp_ip, first_ns, last_ns FROM flows)
    WHERE ip IS NOT NULL GROUP BY ip ORDER BY ip
"""
_MACS = {"link_addresses": "mac", "dhcp": "client_mac"}
"""Tables and columns that hold link-layer addresses."""


class Connection(Protocol):
    """What is needed of a connection to the tables of a case."""

    def execute(self, query: str, /) -> Any:
        """Return the answer to a query."""


class Reference(NamedTuple):
    """A file of the examiner."""

    path: Path
    sha256: str


def enrich(
    store: Store, *, mmdb: Sequence[str | os.PathLike[str]] = (), oui: Sequence[str | os.PathLike[str]] = ()
) -> dict[str, int]:
    """Return the number of rows of each table, after filling them from files of the examiner.

    A table for which no file is given stays as it is.

    Args:
        store: the case.
        mmdb: databases of places or autonomous systems in MaxMind's format.
        oui: registries of link-layer addresses as IEEE publishes them (CSV).

    Raises:
        CaseError: a file is missing or not what it should be; the tables stay as they were.
        MissingProgramError: the extra `enrich` is not installed.
    """
    connection = store.connection()
    try:
        contacts, macs = _contacts(connection), _macs(connection)
    finally:
        connection.close()
    files = [_reference(path) for path in (*mmdb, *oui)]
    tables = [PLACES] * len(mmdb) + [MAKERS] * len(oui)
    places = [row for file in files[: len(mmdb)] for row in place_rows(contacts, file.path, file.sha256)]
    makers = [row for file in files[len(mmdb) :] for row in Registry(file.path).rows(macs, file.sha256)]
    filled = {PLACES: places} if mmdb else {}
    if oui:
        filled[MAKERS] = makers
    said = [{"file": f.path.name, "sha256": f.sha256, "table": t.name} for f, t in zip(files, tables, strict=True)]
    return _write(store.root / FOLDER, filled, said)


def _reference(path: str | os.PathLike[str]) -> Reference:
    try:
        with open(path, "rb") as file:
            return Reference(Path(path), hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise CaseError(f"{os.fspath(path)}: the file cannot be read: {error.strerror}") from error


def _contacts(connection: Connection) -> list[Contact]:
    """Return the addresses of all flows, with the times of the first and the last frame."""
    return [Contact(*row) for row in connection.execute(_CONTACTS).fetchall()]


def _macs(connection: Connection) -> list[str]:
    found: set[str] = set()
    for table, column in _MACS.items():
        sql = f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'  # noqa: S608
        found.update(mac for (mac,) in connection.execute(sql).fetchall())
    return sorted(found)


class _Former(NamedTuple):
    """What the tables that are there were filled from."""

    rows: dict[str, int]
    files: list[dict[str, str]]


def _former(folder: Path) -> _Former:
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return _Former({name: int(rows) for name, rows in found["rows"].items()}, [dict(f) for f in found["files"]])
    except FileNotFoundError:
        return _Former({}, [])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CaseError(f"{path}: the manifest cannot be read: remove its folder and fill the tables again") from error


def _write(folder: Path, rows: dict[Table, list[tuple[Any, ...]]], said: list[dict[str, str]]) -> dict[str, int]:
    """Write the tables to a folder that takes the place of the former one, with its tables that are not among them."""
    counts = {table.name: len(found) for table, found in rows.items() if found}
    part = begun(folder.parent)
    try:
        connection = parquet.connect()
        try:
            for table, found in rows.items():
                if found:
                    parquet.copy_rows(connection, str(part / f"{table.name}.parquet"), table.columns, found)
        finally:
            connection.close()
        names = {table.name for table in rows}
        former = _former(folder)
        for name in former.rows.keys() - names:
            shutil.copyfile(folder / f"{name}.parquet", part / f"{name}.parquet")
            counts[name] = former.rows[name]
        said = [file for file in former.files if file.get("table") not in names] + said
        manifest = {"version": __version__, "rows": counts, "files": said}
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        is_ours = put_in_place(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    if not is_ours:
        raise CaseError(f"{folder}: another process has just filled these tables: do it again")
    return counts
