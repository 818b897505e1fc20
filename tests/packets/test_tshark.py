"""Differential: the innermost packet of every frame of public captures, against tshark's last occurrence."""

import csv
import ipaddress
import shutil
import subprocess
from pathlib import Path

import pytest

from iptvforensics.capture import CaptureReader
from iptvforensics.packets import PacketDecoder, Status, address_text

ARCHIVE = Path(__file__).parents[2] / "../shared/captures/public.tar.zst"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.oracle,
    pytest.mark.skipif(not ARCHIVE.exists(), reason="the public captures are not beside the repository"),
    pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed"),
]

CAPTURES = {
    "fragments out of order": "DanieleDeSensi+peafowl/test/pcaps/ip_fragmentation/6in6_inner.pcap",
    "fragments that overlap": "DanieleDeSensi+peafowl/test/pcaps/ip_fragmentation/teardrop.pcap",
    "fragments in order": "DanieleDeSensi+peafowl/test/pcaps/ip_fragmentation/correct_1.pcap",
    "6in4": "DanieleDeSensi+peafowl/test/pcaps/6in4tunnel.pcap",
    "geneve": "arkime+arkime/tests/pcap/tcpdump-geneve.pcap",
    "vxlan": "arkime+arkime/tests/pcap/vxlan.pcap",
    "vxlan in vxlan": "zeek+zeek/testing/btest/Traces/tunnels/vxlan-triple-v2.pcap",
    "gtp-u": "seladb+PcapPlusPlus/Tests/Packet++Test/PacketExamples/gtp.pcap",
    "gtp-u behind two tags": "ntop+nDPI/tests/cfgs/default/pcap/ipv6_in_gtp.pcap",
    "teredo": "zeek+zeek/testing/btest/Traces/tunnels/teredo_bubble_with_payload.pcap",
    "802.11 in gre": "zeek+zeek/testing/btest/Traces/tunnels/gre-aruba.pcap",
    "gre in udp": "zeek+zeek/testing/btest/Traces/tunnels/gre-over-udp-4754.pcap",
    "mpls in udp": "the-tcpdump-group+tcpdump/tests/mpls-over-udp.pcap",
    "bsd loopback": "seladb+PcapPlusPlus/Tests/Packet++Test/PacketExamples/NullLoopback.pcap",
    "ipv6 fragments that cannot be": "OISF+suricata-verify/tests/ipv6-evasion/ipv6-malformed-fragments-22/frag-22.pcap",
}
# Link types that are frequent in the archive; a few captures of each, smallest first.
LINK_TYPES = ["RADIOTAP", "LINUX_SLL", "LINUX_SLL2", "RAW", "PPP", "C_HDLC", "IEEE802_11", "NFLOG"]
PER_LINK_TYPE = 4
FIELDS = (
    *("frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst"),
    *("tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.len", "udp.srcport", "udp.dstport", "_ws.malformed"),
)


@pytest.fixture(scope="session")
def captures(tmp_path_factory):
    """The folder with the captures, unpacked."""
    folder = tmp_path_factory.mktemp("captures")
    subprocess.run(["tar", "--zstd", "-xf", str(ARCHIVE), "-C", str(folder)], check=True)
    return folder


def tshark(path):
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l"]
    command += ["-o", "tcp.desegment_tcp_streams:FALSE"]
    for name in FIELDS:
        command += ["-e", name]
    out = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in out.splitlines()]


def ours(path):
    rows = {}
    decoder = PacketDecoder()
    with CaptureReader(str(path)) as reader:
        for block in reader:
            for packets in decoder.batches(block):
                for i in range(packets.count):
                    rows[block.first_frame + int(packets.record[i])] = packets.row(i)
    decoder.finish()
    return rows


def expected(frame):
    """What tshark says of the innermost packet: addresses and, for TCP and UDP, what identifies it; or None.

    Not compared: packets quoted in ICMP errors (a quotation was never sent), and what tshark itself calls malformed.
    """
    layers = frame["frame.protocols"].split(":")
    network = [i for i, name in enumerate(layers) if name in ("ip", "ipv6")]
    if not network or frame["_ws.malformed"]:
        return None
    if {"icmp", "icmpv6"} & set(layers[: network[-1]]):
        return None
    version = layers[network[-1]]
    ends = tuple(ipaddress.ip_address(frame[f"{version}.{side}"]) for side in ("src", "dst"))
    upper = layers[network[-1] + 1 :]
    if "tcp" in upper:
        return ends, ("tcp", *(int(frame[f"tcp.{name}"]) for name in ("srcport", "dstport", "seq_raw", "len")))
    if "udp" in upper:
        return ends, ("udp", int(frame["udp.srcport"]), int(frame["udp.dstport"]))
    return ends, None


def found(row):
    ends = tuple(ipaddress.ip_address(address_text(row[f"{side}_hi"], row[f"{side}_lo"])) for side in ("src", "dst"))
    if row["transport"] == 6:
        return ends, ("tcp", row["src_port"], row["dst_port"], row["tcp_seq"], row["payload_wire_bytes"])
    if row["transport"] == 17:
        return ends, ("udp", row["src_port"], row["dst_port"])
    return ends, None


def differences(path):
    rows = ours(path)
    compared, differ = 0, []
    for frame in tshark(path):
        want = expected(frame)
        row = rows.get(int(frame["frame.number"]))
        if want is None or row is None:
            continue
        got = found(row)
        compared += 1
        # A row with a reason has no transport to compare; its addresses must still be right if it has any.
        if row["status"] == 0 and got == want:
            continue
        if row["status"] != 0 and want[1] is None and got[0] == want[0]:
            continue
        differ.append((frame["frame.number"], Status(row["status"]).name, want, got, frame["frame.protocols"]))
    return compared, differ


@pytest.mark.parametrize("name", CAPTURES)
def test_capture_by_what_is_in_it(captures, name):
    compared, differ = differences(captures / CAPTURES[name])
    assert compared
    assert not differ[:3]


@pytest.mark.parametrize("link_type", LINK_TYPES)
def test_captures_by_link_type(captures, link_type):
    with (captures / "index.csv").open(newline="") as file:
        index = [row for row in csv.DictReader(file) if row["linktype"] == link_type and "_history" not in row["file"]]
    index.sort(key=lambda row: (int(row["size"]), row["file"]))
    total = 0
    for row in [row for row in index if int(row["size"]) > 300][:PER_LINK_TYPE]:
        compared, differ = differences(captures / row["file"])
        total += compared
        assert not differ[:3], row["file"]
    assert total
