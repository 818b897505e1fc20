"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of the recorded captures."""
    return Path(__file__).parents[1] / "sample_pcaps"


@pytest.fixture(scope="session")
def sample_case(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case of four small captures; tests must not change it."""
    from iptvforensics.batch import analyze_many
    from iptvforensics.store import Store

    folder = tmp_path_factory.mktemp("sample") / "case"
    names = ["formats/small.pcap", "dns/names.pcap", "hls/redirected.pcap", "damaged/rtmp-snaplen.pcap"]
    analyze_many([str(samples / name) for name in names], Store.create(folder), workers=1)
    return folder
