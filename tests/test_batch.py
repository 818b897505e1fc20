"""Many captures into one case: each once, in order, whatever happens to a worker or to the whole run."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from iptvforensics import batch
from iptvforensics.analysis import Progress, Summary
from iptvforensics.batch import analyze_many, available_cores
from iptvforensics.errors import CaptureError, CaseError
from iptvforensics.exhibits.digest import digest
from iptvforensics.store import Store


def variants(source: Path, folder: Path, count: int) -> list[Path]:
    """Write captures that differ in the time of their first frame."""
    folder.mkdir()
    content = bytearray(source.read_bytes())
    paths = []
    for number in range(count):
        struct.pack_into("<I", content, 24, 1_700_000_000 + number)
        paths.append(folder / f"{number:02d}.pcap")
        paths[-1].write_bytes(content)
    return paths


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "case")


@pytest.mark.parametrize("workers", [1, 2])
def test_summaries_come_in_the_order_of_the_files(samples: Path, store: Store, workers: int) -> None:
    names = ["dns/names.pcap", "hls/redirected.pcap", "formats/small.pcap"]
    done: list[Summary] = []
    found = analyze_many([str(samples / name) for name in names], store, workers=workers, done=done.append)
    assert [Path(summary.path).name for summary in found] == ["names.pcap", "redirected.pcap", "small.pcap"]
    assert all(summary.error is None and summary.frames > 20 for summary in found)
    assert sorted(summary.path for summary in done) == sorted(summary.path for summary in found)
    assert len(store.manifests()) == 3


def test_one_worker_and_two_give_the_same_rows(samples: Path, tmp_path: Path) -> None:
    paths = [str(samples / name) for name in ("dns/names.pcap", "hls/redirected.pcap", "udp-ts/multicast.pcap")]
    digests = []
    for workers in (1, 2):
        store = Store.create(tmp_path / f"case{workers}")
        analyze_many(paths, store, workers=workers)
        digests.append(digest(store))
    assert digests[0] == digests[1]
    assert len(digests[0].tables) > 10


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    samples: Path, store: Store, tmp_path: Path, workers: int
) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"no capture, but some bytes")
    (tmp_path / "gone.pcap").symlink_to(tmp_path / "nowhere")
    paths = [str(bad), str(tmp_path / "gone.pcap"), str(samples / "dns/names.pcap")]
    found = analyze_many(paths, store, workers=workers)
    assert [summary.error is None for summary in found] == [False, False, True]
    assert "bad.pcap" in str(found[0].error)
    assert len(store.manifests()) == 1
    assert not [path for path in (store.root / "captures").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("force", [False, True], ids=["first-time", "forced"])
@pytest.mark.parametrize("workers", [1, 2])
def test_copies_are_analysed_once(samples: Path, store: Store, tmp_path: Path, workers: int, force: bool) -> None:
    for name in ("b.pcap", "a.pcap"):
        shutil.copy(samples / "dns/names.pcap", tmp_path / name)
    other = bytearray((samples / "dns/names.pcap").read_bytes())
    other[-1] ^= 1
    (tmp_path / "same-size.pcap").write_bytes(other)
    paths = [str(tmp_path / name) for name in ("b.pcap", "a.pcap", "same-size.pcap")]
    found = analyze_many(paths, store, workers=workers, force=force)
    assert [(Path(s.path).name, s.skipped) for s in found] == [
        ("b.pcap", False),
        ("a.pcap", True),
        ("same-size.pcap", False),
    ]
    assert found[0].capture_id == found[1].capture_id != found[2].capture_id
    assert len(store.manifests()) == 2


@pytest.mark.parametrize("differs_at", [0, 10_000, 32_768, 50_000, 65_535])
def test_files_that_differ_in_one_byte_are_no_copies(tmp_path: Path, differs_at: int) -> None:
    content = bytearray(1 << 16)
    (tmp_path / "first").write_bytes(content)
    (tmp_path / "copy").write_bytes(content)
    content[differs_at] = 1
    (tmp_path / "other").write_bytes(content)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    files = [str(tmp_path / name) for name in ("other", "first", "gone", "copy")]
    assert batch._originals(files) == {3: 1}


def test_files_that_differ_where_it_shows_at_once_are_not_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    monkeypatch.setattr(batch, "sha256_of", lambda path: pytest.fail(f"hashed {path}"))
    assert batch._originals([str(tmp_path / "a"), str(tmp_path / "b")]) == {}


def test_what_the_case_holds_is_skipped_unless_forced(samples: Path, store: Store) -> None:
    path = [str(samples / "dns/names.pcap")]
    assert [analyze_many(path, store, force=force)[0].skipped for force in (False, False, True)] == [False, True, False]


def test_a_name_that_stands_for_nothing_is_an_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no capture file was found"):
        analyze_many([str(tmp_path / "nothing*.pcap")], store)


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_ends_with_the_whole_of_each_file(samples: Path, store: Store, workers: int) -> None:
    paths = [str(samples / name) for name in ("dns/names.pcap", "formats/small.pcap")]
    seen: list[Progress] = []
    analyze_many(paths, store, workers=workers, progress=seen.append)
    last = {event.path: event for event in seen}
    assert {path: event.done_bytes for path, event in last.items()} == {path: os.path.getsize(path) for path in paths}
    assert all(event.total_bytes == event.done_bytes for event in last.values())


@pytest.mark.parametrize(
    ("error", "why"),
    [(CaseError("damaged"), "damaged"), (KeyError("x"), "internal error, please report it: KeyError: 'x'")],
)
def test_why_the_tables_of_the_case_could_not_be_made_is_told(
    samples: Path, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    def refresh(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("iptvforensics.derived.refresh", refresh)
    told: list[str] = []
    found = analyze_many([str(samples / "dns/names.pcap")], store, workers=1, not_derived=told.append)
    assert found[0].error is None
    assert told == [why]


def test_a_defect_met_in_one_file_is_logged_and_does_not_stop_the_others(
    samples: Path, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def analyze(path: str, *_: object, **__: object) -> Summary:
        if "small" in path:
            raise TypeError("not as planned")
        return Summary(path)

    monkeypatch.setattr("iptvforensics.batch.analyze_capture", analyze)
    paths = [str(samples / name) for name in ("formats/small.pcap", "dns/names.pcap")]
    found = analyze_many(paths, store, workers=1)
    assert [summary.error is None for summary in found] == [False, True]
    assert "internal error, please report it: TypeError: not as planned" in str(found[0].error)
    assert "Traceback" in caplog.text


def test_cores_are_those_that_may_be_used() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_a_killed_run_leaves_whole_captures_and_the_next_one_completes_it(samples: Path, tmp_path: Path) -> None:
    paths = variants(samples / "formats/small.pcap", tmp_path / "evidence", 8)
    undisturbed = Store.create(tmp_path / "undisturbed")
    analyze_many([str(path) for path in paths], undisturbed, workers=1)
    command = [sys.executable, "-m", "iptvforensics", "analyze", str(tmp_path / "evidence"), "--workers", "2"]
    command += ["--case", str(tmp_path / "case")]
    kills = 0
    for delay in (0.5, 0.9, 0.7, 1.2, 1.0):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(delay)
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with its workers
            process.wait()
            kills += 1
        if (tmp_path / "case" / "case.json").exists():
            store = Store.open(tmp_path / "case")
            connection = store.connection()
            rows = connection.execute("SELECT capture_id, count(*) FROM http GROUP BY 1").fetchall()
            connection.close()
            assert sorted(row[0] for row in rows) == [manifest["capture_id"] for manifest in store.manifests()]
            assert {row[1] for row in rows} <= {2}
    assert kills
    found = analyze_many([str(path) for path in paths], Store.create(tmp_path / "case"), workers=1)
    assert all(summary.error is None for summary in found)
    assert digest(Store.open(tmp_path / "case")) == digest(undisturbed)
    Store.open(tmp_path / "case").clean()  # what a worker that was only just dying has left
    assert len(list((tmp_path / "case" / "captures").iterdir())) == 8
