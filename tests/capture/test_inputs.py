"""What names stand for: files, folders, patterns, standard input, URLs."""

from __future__ import annotations

import gzip
import os

import fsspec
import pytest

from iptvforensics.capture import expand
from iptvforensics.capture.inputs import is_capture
from iptvforensics.errors import CaptureError


@pytest.fixture
def folder(write, tmp_path):
    content = write.pcap(write.records(1))
    for name in ("b.pcap", "a.pcapng", "sub/c.cap", "sub/unnamed", "Z.PCAP"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "d.pcap.gz").write_bytes(gzip.compress(content))
    (tmp_path / "packed").write_bytes(gzip.compress(write.pcapng([])))
    (tmp_path / "notes.txt").write_text("no capture")
    (tmp_path / "other.gz").write_bytes(gzip.compress(b"no capture"))
    (tmp_path / "nothing").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.pcap")
    return tmp_path


def test_folder_gives_its_captures_in_the_order_of_their_paths(folder):
    names = [os.path.relpath(path, folder) for path in expand([str(folder)])]
    assert names == ["Z.PCAP", "a.pcapng", "b.pcap", "d.pcap.gz", "packed", "sub/c.cap", "sub/unnamed"]


def test_pattern_gives_sorted_matches(folder):
    names = [os.path.relpath(path, folder) for path in expand([str(folder / "*.pcap*")])]
    assert names == ["a.pcapng", "b.pcap", "d.pcap.gz", "pipe.pcap"]
    assert [os.path.basename(path) for path in expand([str(folder / "**" / "c.*")])] == ["c.cap"]


def test_each_file_is_given_once(folder):
    (folder / "link.pcap").symlink_to(folder / "b.pcap")
    found = expand([str(folder / "b.pcap"), f"file://{folder}/b.pcap", str(folder / "link.pcap")])
    assert found == [str(folder / "b.pcap")]


def test_name_with_pattern_characters_is_a_file_if_it_exists(write, tmp_path):
    (tmp_path / "a[1].pcap").write_bytes(write.pcap([]))
    assert expand([str(tmp_path / "a[1].pcap")]) == [str(tmp_path / "a[1].pcap")]


def test_named_file_is_kept_whatever_it_holds(folder):
    assert expand([str(folder / "notes.txt"), "-"]) == [str(folder / "notes.txt"), "-"]


@pytest.mark.parametrize("name", ["missing.pcap", "*.nothing", "empty"])
def test_name_that_stands_for_nothing_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaptureError, match="no capture file"):
        expand([str(tmp_path / name)])


def test_urls_are_kept_and_their_patterns_expanded():
    memory = fsspec.filesystem("memory")
    for name in ("two.pcap", "one.pcap"):
        memory.pipe(f"/exhibits/{name}", b"x")
    assert expand(["s3://bucket/a.pcap"]) == ["s3://bucket/a.pcap"]
    assert expand(["memory://exhibits/*.pcap"]) == ["memory:///exhibits/one.pcap", "memory:///exhibits/two.pcap"]


def test_captures_are_told_by_their_first_bytes(folder):
    assert is_capture(str(folder / "sub" / "unnamed"))
    assert not is_capture(str(folder / "other.gz"))
    assert not is_capture(str(folder / "missing"))


def test_what_cannot_be_opened_is_given_so_that_it_is_told(write, tmp_path, monkeypatch):
    """As root, which may read all, nothing is closed: the answers of the system are put in its place."""
    for name in ("open/a.pcap", "closed/b.pcap", "unnamed"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(write.pcap(write.records(1)))
    (tmp_path / "gone.pcap").symlink_to("nowhere")
    (tmp_path / "gone.lock").symlink_to("nowhere")
    closed = {str(tmp_path / "closed"), str(tmp_path / "unnamed")}

    def scandir(path):
        if path in closed:
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    scan = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "access", lambda path, mode: path not in closed)
    names = [os.path.relpath(path, tmp_path) for path in expand([str(tmp_path)])]
    assert sorted(names) == ["closed", "gone.pcap", "open/a.pcap", "unnamed"]
    assert sorted(map(os.fspath, expand([str(tmp_path / "closed")]))) == [str(tmp_path / "closed")]
