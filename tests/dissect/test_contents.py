"""What is kept of a body: counts, digests, places, first bytes."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from iptvforensics.dissect.contents import DIGEST_LIMIT, Content
from iptvforensics.dissect.places import NOWHERE
from iptvforensics.protocol import CODED, ContentInfo


def content(offset: int = 100, **info: Any) -> Content:
    return Content(True, offset, ContentInfo(**info), NOWHERE, None)


# Places ----------------------------------------------------------------------------------------------------


def places(body: Content, *positions: int) -> list[int | None]:
    return [body.stream_offset(position, True) for position in positions]


def test_bytes_that_stand_together_are_placed_from_the_beginning() -> None:
    body = content()
    assert body.note(b"abc", 100, None) == 102
    assert body.note(b"de", 103, None) == 104
    assert places(body, 0, 4, 5) == [100, 104, 105]


def test_bytes_behind_a_jump_are_placed_where_they_stand() -> None:
    body = content()
    body.note(b"abc", 100, None)
    assert body.note(b"de", 110, None) == 111
    assert places(body, 2, 3, 4) == [102, 110, 111]


def test_runs_within_a_piece_have_places_of_their_own() -> None:
    body = content()
    assert body.note(b"abcdef", 100, ([0, 2, 5], [100, 120, 140])) == 140
    assert places(body, 1, 2, 4, 5) == [101, 120, 122, 140]


def test_compressed_bytes_are_placed_at_the_beginning_of_the_body() -> None:
    body = content()
    assert body.note(b"abcdef" * 1000, 104, CODED) == 104
    assert places(body, 0, 5999) == [100, 100]
    assert body.runs(0, 100, True) == ([0], [None])


def test_gap_moves_the_places_behind_it() -> None:
    body = content()
    body.note(b"abc", 100, None)
    body.note_gap(7)
    body.note(b"de", 110, None)
    assert places(body, 2, 10, 11) == [102, 110, 111]
    assert (body.seen, body.missing, body.passed) == (5, 7, 12)


def test_gap_of_unknown_length_does_not_undo_those_before() -> None:
    body = content()
    body.note(b"abc", 100, None)
    body.note_gap(7)
    body.note_gap(-1)
    body.note(b"de", 300, None)
    assert places(body, 2, 10, 11) == [102, 300, 301]
    assert (body.seen, body.missing) == (5, None)
    body.note_gap(4)
    assert body.missing is None


def test_place_of_a_body_that_has_none_is_unknown() -> None:
    body = Content(True, None, ContentInfo(), NOWHERE, None)
    assert body.note(b"abc", None, None) is None
    assert places(body, 0, 2) == [None, None]


def test_depth_counts_the_bodies_around_it() -> None:
    outer = content()
    inner = Content(True, 0, ContentInfo(), NOWHERE, Content(True, 0, ContentInfo(), NOWHERE, outer))
    assert (outer.depth, inner.depth) == (0, 2)


# Digests ---------------------------------------------------------------------------------------------------


def test_digest_is_that_of_the_joined_pieces() -> None:
    body = content()
    body.note(b"abc", 100, None)
    body.note(memoryview(b"de"), 103, None)
    assert body.digest(True) == hashlib.sha256(b"abcde").hexdigest()


@pytest.mark.parametrize(("size", "known"), [(DIGEST_LIMIT, True), (DIGEST_LIMIT + 1, False)], ids=["limit", "beyond"])
def test_digest_is_made_of_small_bodies(size: int, known: bool) -> None:
    body = content()
    for at in range(0, size, 1000):
        body.note(bytes(min(1000, size - at)), 100 + at, None)
    assert (body.digest(True) == hashlib.sha256(bytes(size)).hexdigest()) is known
    assert (body.digest(True) is not None) is known


def test_digest_is_not_begun_for_bodies_declared_too_large() -> None:
    body = content(declared_bytes=DIGEST_LIMIT + 1)
    body.note(b"abc", 100, None)
    assert body.digest(True) is None


def test_incomplete_body_has_no_digest() -> None:
    body = content()
    body.note(b"abc", 100, None)
    assert body.digest(False) is None


@pytest.mark.parametrize("length", [3, -1])
def test_body_with_a_gap_has_no_digest(length: int) -> None:
    body = content()
    body.note(b"abc", 100, None)
    body.note_gap(length)
    body.note(b"de", 106, None)
    assert body.digest(True) is None


def test_empty_body_has_no_digest() -> None:
    assert content().digest(True) is None


# First bytes -----------------------------------------------------------------------------------------------


def test_kind_is_told_by_the_first_bytes_though_they_come_one_by_one() -> None:
    body = content()
    for i, byte in enumerate(b"\x89PNG\r\n\x1a\n"):
        body.note(bytes([byte]), 100 + i, None)
    assert body.kind() == "image"


def test_kind_is_the_name_of_the_protocol_that_reads_it(made_up: Any) -> None:
    body = content()
    body.note(b"%PDF-", 100, None)
    body.protocol = made_up("made").protocol
    assert body.kind() == "made"


def test_opening_of_a_body() -> None:
    body = content(name="x")
    body.waiting.gap(5, True)
    body.waiting.data(b"abc", True)
    opening = body.opening()
    assert (opening.carrier, opening.orig, opening.resp, opening.midstream) == ("content", b"abc", b"", True)
    assert opening.info == ContentInfo(name="x")
