"""First bytes to kinds, and to the reason why a flow is closed."""

from __future__ import annotations

import pytest

from iptvforensics.dissect.magic import closed_by, kind_of
from iptvforensics.protocol import Opening


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b"FLV\x01\x05", "flv"),
        (b"FLV\x02\x05", None),
        (b"\x1aE\xdf\xa3\x01", "matroska"),
        (b"ID3\x04", "id3"),
        (b"OggS", "ogg"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (b"\xff\xd8\xff\xe0", "image"),
        (b"GIF89a", "image"),
        (b"RIFF\x00\x00\x00\x00WAVE", "riff"),
        (b"PK\x03\x04", "zip"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"%PDF-1.7", "pdf"),
        (b"#EXTM3U\n", "m3u"),
        (b"WEBVTT\n", "webvtt"),
        (b"ADIF\x00", "aac"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"\xff\xf9\x50\x80", "aac"),
        (b"\xff\xe1\x50\x80", None),
        (b"\x00\x00\x00\x18ftypisom", "mp4"),
        (b"\x00\x00\x00\x18moof", "mp4"),
        (b"\x00\x00\x00\x18xxxx", None),
        (b"<!DOCTYPE html><p>", "html"),
        (b"\n <HTML>", "html"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "xml"),
        (b"<MPD xmlns=''>", "xml"),
        (b"<tv generator-info-name='x'>", "xml"),
        (b'  {"a": 1}', "json"),
        (b"[1]", "json"),
        (b"plain words\r\n", "text"),
        (b"\x00\x01\x02", None),
        (b"text\x00", None),
        (b"", None),
    ],
    ids=repr,
)
def test_kind(first: bytes, kind: str | None) -> None:
    assert kind_of(first) == kind


HELLO = bytes.fromhex("160301000401000000")
ANSWER = bytes.fromhex("16030300040200000017")
RECORDS = bytes.fromhex("17030300020000") + bytes.fromhex("1703030040")


def closed(orig: bytes = b"", resp: bytes = b"") -> tuple[str, bool] | None:
    found = closed_by(Opening("tcp", orig, resp))
    return None if found is None else found[:2]


def test_hello_of_either_side_closes_a_flow() -> None:
    assert closed(HELLO, ANSWER) == ("TLS_not_decoded", True)
    assert closed(b"", ANSWER) == ("TLS_not_decoded", False)


def test_two_records_in_a_row_close_a_flow_that_was_joined_late() -> None:
    assert closed(RECORDS) == ("TLS_not_decoded", True)
    assert closed(RECORDS[:-1]) is None


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HELLO[:4], id="cut record header"),
        pytest.param(HELLO[:5], id="record header alone"),
        pytest.param(bytes.fromhex("160301000403000000"), id="no hello"),
        pytest.param(bytes.fromhex("160401000401000000"), id="other version"),
        pytest.param(bytes.fromhex("160305000401000000"), id="version too high"),
        pytest.param(bytes.fromhex("160301000001000000"), id="empty record"),
        pytest.param(bytes.fromhex("160301ffff01000000"), id="record too long"),
        pytest.param(bytes.fromhex("130301000401000000"), id="unknown record type"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="text"),
    ],
)
def test_other_bytes_do_not_close_a_flow(first: bytes) -> None:
    assert closed(first) is None
