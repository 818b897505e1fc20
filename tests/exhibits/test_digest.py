"""Digests are equal for equal findings, and can be made again from their description."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from iptvforensics.analysis import Options
from iptvforensics.batch import analyze_many
from iptvforensics.exhibits.digest import canonical, digest
from iptvforensics.schema import EVIDENCE, SESSIONS, Table
from iptvforensics.store import Store


def store_with(folder: Path, table: Table, portions: list[list[dict[str, object]]]) -> Store:
    store = Store.create(folder)
    writer = store.writer()
    for portion in portions:
        writer.write_rows(table, [tuple(row.get(name) for name in table.column_names[1:]) for row in portion])
    writer.commit("0123456789abcdef", {"sha256": "", "size_bytes": 0, "version": "0"})
    return store


def test_a_digest_can_be_made_from_its_description(tmp_path: Path) -> None:
    rows = [{"row_id": "b", "frame_no": 2, "from_orig": True, "shows": 'Ärger\n"x"'}, {"row_id": "a"}]
    found = digest(store_with(tmp_path / "case", EVIDENCE, [rows]))
    lines = [
        '["0123456789abcdef","a",null,null,null,null,null,null]\n',
        '["0123456789abcdef","b",null,true,2,null,null,"Ärger\\n\\"x\\""]\n',
    ]
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert found.tables == {"evidence": expected}
    assert found.whole == hashlib.sha256(f"evidence {expected}\n".encode()).hexdigest()


def test_portions_and_their_order_do_not_matter(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"row_id": str(i), "frame_no": i % 3} for i in range(10)]
    whole = digest(store_with(tmp_path / "a", EVIDENCE, [rows]))
    cut = digest(store_with(tmp_path / "b", EVIDENCE, [rows[6:][::-1], rows[:6]]))
    assert whole == cut


def test_a_row_more_or_a_value_changed_matters(tmp_path: Path) -> None:
    once = [{"row_id": "a", "frame_no": 1}]
    found = {
        digest(store_with(tmp_path / name, EVIDENCE, [rows])).whole
        for name, rows in {"once": once, "twice": once * 2, "other": [{"row_id": "a", "frame_no": 2}]}.items()
    }
    assert len(found) == 3


def test_numbers_are_exact_and_odd_floats_have_a_form() -> None:
    assert canonical((2**62 + 1, 0.1, None, [1, None])) == "[4611686018427387905,0.1,null,[1,null]]"
    assert canonical((float("nan"), float("inf"))) == '["nan","inf"]'


def test_floats_that_are_no_numbers_can_be_compared(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"media_seconds": float("inf")}, {"media_seconds": 1.5}]
    assert digest(store_with(tmp_path / "a", SESSIONS, [rows])) == digest(
        store_with(tmp_path / "b", SESSIONS, [rows[::-1]])
    )


@pytest.mark.parametrize("name", ["hls/redirected.pcap", "dns/names.pcap"])
def test_where_the_file_lies_and_how_it_is_read_do_not_matter(samples: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "other name.pcap"
    shutil.copy(samples / name, copy)
    stores = [Store.create(tmp_path / "a"), Store.create(tmp_path / "b")]
    analyze_many([str(samples / name)], stores[0], workers=1)
    analyze_many([str(copy)], stores[1], workers=2, options=Options(block_bytes=100_000))
    assert digest(stores[0]) == digest(stores[1])


def test_the_digest_of_one_capture_is_that_of_a_case_of_its_own(
    samples: Path, sample_case: Path, tmp_path: Path
) -> None:
    alone = Store.create(tmp_path / "alone")
    analyze_many([str(samples / "formats/small.pcap")], alone, workers=1)
    assert digest(Store.open(sample_case), "dcb8756b8485dcde") == digest(alone)
    assert json.loads((tmp_path / "alone" / "case.json").read_text())["format"] == 1
