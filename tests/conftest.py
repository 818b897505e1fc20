"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from iptvforensics import kernel


@pytest.fixture(params=["plain", "compiled", "checked"])
def kernel_speed(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once per kernel speed."""
    kernel.use(request.param)
    yield request.param
    kernel.use("plain")


@pytest.fixture(autouse=True)
def _plain_kernels() -> None:
    """Small inputs run plain, as they do for a user."""
    kernel.use("plain")
