"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from iptvforensics import kernel

PUBLIC_CAPTURES = Path(__file__).parents[1] / "../shared/captures"

# No test fails because the machine was busy with something else.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="A skipped test fails, whatever was missing for it.")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.config.getoption("--strict-skips"):
        forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if collector.config.getoption("--strict-skips"):
        forbid_skip(report)
    return report


def forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure, unless what it lacks no set-up can provide: public captures, rights of root."""
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if "the public captures" in reason and not PUBLIC_CAPTURES.exists():
        return
    if "the lab cannot run" in reason and "not installed" not in reason:
        return
    report.outcome = "failed"
    report.longrepr = f"skipped, although everything for it should be here: {reason}"


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
