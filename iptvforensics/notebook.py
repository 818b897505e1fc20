"""Case -> the HTML that Jupyter shows; everything from evidence is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .case import Case

ROWS = 20
"""Rows shown per table at most."""


def case_html(case: Case) -> str:
    """Return captures, rows per table and sessions of a case as HTML."""
    captures = case.rows("captures", ["capture_id", "path", "frames", "bytes", "is_damaged"], limit=ROWS)
    shown = [_html_table(f"Captures (at most {ROWS})", captures.columns, captures.rows)]
    shown.append(_html_table("Rows per table", ["table", "rows"], case.count_rows().items()))
    columns = ["client_ip", "delivery", "stream", "kind", "bytes"]
    sessions = case.rows("sessions", columns, limit=ROWS)
    shown.append(_html_table(f"Sessions (at most {ROWS})", sessions.columns, sessions.rows))
    return f"<p><b>Case</b> {escape(str(case.path))}</p>{''.join(shown)}"


def _html_table(title: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{'' if value is None else escape(str(value))}</td>" for value in row) + "</tr>"
        for row in rows
    )
    return f"<p>{escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
