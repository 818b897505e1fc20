"""Verification finds what was changed, in the evidence and in the case."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from iptvforensics.analysis import Options, keylogs_at
from iptvforensics.batch import analyze_many
from iptvforensics.capture.inputs import sha256_of
from iptvforensics.errors import CaseError
from iptvforensics.exhibits.verify import verify
from iptvforensics.parquet import connect
from iptvforensics.store import Store


@pytest.fixture
def evidence(samples: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name in ("formats/small.pcap", "dns/names.pcap"):
        shutil.copy(samples / name, folder)
    return folder


@pytest.fixture
def store(evidence: Path, tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "case")
    analyze_many([str(evidence)], store, workers=1)
    return store


def test_an_untouched_case_is_confirmed(store: Store) -> None:
    outcome = verify(store, workers=1)
    assert outcome.is_confirmed
    assert outcome.captures == 2
    assert outcome.tables > 8


def test_a_changed_evidence_file_is_found(store: Store, evidence: Path) -> None:
    content = bytearray((evidence / "names.pcap").read_bytes())
    content[-1] ^= 1
    (evidence / "names.pcap").write_bytes(content)
    outcome = verify(store, workers=1)
    assert ["the file's SHA-256 is" in difference.what for difference in outcome.differences] == [True]
    assert outcome.captures == 2


def test_a_changed_row_is_found(store: Store) -> None:
    (path,) = store.root.glob("captures/*/http-0000.parquet")
    changed = path.with_name("changed")
    connection = connect()
    other = f"SELECT * REPLACE ('http://other.example/' AS url) FROM '{path}' LIMIT 1"
    connection.execute(f"COPY ({other}) TO '{changed}' (FORMAT parquet)")
    connection.close()
    changed.replace(path)
    outcome = verify(store, workers=1)
    assert [(d.capture_id, d.what.split(":")[0]) for d in outcome.differences] == [("dcb8756b8485dcde", "table http")]
    assert "1 rows only in the case, 2 rows only in the new analysis" in outcome.differences[0].what


def test_a_removed_table_is_found(store: Store) -> None:
    for path in store.root.glob("captures/*/dns-*.parquet"):
        path.unlink()
    what = [difference.what for difference in verify(store, workers=1).differences]
    assert len(what) == 2
    assert all(text.startswith("table dns: 0 rows only in the case") for text in what)


def test_moved_evidence_is_found_in_a_named_folder(store: Store, evidence: Path, tmp_path: Path) -> None:
    evidence.rename(tmp_path / "moved")
    missing = verify(store, workers=1)
    assert not missing.is_confirmed
    assert not missing.differences
    assert len(missing.unreadable) == 2
    assert verify(store, evidence=tmp_path / "moved", workers=1).is_confirmed


def test_the_case_is_not_touched(store: Store) -> None:
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*")}
    verify(store, workers=1)
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*")} == before


def test_a_difference_names_the_library_that_was_not_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = store.root.glob("captures/*/http-0000.parquet")
    path.unlink()
    monkeypatch.setattr("iptvforensics.exhibits.verify.present", lambda: {"hpack": "99"})
    whats = [difference.what for difference in verify(store, workers=1).differences]
    assert "here is 99" in whats[0]
    assert "which is not installed here" in whats[0]


def test_captures_with_key_logs_of_their_own_and_without_are_one_case(samples: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "case")
    for name, keylog in (("tls/https-vod.pcap", "tls/https-vod.keys"), ("dns/names.pcap", None)):
        options = Options(keylogs=keylogs_at([str(samples / keylog)]) if keylog else ())
        analyze_many([str(samples / name)], store, options=options, workers=1)
    outcome = verify(store, workers=1)
    assert outcome.differences == []
    assert outcome.captures == 2
    assert outcome.is_case_compared


def test_what_was_added_under_another_name_is_found(store: Store) -> None:
    (folder,) = (path.parent for path in store.root.glob("captures/*/http-0000.parquet"))
    shutil.copytree(folder, folder.with_name("capture_id=00000000000000aa"))
    outcome = verify(store, workers=1)
    assert {difference.capture_id for difference in outcome.differences} == {"00000000000000aa"}
    assert not outcome.is_case_compared


def test_each_file_of_a_named_folder_is_hashed_once(
    store: Store, evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    monkeypatch.setattr("iptvforensics.exhibits.files.sha256_of", lambda path: hashed.append(path) or sha256_of(path))
    shutil.copy(evidence / "names.pcap", evidence / "another.pcap")
    changed = bytearray((evidence / "names.pcap").read_bytes())
    changed[-1] ^= 1
    (evidence / "another.pcap").write_bytes(changed)
    assert verify(store, evidence=evidence, workers=1).is_confirmed
    assert sorted(hashed) == [str(evidence / name) for name in ("another.pcap", "names.pcap", "small.pcap")]


def test_a_folder_of_evidence_that_is_not_there_is_an_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such folder"):
        verify(store, evidence=tmp_path / "gone", workers=1)


def test_a_damaged_table_is_a_difference(store: Store) -> None:
    (path,) = store.root.glob("captures/*/http-0000.parquet")
    path.write_bytes(path.read_bytes()[:500])
    (difference,) = verify(store, workers=1).differences
    assert difference.capture_id == "dcb8756b8485dcde"
    assert "its tables cannot be read" in difference.what
    assert "http-0000.parquet" in difference.what
