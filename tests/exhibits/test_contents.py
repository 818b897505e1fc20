"""Bodies out of the evidence are the files that the servers sent."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.analysis import Options
from iptvforensics.batch import analyze_many
from iptvforensics.errors import CaseError
from iptvforensics.exhibits.contents import body_at, body_of_case, contents_of
from iptvforensics.exhibits.files import frame_index
from iptvforensics.store import Store

RECORDINGS = ["hls/aes-128", "hls/fmp4-vod", "hls/gzip-playlist", "hls/ipv6", "hls/redirected", "progressive/whole"]


def whole_files(truth: dict[str, Any]) -> set[tuple[str, str]]:
    """URL and SHA-256 of the files that a server sent whole."""
    found = set()
    for session in truth["sessions"]:
        for media in session["media"]:
            if media.get("completed") and media.get("bytes") == media["body_bytes"]:
                found.add((media["url"], media["sha256"]))
        if "playlist_file" in session:
            found.add((session["stream"], session["playlist_file"]["sha256"]))
    return found


@pytest.mark.parametrize("name", RECORDINGS)
def test_bodies_are_the_files_on_the_server(samples: Path, name: str) -> None:
    expected = whole_files(json.loads((samples / f"{name}.truth.json").read_text()))
    assert expected
    found = {(body.name, body.sha256) for body in contents_of(samples / f"{name}.pcap")}
    assert expected <= found


def test_the_digest_is_that_of_the_bytes(samples: Path) -> None:
    bodies = list(contents_of(samples / "formats/small.pcap"))
    assert len(bodies) == 2
    assert all(hashlib.sha256(body.data).hexdigest() == body.sha256 for body in bodies)


def test_one_flow_gives_the_same_bodies_as_the_whole_capture(samples: Path) -> None:
    path = samples / "hls/redirected.pcap"
    everything = list(contents_of(path))
    flow_id = everything[-1].flow_id
    assert list(contents_of(path, only_flow=flow_id)) == [body for body in everything if body.flow_id == flow_id]


def test_a_body_is_found_without_reading_what_lies_before_its_flow(samples: Path, tmp_path: Path) -> None:
    path = samples / "hls/redirected.pcap"
    store = Store.create(tmp_path / "case")
    analyze_many([str(path)], store, workers=1, options=Options(block_bytes=100_000))
    index = frame_index(store, "92b232c77f166f4c")
    wanted = list(contents_of(path))[-1]
    later = [entry for entry in index if entry.stream_offset and entry.first_frame <= wanted.flow_id]
    assert later
    assert body_at(path, wanted.flow_id, wanted.offset, wanted.from_orig, index=index) == wanted
    assert body_at(path, wanted.flow_id, wanted.offset, wanted.from_orig, index=later) == wanted


@pytest.mark.parametrize(
    ("flow_id", "offset", "from_orig"), [(999999, 0, False), (1, 1, False)], ids=["flow", "offset"]
)
def test_where_no_body_begins_there_is_none(samples: Path, flow_id: int, offset: int, from_orig: bool) -> None:
    assert body_at(samples / "formats/small.pcap", flow_id, offset, from_orig) is None


def test_every_row_of_objects_gives_its_body(sample_case: Path) -> None:
    store = Store.open(sample_case)
    connection = store.connection()
    rows = connection.execute(
        "SELECT capture_id, flow_id, stream_offset, from_orig, bytes, sha256 FROM objects"
    ).fetchall()
    connection.close()
    assert len(rows) > 10
    for capture_id, flow_id, offset, from_orig, size, sha256 in rows[::4]:
        body = body_of_case(store, capture_id, flow_id, offset, from_orig)
        assert len(body.data) == size
        assert sha256 in (None, body.sha256)


def test_a_place_without_a_row_is_an_error(sample_case: Path) -> None:
    with pytest.raises(CaseError, match="no body begins here"):
        body_of_case(Store.open(sample_case), "dcb8756b8485dcde", 1, 3)


def test_evidence_that_gives_another_body_is_an_error(samples: Path, tmp_path: Path) -> None:
    copy = tmp_path / "small.pcap"
    copy.write_bytes((samples / "formats/small.pcap").read_bytes())
    store = Store.create(tmp_path / "case")
    analyze_many([str(copy)], store, workers=1)
    connection = store.connection()
    row = connection.execute("SELECT capture_id, flow_id, stream_offset FROM objects WHERE bytes > 50000").fetchone()
    connection.close()
    assert row is not None
    content = bytearray(copy.read_bytes())
    content[-20_000] ^= 1
    copy.write_bytes(content)
    with pytest.raises(CaseError, match="another body"):
        body_of_case(store, *row)
