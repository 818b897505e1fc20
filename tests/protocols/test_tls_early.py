"""Early data waits for the server's word."""

from __future__ import annotations

import pytest

from iptvforensics.protocols._tls_ciphers import Opened, Phase
from iptvforensics.protocols._tls_early import HELD_LIMIT, EarlyData
from iptvforensics.tls.keylog import CLIENT_EARLY, Secret
from iptvforensics.tls.protection import Opener13
from iptvforensics.tls.suites import suite_of


def opened(content: bytes, offset: int = 7) -> Opened:
    suite = suite_of(0x1301)
    assert suite is not None
    return Opened(23, content, offset, 0, Phase(Secret(CLIENT_EARLY, bytes(32)), Opener13(suite, bytes(32))))


@pytest.mark.parametrize("is_taken", [True, False])
def test_it_is_handed_on_only_if_it_was_taken(is_taken: bool) -> None:
    early = EarlyData()
    first, second = opened(b"one"), opened(b"three", 40)
    assert early.add(first) == []
    assert early.waits
    assert early.settle(is_taken=is_taken) == ([first] if is_taken else [])
    assert not early.waits
    assert early.add(second) == ([second] if is_taken else [])
    assert (early.refused_records, early.refused_bytes, early.offset) == ((0, 0, 7) if is_taken else (2, 8, 7))


def test_the_first_word_counts() -> None:
    early = EarlyData()
    assert early.settle(is_taken=False) == []
    early.settle(is_taken=True)
    assert (early.add(opened(b"x")), early.is_taken) == ([], False)


def test_waiting_is_limited() -> None:
    early = EarlyData()
    half = opened(bytes(HELD_LIMIT // 2))
    assert early.add(half) == early.add(half) == []
    assert len(early.add(opened(b"x"))) == 3
    assert early.is_taken
    assert early.is_supposed


@pytest.mark.parametrize("is_told", [True, False])
def test_what_is_handed_on_without_a_word_is_noted(is_told: bool) -> None:
    early = EarlyData()
    early.add(opened(b"one"))
    early.settle(is_taken=True, is_told=is_told)
    assert early.is_supposed is not is_told
    nothing = EarlyData()
    nothing.settle(is_taken=True, is_told=False)
    assert not nothing.is_supposed
