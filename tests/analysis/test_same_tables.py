"""The same traffic gives the same tables, whatever the file format, block size, cores and kernel speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from iptvforensics import kernel
from iptvforensics.analysis import Options, analyze_capture
from iptvforensics.store import Store, tables

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
FILE_COLUMNS = {"capture_id", "session_id", "row_id"}
"""Columns derived from the hash of the file: they differ where the file does."""
FILE_TABLES = {"captures", "frame_index"}


def rows_of(path: Path, folder: Path, *, block_bytes: int = 64 << 20, cores: int = 1) -> dict[str, list[str]]:
    """Return the rows of every table as sorted text, without what belongs to the file itself."""
    store = Store.create(folder)
    analyze_capture(str(path), store, options=Options(block_bytes=block_bytes), cores=cores)
    connection = store.connection()
    found = {}
    for table in tables().values():
        if table.name in FILE_TABLES:
            continue
        names = ", ".join(f'"{name}"' for name in table.column_names if name not in FILE_COLUMNS)
        found[table.name] = sorted(map(repr, connection.execute(f"select {names} from {table.name}").fetchall()))
    return found


@pytest.fixture(scope="module")
def plain_pcap(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    kernel.use("plain")
    return rows_of(SAMPLES / "formats" / "small.pcap", tmp_path_factory.mktemp("plain") / "case")


def test_the_reference_has_content(plain_pcap: dict[str, list[str]]) -> None:
    for name in ("flows", "http", "objects", "playlists", "transport_streams", "sessions", "evidence", "stream_index"):
        assert plain_pcap[name], name


@pytest.mark.parametrize("name", ["small-ns.pcap", "small.pcapng", "small.pcap.gz", "small.pcap.xz", "small.pcap.zst"])
def test_the_format_of_the_file_changes_nothing(name: str, plain_pcap: dict[str, list[str]], tmp_path: Path) -> None:
    assert rows_of(SAMPLES / "formats" / name, tmp_path / "case") == plain_pcap


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("block_bytes", [2_000, 9_973, 30_000])
def test_the_size_of_the_blocks_changes_nothing(
    block_bytes: int, cores: int, plain_pcap: dict[str, list[str]], tmp_path: Path
) -> None:
    found = rows_of(SAMPLES / "formats" / "small.pcap", tmp_path / "case", block_bytes=block_bytes, cores=cores)
    assert found == plain_pcap


CAPTURES = [
    "hls/redirected.pcap",
    "hls/two-boxes.pcap",
    "http-ts/chunked.pcap",
    "rtmp/play-chunk-128.pcap",
    "rtmp/play-midstream.pcap",
    "udp-ts/multicast.pcap",
    "dns/names.pcap",
    "tls/https-vod.pcap",
    "quic/hello.pcap",
    "damaged/hls-dropped.pcap",
    "damaged/http-ts-reordered.pcap",
    "damaged/hls-one-way.pcap",
]


@pytest.mark.parametrize("name", CAPTURES)
def test_small_blocks_give_the_same_tables(name: str, tmp_path: Path) -> None:
    whole = rows_of(SAMPLES / name, tmp_path / "whole")
    parts = rows_of(SAMPLES / name, tmp_path / "parts", block_bytes=70_001)
    assert parts == whole


@pytest.mark.parametrize("name", CAPTURES)
def test_machine_code_gives_the_same_tables(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = rows_of(SAMPLES / name, tmp_path / "plain")
    monkeypatch.setenv("IPTVFORENSICS_KERNELS", "compiled")
    compiled = rows_of(SAMPLES / name, tmp_path / "compiled", cores=2)
    assert compiled == plain
