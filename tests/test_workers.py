"""Worker processes that die, and what is done about it."""

from __future__ import annotations

import queue
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from iptvforensics import workers
from iptvforensics.analysis import Options
from iptvforensics.batch import analyze_many
from iptvforensics.derived import state_of
from iptvforensics.store import Store
from iptvforensics.workers import Pool

DEADLY = """
import json, os, signal, sys
sys.path[:] = json.loads(sys.argv[1])
import iptvforensics.batch, iptvforensics.workers
really = iptvforensics.batch.analyze_one
def analyze_one(path, *rest):
    mark = path + ".died"
    if "always" in path or ("once" in path and not os.path.exists(mark)):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    print("noise on standard output")
    return really(path, *rest)
iptvforensics.batch.analyze_one = analyze_one
def derive(*_, **__):
    if DEADLY_AT_THE_END == "fails":
        return "no space"
    os.kill(os.getpid(), signal.SIGKILL)
if DEADLY_AT_THE_END:
    iptvforensics.batch.derive = derive
iptvforensics.workers.work()
"""


@pytest.fixture
def files(samples: Path, tmp_path: Path) -> list[str]:
    content = bytearray((samples / "dns/names.pcap").read_bytes())
    paths = []
    for name in ("first", "always", "once", "last"):
        content[-1] ^= len(paths) + 1
        (tmp_path / f"{name}.pcap").write_bytes(content)
        paths.append(str(tmp_path / f"{name}.pcap"))
    return paths


def test_a_dying_worker_loses_only_the_file_that_kills_it(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_START", "DEADLY_AT_THE_END = False\n" + DEADLY)
    store = Store.create(tmp_path / "case")
    pool = Pool(files, store, None, 2, False)
    found = dict(pool.run())
    errors = [found[number].error for number in range(4)]
    assert [error is None for error in errors] == [True, False, True, True]
    assert "always.pcap: the worker process failed 2 times (it died with exit code -9)" in str(errors[1])
    assert len(store.manifests()) == 3
    assert pool.is_derived
    assert (store.root / "entities" / f"state={state_of(store)}" / "manifest.json").exists()


@pytest.mark.parametrize(("is_noticed", "lost"), [(True, 0), (False, 1)])
def test_a_worker_that_died_between_two_files_is_replaced(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_noticed: bool, lost: int
) -> None:
    """If it is not seen to be dead, the pipe to it breaks: that costs one try of one file, and nothing of the next."""
    store = Store.create(tmp_path / "case")
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    task = {"root": str(store.root), "options": asdict(Options()), "cores": 1, "force": False}
    worker = workers._Worker(task, waiting, answers)
    worker.start()

    def failed(number: int) -> bool:
        waiting.put((number, {"analyze": files[number]}))
        while (message := answers.get()[1]) is not None and "summary" not in message:
            pass
        return message is None

    assert not failed(0)
    assert worker.process is not None
    worker.process.kill()
    worker.process.wait()
    if not is_noticed:
        monkeypatch.setattr(worker.process, "poll", lambda: None)
    assert sum(failed(number) for number in (1, 2, 3)) == lost
    worker.process.kill()
    worker.process.wait()
    waiting.put(None)
    worker.join()
    assert len(store.manifests()) == 4 - lost


@pytest.mark.parametrize("how", ["dies", "fails"])
def test_a_worker_that_cannot_make_the_tables_of_the_case_costs_nothing(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(workers, "_START", f"DEADLY_AT_THE_END = {how!r}\n" + DEADLY)
    store = Store.create(tmp_path / "case")
    found = analyze_many([files[0], files[3]], store, workers=2, not_derived=pytest.fail)
    assert [summary.error for summary in found] == [None, None]
    assert (store.root / "entities" / f"state={state_of(store)}" / "manifest.json").exists()


def test_an_interrupted_run_ends_its_workers(files: list[str], tmp_path: Path) -> None:
    pool = Pool(files, Store.create(tmp_path / "case"), None, 2, False)
    run = pool.run()
    next(run)
    started = list(pool.processes())
    run.close()
    assert started
    assert all(process.poll() is not None for process in started)


def test_workers_need_nothing_of_the_program_that_starts_them(files: list[str], tmp_path: Path) -> None:
    code = f"""
import iptvforensics
case = iptvforensics.analyze({files!r}, {str(tmp_path / "case")!r}, workers=2)
print(len(case.summaries), len(case.failures))
"""
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, check=True)
    assert done.stdout == "4 0\n"


def test_lines_of_the_workers_are_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    pool = Pool(["a", "b"], Store.create(tmp_path / "case"), None, 2, False, announce=said.append)
    for line in ("compiling", "compiling"):
        pool.tell({"announce": line})
    assert said == ["compiling"]
