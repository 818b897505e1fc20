"""Rows kept as columns come out as the rows that went in."""

from __future__ import annotations

from iptvforensics.listings.sheet import Sheet
from iptvforensics.listings.tables import STREAM_LINKS
from iptvforensics.protocol import Row, Rows


def rows(sheet: Sheet) -> list[Row]:
    return [row for event in sheet.take(False) if isinstance(event, Rows) for row in event.each()]


def test_rows_and_columns_may_be_mixed() -> None:
    sheet = Sheet(STREAM_LINKS, family="stalker", host=None)
    sheet.add(3, {"kind": "live"})
    sheet.add_columns([5, 9], {"kind": ["vod", None], "entry_id": ["7", "8"]})
    assert rows(sheet) == [
        Row("stream_links", False, 3, {"kind": "live", "family": "stalker"}),
        Row("stream_links", False, 5, {"kind": "vod", "entry_id": "7", "family": "stalker"}),
        Row("stream_links", False, 9, {"entry_id": "8", "family": "stalker"}),
    ]
    assert sheet.count == 3


def test_nothing_is_handed_on_twice() -> None:
    sheet = Sheet(STREAM_LINKS, family="stalker")
    sheet.add(0, {})
    assert len(rows(sheet)) == 1
    assert sheet.take(False) == []
