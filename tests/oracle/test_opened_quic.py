"""Streams inside of QUIC, byte for byte as tshark shows them with the same capture and key log."""

from __future__ import annotations

import importlib.util
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.packet import QuicProtocolVersion

from iptvforensics.analysis import Options, analyze_capture, keylogs_at
from iptvforensics.protocol import OpenedData, Opening
from iptvforensics.protocols._quic_parser import QuicParser
from iptvforensics.store import Store
from iptvforensics.tls.keylog import Secrets
from iptvforensics.tls.pieces import PieceReader

_spec = importlib.util.spec_from_file_location("quic_talk", Path(__file__).parents[1] / "protocols" / "quic_talk.py")
assert _spec is not None
assert _spec.loader is not None
talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

SAMPLE = Path(__file__).parents[2] / "sample_pcaps" / "quic" / "hls-h3"
KEYS = SAMPLE.with_suffix(".keys")

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="install tshark (Debian: apt-get install tshark)"),
]


def tshark(capture: Path, keylog: Path, *options: str) -> str:
    command = ["tshark", "-n", "-r", str(capture), "-o", f"tls.keylog_file:{keylog}", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def followed(capture: Path, keylog: Path, stream: int, client: str) -> dict[bool, bytes]:
    """Return what tshark decrypts of a stream of the first connection, by direction (True: the client's)."""
    out = tshark(capture, keylog, "-q", "-z", f"follow,quic,raw,0,{stream}")
    first_is_client = f"Node 0: {client}:" in out
    sides = {True: b"", False: b""}
    for tab, digits in re.findall(r"^(\t?)([0-9a-f]+)$", out, re.MULTILINE):
        sides[(not tab) == first_is_client] += bytes.fromhex(digits)
    return sides


class Pieces:
    """Puts the streams of one direction together."""

    def __init__(self) -> None:
        self.data: dict[int, bytes] = {}

    def on_piece(self, stream: int, position: int, data: memoryview, offset: int) -> None:
        assert position == len(self.data.get(stream, b""))
        self.data[stream] = self.data.get(stream, b"") + bytes(data)

    def on_last(self, stream: int, position: int, offset: int) -> None: ...

    def on_reset(self, stream: int) -> None: ...

    def on_disorder(self, offset: int) -> None:
        raise AssertionError(offset)


def ours(talk: Any) -> dict[bool, dict[int, bytes]]:
    secrets = Secrets()
    secrets.add(talk.keylog.encode())
    parser = QuicParser(Opening("udp", b"", b"", secrets=secrets))
    sides = {True: Pieces(), False: Pieces()}
    readers = {side: PieceReader(pieces) for side, pieces in sides.items()}
    events = [event for side, data in talk.datagrams for event in parser.feed(memoryview(data), side)]
    for event in events + parser.end(True) + parser.end(False):
        if isinstance(event, OpenedData):
            readers[event.from_orig].feed(memoryview(event.data))
    return {side: pieces.data for side, pieces in sides.items()}


def write_capture(path: Path, talk: Any) -> None:
    """Write datagrams as raw IPv4, a millisecond apart."""
    ends = {True: talks.CLIENT, False: talks.SERVER}
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for number, (side, data) in enumerate(talk.datagrams):
            (source, source_port), (target, target_port) = ends[side], ends[not side]
            udp = struct.pack(">HHHH", source_port, target_port, 8 + len(data), 0) + data
            addresses = bytes(map(int, f"{source}.{target}".split(".")))
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + addresses + udp
            out.write(struct.pack("<IIII", 1_700_000_000, 1000 * number, len(packet), len(packet)) + packet)


@pytest.mark.parametrize("version", ["VERSION_1", "VERSION_2"])
@pytest.mark.parametrize("suite", talks.SUITES)
def test_every_suite(suite: str, version: str, tmp_path: Path) -> None:
    number = QuicProtocolVersion[version]
    talk = talks.Talk(suite, original_version=number, supported_versions=[number]).run(4).ask("/1.ts", 9000).run(6)
    talk.server.request_key_update()
    talk.ask("/2.ts", 5000).run(6)
    capture, keylog = tmp_path / "talk.pcap", tmp_path / "keys.log"
    write_capture(capture, talk)
    keylog.write_text(talk.keylog)
    found = ours(talk)
    for stream in (0, 4):
        theirs = followed(capture, keylog, stream, talks.CLIENT[0])
        assert {side: found[side][stream] for side in (True, False)} == theirs
        assert len(theirs[False]) > 5000


def test_requests_and_answers_of_the_recorded_film(tmp_path: Path) -> None:
    """tshark knows no protocol for early data, and counts what was sent again once more."""
    store = Store.create(tmp_path / "case")
    capture = SAMPLE.with_suffix(".pcap")
    analyze_capture(str(capture), store, options=Options(keylogs=keylogs_at([KEYS])), cores=1)
    connection = store.connection(threads=1)
    early = "select secret_sha256 from decrypted where label like '%EARLY%'"
    where = f"from http where secret_sha256 not in ({early})"
    asked = set(connection.execute(f"select frame_no, client_port {where}").fetchall())
    answered = set(connection.execute(f"select response_frame_no, client_port {where}").fetchall())
    connection.close()
    fields = [part for name in ("frame.number", "udp.srcport", "udp.dstport") for part in ("-e", name)]
    theirs: dict[bool, set[tuple[int, int]]] = {True: set(), False: set()}
    for line in tshark(capture, KEYS, "-Y", "http3.frame_type == 1", "-T", "fields", *fields).splitlines():
        frame, source, target = map(int, line.split("\t"))
        theirs[target == 443].add((frame, target if source == 443 else source))
    assert len(asked) == len(answered) > 20
    assert asked <= theirs[True]
    assert answered <= theirs[False]
