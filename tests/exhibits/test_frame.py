"""Frames out of the evidence: the right bytes under Wireshark's number, and other programs' view of them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.errors import CaptureError, CaseError, DecodeError, MissingProgramError, UnsupportedError
from iptvforensics.exhibits.frame import Frame, described, frame_named, frame_of_case, frame_of_file
from iptvforensics.store import Store

SMALL = "dcb8756b8485dcde"
oracle = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@pytest.fixture
def frame(samples: Path) -> Frame:
    return frame_of_file(samples / "formats/small.pcap", 10)


@pytest.mark.oracle
@oracle
@pytest.mark.parametrize("name", ["small.pcap", "small.pcapng", "small-ns.pcap", "small-cooked.pcap", "small.pcap.gz"])
def test_number_time_and_lengths_are_those_of_tshark(samples: Path, name: str) -> None:
    path = samples / "formats" / name
    fields = ["frame.number", "frame.time_epoch", "frame.cap_len", "frame.len"]
    arguments = ["tshark", "-n", "-r", str(path), "-T", "fields", *[a for f in fields for a in ("-e", f)]]
    lines = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 71
    for line in lines[::10]:
        number, time, captured, wire = line.split("\t")
        found = frame_of_file(path, int(number))
        assert (len(found.captured_bytes), found.wire_bytes) == (int(captured), int(wire))
        seconds, _, rest = time.partition(".")
        assert found.ts_ns == int(seconds) * 10**9 + int(rest.ljust(9, "0")[:9])
        assert found.time.value == found.ts_ns


def test_the_bytes_lie_where_the_frame_says(frame: Frame) -> None:
    content = Path(frame.path).read_bytes()
    assert content[frame.file_offset : frame.file_offset + len(frame.captured_bytes)] == bytes(frame)


def test_a_place_in_what_was_compressed_is_called_so(samples: Path) -> None:
    packed, plain = (frame_of_file(samples / "formats" / name, 9) for name in ("small.pcap.gz", "small.pcap"))
    assert packed.file_offset == plain.file_offset
    assert ("position in the unpacked file", str(packed.file_offset)) in packed.facts()
    assert ("position in the file", str(plain.file_offset)) in plain.facts()


def test_a_case_gives_the_same_frame_as_its_file(samples: Path, sample_case: Path) -> None:
    alone = frame_of_file(samples / "hls/redirected.pcap", 700)
    found = frame_of_case(Store.open(sample_case), "92b232c77f16", 700)
    assert found == replace(alone, path=found.path, capture_id="92b232c77f166f4c")


def test_scapy_sees_the_frame(frame: Frame) -> None:
    packet = frame.scapy()
    assert packet.haslayer("IP")
    assert bytes(packet) == frame.captured_bytes
    assert packet.wirelen == frame.wire_bytes


def test_dpkt_sees_the_frame(frame: Frame) -> None:
    import dpkt

    packet = frame.dpkt()
    assert isinstance(packet, dpkt.ethernet.Ethernet)
    assert isinstance(packet.data, dpkt.ip.IP)


def test_scapy_and_dpkt_see_cooked_frames(samples: Path) -> None:
    cooked = frame_of_file(samples / "formats/small-cooked.pcap", 10)
    assert cooked.scapy().haslayer("IP")
    assert type(cooked.dpkt()).__name__ in {"SLL", "SLL2"}


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"\x45\0\0\x14" + bytes(16), "IP"), (b"\x60\0\0\0\0\0\x3b" + bytes(33), "IP6")],
    ids=["ipv4", "ipv6"],
)
def test_dpkt_sees_raw_ip_of_both_versions(frame: Frame, data: bytes, name: str) -> None:
    assert type(replace(frame, link_type=101, captured_bytes=data).dpkt()).__name__ == name


def test_what_dpkt_cannot_do_is_said(frame: Frame) -> None:
    with pytest.raises(UnsupportedError, match="link type 147"):
        replace(frame, link_type=147).dpkt()
    with pytest.raises(DecodeError, match="frame 10"):
        replace(frame, captured_bytes=b"\0").dpkt()


def test_an_unknown_link_type_is_raw_for_scapy(frame: Frame) -> None:
    assert replace(frame, link_type=147).scapy().load == frame.captured_bytes


@pytest.mark.oracle
@oracle
def test_wireshark_shows_the_frame_under_its_number(frame: Frame) -> None:
    text = frame.wireshark()
    assert text.startswith("Frame 10:")
    assert "Frame Number: 10" in text
    assert "Frame 11" not in text


@pytest.mark.oracle
@oracle
def test_pyshark_works_inside_a_running_event_loop(frame: Frame) -> None:
    async def ask() -> Any:
        return frame.pyshark()

    assert asyncio.run(ask()).number == "10"


def test_without_tshark_it_is_said_how_to_get_it(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPTVFORENSICS_TSHARK", "/nowhere/tshark")
    with pytest.raises(MissingProgramError, match="apt install tshark"):
        frame.wireshark()


@pytest.mark.oracle
@oracle
def test_a_file_that_tshark_cannot_read_is_an_error(frame: Frame, tmp_path: Path) -> None:
    broken = tmp_path / "-r broken.pcap"
    broken.write_bytes(b"nothing")
    with pytest.raises(CaptureError, match="tshark shows no frame 10"):
        replace(frame, path=str(broken)).wireshark()


def test_a_number_that_the_file_lacks_is_an_error(samples: Path, sample_case: Path) -> None:
    with pytest.raises(CaptureError, match="no frame 72: the file holds 71"):
        frame_of_file(samples / "formats/small.pcap", 72)
    with pytest.raises(CaptureError, match="no frame 72"):
        frame_of_case(Store.open(sample_case), SMALL, 72)


def test_the_dump_is_as_long_as_the_frame(frame: Frame) -> None:
    short = replace(frame, captured_bytes=bytes(range(0x38, 0x4A)))
    assert short.hex() == (
        "0000  38 39 3a 3b 3c 3d 3e 3f  40 41 42 43 44 45 46 47  89:;<=>?@ABCDEFG\n"
        "0010  48 49                                             HI"
    )
    assert len(frame.hex().splitlines()) == -(-len(frame.captured_bytes) // 16)


def test_jupyter_gets_escaped_text(frame: Frame) -> None:
    shown = replace(frame, path="<script>.pcap", captured_bytes=b"<b>bold</b>")._repr_html_()
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;bold" in shown


@pytest.mark.parametrize("tool", [None, "scapy", "dpkt", pytest.param("tshark", marks=[pytest.mark.oracle, oracle])])
def test_a_frame_is_described_with_its_place_and_bytes(frame: Frame, tool: str | None) -> None:
    text = described(frame, tool)
    assert f"position in the file: {frame.file_offset}" in text
    assert frame.hex() in text


def test_a_case_of_several_captures_asks_which(sample_case: Path) -> None:
    with pytest.raises(CaseError, match="choose one of its 4 captures"):
        frame_named(str(sample_case), 1)
    assert frame_named(str(sample_case), 1, capture=SMALL[:6]).capture_id == SMALL
