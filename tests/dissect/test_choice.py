"""Choosing a protocol by scores."""

from __future__ import annotations

from typing import Any

import pytest

from iptvforensics.dissect.choice import Candidates, choose
from iptvforensics.protocol import Opening

NOTHING = Opening("tcp", b"", b"")


@pytest.mark.parametrize(
    ("scores", "final", "chosen", "decided"),
    [
        pytest.param([0.6, 0.8], False, 1, True, id="highest score wins"),
        pytest.param([0.8, 0.8], False, 0, True, id="first among equals"),
        pytest.param([0.4, 0.49], False, None, True, id="below one half nobody reads"),
        pytest.param([0.5, 0.0], False, 0, True, id="one half is enough"),
        pytest.param([None, 0.89], False, None, False, id="waits for one that cannot tell yet"),
        pytest.param([None, 0.9], False, 1, True, id="sure score does not wait"),
        pytest.param([0.94, 0.97], False, 1, True, id="the surer of two sure ones"),
        pytest.param([0.95, 0.97], False, 0, True, id="certain: the others are not asked"),
        pytest.param([None, 0.6], True, 1, True, id="no more bytes: best of those that can tell"),
        pytest.param([None, 0.3], True, None, True, id="no more bytes and no score"),
        pytest.param([None, None], True, None, True, id="nobody can tell to the end"),
        pytest.param([None, 0.0], False, None, False, id="refusal of another does not decide"),
        pytest.param([0.0, 0.0], False, None, True, id="all refuse"),
        pytest.param([], False, None, True, id="no protocols"),
    ],
)
def test_choice(made_up: Any, scores: Any, final: bool, chosen: int | None, decided: bool) -> None:
    protocols = [made_up(f"p{i}", detect=lambda _, score=score: score).protocol for i, score in enumerate(scores)]
    expected = None if chosen is None else protocols[chosen]
    assert choose(protocols, NOTHING, final=final) == (expected, decided)


def test_every_protocol_sees_the_opening(made_up: Any) -> None:
    seen = []
    opening = Opening("tcp", b"abc", b"", 40000, 80)
    choose([made_up(detect=lambda o: seen.append(o) or 0.0).protocol] * 2, opening, final=False)
    assert seen == [opening, opening]


@pytest.mark.parametrize(
    ("orig", "resp", "names"),
    [
        (b"", b"", ["any", "hash", "brace"]),
        (b"#EXTM3U", b"", ["any", "hash"]),
        (b"", b"{", ["any", "brace"]),
        (b"#", b"{", ["any", "hash", "brace"]),
        (b"x#", b"x{", ["any"]),
    ],
)
def test_only_protocols_that_may_begin_so_are_asked(made_up: Any, orig: bytes, resp: bytes, names: list[str]) -> None:
    begins = {"any": None, "hash": b"#", "brace": b"[{"}
    candidates = Candidates(made_up(name, begins=first).protocol for name, first in begins.items())
    for _ in range(2):
        assert [p.name for p in candidates.of(Opening("tcp", orig, resp))] == names
