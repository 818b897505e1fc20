"""Transport streams from an encoder of our own, from ffmpeg, and damaged in all the ways captures are."""

from __future__ import annotations

import base64
import itertools
import json
import random
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from iptvforensics import kernel
from iptvforensics.errors import DecodeError
from iptvforensics.protocol import Anomaly, Event, Mark, Opening, Row
from iptvforensics.protocols import _mpegts_arrays, _mpegts_services, _mpegts_stream
from iptvforensics.protocols import _mpegts_kernel as K
from iptvforensics.protocols.mpegts import PROTOCOL, detect

WRAP = 1 << 33


def crc_mpeg2(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def section(table_id: int, extension_id: int, body: bytes, version: int = 0, current: int = 1) -> bytes:
    length = len(body) + 9
    head = bytes([table_id, 0xB0 | length >> 8, length & 0xFF]) + extension_id.to_bytes(2, "big")
    head += bytes([0xC0 | version << 1 | current, 0, 0])
    return head + body + crc_mpeg2(head + body).to_bytes(4, "big")


def pat(programs: dict[int, int], tsid: int = 9, version: int = 0) -> bytes:
    body = b"".join(n.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big") for n, pid in programs.items())
    return section(0, tsid, body, version)


def pmt(service: int, pcr: int, streams: list[tuple[int, int, bytes]], info: bytes = b"", version: int = 0) -> bytes:
    body = (0xE000 | pcr).to_bytes(2, "big") + (0xF000 | len(info)).to_bytes(2, "big") + info
    for kind, pid, loop in streams:
        body += bytes([kind]) + (0xE000 | pid).to_bytes(2, "big") + (0xF000 | len(loop)).to_bytes(2, "big") + loop
    return section(2, service, body, version)


def sdt(services: dict[int, tuple[bytes, bytes]], tsid: int = 9, onid: int = 0x1234, table_id: int = 0x42) -> bytes:
    body = onid.to_bytes(2, "big") + b"\xff"
    for number, (provider, name) in services.items():
        text = bytes([1, len(provider)]) + provider + bytes([len(name)]) + name
        loop = bytes([0x48, len(text)]) + text
        body += number.to_bytes(2, "big") + b"\xfc" + (0x9000 | len(loop)).to_bytes(2, "big") + loop
    return section(table_id, tsid, body)


def stamp(prefix: int, value: int) -> bytes:
    return bytes(
        [
            prefix << 4 | (value >> 30 & 7) << 1 | 1,
            value >> 22 & 0xFF,
            (value >> 15 & 0x7F) << 1 | 1,
            value >> 7 & 0xFF,
            (value & 0x7F) << 1 | 1,
        ]
    )


class Mux:
    """Writes transport packets, with a continuity counter per PID."""

    def __init__(self, stride: int = 188) -> None:
        self.stride = stride
        self.data = bytearray()
        self.cc: dict[int, int] = {}

    def packet(
        self,
        pid: int,
        payload: bytes | None,
        *,
        start: bool = False,
        pcr: int | None = None,
        scrambled: int = 0,
        discontinuity: bool = False,
        cc: int | None = None,
        error: bool = False,
    ) -> int:
        """Add one packet and return where it begins; payload None: adaptation field only."""
        room = 184 - len(payload or b"")
        field = b""
        if room or pcr is not None or discontinuity or payload is None:
            flags = (0x80 if discontinuity else 0) | (0x10 if pcr is not None else 0)
            clock = b""
            if pcr is not None:
                clock = ((pcr // 300) << 15 | 0x7E00 | pcr % 300).to_bytes(6, "big")
            content = (bytes([flags]) + clock).ljust(room - 1, b"\xff") if room > 1 else b""
            field = bytes([len(content)]) + content
        counter = self.cc.get(pid, -1) + (payload is not None) if cc is None else cc
        self.cc[pid] = counter = max(counter, 0) % 16
        control = scrambled << 6 | (0x20 if field else 0) | (0x10 if payload is not None else 0) | counter
        head = bytes([0x47, error << 7 | start << 6 | pid >> 8, pid & 0xFF, control])
        packet = head + field + (payload or b"")
        assert len(packet) == 188
        if self.stride == 192:
            self.data += len(self.data).to_bytes(4, "big")
        begin = len(self.data)
        self.data += packet + bytes(16 if self.stride == 204 else 0)
        return begin

    def sections(self, pid: int, *sections: bytes) -> None:
        """Add sections back to back; packets in which one starts have a pointer field."""
        data = b"".join(sections)
        starts = list(itertools.accumulate((len(s) for s in sections[:-1]), initial=0))
        at = 0
        while at < len(data):
            ahead = [start - at for start in starts if at <= start < at + 183]
            lead = bytes([ahead[0]]) if ahead else b""
            piece = data[at : at + 184 - len(lead)]
            self.packet(pid, (lead + piece).ljust(184, b"\xff"), start=bool(ahead))
            at += len(piece)

    def pes(self, pid: int, pts: int, dts: int | None = None, sid: int = 0xE0, **more: Any) -> None:
        stamps = stamp(2, pts % WRAP) if dts is None else stamp(3, pts % WRAP) + stamp(1, dts % WRAP)
        head = b"\0\0\1" + bytes([sid, 0, 0, 0x80, 0x80 if dts is None else 0xC0, len(stamps)]) + stamps
        size = 160 if more else 184
        self.packet(pid, head + bytes(i % 251 for i in range(size - len(head))), start=True, **more)
        self.packet(pid, b"\xaa" * 184)


VIDEO, AUDIO = (0x1B, 0x101, b""), (0x0F, 0x102, b"\x0a\x04kor\x00")


def tables(mux: Mux, version: int = 0) -> None:
    mux.sections(0, pat({1: 0x100}))
    mux.sections(0x100, pmt(1, 0x101, [VIDEO, AUDIO], version=version))
    mux.sections(0x11, sdt({1: (b"Example", b"Channel One")}))


def television(stride: int = 188, seconds: int = 2, first: int = 0, version: int = 0) -> bytes:
    mux = Mux(stride)
    for picture in range(seconds * 25):
        time = first + picture * 3600
        if picture % 10 == 0:
            tables(mux, version)
        mux.pes(0x101, time + 7200, time, pcr=time * 300 % K.PCR_MODULUS)
        mux.pes(0x102, time, sid=0xC0)
        mux.packet(0x1FFF, bytes(184))
    return bytes(mux.data)


FFMPEG = zlib.decompress(
    base64.b85decode(
        "c-nJ!5ENi=`k=_bc#whNKjVJ}_CE~*9(;`Kt`&*71v#lKE~&ZsKOY%&{vUk6-GM=XfnftL*zFAL9~ktK-Y@t+G=O^m(Cthc#2MIu"
        "Zhy$|fq@A`usme^z`(xi_p-t5c1H$-=l}+WYMwd<TA0tk!1#cHq2U0RAp>VBqaXwOjYOc(W+ny&;s5`EG7OAcMY<Rm89=NZ3>*v&"
        "3?L5w{~sWk{{NpH8-NT(;i#aA;+kGAAXz3j2bg9Ahj5w^9KvbFumzY~=b6wZ&5)J2J}wjlr7&>v3IG2alx(&(%0ttSP~`zo$^lZq"
        "G$S;G(~Qs%PBTWJG;=U!@T3{;I!8fJ!U3n5>3GtNBclN$sOUMsx}u?hRgr<y|L*^<9!E+;e3#w-2UIK?8X6jYzxF#Eo!|F+_wHRc"
        "e&$5W>vkvI*ajv{zuzw}F9(SvKi!xUEp`+{9NYK%-Me?MK_WHV;A*emuf2QsE=Z(*+EJKVso(E+@7}!@B=YG7Ol@*}?f3HXQjmxp"
        ")JPza{eB<NRFH@}BctH)(=aFK_SSv}8hi~T@-qjnemzZ`%Rp%u0o^V{uW+Jv7y;cbOs{aFb{GNOE<&$xqIMVo-7Y%Nd5+vL0=ivn"
        "pz|ELVFYx$IX_y-KG1oP*f4W<5ELB3{U+fd+@290!tEJjP<!S{%iw9x@NzvA1T|{F?V0O%+rT12IL(L*;WT3cOf!t^YX(u8ncgS}"
        "N;sf2!zhlo4QzqZ2IltpJA~T6l0&!+EH#ANz|upw4J<Q++rY9zxD6~fgxkROL$(bJALC%@0GIE)Ub3TO9HV0#qhlPSV;od2-_6Pg"
        "sP#)}`~Uz<r%Ss"
    )
)
"""One second of grey and silence, written by ffmpeg 5.1 with a service name of ours."""

EXAMPLES = [
    ("own encoder, 188 bytes", television(), b""),
    ("own encoder, 192 bytes", television(192, 1), b""),
    ("own encoder, 204 bytes", television(204, 1), b""),
    ("ffmpeg", FFMPEG, b""),
]


def parse(data: bytes, pieces: list[int] | None = None) -> list[Event]:
    """Return rows and anomalies, fed whole or cut at the given places."""
    parser = PROTOCOL.parser(Opening("content", data[:8192], b""))
    events: list[Event] = []
    edges = [0, *(pieces or []), len(data)]
    for begin, end in itertools.pairwise(edges):
        events += parser.feed(memoryview(data)[begin:end], True)
    events += parser.end(True)
    assert parser.end(True) == []
    return [event for event in events if not isinstance(event, Mark)]


def parse_parts(*parts: bytes | int) -> list[Event]:
    """Return rows and anomalies of bytes and gaps (by length)."""
    parser = PROTOCOL.parser(Opening("content", b"", b""))
    events: list[Event] = []
    for part in parts:
        events += parser.gap(part, True) if isinstance(part, int) else parser.feed(memoryview(part), True)
    return [event for event in events + parser.end(True) if not isinstance(event, Mark)]


def rows(events: list[Event], table: str) -> list[dict[str, Any]]:
    return [event.values for event in events if isinstance(event, Row) and event.table == table]


def stream(events: list[Event]) -> dict[str, Any]:
    (row,) = rows(events, "transport_streams")
    return row


def pid_row(events: list[Event], pid: int) -> dict[str, Any]:
    (row,) = [row for row in rows(events, "ts_pids") if row["pid"] == pid]
    return row


def anomalies(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, Anomaly)]


def example(name: str) -> bytes:
    return next(data for label, data, _ in EXAMPLES if label == name)


# What a stream says of itself


@pytest.mark.parametrize("stride", [188, 192, 204])
def test_rows_are_the_same_at_every_packet_distance(stride: int) -> None:
    events = parse(television(stride))
    row = stream(events)
    assert row["packet_bytes"] == stride
    assert row["packets"] == 50 * 5 + 5 * 3
    assert row["null_packets"] == 50
    assert (row["skipped_bytes"], row["sync_losses"], row["continuity_errors"]) == (0, 0, 0)
    assert (row["pts_first"], row["pts_last"], row["media_s"]) == (7200, 7200 + 49 * 3600, 49 / 25)
    assert (row["pcr_first"], row["pcr_last"]) == (0, 49 * 3600 * 300)
    assert row["bitrate_bps"] == pytest.approx(264 / 265 * row["packets"] * 188 * 8 / (49 / 25), rel=0.03)
    assert anomalies(events) == []


def test_service_row_joins_pat_pmt_and_sdt() -> None:
    (row,) = rows(parse(television()), "ts_services")
    assert row == {
        "service_id": 1,
        "pmt_pid": 0x100,
        "pcr_pid": 0x101,
        "service_name": "Channel One",
        "provider_name": "Example",
        "service_type": 1,
        "original_network_id": 0x1234,
        "transport_stream_id": 9,
        "ca_system_ids": [],
        "es_pids": [0x101, 0x102],
        "es_types": ["H.264", "AAC"],
        "languages": ["kor"],
        "free_ca_mode": True,
        "pmt_crc_valid": True,
        "sdt_crc_valid": True,
    }


def test_every_table_has_the_declared_columns() -> None:
    declared = {table.name: list(table.column_names) for table in PROTOCOL.tables}
    seen = set()
    for event in parse(television()):
        assert isinstance(event, Row)
        seen.add(event.table)
        assert list(event.values) == declared[event.table][7:-1], event.table
    assert seen == set(declared)


def test_sections_have_one_row_each_however_often_they_are_sent() -> None:
    found = rows(parse(television()), "ts_sections")
    assert [(row["table_name"], row["pid"], row["crc_valid"]) for row in found] == [
        ("PAT", 0, True),
        ("PMT", 0x100, True),
        ("SDT actual", 0x11, True),
    ]
    assert bytes.fromhex(found[0]["section_hex"]) == pat({1: 0x100})


def test_changed_program_map_gives_a_second_service_row() -> None:
    mux = Mux()
    tables(mux)
    before = len(mux.data)
    tables(mux)
    mux.sections(0x100, pmt(1, 0x101, [(0x24, 0x101, b"")], version=1))
    mux.pes(0x101, 0)
    events = parse(bytes(mux.data))
    assert [row["es_types"] for row in rows(events, "ts_services")] == [["H.264", "AAC"], ["H.265"]]
    offsets = [e.offset for e in events if isinstance(e, Row) and e.table == "ts_services"]
    assert offsets == [188, 2 * before]
    assert stream(events)["service_count"] == 1


def test_wrong_crc_is_an_anomaly_and_its_row_is_kept() -> None:
    broken = bytearray(pmt(1, 0x101, [VIDEO]))
    broken[-1] ^= 1
    mux = Mux()
    mux.sections(0, pat({1: 0x100}))
    mux.sections(0x100, bytes(broken))
    mux.pes(0x101, 0)
    events = parse(bytes(mux.data))
    assert anomalies(events) == ["MPEGTS_section_crc_wrong"]
    assert [row["crc_valid"] for row in rows(events, "ts_sections")] == [True, False]
    (service,) = rows(events, "ts_services")
    assert (service["pmt_crc_valid"], service["sdt_crc_valid"]) == (False, None)
    mux.sections(0x100, pmt(1, 0x101, [AUDIO]))
    (service,) = rows(parse(bytes(mux.data)), "ts_services")
    assert (service["pmt_crc_valid"], service["es_types"]) == (True, ["AAC"])


def test_each_section_of_a_service_has_its_own_crc() -> None:
    broken = bytearray(sdt({1: (b"Example", b"Channel 0ne")}))
    broken[-1] ^= 1
    mux = Mux()
    mux.sections(0, pat({1: 0x100, 2: 0x110}))
    mux.sections(0x100, pmt(1, 0x101, [VIDEO]))
    mux.sections(0x11, bytes(broken))
    mux.pes(0x101, 0)
    found = [(row["pmt_crc_valid"], row["sdt_crc_valid"]) for row in rows(parse(bytes(mux.data)), "ts_services")]
    assert found == [(None, None), (True, False)]


def test_sections_over_many_packets_and_many_in_one_packet() -> None:
    names = {n: (b"Example", f"Channel {n}".encode() * 3) for n in range(1, 18)}
    mux = Mux()
    for _ in range(3):
        mux.sections(0, pat(dict.fromkeys(names, 0x100)))
        mux.sections(0x11, sdt(names), sdt({40: (b"", b"Other")}, tsid=10, table_id=0x46))
        mux.sections(0x100, *(pmt(n, 0x101, [VIDEO]) for n in names))
    events = parse(bytes(mux.data))
    assert len(rows(events, "ts_sections")) == 1 + 2 + 17
    *own, other = sorted(rows(events, "ts_services"), key=lambda row: row["service_id"])
    assert [row["service_name"] for row in own] == [name.decode() for _, name in names.values()]
    assert (other["transport_stream_id"], other["pmt_pid"], other["es_pids"]) == (10, None, None)
    assert anomalies(events) == []


def test_section_that_ends_behind_a_pointer_field_is_whole() -> None:
    long, short = sdt(dict.fromkeys(range(6), (b"Example", b"A longer name"))), sdt({7: (b"", b"")}, tsid=4)
    mux = Mux()
    mux.sections(0, pat({1: 0x100}))
    rest = long[183:]
    mux.packet(0x11, b"\0" + long[:183], start=True)
    mux.packet(0x11, (bytes([len(rest)]) + rest + short).ljust(184, b"\xff"), start=True)
    mux.packet(0x1FFF, bytes(184))
    found = rows(parse(bytes(mux.data)), "ts_sections")
    assert [row["section_hex"] for row in found[1:]] == [long.hex(), short.hex()]


def test_times_are_rows_once_a_minute() -> None:
    mux = Mux()
    mux.sections(0, pat({1: 0x100}))
    for second in range(0, 180, 10):
        clock = f"12{second // 60:02d}{second % 60:02d}"
        mux.sections(0x14, bytes([0x70, 0x70, 5]) + (0xC079).to_bytes(2, "big") + bytes.fromhex(clock))
    times = [row["utc_time"] for row in rows(parse(bytes(mux.data)), "ts_sections") if row["table_name"] == "TDT"]
    assert times == [f"1993-10-13T12:{minute:02d}:00+00:00" for minute in range(3)]


def test_conditional_access_is_named_where_it_is_announced() -> None:
    mux = Mux()
    mux.sections(0, pat({1: 0x100}))
    mux.sections(1, section(1, 0xFFFF, bytes.fromhex("09040d00e064")))
    mux.sections(0x100, pmt(1, 0x101, [VIDEO], bytes.fromhex("09041800e200")))
    mux.packet(0x200, bytes(184))
    mux.packet(0x64, bytes(184))
    mux.packet(0x101, bytes(184), scrambled=2)
    mux.sections(0x10, section(0x40, 3, bytes.fromhex("f007") + b"\x40\x05Cable" + bytes.fromhex("f000")))
    events = parse(bytes(mux.data))
    row = stream(events)
    assert (row["emm_ca_system_ids"], row["network_name"], row["scrambled_packets"]) == ([0x0D00], "Cable", 1)
    assert rows(events, "ts_services")[0]["ca_system_ids"] == [0x1800]
    assert [pid_row(events, pid)["kind"] for pid in (0x200, 0x64, 0x101)] == ["ECM", "EMM", "video"]
    assert pid_row(events, 0x101)["scrambled_packets"] == 1


def test_signs_of_ffmpeg_and_of_nginx() -> None:
    mux = Mux()
    mux.sections(0, pat({1: 0x1000}, tsid=1))
    mux.sections(0x11, sdt({1: (b"FFmpeg", b"Service01")}, tsid=1, onid=0xFF01))
    mux.sections(0x1000, pmt(1, 0x100, [(0x1B, 0x100, b""), (0x0F, 0x101, b"")]))
    assert len(stream(parse(bytes(mux.data)))["muxer_marks"]) == 3
    mux = Mux()
    mux.sections(0, pat({1: 0x1001}, tsid=1))
    mux.sections(0x1001, pmt(1, 0x100, [(0x1B, 0x100, b""), (0x0F, 0x101, b"")]))
    mux.packet(0x1FFF, bytes(184))
    assert mux.data[17:21].hex() == "2e701905"
    assert mux.data[188 + 27 : 188 + 31].hex() == "2f44b99b"
    assert stream(parse(bytes(mux.data)))["muxer_marks"] == ["nginx-rtmp or SRS: CRCs of PAT and PMT"]
    assert stream(parse(television()))["muxer_marks"] == []


def test_late_rows_point_at_marked_places() -> None:
    parser = PROTOCOL.parser(Opening("content", b"", b""))
    data = b"junk" + television()
    events = parser.feed(memoryview(data), True) + parser.gap(5000, True) + parser.feed(memoryview(bytes(2000)), True)
    marked = {event.offset for event in events if isinstance(event, Mark)}
    late = [event for event in parser.end(True) if isinstance(event, Row)]
    assert len(late) == 1 + 1 + 6
    assert {row.offset for row in late} <= marked
    assert late[0].values["last_frame_no"].offset == len(data) - 1
    assert late[0].values["last_frame_no"].offset in marked


# Counters and clocks


def with_counters(*packets: dict[str, Any]) -> list[Event]:
    mux = Mux()
    for options in packets:
        mux.packet(0x101, options.pop("payload", bytes(184)), **options)
    for _ in range(4):
        mux.packet(0x1FFF, bytes(184))
    return parse(bytes(mux.data))


ADAPTATION_ONLY: dict[str, Any] = {"payload": None}
CONTINUITY = [
    ("in order over the wrap", [{"cc": cc % 16} for cc in range(12, 20)], 0),
    ("one packet missing", [{"cc": 1}, {"cc": 3}, {"cc": 4}], 1),
    ("repeated once", [{"cc": 1}, {"cc": 1}, {"cc": 2}], 0),
    ("repeated twice", [{"cc": 1}, {"cc": 1}, {"cc": 1}, {"cc": 2}], 1),
    ("without payload", [{"cc": 1}, {"payload": None, "cc": 1}, {"payload": None, "cc": 1}, {"cc": 2}], 0),
    ("announced", [{"cc": 1}, {"cc": 9, "payload": bytes(100), "discontinuity": True}, {"cc": 10}], 0),
    ("not announced", [{"cc": 1}, {"cc": 9, "payload": bytes(100)}, {"cc": 10}], 1),
]


@pytest.mark.parametrize(("packets", "errors"), [c[1:] for c in CONTINUITY], ids=[c[0] for c in CONTINUITY])
def test_continuity(packets: list[dict[str, Any]], errors: int) -> None:
    events = with_counters(*(dict(options) for options in packets))
    assert stream(events)["continuity_errors"] == pid_row(events, 0x101)["continuity_errors"] == errors
    assert ("MPEGTS_continuity_error" in anomalies(events)) == bool(errors)


def test_packets_with_transport_errors_are_not_looked_into() -> None:
    events = with_counters({"cc": 1}, {"cc": 7, "error": True}, {"cc": 2})
    row = stream(events)
    assert (row["transport_errors"], row["continuity_errors"], row["packets"]) == (1, 0, 7)


@pytest.mark.parametrize("first", [WRAP - 25 * 3600, WRAP - 7200, 0, WRAP // 2], ids=["far", "near", "zero", "half"])
def test_clocks_run_on_over_their_wrap(first: int) -> None:
    events = parse(television(first=first))
    video = pid_row(events, 0x101)
    wraps = first > WRAP // 2
    assert stream(events)["media_s"] == 49 / 25
    assert video["pts_wraps"] == (1 if wraps and first + 7200 < WRAP else 0)
    assert pid_row(events, 0x102)["pts_wraps"] == wraps
    assert (video["pcr_jumps"], video["pts_jumps"]) == (0, 0)
    assert stream(events)["bitrate_bps"] == stream(parse(television()))["bitrate_bps"]


def clock_rows(times: list[tuple[int, bool]]) -> dict[str, Any]:
    mux = Mux()
    tables(mux)
    for time, announced in times:
        mux.pes(0x101, time % WRAP, pcr=time % WRAP * 300, discontinuity=announced)
    events = parse(bytes(mux.data))
    return pid_row(events, 0x101) | {"media_s": stream(events)["media_s"]}


def test_pictures_out_of_order_do_not_count_twice_at_the_wrap() -> None:
    order = [0, 4, 2, 1, 3, 8, 6, 5, 7]
    mux = Mux()
    tables(mux)
    for n in order:
        mux.pes(0x101, WRAP - 3 * 3600 + n * 3600)
    events = parse(bytes(mux.data))
    row = pid_row(events, 0x101)
    assert (row["pts_wraps"], row["pts_jumps"], stream(events)["media_s"]) == (1, 0, 8 / 25)


def test_a_break_of_the_clock_is_not_media_time() -> None:
    later = 3600 * 90_000
    run = [(n * 3600, False) for n in range(26)]
    row = clock_rows([*run, *((later + t, a) for t, a in run)])
    assert (row["pts_jumps"], row["pcr_jumps"], row["discontinuities"], row["media_s"]) == (1, 1, 0, 2.0)
    row = clock_rows([*run, (later, True), *((later + t, a) for t, a in run[1:])])
    assert (row["pts_jumps"], row["pcr_jumps"], row["discontinuities"], row["media_s"]) == (0, 0, 1, 2.0)
    row = clock_rows([*run, *((t - 5 * 90_000, a) for t, a in run)])
    assert (row["pts_jumps"], row["pcr_jumps"], row["media_s"]) == (1, 1, 2.0)


def test_no_clock_gives_nulls() -> None:
    row = stream(with_counters({"cc": 1}))
    assert [row[name] for name in ("pcr_first", "pts_first", "media_s", "bitrate_bps")] == [None] * 4


def scrambled_half(with_clock: bool) -> dict[str, Any]:
    mux = Mux()
    tables(mux)
    for n in range(101):
        clock = n * 3600 * 300 if with_clock else None
        mux.pes(0x101, n * 3600, pcr=clock, scrambled=2 if n > 50 else 0, discontinuity=False)
    return stream(parse(bytes(mux.data)))


def test_scrambled_media_last_as_long_as_the_clock_that_is_in_clear() -> None:
    row = scrambled_half(with_clock=True)
    assert (row["media_s"], row["media_s_basis"], row["scrambled_packets"]) == (4.0, "PCR", 50)


def in_parts(*parts: tuple[int, int, int], scrambled: int = 0) -> dict[str, Any]:
    """Return the row of a stream whose program map names another PID, from a second to another, time and again."""
    mux = Mux()
    mux.sections(0, pat({1: 0x100, 2: 0x110}))
    for version, (pid, first, last) in enumerate(parts):
        mux.sections(0x100, pmt(1, pid, [(0x1B, pid, b"")], version=version % 2))
        mux.sections(0x110, pmt(2, 0x301, [(0x1B, 0x301, b"")]))
        for n in range(first * 25, last * 25 + 1):
            mux.pes(pid, n * 3600, pcr=n * 3600 * 300, scrambled=scrambled)
            if pid != 0x301:
                mux.pes(0x301, n * 3600, pcr=n * 3600 * 300, scrambled=scrambled)
    return stream(parse(bytes(mux.data)))


@pytest.mark.parametrize("scrambled", [0, 2], ids=["clear", "scrambled"])
@pytest.mark.parametrize(
    ("parts", "seconds", "by_pcr"),
    [
        ([(0x101, 0, 4), (0x201, 4, 8)], 8.0, 8.0),
        ([(0x101, 0, 4), (0x201, 0, 4)], 8.0, 8.0),
        ([(0x101, 0, 4), (0x201, 100, 104), (0x202, 104, 106)], 10.0, 10.0),
        ([(0x101, 0, 4), (0x201, 4, 8), (0x101, 8, 12)], 12.0, 12.0),
        ([(0x101, 0, 4), (0x201, 4, 8), (0x101, 8, 12), (0x201, 12, 16)], 16.0, 12.0),
        ([(0x101, 0, 4), (0x301, 4, 8)], 4.0, 8.0),
    ],
    ids=["goes on", "begins anew", "twice", "comes back", "to and fro", "joins another service"],
)
def test_media_seconds_of_a_service_that_moves_to_other_pids(
    parts: list[tuple[int, int, int]], seconds: float, by_pcr: float, scrambled: int
) -> None:
    row = in_parts(*parts, scrambled=scrambled)
    assert (row["media_s"], row["media_s_basis"]) == ((by_pcr, "PCR") if scrambled else (seconds, "PTS"))


def test_return_to_a_program_map_that_was_sent_before() -> None:
    mux = Mux()
    mux.sections(0, pat({1: 0x100}))
    for pid, first, last in ((0x101, 0, 4), (0x201, 4, 8), (0x101, 8, 12)):
        mux.sections(0x100, pmt(1, pid, [(0x1B, pid, b"")], version=pid >> 9))
        for n in range(first * 25, last * 25 + 1):
            mux.pes(pid, n * 3600, pcr=n * 3600 * 300)
    assert stream(parse(bytes(mux.data)))["media_s"] == 12.0


def test_pids_of_one_component_are_followed_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mpegts_services, "MAX_MOVES", 3)
    row = in_parts(*((0x101 + n, n, n + 1) for n in range(5)))
    assert row["media_s"] == 3.0


def test_time_seen_in_clear_is_called_so_where_no_clock_shows_the_rest() -> None:
    row = scrambled_half(with_clock=False)
    assert (row["media_s"], row["media_s_basis"]) == (2.0, "PTS in clear")


def test_stream_that_is_scrambled_from_its_beginning() -> None:
    mux = Mux()
    tables(mux)
    for n in range(101):
        mux.pes(0x101, n * 3600, pcr=n * 3600 * 300, scrambled=3)
    row = stream(parse(bytes(mux.data)))
    assert (row["pts_first"], row["media_s"], row["media_s_basis"]) == (None, 4.0, "PCR")


# Finding the grid, losing it, finding it again


@pytest.mark.parametrize("junk", [1, 187, 188, 5000, 65_000])
def test_stream_behind_other_bytes(junk: int) -> None:
    lead = random.Random(junk).randbytes(junk).replace(b"G", b"g")
    events = parse(lead + television())
    assert anomalies(events) == ["MPEGTS_sync_after_junk"]
    assert stream(events)["skipped_bytes"] == junk
    assert stream(events)["packets"] == stream(parse(television()))["packets"]


@pytest.mark.parametrize("size", [1, 1000, 70_000])
def test_bytes_without_a_grid(size: int) -> None:
    data = bytes(size)
    if size < 1 << 16:
        assert anomalies(parse(data)) == ["MPEGTS_no_sync"]
    else:
        for cuts in ([], [65_000], list(range(0, size, 100))):
            with pytest.raises(DecodeError):
                parse(data, cuts)
        with pytest.raises(DecodeError):
            parse(data + television())


@pytest.mark.parametrize("packets", [3, 4])
def test_short_input_is_read_to_its_end(packets: int) -> None:
    events = parse(television()[: packets * 188 + 50])
    assert (stream(events)["packets"], stream(events)["skipped_bytes"]) == (packets, 50)


def test_one_wrong_sync_byte_costs_one_packet() -> None:
    data = bytearray(television())
    data[188 * 20] = 0
    data[188 * 40] = 0
    events = parse(bytes(data))
    assert (stream(events)["sync_byte_errors"], stream(events)["sync_losses"]) == (2, 0)
    assert stream(events)["packets"] == len(data) // 188 - 2


def test_lost_bytes_without_a_known_gap() -> None:
    data = television()
    events = parse(data[:10_000] + data[10_100:])
    row = stream(events)
    assert (row["sync_losses"], row["packet_bytes"]) == (1, 188)
    assert row["packets"] in (len(data) // 188 - 1, len(data) // 188 - 2)
    assert "MPEGTS_sync_lost" in anomalies(events)


def test_losses_beyond_the_limit_are_counted_together() -> None:
    good = television()[: 188 * 8]
    events = parse((good + b"junk") * (_mpegts_stream.MAX_LOSS_ANOMALIES + 10) + good)
    lost = [event for event in events if isinstance(event, Anomaly) and event.name == "MPEGTS_sync_lost"]
    assert len(lost) == _mpegts_stream.MAX_LOSS_ANOMALIES + 1
    assert sum(event.count for event in lost) == stream(events)["sync_losses"] == 74


@pytest.mark.parametrize("stride", [188, 192, 204])
@pytest.mark.parametrize("missing", [1, 100, 188, 1460, 20_000])
def test_gap_costs_only_the_packets_it_touches(stride: int, missing: int) -> None:
    data = television(stride)
    for begin in (1000, 1500, 10 * stride, 10 * stride + 4, 10 * stride + 3):
        events = parse_parts(data[:begin], missing, data[begin + missing :])
        row = stream(events)
        touched = (begin + missing - 1) // stride - begin // stride + 1
        assert row["missing_bytes"] == missing
        assert row["packets"] >= len(data) // stride - touched
        assert (row["continuity_errors"], row["sync_losses"]) == (0, 0)
        between = len(data) - row["packets"] * 188 - row["skipped_bytes"] - missing
        assert 0 <= between <= (row["packets"] + 2) * (stride - 188)


def test_gap_at_every_boundary_of_a_short_stream() -> None:
    data = television(seconds=1)[: 188 * 14]
    for begin in range(1, len(data), 7):
        for cut in (begin, begin + 200):
            parse_parts(data[:begin], 1, data[begin + 1 : cut], 50, data[cut + 50 :])


def test_gap_of_unknown_or_wrong_length_is_searched() -> None:
    data = television()
    for length in (-1, 33):
        events = parse_parts(data[:10_000], length, data[10_500:])
        row = stream(events)
        assert row["packets"] >= (len(data) - 500) // 188 - 3
        assert row["missing_bytes"] == max(length, 0)
        assert row["continuity_errors"] == 0


def test_islands_between_gaps_are_read() -> None:
    data = television()
    parts: list[bytes | int] = [data[: 188 * 20]]
    at = 188 * 20
    while at < 188 * 60:
        parts += [188, data[at + 188 : at + 188 * 2]]
        at += 188 * 2
    events = parse_parts(*parts, data[at:])
    assert stream(events)["packets"] == len(data) // 188 - 20


@pytest.mark.parametrize(("name", "data"), [e[:2] for e in EXAMPLES], ids=[e[0] for e in EXAMPLES])
def test_any_cutting_gives_the_same_rows(name: str, data: bytes) -> None:
    rng = random.Random(name)
    whole = parse(data)
    damaged = b"GG" + data[:3000] + b"?" * 300 + data[3007:9000]
    for source, expected in ((data, whole), (damaged, parse(damaged))):
        assert parse(source[:6000], list(range(6000))) == parse(source[:6000])
        for size in (7, 188, 1316, 1460, 5000):
            assert parse(source, list(range(0, len(source), size))) == expected, size
        for _ in range(5):
            assert parse(source, sorted(rng.choices(range(len(source)), k=30))) == expected


def test_truncation_anywhere_gives_a_prefix_of_the_sections() -> None:
    data = FFMPEG
    whole = [row["section_hex"] for row in rows(parse(data), "ts_sections")]
    for end in range(0, 3000, 13):
        found = [row["section_hex"] for row in rows(parse(data[:end]), "ts_sections")]
        assert found == whole[: len(found)]


def test_mutated_bytes_raise_nothing_but_decode_errors() -> None:
    rng = random.Random(6)
    for _ in range(300):
        data = bytearray(rng.choice(EXAMPLES)[1][:8000])
        for _ in range(rng.choice([1, 10, 300])):
            data[rng.randrange(len(data))] = rng.choice([0, 0xFF, 0x47, rng.randrange(256)])
        for i in range(3):
            data[i * 188] = 0x47
        try:
            parse(bytes(data))
        except DecodeError:
            pass


# Limits


def test_more_pids_than_slots() -> None:
    mux = Mux()
    for pid in range(0x20, 0x20 + 300):
        mux.packet(pid, bytes(184))
    events = parse(bytes(mux.data))
    assert len(rows(events, "ts_pids")) == K.MAX_SLOTS
    assert stream(events)["packets"] == 300
    assert [(e.name, e.count) for e in events if isinstance(e, Anomaly)] == [("MPEGTS_pid_limit", 44)]


def test_streams_that_follow_each_other_share_nothing() -> None:
    examples = [example[1] for example in EXAMPLES]
    alone: list[list[Event]] = []
    for data in examples:
        _mpegts_arrays._spare.clear()
        alone.append(parse(data))
    many = Mux()  # its arrays have to grow, and are not kept
    for pid in range(0x20, 0x20 + 300):
        many.packet(pid, bytes(184))
    parse(bytes(many.data))
    silent = Mux()  # program maps that never come, one that does, and a table on a PID of the maps
    silent.sections(0, pat({1: 0x100, 2: 0x200, 3: 0x11}))
    silent.sections(0x100, pmt(1, 0x101, [VIDEO]))
    parse(bytes(silent.data))
    for table, state, _, _ in _mpegts_arrays._spare:
        assert table.array.tolist() == _mpegts_arrays._NEW_TABLE.tolist()
        assert state.array.tolist() == _mpegts_arrays._NEW_STATE.tolist()
    for _ in range(2):
        assert [parse(data) for data in examples] == alone
        assert 0 < len(_mpegts_arrays._spare) <= _mpegts_arrays.MAX_SPARE


def test_ever_new_sections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mpegts_stream, "MAX_ENTRIES", 96)
    small = _mpegts_arrays._NEW_STATE.copy()
    small[K.BUDGET] = 400
    monkeypatch.setattr(_mpegts_arrays, "_NEW_STATE", small)
    monkeypatch.setattr(_mpegts_arrays, "_spare", [])
    mux = Mux()
    for _ in range(2):
        for n in range(150):
            mux.sections(0x11, sdt({n: (b"Example", b"Name")}))
    for n in range(200):
        mux.sections(0x11, sdt({n: (b"Another", b"Name")}))
    events = parse(bytes(mux.data))
    assert len(rows(events, "ts_sections")) == len({row["section_hex"] for row in rows(events, "ts_sections")}) == 250
    assert anomalies(events) == ["MPEGTS_sections_dropped"]


def test_rows_of_sections_and_services_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mpegts_services, "MAX_SECTION_ROWS", 3)
    monkeypatch.setattr(_mpegts_services, "MAX_SERVICES", 4)
    mux = Mux()
    mux.sections(0, pat(dict.fromkeys(range(1, 4), 256)))
    mux.sections(0x11, sdt(dict.fromkeys(range(1, 9), (b"", b""))))
    mux.sections(0x100, *(pmt(n, 0x101, [VIDEO]) for n in range(1, 9)))
    mux.sections(0, pat(dict.fromkeys(range(1, 9), 256), version=1))
    events = parse(bytes(mux.data))
    assert (len(rows(events, "ts_sections")), len(rows(events, "ts_services"))) == (3, 4)
    assert anomalies(events) == ["MPEGTS_service_limit", "MPEGTS_section_limit"]


def malformed(*packets: tuple[bytes, bool]) -> list[Event]:
    mux = Mux()
    mux.sections(0, pat({1: 0x100}))
    for payload, starts in packets:
        mux.packet(0x11, payload.ljust(184, b"\xff"), start=starts)
    tables(mux)
    return parse(bytes(mux.data))


MALFORMED: list[tuple[str, list[tuple[bytes, bool]], list[str]]] = [
    ("pointer beyond the packet", [(b"\xf0", True)], ["MPEGTS_section_malformed"]),
    ("longer than any section", [(b"\0\x42\xff\xff" + bytes(180), True)], ["MPEGTS_section_malformed"]),
    (
        "header over two packets",
        [(b"\xb6" + bytes(182) + b"\x42", True), (b"\xff\xff", False)],
        ["MPEGTS_section_malformed"],
    ),
    ("cut by the next one", [(b"\0\x42\xf1\x00" + bytes(180), True)], []),
    ("too short for its table", [(b"\0\x42\xf0\x05\0\0\0\0\0", True)], ["MPEGTS_section_too_short"]),
    ("continues nothing", [(bytes(184), False)], []),
]


@pytest.mark.parametrize(("packets", "names"), [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED])
def test_malformed_sections_do_not_hide_those_behind(packets: list[tuple[bytes, bool]], names: list[str]) -> None:
    events = malformed(*packets)
    assert sorted(set(anomalies(events))) == names
    assert rows(events, "ts_services")[0]["service_name"] == "Channel One"


def test_section_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    mux = Mux()
    mux.packet(0x11, (b"\0" + sdt(dict.fromkeys(range(40), (b"Example", b"Name"))))[:184], start=True)
    for _ in range(K.MAX_SECTION_SPREAD // 188):
        mux.packet(0x1FFF, bytes(184))
    mux.packet(0x11, bytes(184))
    assert anomalies(parse(bytes(mux.data))) == ["MPEGTS_section_malformed"]


def test_more_sections_in_the_making_than_buffers() -> None:
    mux = Mux()
    pids = range(0x200, 0x200 + K.N_WORKS + 1)
    mux.sections(0, pat(dict(enumerate(pids, 1))))
    maps = [pmt(n, 0x101, [VIDEO] * 40) for n in range(1, len(pids) + 1)]
    for part in range(2):
        for pid, data in zip(pids, maps, strict=True):
            mux.packet(pid, (b"\0" + data)[184 * part :][:184].ljust(184, b"\xff"), start=part == 0)
    events = parse(bytes(mux.data))
    assert len(rows(events, "ts_sections")) == 1 + K.N_WORKS
    assert anomalies(events) == ["MPEGTS_sections_dropped"]


def test_adaptation_field_longer_than_its_packet() -> None:
    data = bytearray(television())
    data[188 * 3 + 3 : 188 * 3 + 5] = b"\x30\xff"
    assert "MPEGTS_adaptation_field_too_long" in anomalies(parse(bytes(data)))


def test_moved_program_map_and_damaged_association() -> None:
    wrong = bytearray(pat({1: 0x300}))
    wrong[-1] ^= 1
    mux = Mux()
    tables(mux)
    mux.sections(0, bytes(wrong))
    mux.sections(0, pat({0: 0x10, 1: 0x200}, version=1))
    mux.sections(0x200, pmt(1, 0x101, [AUDIO]))
    mux.sections(0x200, pmt(1, 0x101, [AUDIO])[:-1] + b"\0")
    mux.sections(0x11, sdt({1: (b"Example", b"Channel Two")}))
    mux.sections(0x11, sdt({1: (b"Example", b"Channel Six")})[:-1] + b"\0")
    found = rows(parse(bytes(mux.data)), "ts_services")
    assert [(row["pmt_pid"], row["es_types"], row["service_name"]) for row in found] == [
        (0x100, ["H.264", "AAC"], "Channel One"),
        (0x200, ["AAC"], "Channel One"),
        (0x200, ["AAC"], "Channel Two"),
    ]


def test_kernels_agree(kernel_speed: str) -> None:
    data = television(first=WRAP - 90_000) + b"junk" + television(version=2) + bytes(500) + FFMPEG
    found = parse(data, list(range(0, len(data), 9_999)))
    kernel.use("plain")
    assert found == parse(data), kernel_speed


# Recognition


def opening(data: bytes, carrier: Any = "content", **more: Any) -> Opening:
    return Opening(carrier, data[:8192], b"", **more)


@pytest.mark.parametrize("data", [e[1] for e in EXAMPLES], ids=[e[0] for e in EXAMPLES])
@pytest.mark.parametrize("carrier", ["content", "udp", "tcp"])
def test_examples_are_recognised(data: bytes, carrier: str) -> None:
    assert detect(opening(data, carrier)) == 0.95
    assert detect(opening(data[:100], carrier)) is None
    assert detect(opening(data[:400], carrier)) is None


DETECTION = [
    ("one datagram", opening(television()[:1316], "udp"), 0.95),
    ("one packet in a datagram", opening(television()[:188], "udp"), 0.55),
    ("two packets in a datagram", opening(television()[:376], "udp"), 0.55),
    ("one packet of a body", opening(television()[:188]), None),
    ("a datagram of which no encoder wrote the header", opening(b"\x47\xff" + bytes(186), "udp"), None),
    ("a datagram with a reserved PID", opening(b"\x47\x40\x05\x10" + bytes(184), "udp"), None),
    ("a datagram of nothing", opening(b"\x47\x41\x05\x00" + bytes(184), "udp"), None),
    ("a datagram whose adaptation field is too long", opening(b"\x47\x41\x05\x30\xff" + bytes(183), "udp"), None),
    ("three packets", opening(television()[:564]), 0.95),
    ("three packets and a part", opening(television()[:600]), 0.7),
    ("nothing yet", opening(b""), None),
    ("RTP", opening(b"\x80\x21" + bytes(10) + television()[:1316], "udp"), 0.0),
    ("HTTP around it", opening(b"HTTP/1.1 200 OK\r\n\r\n" + television(), "tcp", midstream=True), 0.0),
    ("request and stream", Opening("tcp", b"GET / HTTP/1.1\r\n", television()[:2000]), 0.0),
    ("only the responder sends", Opening("tcp", b"", television()[:2000]), 0.95),
    ("picture in front", opening(b"\x89PNG\r\n\x1a\n" + bytes(300) + television()), 0.6),
    ("picture, more to come", opening(b"\x89PNG\r\n\x1a\n" + bytes(300)), None),
    ("picture only", opening(b"\x89PNG\r\n\x1a\n" + bytes(8000)), 0.0),
    ("midstream TCP", opening(television()[77:], "tcp", midstream=True), 0.6),
    ("unaligned UDP", opening(television()[77:], "udp"), 0.0),
    ("text", opening(b"Well, good morning, this is not television."), 0.0),
]


@pytest.mark.parametrize(("start", "score"), [c[1:] for c in DETECTION], ids=[c[0] for c in DETECTION])
def test_recognition(start: Opening, score: float | None) -> None:
    assert detect(start) == score


def test_the_receiver_is_the_client() -> None:
    parser = PROTOCOL.parser(Opening("udp", television()[:1316], b""))
    parser.feed(memoryview(television()), True)
    assert not parser.client_is_orig
    parser = PROTOCOL.parser(Opening("tcp", b"", television()[:1316]))
    parser.feed(memoryview(television()), False)
    assert parser.client_is_orig


# Against other programs


def test_ffmpeg_stream_as_its_makers_describe_it() -> None:
    events = parse(FFMPEG)
    (service,) = rows(events, "ts_services")
    assert (service["service_id"], service["service_name"], service["provider_name"]) == (7, "Demo", "Example")
    assert service["es_types"] == ["MPEG-2 video", "MPEG-2 audio"]
    video, audio = pid_row(events, 0x100), pid_row(events, 0x101)
    assert (video["pts_first"], audio["pts_first"]) == (144_000, 141_294)
    assert anomalies(events) == []


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    file = tmp_path_factory.mktemp("mpegts") / "made.ts"
    command = (
        "ffmpeg -v error -f lavfi -i testsrc2=size=96x64:rate=25 -f lavfi -i sine -t 4 -c:v mpeg2video -bf 2 -b:v 150k"
    )
    command += " -c:a mp2 -b:a 64k -muxrate 400k -metadata:s:a:0 language=kor -f mpegts"
    subprocess.run([*command.split(), str(file)], check=True, timeout=60)
    return file


@pytest.mark.oracle
def test_clocks_agree_with_ffprobe(encoded: Path) -> None:
    if not shutil.which("ffprobe"):
        pytest.skip("ffprobe is not installed")
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_packets", str(encoded)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    events = parse(encoded.read_bytes())
    video = next(s for s in said["streams"] if s["codec_type"] == "video")
    packets = [p for p in said["packets"] if p["codec_type"] == "video"]
    row = pid_row(events, int(video["id"], 16))
    assert (row["pts_count"], row["pts_first"], row["pts_last"]) == (
        len(packets),
        packets[0]["pts"],
        packets[-1]["pts"],
    )
    assert (row["dts_first"], row["dts_last"]) == (packets[0]["dts"], packets[-1]["dts"])
    times = [p["pts"] for p in packets]
    assert stream(events)["media_s"] == pytest.approx((max(times) - min(times)) / 90_000)
    assert rows(events, "ts_services")[0]["languages"] == ["kor"]
    assert stream(events)["bitrate_bps"] == pytest.approx(400_000, rel=0.001)


@pytest.mark.oracle
def test_packets_agree_with_tshark(encoded: Path) -> None:
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    fields = ["mp2t.pid", "mp2t.af.pcr"]
    command = ["tshark", "-r", str(encoded), "-T", "fields", "-E", "occurrence=a"]
    command += [argument for field in fields for argument in ("-e", field)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    counts: dict[int, int] = {}
    clocks: dict[int, list[int]] = {}
    for line in said.splitlines():
        pid, clock = (line + "\t").split("\t")[:2]
        counts[int(pid, 16)] = counts.get(int(pid, 16), 0) + 1
        if clock:
            clocks.setdefault(int(pid, 16), []).append(int(clock, 16))
    events = parse(encoded.read_bytes())
    assert {row["pid"]: row["packets"] for row in rows(events, "ts_pids")} == counts
    for clock_pid, times in clocks.items():
        row = pid_row(events, clock_pid)
        assert (row["pcr_count"], row["pcr_first"], row["pcr_last"]) == (len(times), times[0], times[-1])
