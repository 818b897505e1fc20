"""Declared tables and protocols -> the pages tables.md and protocols.md beside this file.

`python docs/generate.py` (or `make docs`) writes them; a test holds them to the declarations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from inspect import getdoc
from pathlib import Path

from iptvforensics.entity_tables import ENTITY_TABLES
from iptvforensics.protocol import Protocol
from iptvforensics.protocols import registry
from iptvforensics.reference_tables import REFERENCE_TABLES
from iptvforensics.schema import SQL_TYPES, TABLES, Table

NOTICE = "<!-- Written by docs/generate.py from the declarations in the code: do not edit. -->"

TYPE_MEANINGS = {
    "text": "text; bytes that are no UTF-8 stand in it as escapes",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "time_ns": "nanoseconds since 1970-01-01 UTC; DataFrames have it as a datetime too (`ts` beside `ts_ns`)",
    "frame": "number of a captured record, first is 1, as Wireshark counts them",
    "text[]": "list of texts",
    "int[]": "list of whole numbers",
}


def tables_page() -> str:
    """Return the page about all tables of a case."""
    owners: dict[str, list[Protocol]] = {}
    for protocol in registry().values():
        for table in protocol.tables:
            owners.setdefault(table.name, []).append(protocol)
    protocol_tables = (table for protocol in registry().values() for table in protocol.tables)
    declared = [*TABLES, *ENTITY_TABLES, *REFERENCE_TABLES, *protocol_tables]
    tables = list({table.name: table for table in declared}.values())  # protocols may share a table
    lines = [
        "# Tables of a case",
        "",
        NOTICE,
        "",
        "A missing value is null: never -1, 0 or an empty text. A column means the same in every table that has it.",
        "Units are part of names: `_ns`, `_bytes`, `_bps`, `_s`. `capture_id` and `frame_no` lead to the evidence.",
        "",
        *_grid(("table", "one row per"), ((f"[{t.name}](#{t.name})", _cell(t.row)) for t in tables)),
        "",
        "## Types",
        "",
        *_grid(("type", "in SQL", "a value is"), ((k, SQL_TYPES[k], TYPE_MEANINGS[k]) for k in SQL_TYPES)),
    ]
    for table in tables:
        lines += ["", *_table_section(table, owners.get(table.name, []))]
    return "\n".join(lines) + "\n"


def _table_section(table: Table, owners: list[Protocol]) -> Iterable[str]:
    yield f"## {table.name}"
    yield ""
    names = ", ".join(f"[{owner.name}](protocols.md#{owner.name})" for owner in owners)
    yield f"One row per {table.row}." + (f" Written by {names}." if owners else "")
    yield ""
    yield from _grid(("column", "type", "meaning"), ((f"`{c.name}`", c.type, _cell(c.meaning)) for c in table.columns))


def protocols_page() -> str:
    """Return the page about what is recognised and decoded."""
    protocols = registry().values()
    lines = [
        "# Protocols",
        "",
        NOTICE,
        "",
        "A flow or body goes to the protocol that is surest of its first bytes; port numbers only break ties.",
        "`tcp` and `udp`: found in a flow; `content`: found in a body that another protocol carries.",
        "What no parser claims stays in `flows` (addresses, times, sizes) and, if a protocol carried it, in `objects`.",
        "",
        *_grid(
            ("name", "what it is", "found in"),
            ((f"[{p.name}](#{p.name})", _cell(p.title), ", ".join(p.carriers)) for p in protocols),
        ),
    ]
    for protocol in protocols:
        lines += ["", *_protocol_section(protocol)]
    return "\n".join(lines) + "\n"


def _protocol_section(protocol: Protocol) -> Iterable[str]:
    tables = ", ".join(f"[{t.name}](tables.md#{t.name})" for t in protocol.tables)
    if not tables:
        inner = " and ".join(f"[{name}](#{name})" for name in protocol.inner)
        tables = f"those of {inner}" if inner else "none"
    yield f"## {protocol.name}"
    yield ""
    yield f"{protocol.title}."
    yield ""
    yield f"- Specification: {protocol.specification}"
    yield f"- Tables: {tables}"
    yield f"- Not decoded: {protocol.limits}"
    limitations = known_limitations(protocol.name)
    if limitations:
        yield ""
        yield "Known limitations of the parser:"
        yield ""
        yield from (f"- {item}" for item in limitations)


def known_limitations(name: str) -> list[str]:
    """Return what the module of a protocol says under "Known limitations", one text per item."""
    doc = getdoc(import_module(f"iptvforensics.protocols.{name}")) or ""
    found = re.search(r"\*\*Known limitations[.:]?\*\*:?\s*(.+?)(?:\n\n(?!\s*[*-])|\Z)", doc, re.DOTALL)
    items = re.split(r"(?:^|\n)[*-] ", found[1]) if found else []
    return [" ".join(item.split()) for item in items if item.strip()]


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES = {"tables.md": tables_page, "protocols.md": protocols_page}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
