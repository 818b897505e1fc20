"""Content codings: limits, damage, and codings that are not there."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import Any

import brotli
import pytest

from iptvforensics.protocols import _http_coding as coding
from iptvforensics.protocols._http_coding import CodingError, Decoders, unsupported

zstd = coding._zstd_module()
TEXT = b"".join(b"#EXTINF:-1,Channel %d\nhttp://tv.example/%d\n" % (i, i * 7919 % 1000) for i in range(400))
COMPRESSORS: dict[str, Any] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
    "br": lambda data: brotli.compress(data, quality=4),
    "zstd": zstd.compress,
}
parametrize_codings = pytest.mark.parametrize("name", list(COMPRESSORS))


def decoded(codings: list[str], coded: bytes, size: int | None = None) -> tuple[bytes, str | None]:
    """Return what came out, and the name of the error that ended it."""
    decoders = Decoders(codings)
    out = bytearray()
    try:
        for i in range(0, len(coded), size or max(len(coded), 1)):
            for piece in decoders.feed(coded[i : i + (size or len(coded))]):
                out += piece
        for piece in decoders.finish():
            out += piece
    except CodingError as error:
        return bytes(out), error.name
    return bytes(out), None


@parametrize_codings
@pytest.mark.parametrize("size", [1, 100, 511, 513, None])
def test_pieces_do_not_matter(name: str, size: int | None) -> None:
    assert decoded([name], COMPRESSORS[name](TEXT), size) == (TEXT, None)


@parametrize_codings
def test_damage_keeps_what_came_before_however_it_is_fed(name: str) -> None:
    coded = bytearray(COMPRESSORS[name](random.Random(1).randbytes(3000) + TEXT))
    for place in (700, 2000, len(coded) - 3):
        damaged = (
            bytes(coded[:place]) + bytes(b ^ 0x55 for b in coded[place : place + 200]) + bytes(coded[place + 200 :])
        )
        results = [decoded([name], damaged, size) for size in (None, 1, 77)]
        assert results[0] == results[1] == results[2]
        assert results[0][1] in (None, "coding_broken", "coding_cut")


@parametrize_codings
def test_cut_is_told(name: str) -> None:
    coded = COMPRESSORS[name](TEXT)
    for end in (1, 3, len(coded) // 2, len(coded) - 1):
        out, error = decoded([name], coded[:end])
        assert TEXT.startswith(out)
        assert error == "coding_cut"


@parametrize_codings
def test_bomb_is_stopped_by_its_ratio(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "FREE_BYTES", 1 << 16)
    monkeypatch.setattr(coding, "MAX_DECODED_BYTES", 1 << 22)
    bomb = COMPRESSORS[name](bytes(30 << 20))
    results = {size: decoded([name], bomb, size) for size in (None, 4000)}
    assert results[None] == results[4000]
    out, error = results[None]
    assert error == "coding_bomb"
    assert len(out) <= (1 << 16) + coding.MAX_RATIO * len(bomb)
    assert out.count(0) == len(out) > 1 << 16


def test_growth_is_limited_in_total(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "MAX_DECODED_BYTES", 10_000)
    for size in (None, 10):
        out, error = decoded(["gzip"], gzip.compress(TEXT), size)
        assert (out, error) == (TEXT[:10_000], "coding_bomb")


def test_output_comes_in_limited_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "FREE_BYTES", 6 << 20)
    pieces = list(Decoders(["gzip"]).feed(gzip.compress(bytes(5 << 20)) + bytes(600)))
    assert sum(map(len, pieces)) == 5 << 20
    assert max(map(len, pieces)) <= coding.PIECE_BYTES


def test_members_are_limited() -> None:
    member = gzip.compress(b"x")
    assert decoded(["gzip"], member * coding.MAX_MEMBERS) == (b"x" * coding.MAX_MEMBERS, None)
    assert decoded(["gzip"], member * (coding.MAX_MEMBERS + 1))[1] == "coding_bomb"


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("padding", [b"", b"\0", b"\0" * 600, b"\x1f"])
def test_padding_behind_the_last_member_is_passed_over(size: int | None, padding: bytes) -> None:
    for name in ("gzip", "zstd", "deflate"):
        assert decoded([name], COMPRESSORS[name](TEXT) + padding, size) == (TEXT, None)


@pytest.mark.parametrize("body", [b"#EXTM3U\n", b"#", b"\x1fx"])
def test_body_that_is_not_coded_is_handed_on(body: bytes) -> None:
    decoders = Decoders(["gzip"])
    assert b"".join([*decoders.feed(body), *decoders.finish()]) == body
    assert decoders.not_as_declared


def test_empty_body_is_no_error() -> None:
    assert decoded(["gzip"], b"") == (b"", None)


def test_large_zstd_window_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 25, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    coded = compressor.compress(random.Random(1).randbytes(1000)) + compressor.flush()
    assert decoded(["zstd"], coded)[1] == "coding_broken"


@pytest.mark.parametrize("missing", ["br", "zstd"])
def test_coding_without_its_package_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_module(name: str) -> Any:
        raise ImportError(name)

    assert unsupported([missing, "gzip"]) is None
    monkeypatch.setattr(coding, "import_module", no_module)
    assert unsupported(["gzip", missing]) == missing
    assert unsupported(["gzip", "deflate"]) is None


def test_unknown_and_too_many_codings_are_named() -> None:
    assert unsupported(["gzip", "compress"]) == "compress"
    assert unsupported(["gzip"] * 5) == "more than 4 codings"


def test_codings_are_undone_in_reverse_order() -> None:
    assert decoded(["deflate", "br"], brotli.compress(zlib.compress(TEXT)), 9) == (TEXT, None)
