"""The same captures through tshark: frames, flows, HTTP, RTMP, DNS and transport stream services agree.

Where tshark says something else, the difference is explained beside the comparison.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from iptvforensics.analysis import analyze_capture
from iptvforensics.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
CAPTURES = sorted(p for p in SAMPLES.rglob("*.pcap*") if p.name.endswith((".pcap", ".pcapng", ".gz", ".zst", ".xz")))
NAMES = [str(p.relative_to(SAMPLES)) for p in CAPTURES]

pytestmark = pytest.mark.oracle


def test_tshark_is_there() -> None:
    assert shutil.which("tshark"), "install tshark (Debian: apt-get install tshark)"


@cache
def tshark(path: Path, fields: tuple[str, ...], display_filter: str = "", *preferences: str) -> list[list[str]]:
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=\x1f", "-E", "occurrence=a"]
    command += ["-E", "aggregator=\x1e", *(f"-o{p}" for p in preferences)]
    command += [part for field in fields for part in ("-e", field)]
    if display_filter:
        command += ["-Y", display_filter]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line.split("\x1f") for line in done.stdout.split("\n")[:-1]]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory):
    store = Store.create(tmp_path_factory.mktemp("oracle") / "case")
    ids = {}
    for path in CAPTURES:
        ids[str(path.relative_to(SAMPLES))] = analyze_capture(str(path), store, cores=1).capture_id
    connection = store.connection()

    def ask(name: str, sql: str) -> list[tuple]:
        return connection.execute(sql.replace("$id", f"'{ids[name]}'")).fetchall()

    return ask


def plain(name: str) -> Path:
    """Return a file that tshark 4.0 reads: it has no xz, and stops at a record that is cut."""
    return SAMPLES / name


readable = [n for n in NAMES if not n.endswith((".xz", ".zst"))]


@pytest.mark.parametrize("name", readable)
def test_frames(case, name: str) -> None:
    frames = tshark(plain(name), ("frame.number", "frame.cap_len", "frame.time_epoch"))
    ((count, captured, first_ns, last_ns),) = case(
        name, "select frames, bytes, first_ns, last_ns from captures where capture_id = $id"
    )
    assert count == len(frames)
    assert captured == sum(int(f[1]) for f in frames)
    seconds = sorted(int(s) * 10**9 + int(f.ljust(9, "0")) for s, f in (row[2].split(".") for row in frames))
    assert (first_ns, last_ns) == (seconds[0], seconds[-1])


@pytest.mark.parametrize("name", readable)
def test_flows(case, name: str) -> None:
    fields = ("tcp.stream", "udp.stream", "tcp.len", "udp.length", "icmp.type", "icmpv6.type")
    payload: Counter[tuple[str, str]] = Counter()
    for tcp, udp, tcp_length, udp_length, icmp, icmp6 in tshark(plain(name), fields):
        if icmp or icmp6:
            continue  # tshark also numbers the flow of the packet that an ICMP error quotes
        if tcp:
            payload["tcp", tcp] += int(tcp_length)
        elif udp:
            payload["udp", udp] += int(udp_length) - 8
    ours = case(
        name,
        "select transport, orig_payload_bytes + resp_payload_bytes, duplicate_packets from flows "
        "where capture_id = $id and transport in ('tcp', 'udp')",
    )
    expected = sorted((kind, size) for (kind, _), size in payload.items())
    if name == "damaged/hls-doubled.pcap":  # tshark counts the copies of a mirror port twice
        assert len(ours) == len(expected)
        assert sum(size for _, size, _ in ours) < sum(size for _, size in expected)
        assert any(copies for _, _, copies in ours)
    else:
        assert sorted((kind, size) for kind, size, _ in ours) == expected


@pytest.mark.parametrize(
    "name", [n for n in readable if n.startswith(("hls/", "http-ts/", "progressive/", "formats/"))]
)
def test_http(case, name: str) -> None:
    requests = tshark(plain(name), ("frame.number", "http.request.method", "http.request.full_uri"), "http.request")
    ours = case(
        name,
        "select frame_no, method, url from http where capture_id = $id and method is not null"
        " order by frame_no, stream_offset",
    )
    assert [(int(f), m, u) for f, m, u in requests] == ours
    # tshark shows a response at the frame that completes it, we at its first byte: compare status codes in flow order
    in_order = "tcp.reassemble_out_of_order:TRUE"  # without it tshark loses responses at retransmissions
    statuses = tshark(plain(name), ("http.response.code",), "http.response", in_order)
    mine = case(name, "select status from http where capture_id = $id and status is not null")
    assert sorted(code for row in statuses for code in row[0].split("\x1e")) == sorted(str(s) for (s,) in mine) or (
        # a response that never ends (no length, connection cut) is not shown by tshark
        len(statuses) <= len(mine)
        and {row[0] for row in statuses} <= {str(s) for (s,) in mine}
        and case(name, "select count(*) from http where capture_id = $id and not complete")[0][0] > 0
    )


@pytest.mark.parametrize("name", [n for n in readable if n.startswith("rtmp/") and "midstream" not in n])
def test_rtmp_commands(case, name: str) -> None:
    rows = tshark(plain(name), ("rtmpt.header.typeid", "amf.string"), "rtmpt", "tcp.desegment_tcp_streams:TRUE")
    wanted = ("connect", "createStream", "publish", "play", "releaseStream", "FCPublish", "onStatus", "_result")
    theirs = Counter(
        text
        for types, strings in rows
        if "0x14" in types or "0x11" in types
        for text in strings.split("\x1e")
        if text in wanted
    )
    mine = Counter(
        command
        for (command,) in case(name, "select command from rtmp where capture_id = $id and kind = 'command'")
        if command in wanted
    )
    assert mine == theirs


@pytest.mark.parametrize("name", [n for n in readable if not n.startswith("damaged/")])
def test_dns(case, name: str) -> None:
    fields = ("dns.id", "dns.flags.response", "dns.qry.name", "dns.a", "dns.aaaa", "dns.flags.rcode")
    rows = tshark(plain(name), fields, "dns && !icmp && !mdns")
    theirs = sorted(
        (int(i, 16), r in ("1", "True"), q, sorted(x for x in (a + "\x1e" + b).split("\x1e") if x))
        for i, r, q, a, b, _ in rows
    )
    ours = case(
        name,
        "select message_id, is_response, rtrim(query_name, '.'), addresses from dns"
        " where capture_id = $id and server_port <> 5353",
    )
    assert sorted((i, r, q, sorted(a or [])) for i, r, q, a in ours) == theirs


def test_multicast_dns(case) -> None:
    """Names are left out, which tshark writes without escapes."""
    name = "dns/announced.pcap"
    counts = ("dns.count.queries", "dns.count.answers", "dns.count.auth_rr")
    rows = tshark(plain(name), ("frame.number", "dns.flags.response", "dns.resp.type", *counts), "mdns")
    theirs = [
        (int(frame), r in ("1", "True"), int(answers), len([t for t in types.split("\x1e") if t not in ("", "41")]))
        for frame, r, types, _, answers, _ in rows  # 41 (OPT) is no record to us, but columns of its own
    ]
    ours = case(
        name,
        "select frame_no, is_response, answer_count, coalesce(len(answers), 0) + coalesce(len(authorities), 0)"
        " + coalesce(len(additionals), 0) from dns where capture_id = $id order by frame_no",
    )
    assert len(theirs) > 20
    assert ours == theirs


def test_transport_stream_services(case) -> None:
    found = tshark(
        SAMPLES / "udp-ts/multicast.pcap",
        ("mpeg_pat.prog_num", "mpeg_pat.prog_map_pid"),
        "mpeg_pat",
        "udp.try_heuristic_first:TRUE",
    )
    theirs = {
        (int(n, 0), int(p, 0))
        for numbers, pids in found
        for n, p in zip(numbers.split("\x1e"), pids.split("\x1e"), strict=True)
    }
    ours = set(case("udp-ts/multicast.pcap", "select service_id, pmt_pid from ts_services where capture_id = $id"))
    assert theirs
    assert ours == theirs
