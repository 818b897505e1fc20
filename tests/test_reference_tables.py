"""Tables that files of the examiner fill."""

from __future__ import annotations

from iptvforensics.reference_tables import REFERENCE_TABLES


def test_each_row_names_its_file_by_digest() -> None:
    for table in REFERENCE_TABLES:
        assert {"reference_file", "reference_sha256", "note"} <= set(table.column_names)
