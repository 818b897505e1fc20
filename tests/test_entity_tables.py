"""Tables of the whole case: what they add to the tables of captures."""

from __future__ import annotations

from pathlib import Path

from iptvforensics.case import open_case
from iptvforensics.entity_tables import ENTITY_TABLES, OVERLAID, SESSION_ENTITIES, sessions_sql
from iptvforensics.schema import SESSIONS


def test_what_is_laid_over_sessions_is_in_both_tables() -> None:
    assert set(OVERLAID) <= set(SESSIONS.column_names) & set(SESSION_ENTITIES.column_names)
    assert 'e."channel"' in sessions_sql("a", "b")


def test_sessions_say_device_and_line(sample_case: Path) -> None:
    with open_case(sample_case) as case:
        rows = list(case.query("SELECT s.device_id, l.username FROM sessions s JOIN lines l USING (line_id)").rows)
        assert [(device is not None, user) for device, user in rows] == [(True, "viewer23")]
        assert set(case.query("SELECT kind FROM links").columns) == {"kind"}


def test_every_table_can_be_shown(sample_case: Path) -> None:
    with open_case(sample_case) as case:
        for table in ENTITY_TABLES:
            list(case.rows(table.name).rows)
