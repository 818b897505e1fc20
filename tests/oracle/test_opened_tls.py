"""What is inside TLS, byte for byte as tshark shows it with the same capture and key log."""

from __future__ import annotations

import importlib.util
import re
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from iptvforensics.protocol import OpenedData, Opening
from iptvforensics.protocols._tls_parser import TlsParser
from iptvforensics.tls.keylog import Secrets

_spec = importlib.util.spec_from_file_location("tls_talk", Path(__file__).parents[1] / "tls" / "talk.py")
assert _spec is not None
assert _spec.loader is not None
talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SUITES = [
    "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
    "AES128-CCM", "AES256-CCM8", "AES128-SHA", "AES256-SHA256", "ECDHE-RSA-AES256-SHA384",
]  # fmt: skip
SUITES_13 = [
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
]  # fmt: skip

CLIENT = "192.168.1.40"

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="install tshark (Debian: apt-get install tshark)"),
]


def tshark(capture: Path, keylog: Path) -> dict[bool, bytes]:
    """Return what tshark decrypts of the first stream, by direction (True: the client's)."""
    command = ["tshark", "-n", "-r", str(capture), "-q", "-o", f"tls.keylog_file:{keylog}", "-z", "follow,tls,raw,0"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    first_is_client = f"Node 0: {CLIENT}:" in out
    sides = {True: b"", False: b""}
    for tab, digits in re.findall(r"^(\t?)([0-9a-f]+)$", out, re.MULTILINE):
        sides[(not tab) == first_is_client] += bytes.fromhex(digits)
    return sides


def ours(talk: Any) -> dict[bool, bytes]:
    secrets = Secrets()
    secrets.add(talk.keylog.encode())
    parser = TlsParser(Opening("tcp", b"", b"", secrets=secrets))
    sides = {True: b"", False: b""}
    for side, data in talk.chunks:
        for event in parser.feed(memoryview(data), side):
            if isinstance(event, OpenedData):
                sides[event.from_orig] += bytes(event.data)
    return sides


@pytest.mark.parametrize("suite", [*SUITES, *SUITES_13])
def test_every_suite(suite: str, tmp_path: Path) -> None:
    talk = talks.talk_13(suite) if suite.startswith("TLS_") else talks.talk(V12, suite)
    capture, keylog = tmp_path / "talk.pcap", tmp_path / "keys.log"
    talks.write_capture(capture, [talk])
    keylog.write_text(talk.keylog + "\n")
    theirs = tshark(capture, keylog)
    assert ours(talk) == theirs
    assert theirs == {True: talks.REQUEST, False: talks.ANSWER}


@pytest.mark.parametrize("version", [V12, V13])
def test_resumed_session(version: ssl.TLSVersion, tmp_path: Path) -> None:
    contexts = talks.client_context(version, None, ()), talks.server_context(version, None, "rsa", ())
    first = talks.talk(contexts=contexts)
    talk = talks.talk(contexts=contexts, session=first.session)
    capture, keylog = tmp_path / "talk.pcap", tmp_path / "keys.log"
    talks.write_capture(capture, [talk])
    keylog.write_text(talk.keylog)
    assert ours(talk) == tshark(capture, keylog) == {True: talks.REQUEST, False: talks.ANSWER}
