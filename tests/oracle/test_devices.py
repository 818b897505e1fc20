"""What devices say of themselves, in the samples and in public captures: tshark reads the same values.

Where tshark says something else, the difference is explained beside the comparison.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from iptvforensics.analysis import analyze_capture
from iptvforensics.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
ARCHIVE = Path(__file__).parents[2] / "../shared/captures/public.tar.zst"

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed"),
]
public = pytest.mark.skipif(not ARCHIVE.exists(), reason="the public captures are not beside the repository")


def tshark(path: Path, fields: list[str], wanted: str) -> list[list[list[str]]]:
    """Return the values of the fields, frame by frame."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=\x1f", "-E", "aggregator=\x1e"]
    command += [part for field in fields for part in ("-e", field)]
    done = subprocess.run([*command, "-Y", wanted], capture_output=True, text=True, check=False)
    return [[v.split("\x1e") if v else [] for v in line.split("\x1f")] for line in done.stdout.split("\n")[:-1]]


def ask(path: Path, folder: Path, sql: str) -> list[tuple]:
    """Return the rows of a query over the analysed capture."""
    store = Store.create(folder / f"case-{path.stem}")
    analyze_capture(str(path), store, cores=1)
    return store.connection().execute(sql).fetchall()


@pytest.fixture(scope="session")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the public captures, unpacked."""
    folder = tmp_path_factory.mktemp("captures")
    subprocess.run(["tar", "--zstd", "-xf", str(ARCHIVE), "-C", str(folder)], check=True)
    return folder


def first(values: list[str], nothing: str = "0.0.0.0") -> str | None:
    return values[0] if values and values[0] != nothing else None


# --- DHCP -----------------------------------------------------------------------------------------------

DHCP_FIELDS = [
    "frame.number", "dhcp.id", "dhcp.option.hostname", "dhcp.option.vendor_class_id", "dhcp.option.request_list_item",
    "dhcp.ip.your", "dhcp.option.requested_ip_address", "dhcp.option.dhcp_server_id", "dhcp.option.router",
    "dhcp.option.domain_name_server", "dhcp.hw.mac_addr",
]  # fmt: skip
DHCP_SQL = (
    "select frame_no, xid, host_name, vendor_class, parameter_list, offered_ip, requested_ip, dhcp_server_ip, routers,"
    " dns_servers, client_mac from dhcp order by frame_no"
)


def dhcp_of_tshark(path: Path) -> list[tuple]:
    return [
        (
            int(frame[0]), int(xid[0], 16), first(host), first(vendor), [int(n) for n in asked] or None, first(offered),
            first(requested), first(server), routers or None, dns or None, mac[0] if mac else None,
        )
        for frame, xid, host, vendor, asked, offered, requested, server, routers, dns, mac
        in tshark(path, DHCP_FIELDS, "dhcp && !icmp")
    ]  # fmt: skip


def test_dhcp_of_the_sample(tmp_path: Path) -> None:
    path = SAMPLES / "dhcp/leases.pcap"
    ours = ask(path, tmp_path, DHCP_SQL)
    assert ours == dhcp_of_tshark(path)
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    said = {(row[10], row[2], row[3]) for row in ours if row[3] is not None}
    assert said == {(c["mac"], c["host_name"], c["vendor_class"]) for c in truth["clients"]}


# Leases with a relay in front, with long vendor classes, without leases.
DHCP_CAPTURES = [
    "zeek+zeek/testing/btest/Traces/dhcp/dhcp_ack_subscriber_id_and_agent_remote_id.pcap",
    "zeek+zeek/testing/btest/Traces/dhcp/dhcp_inform.pcap",
    "the-tcpdump-group+tcpdump/tests/dhcp-mud.pcap",
    "DanieleDeSensi+peafowl/test/pcaps/sip-rtp.pcap",
]


@public
@pytest.mark.shared
@pytest.mark.parametrize("name", DHCP_CAPTURES)
def test_dhcp_of_public_captures(captures: Path, tmp_path: Path, name: str) -> None:
    assert ask(captures / name, tmp_path, DHCP_SQL) == dhcp_of_tshark(captures / name)
