"""Findings stay bounded, and rows come in the order of their places."""

from __future__ import annotations

import numpy as np

from iptvforensics.capture import Secret, block
from iptvforensics.capture.block import Columns, Findings, skip_zeros


def test_damage_is_listed_up_to_a_limit_and_then_counted():
    findings = Findings()
    for i in range(block.SEPARATE_LIMIT + 25):
        findings.damage("CAPTURE_damaged_record", i, None, "x")
    rows = findings.anomalies()
    assert len(rows) == block.SEPARATE_LIMIT + 1
    assert sum(row.count for row in rows) == block.SEPARATE_LIMIT + 25


def test_texts_and_secrets_share_a_limit_of_bytes(monkeypatch):
    monkeypatch.setattr(block, "TEXT_LIMIT_BYTES", 10)
    findings = Findings()
    findings.note("file", "comment", "12345678", 0)
    findings.keep_secret(Secret(1, b"123"), 7)
    findings.note("file", "comment", "9", 9)
    assert (len(findings.metadata), findings.secrets) == (1, [])
    assert [(row.name, row.offset, row.count) for row in findings.anomalies()] == [("CAPTURE_metadata_limit", 7, 2)]


def test_rows_are_in_the_order_of_their_places():
    findings = Findings(drops={0: 4, 1: 0})
    findings.damage("CAPTURE_b", 50, 2, "x")
    findings.tally("CAPTURE_a", 20, None, "x", 3)
    names = [(row.name, row.count) for row in findings.anomalies()]
    assert names == [("CAPTURE_frames_lost_while_capturing", 4), ("CAPTURE_a", 3), ("CAPTURE_b", 1)]


def test_columns_take_rows_one_by_one():
    columns = Columns(2)
    columns.append(5, 6, 7, 8, 9, 10)
    assert columns.count == 1
    arrays = (columns.record_at, columns.captured_bytes, columns.wire_bytes, columns.ts_ns)
    assert [int(array[0]) for array in (*arrays, columns.link_type, columns.interface)] == [5, 6, 7, 8, 9, 10]


def test_zeros_are_skipped_up_to_where_a_record_could_begin():
    data = np.zeros(1000, np.uint8)
    assert skip_zeros(data, 3, 1000) == 985
    assert skip_zeros(data, 990, 1000) == 990
    data[500] = 1
    assert skip_zeros(data, 3, 1000) == 485
    assert skip_zeros(data, 490, 1000) == 490
    assert skip_zeros(data, 500, 1000) == 500
    assert skip_zeros(data, 1000, 1000) == 1000
