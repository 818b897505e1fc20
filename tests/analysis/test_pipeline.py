"""What the file and the layers below the flows say ends up in the captures and anomalies tables."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest

from iptvforensics.analysis import analyze_capture
from iptvforensics.flows import summary
from iptvforensics.libraries import present
from iptvforensics.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"


def analyse(path: Path, tmp_path: Path):
    store = Store.create(tmp_path / "case")
    return analyze_capture(str(path), store, cores=1), store


def test_the_captures_row_describes_the_evidence(tmp_path: Path) -> None:
    path = SAMPLES / "formats" / "small.pcap"
    found, store = analyse(path, tmp_path)
    (row,) = store.connection().execute("select * from captures").fetchall()
    names = [column[0] for column in store.connection().execute("select * from captures").description]
    capture = dict(zip(names, row, strict=True))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert capture["sha256"] == sha256
    assert capture["capture_id"] == sha256[:16] == found.capture_id
    assert capture["size_bytes"] == path.stat().st_size
    assert capture["frames"] == 71
    assert capture["format"] == "pcap"
    assert capture["link_types"] == ["1"]
    assert capture["is_damaged"] is False
    assert capture["first_ns"] < capture["last_ns"]


def test_a_cut_file_is_damaged_and_keeps_what_came_before(tmp_path: Path) -> None:
    _, store = analyse(SAMPLES / "damaged" / "cut-in-a-record.pcap", tmp_path)
    ask = store.connection().execute
    assert ask("select is_damaged, frames from captures").fetchall() == [(True, 49)]
    sql = "select stream_offset, count from anomalies where name = 'CAPTURE_cut_last_record'"
    ((offset, count),) = ask(sql).fetchall()
    assert count == 1
    assert offset == 40_000 - 924 - 16
    assert ask("select count(*) from http").fetchone() == (2,)


def test_frames_that_give_no_packet_are_counted_with_their_reason(tmp_path: Path) -> None:
    frame = bytes(12) + struct.pack(">H", 0x0806) + bytes(28)
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    record = struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
    (tmp_path / "arp.pcap").write_bytes(header + record * 3)
    _, store = analyse(tmp_path / "arp.pcap", tmp_path)
    rows = store.connection().execute("select name, frame_no, count from anomalies").fetchall()
    assert rows == [("PACKETS_arp", 1, 3)]
    assert store.connection().execute("select count(*) from flows").fetchone() == (0,)


def test_the_manifest_says_how_the_result_was_made(tmp_path: Path) -> None:
    found, store = analyse(SAMPLES / "dns" / "names.pcap", tmp_path)
    folder = store.root / "captures" / f"capture_id={found.capture_id}"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["rows"]["dns"] == 16
    assert manifest["sha256"] == found.sha256
    assert manifest["version"]
    assert manifest["libraries"] == present()


def test_flows_do_not_depend_on_how_many_become_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = SAMPLES / "hls" / "two-boxes.pcap"
    tables = []
    for portion in (summary.PORTION_FLOWS, 3):
        monkeypatch.setattr(summary, "PORTION_FLOWS", portion)
        _, store = analyse(path, tmp_path / str(portion))
        tables.append(store.connection().execute("select * from flows order by all").fetchall())
    assert len(tables[0]) > 3
    assert tables[0] == tables[1]
