"""Which lines are not UTF-8, and whether they may be Chinese."""

from __future__ import annotations

import pytest

from iptvforensics.listings.letters import Letters

CHINESE = "央视".encode("gb18030")


@pytest.mark.parametrize(
    ("lines", "odd", "may_be_chinese"),
    [
        ([b"plain", "뉴스".encode()], 0, True),
        ([b"plain", CHINESE, CHINESE], 2, True),
        ([CHINESE, b"\xff\xff"], 2, False),
        ([CHINESE, "é!".encode()], 1, True),
        ([CHINESE, "é".encode() + b"\n"], 1, True),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_lines_are_counted(lines: list[bytes], odd: int, may_be_chinese: bool, at_once: bool) -> None:
    letters = Letters()
    if at_once:
        letters.note_all(lines)
    else:
        for line in lines:
            letters.note(line)
    assert letters.odd == odd
    assert not odd or letters.may_be_chinese is may_be_chinese
