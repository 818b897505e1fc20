"""Public captures: as many frames as their index says, and the same hashes."""

from __future__ import annotations

import csv
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from iptvforensics.capture import CaptureReader
from iptvforensics.errors import CaptureError

pytestmark = pytest.mark.shared

_FUZZED_ZEROS = "all zeros after the first record: not frames, one damaged stretch"
FEWER_ON_PURPOSE = {
    "the-tcpdump-group+tcpdump/tests/bgp_vpn_rt-oobr.pcap": (1, _FUZZED_ZEROS),
    "the-tcpdump-group+tcpdump/_history/69d5b960_tests__bgp_vpn_rt-oobr.pcap": (1, _FUZZED_ZEROS),
    "the-tcpdump-group+tcpdump/_history/83bca9bd_tests__bgp_vpn_rt-oobr.pcap": (1, _FUZZED_ZEROS),
    "the-tcpdump-group+tcpdump/_history/8bc1a753_tests__rx_serviceid_oobr.pcap": (1, _FUZZED_ZEROS),
    "the-tcpdump-group+tcpdump/tests/olsr-oobr-2.pcap": (1, "two records without bytes and without a sane time"),
    "the-tcpdump-group+tcpdump/_history/ca6123c2_tests__olsr-oobr-2.pcap": (0, "records without a sane time"),
    "the-tcpdump-group+tcpdump/_history/0ccd79cb_tests__olsr-oobr-2.pcap": (0, "records without a sane time"),
    "seladb+PcapPlusPlus/Tests/Fuzzers/RegressionTests/regression_samples/"
    "crash-8534c61cdf5987482365d7877ade12eef5aaf8b7": (1, "18 zeros at the end are no frame"),
    "seladb+PcapPlusPlus/Tests/Fuzzers/RegressionTests/regression_samples/crash-exception-cast-constructed-record": (
        1,
        "a pcapng file begins inside the second record",
    ),
}


ARCHIVE = Path(__file__).parents[2] / "../shared/captures/public.tar.zst"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not ARCHIVE.is_file():
        pytest.skip("the public captures do not lie beside the repository")
    zstd = pytest.importorskip("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    unpacked = tmp_path_factory.mktemp("public")
    with zstd.open(ARCHIVE) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4 and later
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(unpacked)
    yield unpacked
    shutil.rmtree(unpacked)


def _count(path: Path, row: dict[str, str]) -> tuple[int, bool]:
    """Return the frames that carry packets and whether something was said about damage."""
    try:
        packets = 0
        with CaptureReader(path, hash_thread=False) as capture:
            for block in capture:
                packets += int((block.link_type >= 0).sum())
        assert capture.sha256 == row["sha256"], path
        assert capture.size_bytes == int(row["size"]), path
        return packets, bool(capture.anomalies)
    except CaptureError:
        return 0, True


def test_frames_of_all_public_captures(folder):
    with open(folder / "robust_expected.csv", newline="", encoding="utf-8") as file:
        robust = {row["file"]: row for row in csv.DictReader(file)}
    wrong = []
    with open(folder / "index.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["format"] == "snoop":
                continue
            name = row["file"]
            got, said = _count(folder / name, row)
            expected = int(robust[name]["whole_packets"] if name in robust else row["packets"])
            if name in FEWER_ON_PURPOSE:
                right = got == FEWER_ON_PURPOSE[name][0] and said
            elif name in robust and robust[name]["reader_error"]:
                # The reference reader stops at the damage; ours goes on behind it.
                right = got >= expected and said
            else:
                right = got == expected
            if not right:
                wrong.append((name, expected, got))
    assert wrong == []


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("name", ["advanced/test102", "basic/test018"])
def test_custom_blocks_are_frames_as_in_wireshark(folder, order, name):
    path = folder / f"hadrielk+pcapng-test-generator/output_{order}/{name}.pcapng"
    with CaptureReader(path, hash_thread=False) as capture:
        for _ in capture:
            pass
    assert capture.frames == 8  # tshark 4.0.17 shows as many
