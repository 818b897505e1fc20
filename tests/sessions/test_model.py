"""Drafts to rows."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from iptvforensics.schema import EVIDENCE, SESSIONS
from iptvforensics.sessions.model import (
    GAPS,
    OPEN_AT_END,
    STARTS_BEFORE,
    Draft,
    Evidence,
    Session,
    distinct,
    most_common,
    tables_of,
)


def test_session_has_the_columns_of_its_table_in_order():
    assert tuple(field.name for field in fields(Session)) == SESSIONS.column_names[1:]


def test_evidence_has_the_columns_of_its_table_in_order():
    assert Evidence._fields == EVIDENCE.column_names[1:]


def draft(**values):
    return Draft(Session(delivery="rtmp", **values), first_flow=3)


def test_completeness_lists_faults_in_a_fixed_order():
    one = draft()
    one.faults.update((OPEN_AT_END, GAPS, STARTS_BEFORE))
    row = dict(zip(SESSIONS.column_names[1:], tables_of([one], "c").sessions[0], strict=True))
    assert row["completeness"] == f"{STARTS_BEFORE}; {GAPS}; {OPEN_AT_END}"


def test_sessions_that_begin_alike_still_have_names_of_their_own():
    found = tables_of([draft(bytes=1), draft(bytes=2)], "c").sessions
    assert len({row[0] for row in found}) == 2


@pytest.mark.parametrize(
    "values",
    [{"client_ip": "192.168.1.9"}, {"stream": "live/x"}, {"first_frame": 8}],
    ids=["client", "stream", "first frame"],
)
def test_name_depends_on(values):
    assert tables_of([draft()], "c").sessions[0][0] != tables_of([draft(**values)], "c").sessions[0][0]


def test_name_depends_on_the_capture_and_has_its_form():
    name = tables_of([draft()], "c").sessions[0][0]
    assert name != tables_of([draft()], "d").sessions[0][0]
    assert re.fullmatch("s-[0-9a-f]{12}", name)


def test_evidence_cited_twice_is_one_row():
    one = draft()
    for _ in range(2):
        one.cite(3, True, 10, 0, 5, "what it shows")
    rows = tables_of([one], "c").evidence
    assert len(rows) == 1
    assert rows[0][1:] == (3, True, 10, 0, 5, "what it shows")


def test_rate_needs_seconds():
    rows = tables_of([draft(bytes=100, media_seconds=0.0)], "c").sessions
    assert dict(zip(SESSIONS.column_names[1:], rows[0], strict=True))["rate_bps"] is None


def test_most_common_prefers_the_first_of_equals():
    assert most_common([None, "b", "a", "a", "b"]) == "b"
    assert most_common([None]) is None


def test_distinct_keeps_the_order():
    assert distinct(["b", None, "a", "b"]) == ["b", "a"]
