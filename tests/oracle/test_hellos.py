"""Hellos in public captures as tshark and the JA4 project read them."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from iptvforensics.analysis import analyze_capture
from iptvforensics.store import Store

ARCHIVE = Path(__file__).parents[2] / "../shared/captures/public.tar.zst"
JA4 = "FoxIO-LLC+ja4"
SNAPSHOTS = f"{JA4}/_expected/rust/ja4/src/snapshots"
LISTED = 12
"""Values that the list of tshark's answers holds at most."""
CAPTURES = [
    "OISF+suricata-verify/tests/community-id-ipv4/input.pcap",
    "OISF+suricata-verify/tests/linktype-228/flow-test-01.pcap",
    "ntop+nDPI/tests/cfgs/default/pcap/quic-v2.pcapng",
    "ntop+nDPI/tests/cfgs/default/pcap/quic_frags_ch_in_multiple_packets.pcapng",
    "the-tcpdump-group+tcpdump/tests/quic_handshake.pcap",
    "zeek+zeek/testing/btest/Traces/quic/chromium-115.0.5790.110-google-de-fragmented.pcap",
    f"{JA4}/pcap/chrome-cloudflare-quic-with-secrets.pcapng",
    f"{JA4}/pcap/quic-with-several-tls-frames.pcapng",
    f"{JA4}/pcap/badcurveball.pcap",
    f"{JA4}/pcap/browsers-x509.pcapng",
    f"{JA4}/pcap/tls-sni.pcapng",
]

pytestmark = [
    pytest.mark.shared,
    pytest.mark.oracle,
    pytest.mark.skipif(not ARCHIVE.is_file(), reason="the public captures are not here"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("captures")
    subprocess.run(["tar", "--zstd", "-xf", str(ARCHIVE), "-C", str(target)], check=True)
    return target


@pytest.fixture(scope="module")
def case(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    store = Store.create(tmp_path_factory.mktemp("hellos") / "case")
    ids = {name: analyze_capture(str(folder / name), store, cores=1).capture_id for name in CAPTURES}
    connection = store.connection()

    def ask(name: str, column: str, *tables: str) -> Counter[str]:
        parts = [f"select {column} from {table} where capture_id = $id" for table in tables or ("tls", "quic")]
        query = " union all ".join(parts)
        rows = connection.execute(query.replace("$id", f"'{ids[name]}'")).fetchall()
        return Counter(value for (value,) in rows if value is not None)

    return ask


@pytest.mark.parametrize("name", CAPTURES)
def test_names_and_ja3_are_those_of_tshark(case, folder: Path, name: str) -> None:
    lines = map(json.loads, (folder / "tshark.jsonl").read_text().splitlines())
    (told,) = [line for line in lines if line["file"] == name]
    ja3, names = case(name, "ja3"), case(name, "server_name")
    for ours, theirs in ((ja3, told["ja3"]), (names, told.get("sni", {}))):
        if len(theirs) < LISTED:
            assert set(ours) == set(theirs)
            # tshark counts a hello once more where its packets were sent again
            assert all(count <= theirs[key] for key, count in ours.items())
        else:
            assert set(ours) >= set(theirs)


def test_http_2_and_3_of_a_browser_are_opened_with_the_secrets_in_the_capture(case) -> None:
    """tshark: HTTP/2 asks in frame 12, the answer ends in frame 19, a body of 109,425 bytes; HTTP/3 in frame 55."""
    found = case(f"{JA4}/pcap/chrome-cloudflare-quic-with-secrets.pcapng", "frame_no || ' ' || url", "http")
    assert found == {"12 https://cloudflare-quic.com/": 1, "55 https://cloudflare-quic.com/": 1}
    sizes = case(f"{JA4}/pcap/chrome-cloudflare-quic-with-secrets.pcapng", "bytes", "objects")
    assert sizes == {109425: 2}, "the same page twice"
    whole = case(f"{JA4}/pcap/chrome-cloudflare-quic-with-secrets.pcapng", "http_version || complete", "http")
    assert whole == {"2true": 1, "3true": 1}
    subjects = case(f"{JA4}/pcap/chrome-cloudflare-quic-with-secrets.pcapng", "cert_subject")
    assert subjects.total() == 2, "the server sent its certificate compressed with brotli"


@pytest.mark.parametrize("name", [n for n in CAPTURES if n.startswith(JA4)])
def test_ja4_is_that_of_its_inventors(case, folder: Path, name: str) -> None:
    snapshot = folder / SNAPSHOTS / f"ja4__insta@{Path(name).name}.snap"
    theirs = Counter(re.findall(r"^  ja4: (\S+)$", snapshot.read_text(), re.MULTILINE))
    assert case(name, "ja4") == theirs
