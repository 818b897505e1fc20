"""The shared tables: what every family fills alike."""

from __future__ import annotations

import pytest

from iptvforensics.listings.tables import ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES, STREAM_LINKS
from iptvforensics.schema import ENDPOINT_COLUMNS, OBJECT_OFFSET, Table
from iptvforensics.store import tables


@pytest.mark.parametrize("table", [ACCOUNT_REPLIES, CATALOGUE_ENTRIES, PROGRAMMES, STREAM_LINKS], ids=lambda t: t.name)
def test_every_row_names_its_body_its_family_its_request_and_both_ends(table: Table) -> None:
    assert OBJECT_OFFSET in table.columns
    assert {"family", "url", "host", "raw"} <= set(table.column_names)
    assert table.columns[-4:] == ENDPOINT_COLUMNS
    assert tables().get(table.name, table) is table
