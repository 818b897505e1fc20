"""First bytes to kinds, and to the reason why a flow is closed."""

from __future__ import annotations

import pytest

from iptvforensics.dissect.magic import kind_of


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
