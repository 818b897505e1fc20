"""The case folder: what is written comes back, and a folder is never half a case."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from iptvforensics import parquet
from iptvforensics import store as store_module
from iptvforensics.errors import CaseError, SchemaError
from iptvforensics.folders import here
from iptvforensics.schema import ANOMALIES, EVIDENCE, FLOWS, OBJECTS, SESSIONS, STREAM_INDEX, Table
from iptvforensics.store import Store, schema_digest, tables
from iptvforensics.views import order_by

CAPTURE = "0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "case")


def rows_of(table: Table, *values: dict[str, object]) -> list[tuple[object, ...]]:
    return [tuple(value.get(name) for name in table.column_names[1:]) for value in values]


def add(store: Store, table: Table, *values: dict[str, object], capture: str = CAPTURE) -> None:
    writer = store.writer()
    writer.write_rows(table, rows_of(table, *values))
    writer.commit(capture, manifest())


def manifest(**more: object) -> dict[str, object]:
    return {"sha256": "ab" * 32, "size_bytes": 1, "version": "0", **more}


def read(store: Store, table: Table, columns: str) -> list[tuple[object, ...]]:
    connection = store.connection()
    try:
        return connection.execute(f'SELECT {columns} FROM "{table.name}"{order_by(table)}').fetchall()
    finally:
        connection.close()


def test_every_type_comes_back_with_nulls(store: Store) -> None:
    full = {
        "client_ip": "192.0.2.1",
        "start_ns": 1,
        "media_seconds": 0.1,
        "bytes": 2**62 + 1,
        "hosts": ["a.example", 'quote"', "back\\slash"],
        "flow_ids": [1, 2**62],
    }
    add(store, SESSIONS, full, {})
    found = read(store, SESSIONS, "client_ip, start_ns, media_seconds, bytes, hosts, flow_ids")
    assert found == [(None,) * 6, tuple(full.values())]


def test_booleans_come_back_with_nulls(store: Store) -> None:
    add(store, OBJECTS, {"ts_ns": 1, "complete": True}, {"ts_ns": 2, "complete": False}, {"ts_ns": 3})
    assert read(store, OBJECTS, "complete") == [(True,), (False,), (None,)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NUL \0 inside",
        "'; DROP TABLE x; --",
        "line\nfeed\r\t",
        "\x1b[31m",
        "\u202e",
        "\U0001f4fa",
        "null",
        "a" * 70000,
    ],
    ids=["empty", "nul", "sql", "lines", "escape", "direction", "astral", "null-word", "long"],
)
def test_hostile_text_comes_back_as_it_was(store: Store, text: str) -> None:
    add(store, SESSIONS, {"stream": text, "hosts": [text, text]})
    assert read(store, SESSIONS, "stream, hosts") == [(text, [text, text])]


def test_text_that_is_no_unicode_is_escaped(store: Store) -> None:
    add(
        store, SESSIONS, {"start_ns": 1, "stream": "bad \udcff", "hosts": ["\ud800"]}, {"start_ns": 2, "stream": "good"}
    )
    assert read(store, SESSIONS, "stream, hosts") == [("bad \\udcff", ["\\ud800"]), ("good", None)]


def test_numbers_beyond_64_bits_become_null_and_the_rest_stays(store: Store) -> None:
    add(
        store,
        FLOWS,
        {"flow_id": 1, "orig_bytes": 2**63},
        {"flow_id": 2, "orig_bytes": 2**63 - 1},
        {"orig_bytes": -(2**63)},
    )
    assert read(store, FLOWS, "orig_bytes") == [(-(2**63),), (None,), (2**63 - 1,)]


def test_floats_come_back_exactly(store: Store) -> None:
    values = [0.1, -0.0, 1e308, 5e-324, math.inf]
    add(store, SESSIONS, *[{"start_ns": i, "media_seconds": value} for i, value in enumerate(values)])
    assert [repr(row[0]) for row in read(store, SESSIONS, "media_seconds")] == [repr(value) for value in values]


def test_rows_of_a_wrong_width_are_refused(store: Store) -> None:
    writer = store.writer()
    with pytest.raises(SchemaError, match="expected 8 values, found 2"):
        writer.write_rows(ANOMALIES, [("a", 1)])
    writer.abandon()


def test_portions_are_parts_of_one_table(store: Store) -> None:
    writer = store.writer(cores=2)
    writer.prepare()
    for number in (2, 1):
        writer.write_rows(EVIDENCE, rows_of(EVIDENCE, {"row_id": str(number), "frame_no": number}))
    reader = writer.reader()
    assert reader.has("evidence")
    assert not reader.has("sessions")
    assert sorted(reader.select("SELECT frame_no FROM evidence")) == [(1,), (2,)]
    writer.commit(CAPTURE, manifest())
    assert read(store, EVIDENCE, "row_id") == [("1",), ("2",)]
    assert store.count_rows() == {"evidence": 2}


@pytest.mark.parametrize("cores", [1, 2])
def test_columns_may_be_made_where_they_are_written(store: Store, cores: int) -> None:
    values = {name: np.arange(2) for name in STREAM_INDEX.column_names[1:]}
    writer = store.writer(cores=cores)
    writer.write_columns(STREAM_INDEX, values)
    writer.write_columns(STREAM_INDEX, lambda: {name: column + 5 for name, column in values.items()})
    writer.commit(CAPTURE, manifest())
    assert read(store, STREAM_INDEX, "flow_id, from_orig, frame_no") == [
        (0, False, 0),
        (1, True, 1),
        (5, True, 5),
        (6, True, 6),
    ]


def test_an_error_while_writing_beside_the_analysis_is_raised_at_commit(store: Store) -> None:
    writer = store.writer(cores=2)
    writer.write_rows(EVIDENCE, [(1,)])
    with pytest.raises(SchemaError):
        writer.commit(CAPTURE, manifest())
    writer.abandon()
    assert store.manifests() == []


def test_a_disk_that_is_full_ends_the_writing_soon_and_a_slow_one_fills_no_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def full(*_: object) -> None:
        begun.wait()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parquet, "copy_rows", full)
    writer = store.writer(cores=2)
    row: tuple[object, ...] = ("x", None, None, None, None, None, 1, None)
    try:
        for _ in range(store_module.MAX_WAITING):
            writer.write_rows(ANOMALIES, [row])
        begun.set()
        with pytest.raises(OSError, match="No space"):
            writer.write_rows(ANOMALIES, [row])
    finally:
        begun.set()
        writer.abandon()


def test_tables_without_rows_are_empty_views_with_all_columns(store: Store) -> None:
    connection = store.connection()
    for table in tables().values():
        answer = connection.execute(f'SELECT * FROM "{table.name}"')
        assert [column[0] for column in answer.description] == list(table.column_names)
        assert answer.fetchall() == []
    connection.close()


def test_views_name_the_capture_of_each_row(store: Store) -> None:
    add(store, EVIDENCE, {"row_id": "a"})
    add(store, EVIDENCE, {"row_id": "b"}, capture="fedcba9876543210")
    assert read(store, EVIDENCE, "capture_id, row_id") == [(CAPTURE, "a"), ("fedcba9876543210", "b")]


def test_capture_ids_of_digits_stay_text(store: Store) -> None:
    add(store, EVIDENCE, {"row_id": "a"}, capture="0000000000000012")
    assert read(store, EVIDENCE, "capture_id") == [("0000000000000012",)]


@pytest.mark.parametrize("schema", [None, "0" * 16], ids=["not noted", "another"])
def test_columns_that_an_older_version_lacked_are_null(store: Store, schema: str | None) -> None:
    short = Table(EVIDENCE.name, EVIDENCE.row, EVIDENCE.columns[:3])
    writer = store.writer()
    writer.write_rows(short, [("old", 7)])
    written = writer.commit(CAPTURE, manifest()) / "manifest.json"
    assert json.loads(written.read_text())["schema"] == schema_digest()
    written.write_text(json.dumps(json.loads(written.read_text()) | {"schema": schema}))
    add(store, EVIDENCE, {"row_id": "new", "frame_no": 3}, capture="fedcba9876543210")
    assert read(store, EVIDENCE, "row_id, flow_id, frame_no") == [("old", 7, None), ("new", None, 3)]


def test_a_capture_analysed_again_replaces_the_earlier_one(store: Store) -> None:
    add(store, EVIDENCE, {"row_id": "first"})
    add(store, EVIDENCE, {"row_id": "second"})
    assert read(store, EVIDENCE, "row_id") == [("second",)]
    assert [path.name for path in (store.root / "captures").iterdir()] == [f"capture_id={CAPTURE}"]


def test_manifests_are_those_of_now(store: Store) -> None:
    assert store.manifests() == []
    add(store, EVIDENCE, {"row_id": "first"})
    assert [found["rows"] for found in store.manifests()] == [{"evidence": 1}]
    add(store, EVIDENCE, {"row_id": "a"}, {"row_id": "b"})
    assert [found["rows"] for found in store.manifests()] == [{"evidence": 2}]
    assert store.manifest(CAPTURE) == store.manifests()[0]
    assert store.manifest("0" * 16) is None


def test_what_is_not_committed_is_not_seen(store: Store) -> None:
    writer = store.writer()
    writer.write_rows(EVIDENCE, rows_of(EVIDENCE, {"row_id": "a"}))
    assert read(store, EVIDENCE, "row_id") == []
    writer.abandon()
    assert list((store.root / "captures").iterdir()) == []


def test_leftovers_are_removed_wherever_runs_leave_them(store: Store) -> None:
    dead = f".{here()}-{2**22 + 1}-{'0' * 12}"
    places = [store.root, store.root / "captures", store.root / "entities"]
    for place in places:
        (place / dead).mkdir(parents=True)
    mine = store.writer()
    assert store.clean() == 3
    assert not any((place / dead).exists() for place in places)
    assert mine.folder.exists()
    mine.abandon()


def test_a_folder_with_other_things_is_no_case(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(CaseError, match="not empty and is no case"):
        Store.create(tmp_path)
    with pytest.raises(CaseError, match="no case here"):
        Store.open(tmp_path)


@pytest.mark.parametrize("content", ["{", json.dumps({"format": 99})], ids=["broken", "other-format"])
def test_a_marker_that_cannot_be_used_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "case.json").write_text(content)
    with pytest.raises(CaseError, match=r"case\.json cannot be read|case format 99"):
        Store.open(tmp_path)


def test_a_case_folder_may_have_an_odd_name(tmp_path: Path) -> None:
    odd = Store.create(tmp_path / "it's a [case] *")
    add(odd, EVIDENCE, {"row_id": "a"})
    assert read(odd, EVIDENCE, "row_id") == [("a",)]


def test_the_order_is_total() -> None:
    for table in tables().values():
        assert order_by(table).count('"') == 2 * len(table.columns)


def test_rows_of_a_folder_without_manifest_are_not_in_the_case(store: Store) -> None:
    add(store, EVIDENCE, {"row_id": "a"})
    stray = store.root / "captures" / "capture_id=fedcba9876543210"
    shutil.copytree(store.root / "captures" / f"capture_id={CAPTURE}", stray)
    (stray / "manifest.json").unlink()
    assert read(store, EVIDENCE, "capture_id, row_id") == [(CAPTURE, "a")]


def test_one_capture_can_be_read_alone(store: Store) -> None:
    add(store, EVIDENCE, {"row_id": "a"})
    add(store, EVIDENCE, {"row_id": "b"}, capture="fedcba9876543210")
    for capture, found in ((CAPTURE, [("a",)]), ("0000000000000000", [])):
        connection = store.connection(only=["evidence"], capture_id=capture)
        assert connection.execute("SELECT row_id FROM evidence").fetchall() == found
        connection.close()


@pytest.mark.parametrize("text", ["", "[]", '{"rows": {}}', '{"rows": {}, "sha256": ""}'])
def test_a_damaged_manifest_is_named(store: Store, text: str) -> None:
    add(store, EVIDENCE, {"row_id": "a"})
    path = store.root / "captures" / f"capture_id={CAPTURE}" / "manifest.json"
    path.write_text(text)
    with pytest.raises(CaseError, match=r"manifest.json: no manifest of a capture .*: remove its folder"):
        store.manifests()


def test_a_case_folder_may_have_any_name(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "a [b] 'c' *한")
    add(store, EVIDENCE, {"row_id": "a"})
    assert read(store, EVIDENCE, "row_id") == [("a",)]
