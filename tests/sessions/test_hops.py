"""Times to live that show that packets were passed on."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.hops import is_passed_on


@pytest.mark.parametrize(
    ("low", "high", "passed"),
    [
        (64, 64, False),
        (63, 63, True),
        (33, 33, True),
        (32, 32, False),  # more routers than there are
        (113, 113, True),
        (63, 64, True),  # some came from behind
        (60, 64, False),
        (1, 255, False),  # to groups
        (None, None, False),
    ],
)
def test_what_passed_a_router_lost_one(low, high, passed):
    assert is_passed_on(low, high) is passed
