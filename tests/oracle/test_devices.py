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


def tshark(path: Path, fields: list[str], wanted: str, *options: str) -> list[list[list[str]]]:
    """Return the values of the fields, frame by frame."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=\x1f", "-E", "aggregator=\x1e"]
    command += [part for field in fields for part in ("-e", field)]
    done = subprocess.run([*command, *options, "-Y", wanted], capture_output=True, text=True, check=False)
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


# --- RTP ------------------------------------------------------------------------------------------------

RTP_CAPTURES = [
    "DanieleDeSensi+peafowl/test/pcaps/sip-rtp.pcap",
    "ebu+pi-list/sample_data/pcap/st2110/2110-40/empty_data_but_valid.pcap",
    "ebu+pi-list/sample_data/pcap/st2110/2110-40/2110-40_5994i.pcap",
]
HEURISTIC = ("--enable-heuristic", "rtp_udp")


def rtp_agrees(path: Path, folder: Path, *options: str) -> None:
    streams: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for (frame,), (ssrc,), (kind,), (seq,), (stamp,), (flow,) in tshark(
        path, ["frame.number", "rtp.ssrc", "rtp.p_type", "rtp.seq", "rtp.timestamp", "udp.stream"], "rtp", *options
    ):
        streams.setdefault((int(flow), int(ssrc, 16)), []).append((int(frame), int(seq), int(stamp)))
        assert int(kind) <= 127
    theirs = sorted((ssrc, p[0][0], len(p), p[0][1], p[-1][1], p[0][2], p[-1][2]) for (_, ssrc), p in streams.items())
    ours = ask(
        path, folder, "select ssrc, frame_no, packets, first_sequence, last_sequence, first_rtp_timestamp,"
        " last_rtp_timestamp from rtp_streams order by all"
    )  # fmt: skip
    assert ours
    assert ours == theirs


def test_rtp_of_the_sample(tmp_path: Path) -> None:
    path = SAMPLES / "udp-ts/rtp-multicast.pcap"
    rtp_agrees(path, tmp_path, "-d", "udp.port==5004,rtp")
    reports = [
        (int(frame[0]), int(ssrc[0], 16), int(stamp[0]), int(packets[0]), int(octets[0]))
        for frame, ssrc, stamp, packets, octets in tshark(
            path,
            [
                "frame.number",
                "rtcp.senderssrc",
                "rtcp.timestamp.rtp",
                "rtcp.sender.packetcount",
                "rtcp.sender.octetcount",
            ],
            "rtcp",
        )
    ]
    sql = "select frame_no, ssrc, rtp_timestamp, sender_packets, sender_bytes from rtcp order by all"
    assert ask(path, tmp_path / "again", sql) == reports


@public
@pytest.mark.shared
@pytest.mark.parametrize("name", RTP_CAPTURES)
def test_rtp_of_public_captures(captures: Path, tmp_path: Path, name: str) -> None:
    rtp_agrees(captures / name, tmp_path, *HEURISTIC)


# --- links ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dhcp/leases.pcap", "hls/two-boxes.pcap", "udp-ts/multicast.pcap"])
def test_link_addresses(tmp_path: Path, name: str) -> None:
    path = SAMPLES / name
    theirs: dict[tuple[str, str, str], list[int]] = {}
    fields = ["frame.number", "eth.src", "ip.src", "ipv6.src", "arp.src.hw_mac", "arp.src.proto_ipv4"]
    for (frame,), (mac, *_), four, six, arp_mac, arp_ip in tshark(path, fields, "eth"):
        if arp_mac:
            theirs.setdefault((arp_mac[0], arp_ip[0], "ARP"), []).append(int(frame))
        elif four or six:
            theirs.setdefault((mac, (four or six)[0], "IP"), []).append(int(frame))
    ours = ask(
        path, tmp_path, "select mac, ip, basis, packets, first_frame, last_frame from link_addresses order by all"
    )
    assert ours == sorted((*pair, len(frames), frames[0], frames[-1]) for pair, frames in theirs.items())


def test_multicast_memberships(tmp_path: Path) -> None:
    path = SAMPLES / "udp-ts/rtp-multicast.pcap"
    theirs = [
        (int(frame[0]), host[0], group[0])
        for frame, host, group in tshark(path, ["frame.number", "ip.src", "igmp.maddr"], "igmp")
    ]
    ours = ask(path, tmp_path, "select frame_no, host_ip, group_ip from multicast_memberships order by frame_no")
    assert ours == theirs
    joined = ask(path, tmp_path / "again", "select distinct host_ip from multicast_memberships where action = 'join'"
                 " and group_ip = '239.10.0.8'")  # fmt: skip
    (session,) = json.loads(path.with_suffix(".truth.json").read_text())["sessions"]
    assert joined == [(session["client_ip"],)]


# --- NTP ------------------------------------------------------------------------------------------------

NTP_CAPTURES = [
    "the-tcpdump-group+tcpdump/tests/ntp.pcap",
    "DanieleDeSensi+peafowl/test/pcaps/ntp.pcap",
]


def ntp_agrees(path: Path, folder: Path) -> None:
    fields = ["frame.number", "ntp.flags.vn", "ntp.stratum", "ntp.ppoll", "ntp.precision"]
    theirs = []
    for values in tshark(path, fields, "ntp && ntp.stratum"):
        frame, version, stratum, poll, precision = (int(value[0], 0) for value in values)
        theirs.append((frame, version, stratum, poll - 256 * (poll > 127), precision - 256 * (precision > 127)))
    sql = "select frame_no, ntp_version, stratum, poll_exponent, precision_exponent from ntp where stratum is not null"
    assert ask(path, folder, f"{sql} order by frame_no") == theirs


def test_ntp_of_the_sample(tmp_path: Path) -> None:
    path = SAMPLES / "ntp/clocks.pcap"
    ntp_agrees(path, tmp_path)
    behind = ask(
        path, tmp_path / "again",
        "select client_ip, round((receive_ns - origin_ns) / 1e9) from ntp where mode = 'server' order by ts_ns",
    )  # fmt: skip
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    right, slow, chance = (clock["client_ip"] for clock in truth["clocks"])
    assert behind[:2] == [(right, 0), (slow, 3600)]
    # The third client sends random numbers for its clock: they say nothing, and differ from each other by years.
    assert {client for client, _ in behind[2:]} == {chance}
    assert all(abs(seconds) > 86400 for _, seconds in behind[2:])


@public
@pytest.mark.shared
@pytest.mark.parametrize("name", NTP_CAPTURES)
def test_ntp_of_public_captures(captures: Path, tmp_path: Path, name: str) -> None:
    ntp_agrees(captures / name, tmp_path)


# --- SSDP and UPnP --------------------------------------------------------------------------------------


def test_ssdp_of_the_sample(tmp_path: Path) -> None:
    path = SAMPLES / "ssdp/media-server.pcap"
    fields = ["frame.number", "http.request.method", "http.response.code", "http.location", "http.server"]
    theirs = [
        (int(frame[0]), first(method), int(status[0]) if status else None, first(location), first(server))
        for frame, method, status, location, server in tshark(path, fields, "ssdp")
    ]
    ours = ask(path, tmp_path, "select frame_no, method, status, location_url, server from ssdp order by frame_no")
    assert ours == theirs
    device = json.loads(path.with_suffix(".truth.json").read_text())["device"]
    found = ask(
        path, tmp_path / "again",
        "select udn, friendly_name, serial_number, model_name, model_number, server_ip from upnp_devices",
    )  # fmt: skip
    assert found == [
        tuple(device[name] for name in ("udn", "friendly_name", "serial", "model_name", "model_number", "ip"))
    ]


# --- SRT ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "port"), [("publish", 9000), ("play", 8890), ("encrypted", 9000)])
def test_srt_of_the_samples(tmp_path: Path, name: str, port: int) -> None:
    path = SAMPLES / f"srt/{name}.pcap"
    fields = ["frame.number", "srt.iscontrol", "srt.type", "srt.id", "srt.msg.rexmit", "srt.seqno", "udp.length"]
    data: dict[int, list[tuple[int, int, bool, int]]] = {}
    acknowledgements = 0
    for row in tshark(path, fields, "srt", "-d", f"udp.port=={port},srt"):
        frame, control, kind, socket, resent, sequence, length = (value[0] if value else "" for value in row)
        if control not in ("1", "True"):
            size = int(length) - 8 - 16
            again = resent in ("1", "True")
            data.setdefault(int(socket, 16), []).append((int(frame), int(sequence), again, size))
        elif kind == "0x0002":
            acknowledgements += 1
    theirs = [
        (frames[0][0], socket, len(frames), sum(again for _, _, again, _ in frames),
         sum({number: size for _, number, _, size in frames}.values()), frames[0][1], frames[-1][0])
        for socket, frames in data.items()
    ]  # fmt: skip
    ours = ask(
        path, tmp_path, "select frame_no, destination_socket, packets, resent_packets, payload_bytes, first_sequence,"
        " last_frame_no from srt_streams order by all"
    )  # fmt: skip
    assert ours == sorted(theirs)
    counted = ask(path, tmp_path / "acks", "select sum(acknowledgements) from srt_streams")
    assert counted == [(acknowledgements,)]
    handshakes = tshark(path, ["srt.hs.id", "srt.hs.sid"], "srt.hs.sid", "-d", f"udp.port=={port},srt")
    named = ask(path, tmp_path / "names", "select caller_socket, stream_id from srt order by all")
    assert named == sorted({(int(own[0], 16), sid[0]) for own, sid in handshakes})


# --- WebSocket ------------------------------------------------------------------------------------------


def test_websocket_of_the_sample(tmp_path: Path) -> None:
    path = SAMPLES / "websocket/flv.pcap"
    codes = [code for (row,) in tshark(path, ["websocket.opcode"], "websocket") for code in row]
    ours = ask(path, tmp_path, "select sum(binary_messages), count(close_code) from websocket")
    assert ours == [(codes.count("2"), codes.count("8"))]
