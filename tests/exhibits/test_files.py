"""Evidence files are found where they lie now, and only if they are the ones that were analysed."""

from __future__ import annotations

from pathlib import Path

import pytest

from iptvforensics.errors import CaseError
from iptvforensics.exhibits.files import frame_index, locate, manifest_of, sha256_of
from iptvforensics.store import Store

SMALL = "dcb8756b8485dcde"


def test_a_capture_is_named_by_the_beginning_of_its_identifier(sample_case: Path) -> None:
    assert manifest_of(Store.open(sample_case), "dcb8")["capture_id"] == SMALL


@pytest.mark.parametrize("name", ["", "zz", SMALL + "0"], ids=["empty", "unknown", "too-long"])
def test_an_unknown_capture_is_an_error_that_names_some(sample_case: Path, name: str) -> None:
    with pytest.raises(CaseError, match="no capture"):
        manifest_of(Store.open(sample_case), name)


def test_dots_stand_for_captures_that_are_not_named(sample_case: Path) -> None:
    with pytest.raises(CaseError) as few:
        manifest_of(Store.open(sample_case), "zz")
    assert "..." not in str(few.value)
    assert SMALL in str(few.value)


def test_a_file_is_taken_from_its_old_place(samples: Path, sample_case: Path) -> None:
    path = locate(manifest_of(Store.open(sample_case), SMALL))
    assert Path(path).samefile(samples / "formats/small.pcap")


def test_a_moved_file_is_found_by_its_digest(samples: Path, sample_case: Path, tmp_path: Path) -> None:
    manifest = {**manifest_of(Store.open(sample_case), SMALL), "path": "/gone/small.pcap"}
    with pytest.raises(CaseError, match="is not there"):
        locate(manifest)
    content = (samples / "formats/small.pcap").read_bytes()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "same size.bin").write_bytes(bytes(len(content)))
    with pytest.raises(CaseError, match="no file here has the SHA-256"):
        locate(manifest, tmp_path)
    (tmp_path / "a" / "renamed.bin").write_bytes(content)
    assert locate(manifest, tmp_path) == str(tmp_path / "a" / "renamed.bin")
    assert sha256_of(tmp_path / "a" / "renamed.bin") == manifest["sha256"]


def test_a_file_of_another_size_is_refused(sample_case: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(b"short")
    manifest = {**manifest_of(Store.open(sample_case), SMALL), "path": str(tmp_path / "x.pcap")}
    with pytest.raises(CaseError, match="5 bytes, but the file that was analysed had"):
        locate(manifest)


def test_the_index_begins_with_the_first_frame(sample_case: Path) -> None:
    entries = frame_index(Store.open(sample_case), SMALL)
    assert entries[0].first_frame == 1
    assert frame_index(Store.open(sample_case), "0000000000000000") == []
