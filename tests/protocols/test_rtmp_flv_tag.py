"""What audio and video payloads say in their first bytes."""

from __future__ import annotations

import pytest

from iptvforensics.protocols._flv_tag import KIND_CODED, KIND_CONFIG, KIND_OTHER, codec_name, tag_header

HVC1, AV01, OPUS = b"hvc1", b"av01", b"Opus"
MOD = b"\x02\x01\x02\x03"  # three bytes of data, as a nanosecond offset has


@pytest.mark.parametrize(
    ("payload", "codec", "kind", "key", "place"),
    [
        (b"\x17\x00\0\0\0C", "avc1", KIND_CONFIG, False, 5),
        (b"\x17\x01\0\0\0P", "avc1", KIND_CODED, True, 5),
        (b"\x27\x01\0\0\0P", "avc1", KIND_CODED, False, 5),
        (b"\x17\x02\0\0\0", "avc1", KIND_OTHER, False, 5),
        (b"\x1c\x00\0\0\0C", "hvc1", KIND_CONFIG, False, 5),
        (b"\x12P", "h263", KIND_CODED, True, 5),
        (b"\x57\x00", "avc1", KIND_OTHER, False, 1),
        (b"\x90" + HVC1 + b"C", "hvc1", KIND_CONFIG, False, 5),
        (b"\x91" + HVC1 + b"\0\0\0P", "hvc1", KIND_CODED, True, 5),
        (b"\xa3" + AV01 + b"P", "av01", KIND_CODED, False, 5),
        (b"\x92" + HVC1, "hvc1", KIND_OTHER, False, 5),
        (b"\x94" + HVC1, "hvc1", KIND_OTHER, False, 5),
        (b"\x97" + MOD + b"\x01" + HVC1 + b"\0\0\0P", "hvc1", KIND_CODED, True, 10),
        (b"\x97\xff\x00\x02\x01\x02\x03\x01" + HVC1 + b"P", "hvc1", KIND_CODED, True, 12),
        (b"\x96\x00" + HVC1 + b"\x00C", "hvc1", KIND_CONFIG, False, 7),
        (b"\x96\x10" + HVC1 + b"\x00\0\0\x01C", "hvc1", KIND_CONFIG, False, 10),
        (b"\x96\x21" + AV01 + b"\x00\0\0\x01P", "av01", KIND_CODED, True, 10),
        (b"\x96\x00" + HVC1 + b"\x01C", "0", KIND_OTHER, False, 0),
        (b"\x96\x01" + HVC1 + b"\x02P", "0", KIND_OTHER, False, 0),
    ],
    ids=[
        "avc configuration", "avc key", "avc inter", "avc end", "hevc by number", "h263", "command", "ex configuration",
        "ex coded", "ex coded x", "ex end", "ex metadata", "modex", "modex long", "one track", "many tracks",
        "many codecs", "configuration of a further track", "further track",
    ],
)  # fmt: skip
def test_video(payload: bytes, codec: str, kind: int, key: bool, place: int) -> None:
    header = tag_header(payload, True)
    assert header is not None
    assert (codec_name(header.codec + 1, True), header.kind, header.key, header.place) == (codec, kind, key, place)


@pytest.mark.parametrize(
    ("payload", "codec", "kind", "place"),
    [
        (b"\xaf\x00\x11\x90", "mp4a", KIND_CONFIG, 2),
        (b"\xaf\x01P", "mp4a", KIND_CODED, 2),
        (b"\xaf", "mp4a", KIND_OTHER, 2),
        (b"\x2fP", "mp3", KIND_CODED, 2),
        (b"\x90" + OPUS + b"C", "opus", KIND_CONFIG, 5),
        (b"\x91" + OPUS + b"P", "opus", KIND_CODED, 5),
        (b"\x91ac-3P", "ac-3", KIND_CODED, 5),
        (b"\x94" + OPUS, "opus", KIND_OTHER, 5),
        (b"\x95\x01" + OPUS + b"\x00P", "opus", KIND_CODED, 7),
        (b"\x97" + MOD + b"\x01" + OPUS + b"P", "opus", KIND_CODED, 10),
        (b"\xcfP", "12", KIND_CODED, 2),
    ],
    ids=[
        "aac configuration", "aac", "one byte", "mp3", "ex configuration", "ex coded", "ac-3", "channels", "one track",
        "modex", "unknown codec",
    ],
)  # fmt: skip
def test_audio(payload: bytes, codec: str, kind: int, place: int) -> None:
    header = tag_header(payload, False)
    assert header is not None
    assert (codec_name(header.codec + 1, False), header.kind, header.place) == (codec, kind, place)


@pytest.mark.parametrize("is_video", [True, False], ids=["video", "audio"])
@pytest.mark.parametrize(
    "payload", [b"\x97" + MOD * 3, b"\x96", b"\x96\x01" + HVC1, b"\x95", b"\x97", b"\x91hv", b"\x97\xff\xff\xff"]
)
def test_cut_headers_say_nothing(payload: bytes, is_video: bool) -> None:
    header = tag_header(payload, is_video)
    assert header is not None
    assert (header.kind, header.key) == (KIND_OTHER, False)


def test_modifiers_without_end_are_left() -> None:
    header = tag_header(b"\x97" + b"\x00\x00\x07" * 200, True)
    assert header is not None
    assert header.kind == KIND_OTHER


def test_no_payload_has_no_header() -> None:
    assert tag_header(b"", True) is None
    assert codec_name(0, True) is None
