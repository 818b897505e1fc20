"""Files of the examiner to tables of a case, beside what was captured."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from click.testing import CliRunner
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from iptvforensics.analysis import analyze_capture
from iptvforensics.case import open_case
from iptvforensics.cli import main
from iptvforensics.enrich import enrich
from iptvforensics.errors import CaseError
from iptvforensics.reference_tables import FOLDER, REFERENCE_TABLES
from iptvforensics.store import Store

OUI = "Registry,Assignment,Organization Name,Organization Address\nMA-L,00005E,Osprey Boxes,x\n"


@pytest.fixture
def store(tmp_path, samples):
    """A case with one capture, whose addresses a database may know: documentation addresses are nowhere."""
    store = Store.create(tmp_path / "case")
    public = samples / "http-ts/live.pcap"
    moved = tmp_path / "moved.pcap"
    # 203.0.113.x becomes 203.1.113.x: the sums of the headers decide nothing.
    moved.write_bytes(public.read_bytes().replace(bytes((203, 0, 113)), bytes((203, 1, 113))))
    analyze_capture(str(moved), store, cores=1)
    return store


@pytest.fixture
def files(tmp_path):
    writer = MMDBWriter(6, "Sample-ASN", languages=["en"], ipv4_compatible=True)
    writer.insert_network(IPSet(["203.1.0.0/16"]), {"autonomous_system_number": 64500, "country": {"iso_code": "KR"}})
    writer.to_db_file(str(tmp_path / "asn.mmdb"))
    (tmp_path / "oui.csv").write_text(OUI)
    return tmp_path / "asn.mmdb", tmp_path / "oui.csv"


def test_tables_name_the_files_that_filled_them(store, files):
    mmdb, oui = files
    counts = enrich(store, mmdb=[mmdb], oui=[oui])
    assert set(counts) == {"places", "makers"}
    with open_case(store.root) as case:
        rows = list(
            case.query("SELECT DISTINCT country, asn, network, reference_file, reference_sha256 FROM places").rows
        )
        digest = hashlib.sha256(mmdb.read_bytes()).hexdigest()
        assert rows == [("KR", 64500, "203.1.0.0/16", "asn.mmdb", digest)]
        assert case.count_rows()["places"] == counts["places"]
        notes = {note for (note,) in case.query("SELECT note FROM makers").rows}
        assert notes == {"set locally: names no maker"}
    said = json.loads((store.root / FOLDER / "manifest.json").read_text())["files"]
    assert [file["file"] for file in said] == ["asn.mmdb", "oui.csv"]


@pytest.mark.parametrize(
    ("block", "maker"), [(b"\0\0\x5e", "Osprey Boxes (oui.csv)"), (b"\2\0\x5e", "set locally, no maker")]
)
def test_devices_name_the_makers_of_the_file_and_the_digest_of_the_case_stays(tmp_path, samples, files, block, maker):
    moved = tmp_path / "moved.pcap"
    moved.write_bytes((samples / "http-ts/live.pcap").read_bytes().replace(b"\2\0\x5e\x0a\x01", block + b"\x0a\x01"))
    store = Store.create(tmp_path / "case")
    analyze_capture(str(moved), store, cores=1)
    with open_case(store.root) as case:
        before = case.digest()
        [(former,)] = case.query("SELECT maker FROM devices").rows
        assert former in (None, "set locally, no maker")
    enrich(store, oui=[files[1]])
    with open_case(store.root) as case:
        assert list(case.query("SELECT maker FROM devices").rows) == [(maker,)]
        assert case.digest() == before


def test_a_table_is_made_anew_as_a_whole_and_the_other_one_stays(store, files):
    mmdb, oui = files
    with open_case(store.root) as case:
        assert list(case.query("SELECT ip FROM places").rows) == []
        places = enrich(store, mmdb=[mmdb])["places"]
        assert len(list(case.query("SELECT ip FROM places").rows)) == places > 0, "an open case sees them"
        counts = enrich(store, oui=[oui])
        assert (counts["places"], len(list(case.query("SELECT ip FROM places").rows))) == (places, places)
        enrich(store, mmdb=[mmdb])
        assert len(list(case.query("SELECT ip FROM places").rows)) == places, "not twice"
    said = json.loads((store.root / FOLDER / "manifest.json").read_text())["files"]
    assert [(file["file"], file["table"]) for file in said] == [("oui.csv", "makers"), ("asn.mmdb", "places")]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [], "files": []}', '{"rows": {"makers": 1}, "files": [1]}'])
def test_a_damaged_manifest_of_the_former_tables_is_an_error(store, files, text):
    enrich(store, oui=[files[1]])
    (store.root / FOLDER / "manifest.json").write_text(text)
    with pytest.raises(CaseError, match="cannot be read"):
        enrich(store, oui=[files[1]])
    assert [path.name for path in store.root.iterdir() if path.name.startswith(".")] == []


def test_a_file_that_is_none_changes_nothing(store, files, tmp_path):
    mmdb, _ = files
    counts = enrich(store, mmdb=[mmdb])
    (tmp_path / "bad.mmdb").write_bytes(b"no")
    for bad in (tmp_path / "bad.mmdb", tmp_path / "missing.mmdb"):
        with pytest.raises(CaseError, match=bad.name):
            enrich(store, mmdb=[mmdb, bad])
    assert store.count_rows()["places"] == counts["places"]


def test_command(store, files):
    mmdb, oui = files
    done = CliRunner().invoke(main, ["enrich", str(store.root), "--mmdb", str(mmdb), "--oui", str(oui)])
    assert done.exit_code == 0, done.output
    assert "places:" in done.stderr
    assert CliRunner().invoke(main, ["enrich", str(store.root)]).exit_code == 2


def test_every_table_can_be_shown_without_files(store):
    shutil.rmtree(store.root / FOLDER, ignore_errors=True)
    with open_case(store.root) as case:
        assert [list(case.rows(table.name).rows) for table in REFERENCE_TABLES] == [[], []]
