"""What Jupyter shows of a case."""

from __future__ import annotations

from pathlib import Path

from iptvforensics.case import open_case
from iptvforensics.notebook import ROWS, case_html
from iptvforensics.schema import SESSIONS
from iptvforensics.store import Store


def test_names_from_evidence_are_escaped_and_rows_are_few(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "case")
    writer = store.writer()
    row = {"stream": "<img src=x onerror=alert(1)>", "client_ip": "192.0.2.1"}
    writer.write_rows(SESSIONS, [tuple(row.get(name) for name in SESSIONS.column_names[1:])] * (ROWS + 5))
    writer.commit("0123456789abcdef", {"sha256": "", "size_bytes": 0, "version": "0"})
    shown = case_html(open_case(tmp_path / "case"))
    assert "<img" not in shown
    assert shown.count("&lt;img src=x onerror=alert(1)&gt;") == ROWS


def test_an_empty_case_is_shown(tmp_path: Path) -> None:
    Store.create(tmp_path / "case")
    assert "Captures" in case_html(open_case(tmp_path / "case"))
