"""Captures on a Dask cluster give the same case."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.batch import analyze_many
from iptvforensics.errors import CaseError, MissingProgramError
from iptvforensics.exhibits.digest import digest
from iptvforensics.store import Store


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, host="127.0.0.1", protocol="tcp"
    ) as running:
        yield running


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_cluster_gives_the_same_case(samples: Path, tmp_path: Path, cluster: Any) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"no capture at all")
    paths = [str(samples / "dns/names.pcap"), str(bad), str(samples / "formats/small.pcap")]
    there, here = Store.create(tmp_path / "there"), Store.create(tmp_path / "here")
    found = analyze_many(paths, there, scheduler=cluster.scheduler_address)
    analyze_many(paths, here, workers=1)
    assert [summary.path for summary in found] == paths
    assert [summary.error is None for summary in found] == [True, False, True]
    assert digest(there) == digest(here)


def test_without_dask_it_is_said_how_to_get_it(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingProgramError, match=r"iptvforensics\[cluster\]"):
        analyze_many([str(samples / "dns/names.pcap")], Store.create(tmp_path / "case"), scheduler="tcp://127.0.0.1:9")


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_an_address_where_nobody_answers_is_an_error(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr("iptvforensics.cluster.CONNECT_TIMEOUT_S", 0.3)
    with pytest.raises(CaseError, match="no Dask scheduler answers at"):
        analyze_many([str(samples / "dns/names.pcap")], Store.create(tmp_path / "case"), scheduler="tcp://127.0.0.1:9")
