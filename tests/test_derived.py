"""Tables of the whole case: made when they are out of date, whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from iptvforensics import derived, parquet
from iptvforensics.batch import analyze_many
from iptvforensics.case import open_case
from iptvforensics.derived import Workbench, decide, decisions, refresh, state_of
from iptvforensics.entity_tables import LINES, MERGES
from iptvforensics.errors import CaseError, SchemaError
from iptvforensics.exhibits.digest import digest
from iptvforensics.schema import Column, Table
from iptvforensics.store import Store


@pytest.fixture
def store(sample_case: Path, tmp_path: Path) -> Store:
    shutil.copytree(sample_case, tmp_path / "case")
    return Store.open(tmp_path / "case")


def folders(store: Store) -> list[str]:
    return sorted(path.name for path in (store.root / "entities").iterdir())


def test_analysis_leaves_them_up_to_date(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folders(store) == [f"state={state_of(store)}"]
    monkeypatch.setattr(derived, "_fill", None)  # nothing is made
    assert refresh(store).rows["lines"] == 1


def test_another_set_of_captures_makes_them_anew(store: Store) -> None:
    before = folders(store)
    shutil.rmtree(store.root / "captures" / "capture_id=92b232c77f166f4c")
    assert "lines" not in refresh(Store.open(store.root)).rows
    assert folders(store) != before
    assert len(folders(store)) == 1


def test_another_list_of_domains_makes_them_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = folders(store)
    monkeypatch.setattr(derived, "present", lambda: {"hpack": "4.1.0", "publicsuffixlist": "1.0"})
    made = refresh(store)
    assert folders(store) != before
    assert json.loads((made.folder / "manifest.json").read_text())["libraries"] == {"publicsuffixlist": "1.0"}


def test_a_case_that_may_only_be_read_has_them_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(store.root / "entities")

    make = Path.mkdir

    def refuse(path: Path, *arguments: int, **more: bool) -> None:
        if store.root in path.parents:
            raise PermissionError(path)
        make(path, *arguments, **more)

    monkeypatch.setattr(Path, "mkdir", refuse)
    found = refresh(store)
    assert found.rows["lines"] == 1
    assert not (store.root / "entities").exists()
    with open_case(store.root) as case:
        assert [row[0] for row in case.query("SELECT username FROM lines").rows] == ["viewer23"]


def test_a_run_that_fails_leaves_what_was_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = folders(store)
    monkeypatch.setattr(Workbench, "write", None)
    with pytest.raises(TypeError):
        refresh(store, anew=True)
    assert folders(store) == before


def test_another_process_may_have_made_them(store: Store) -> None:
    first, second = refresh(store, anew=True), refresh(store, anew=True)
    assert first.rows == second.rows
    assert len(folders(store)) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_damaged_ones_are_made_again(store: Store, text: str) -> None:
    manifest = refresh(store).folder / "manifest.json"
    manifest.write_text(text)
    assert refresh(store).rows["lines"] == 1
    assert json.loads(manifest.read_text())["rows"]["lines"] == 1


def test_an_undone_merge_changes_the_state(store: Store) -> None:
    before = state_of(store)
    decide(store, {"m-1": "not the same"})
    assert decisions(store) == [("m-1", "not the same")]
    assert state_of(store) != before
    decide(store, {"m-1": None})
    assert (decisions(store), state_of(store)) == ([], before)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"undone": 3}'])
def test_a_damaged_file_of_decisions_is_an_error(store: Store, text: str) -> None:
    (store.root / "decisions.json").write_text(text)
    with pytest.raises(CaseError, match=r"decisions\.json"):
        decisions(store)


def test_rows_must_fit_their_table(store: Store, tmp_path: Path) -> None:
    bench = Workbench(store, tmp_path)
    with pytest.raises(SchemaError, match="found 2"):
        bench.write(MERGES, [("a", "b")])
    bench.write(LINES, [])
    assert bench.rows == {}
    bench.close()


@pytest.mark.parametrize("cores", [1, 2])
def test_tables_are_written_and_made_beside_if_there_is_a_core(store: Store, tmp_path: Path, cores: int) -> None:
    bench = Workbench(store, tmp_path, cores=cores)
    counted = bench.beside(lambda reader: reader.has("http") and reader.select("SELECT count(*) > 0 FROM http"))
    failed = bench.beside(lambda reader: reader.select("SELECT nothing FROM nowhere"))
    table = Table("lines", "x", (Column("a", "text", ""),))
    bench.write(table, [(7,), (8,)])
    assert counted() == [(True,)]
    with pytest.raises(Exception, match="nowhere"):
        failed()
    bench.finish()
    assert bench.select(f"SELECT a FROM '{tmp_path}/lines.parquet'") == [("7",), ("8",)]
    bench.close()


@pytest.mark.parametrize("cores", [1, 2])
def test_a_table_that_cannot_be_written_is_an_error(store: Store, tmp_path: Path, cores: int) -> None:
    bench = Workbench(store, tmp_path / "no folder", cores=cores)

    def write() -> None:
        bench.write(Table("lines", "x", (Column("a", "text", ""),)), [("x",)])
        bench.finish()

    with pytest.raises(Exception, match="no folder"):
        write()
    bench.close()


def test_writes_do_not_disturb_each_other(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "fit", None)  # what failed would be tried once more, with fitted values
    bench = Workbench(store, tmp_path, cores=2)
    counted = [bench.beside(lambda reader: reader.select("SELECT count(*) FROM range(1000000)")) for _ in range(4)]
    rows = [(str(number),) for number in range(5000)]
    for number in range(20):
        bench.write(Table(f"lines{number}", "x", (Column("a", "text", ""),)), rows)
    assert [count() for count in counted] == 4 * [[(1000000,)]]
    bench.finish()
    for number in range(20):
        assert bench.select(f"SELECT count(*) FROM '{tmp_path}/lines{number}.parquet'") == [(5000,)]
    bench.close()


def test_queries_write_tables_in_order(store: Store, tmp_path: Path) -> None:
    bench = Workbench(store, tmp_path)
    bench.put("made", ("b", "a"), [("2", "b"), ("1", "bad \udcff"), ("3", "a")])
    table = Table("lines", "x", (Column("a", "text", ""), Column("b", "text", "")))
    bench.write_query(table, "SELECT * FROM made")
    assert bench.rows == {"lines": 3}
    found = bench.select(f"SELECT b, a FROM '{tmp_path}/lines.parquet'")
    assert found == [("3", "a"), ("2", "b"), ("1", "bad \\udcff")]
    bench.close()


def test_tables_that_no_capture_has_are_not_there(store: Store, tmp_path: Path) -> None:
    bench = Workbench(store, tmp_path)
    assert [bench.has(name) for name in ("http", "http", "rtmp_media", "none")] == [True, True, False, False]
    bench.close()


def test_the_manifest_is_written_last(store: Store) -> None:
    folder = refresh(store).folder
    rows = json.loads((folder / "manifest.json").read_text())["rows"]
    assert {f"{name}.parquet" for name in rows} <= {path.name for path in folder.iterdir()}


def test_the_order_of_the_captures_changes_nothing(samples: Path, tmp_path: Path) -> None:
    names = ["hls/redirected.pcap", "dns/names.pcap", "damaged/hls-one-way.pcap"]
    digests = []
    for number, order in enumerate((names, names[::-1])):
        store = Store.create(tmp_path / str(number))
        for name in order:
            analyze_many([str(samples / name)], store, workers=1)
        digests.append(digest(store, derived=refresh(store).folder))
    assert digests[0] == digests[1]
    assert "lines" in digests[0].tables


def test_where_the_disk_of_the_case_is_full_the_tables_are_temporary(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(store: Store, folder: Path, cores: int) -> None:
        if folder.is_relative_to(store.root):
            raise OSError(28, "No space left on device", str(folder))
        whole(store, folder, cores)

    whole = derived._fill
    monkeypatch.setattr(derived, "_fill", fill)
    before = folders(store)
    made = refresh(store, anew=True)
    assert made.rows["contacts"] > 0
    assert not made.folder.is_relative_to(store.root)
    assert folders(store) == before
