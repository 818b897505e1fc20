"""One file into a case: known captures are skipped, unreadable ones leave the case as it was."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path

import pytest

from iptvforensics.analysis import Progress, analyze_capture, capture_file
from iptvforensics.errors import CaptureError
from iptvforensics.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
SMALL = SAMPLES / "formats" / "small.pcap"


def folders(store: Store) -> list[str]:
    return sorted(p.name for p in (store.root / "captures").iterdir())


def test_a_known_capture_is_skipped_wherever_it_lies(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "case")
    first = analyze_capture(str(SMALL), store, cores=1)
    copy = tmp_path / "copy.pcap"
    shutil.copy(SMALL, copy)
    second = analyze_capture(str(copy), store, cores=1)
    assert not first.skipped
    assert second.skipped
    assert second.capture_id == first.capture_id
    assert second.frames == first.frames == 71
    assert second.rows == first.rows


def test_force_replaces_the_analysis(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "case")
    analyze_capture(str(SMALL), store, cores=1)
    again = analyze_capture(str(SMALL), store, cores=1, force=True)
    assert not again.skipped
    assert len(folders(store)) == 1


def test_the_same_size_is_not_the_same_file(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "case")
    analyze_capture(str(SMALL), store, cores=1)
    other = bytearray(SMALL.read_bytes())
    other[-1] ^= 1
    (tmp_path / "other.pcap").write_bytes(other)
    assert not analyze_capture(str(tmp_path / "other.pcap"), store, cores=1).skipped
    assert len(folders(store)) == 2


@pytest.mark.parametrize("content", [b"", b"no capture at all, but some text"])
def test_an_unreadable_file_leaves_the_case_as_it_was(content: bytes, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "case")
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(content)
    with pytest.raises(CaptureError, match=r"bad\.pcap"):
        analyze_capture(str(bad), store, cores=2)
    assert folders(store) == []


def test_the_evidence_and_its_folder_stay_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    evidence = folder / "box.pcap"
    shutil.copy(SMALL, evidence)
    evidence.chmod(0o444)
    folder.chmod(0o555)
    before = (evidence.stat().st_mtime_ns, evidence.read_bytes(), sorted(p.name for p in folder.iterdir()))
    analyze_capture(str(evidence), Store.create(tmp_path / "case"), cores=2)
    assert (evidence.stat().st_mtime_ns, evidence.read_bytes(), sorted(p.name for p in folder.iterdir())) == before
    folder.chmod(0o755)


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    seen: list[Progress] = []
    analyze_capture(str(SMALL), Store.create(tmp_path / "case"), cores=1, progress=seen.append)
    assert seen[-1].done_bytes == seen[-1].total_bytes == SMALL.stat().st_size


@pytest.mark.parametrize("has_frozen", [True, False])
def test_the_interpreter_is_left_as_it_was(tmp_path: Path, has_frozen: bool) -> None:
    before = gc.get_threshold()
    if has_frozen:
        gc.freeze()
    try:
        analyze_capture(str(SMALL), Store.create(tmp_path / "case"), cores=2)
        assert gc.get_threshold() == before
        assert (gc.get_freeze_count() > 0) == has_frozen
    finally:
        gc.unfreeze()


def test_a_line_is_announced_once_though_two_processes_say_it() -> None:
    told: list[str] = []
    say = capture_file._once(told.append)
    for line in ("compiling", "compiling", "done", "compiling"):
        say(line)
    assert told == ["compiling", "done"]


def test_a_capture_is_read_again_when_a_library_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.create(tmp_path / "case")
    path = str(SAMPLES / "formats" / "small.pcap")
    assert not analyze_capture(path, store, cores=1).skipped
    monkeypatch.setattr("iptvforensics.libraries.present", dict)
    assert not analyze_capture(path, store, cores=1).skipped
