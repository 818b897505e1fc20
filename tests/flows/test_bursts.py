"""Bursts: what a request brought, whatever the order, the repeats, the losses and the block borders."""

from __future__ import annotations

import importlib.util
import random
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import StreamDataReceived
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.flows import bursts as module
from iptvforensics.flows.bursts import LONGEST_NS, PAUSE_NS, Bursts
from iptvforensics.flows.streams import FlowTable

_spec = importlib.util.spec_from_file_location("tls_talk", Path(__file__).parents[1] / "tls" / "talk.py")
assert _spec is not None
assert _spec.loader is not None
talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

COLUMNS = [
    *("record", "sub", "status", "src_hi", "src_lo", "dst_hi", "dst_lo", "transport", "src_port", "dst_port"),
    *("tcp_seq", "tcp_ack", "tcp_flags", "payload_at", "payload_bytes", "payload_wire_bytes", "ip_id"),
    *("src_mac", "dst_mac", "vlan", "tunnel"),
]
CLIENT, SERVER = (0x0A000002, 40000), (0xC0000201, 443)
HELLO = b"\x16\x03\x01\x02\x00" + bytes(512)
SECOND = 10**9


def record(size: int) -> bytes:
    """Return a TLS record of application data with so many bytes in all."""
    return b"\x17\x03\x03" + (size - 5).to_bytes(2) + bytes(size - 5)


@dataclass
class Packet:
    payload: bytes
    at: float
    up: bool = False
    seq: int = 0
    wire: int | None = None
    transport: int = 6
    ip_id: int = 0
    port: int = 40000


class Talk:
    """A connection: packets with their sequence numbers."""

    def __init__(self, transport: int = 6, port: int = 40000, seq: int = 1000) -> None:
        self.packets: list[Packet] = []
        self._seq = {True: seq, False: seq + 7}
        self._transport, self._port = transport, port

    def send(self, at: float, payload: bytes, *, up: bool = False) -> None:
        packet = Packet(payload, at, up, self._seq[up], None, self._transport, len(self.packets) + 1, self._port)
        self._seq[up] = (self._seq[up] + len(payload)) & 0xFFFFFFFF
        self.packets.append(packet)

    def hello(self, at: float = 0.0) -> None:
        self.send(at, HELLO, up=True)
        self.send(at + 0.01, record(1400))

    def fetch(self, at: float, size: int, asked: int = 300) -> None:
        self.send(at, record(asked), up=True)
        for number, start in enumerate(range(0, size, 1400)):
            self.send(at + 0.01 + number / 1000, record(min(1400, size - start) if size - start >= 5 else 5))


def bursts_of(packets: list[Packet], *, block: int = 10_000, portion: int = 4096) -> list[dict]:
    table = FlowTable()
    found = Bursts(table, portion=portion)
    for start in range(0, len(packets), block):
        part = packets[start : start + block]
        columns = {name: np.zeros(len(part), np.int64) for name in COLUMNS}
        data, ts = bytearray(), np.zeros(len(part), np.int64)
        for i, p in enumerate(part):
            client = (CLIENT[0], p.port)
            source, target = (client, SERVER) if p.up else (SERVER, client)
            columns["record"][i] = i
            columns["src_lo"][i], columns["dst_lo"][i] = source[0], target[0]
            columns["src_port"][i], columns["dst_port"][i] = source[1], target[1]
            columns["transport"][i], columns["tcp_seq"][i], columns["tcp_flags"][i] = p.transport, p.seq, 16
            columns["payload_at"][i], columns["payload_bytes"][i] = len(data), len(p.payload)
            columns["payload_wire_bytes"][i] = len(p.payload) if p.wire is None else p.wire
            columns["ip_id"][i] = p.ip_id
            data += p.payload
            ts[i] = round(p.at * SECOND)
        block_of = SimpleNamespace(
            data=np.frombuffer(data + bytes(64), np.uint8), length=len(data), first_frame=start + 1, ts_ns=ts
        )
        rows = SimpleNamespace(count=len(part), **columns)
        for _ in table.add(block_of, rows):
            pass
        found.add(block_of, rows)
    found.finish()
    columns = found.take()
    if columns is None:
        return []
    names = list(columns)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*(columns[n].tolist() for n in names), strict=True)]
    return sorted(rows, key=lambda row: (row["first_ns"], row["flow_id"]))


def shape(rows: list[dict]) -> list[tuple]:
    return [(row["cause"], row["orig_bytes"], row["resp_bytes"]) for row in rows]


def test_each_request_begins_a_burst(kernel_speed: str) -> None:
    talk = Talk()
    talk.hello()
    talk.fetch(1.0, 30_000)
    talk.fetch(1.2, 900)
    rows = bursts_of(talk.packets)
    assert shape(rows) == [("first", 517, 1400), ("request", 300, 30_000), ("request", 300, 900)]
    assert rows[1]["flow_id"] == 1
    assert (rows[1]["first_ns"], rows[1]["first_frame"]) == (SECOND, 3)
    assert rows[1]["resp_packets"] == 22
    assert rows[1]["busy_s"] == pytest.approx(0.021)
    assert rows[1]["last_frame"] == rows[2]["first_frame"] - 1


def test_window_updates_are_no_requests(kernel_speed: str) -> None:
    talk = Talk()
    talk.hello()
    talk.send(1.0, record(300), up=True)
    for number in range(20):
        talk.send(1.01 + number / 100, record(1400))
        talk.send(1.012 + number / 100, record(35) + record(35), up=True)
    assert [row["cause"] for row in bursts_of(talk.packets)] == ["first", "request"]


def test_a_pause_and_five_seconds_begin_another_burst(kernel_speed: str) -> None:
    talk = Talk()
    talk.hello()
    talk.send(1.0, record(300), up=True)
    for number in range(60):
        talk.send(1.1 + number / 5, record(1000))
    talk.send(20.0, record(1000))
    rows = bursts_of(talk.packets)
    assert [row["cause"] for row in rows] == ["first", "request", "time", "time", "pause"]
    assert all(row["last_ns"] - row["first_ns"] <= LONGEST_NS for row in rows)
    assert sum(row["resp_bytes"] for row in rows) == 1400 + 61 * 1000


def test_a_slow_answer_belongs_to_its_request(kernel_speed: str) -> None:
    talk = Talk()
    talk.hello()
    talk.send(1.0, record(300), up=True)
    talk.send(1.1 + 3 * PAUSE_NS / SECOND, record(1400))
    assert shape(bursts_of(talk.packets))[1:] == [("request", 300, 1400)]


def test_bytes_that_were_lost_count_and_repeats_do_not(kernel_speed: str) -> None:
    talk = Talk(seq=0xFFFFF000)  # sequence numbers wrap
    talk.hello()
    talk.fetch(1.0, 30_000)
    whole = shape(bursts_of(talk.packets))
    lossy = [packet for number, packet in enumerate(talk.packets) if number not in (5, 6, 12)]
    assert shape(bursts_of(lossy)) == whole
    repeated = [p for packet in talk.packets for p in (packet, packet)]
    assert shape(bursts_of(repeated)) == whole


def test_numbers_that_jump_are_no_loss(kernel_speed: str) -> None:
    talk = Talk()
    talk.hello()
    talk.send(1.0, record(300), up=True)
    talk.send(1.01, record(1400))
    talk.packets[-1].seq += 1 << 30
    assert shape(bursts_of(talk.packets))[1:] == [("request", 300, 1400)]


def test_lengths_count_where_the_capture_kept_only_the_first_bytes(kernel_speed: str) -> None:
    talk = Talk()
    talk.hello()
    talk.fetch(1.0, 30_000)
    whole = shape(bursts_of(talk.packets))
    for packet in talk.packets:
        packet.wire, packet.payload = len(packet.payload), packet.payload[:80]
    assert shape(bursts_of(talk.packets)) == whole


def test_what_is_not_encrypted_gives_nothing(kernel_speed: str) -> None:
    talk = Talk()
    talk.send(0.0, b"GET / HTTP/1.1\r\n\r\n" + bytes(100), up=True)
    for number in range(40):
        talk.send(0.1 + number / 100, bytes([number]) * 1400)
    talk.send(5.0, HELLO)  # too late
    assert bursts_of(talk.packets) == []


def test_quic_is_known_by_its_long_header(kernel_speed: str) -> None:
    talk = Talk(transport=17)
    talk.send(0.0, b"\xc3\x00\x00\x00\x01" + bytes(1195), up=True)
    talk.send(0.01, b"\xc3\x00\x00\x00\x01" + bytes(1195))
    talk.send(1.0, b"\x43" + bytes(120), up=True)
    talk.send(1.01, b"\x43" + bytes(1200))
    talk.send(1.02, b"\x43" + bytes(40), up=True)  # acknowledges
    talk.send(1.03, b"\x43" + bytes(1200))
    assert shape(bursts_of(talk.packets)) == [("first", 1200, 1200), ("request", 162, 2402)]
    talk.packets.insert(4, talk.packets[3])  # a copy from a mirror port
    assert shape(bursts_of(talk.packets)) == [("first", 1200, 1200), ("request", 162, 2402)]


def test_one_direction_alone_is_cut_at_pauses(kernel_speed: str) -> None:
    talk = Talk()
    talk.hello()
    for number in range(3):
        talk.fetch(1.0 + 2 * number, 14_000)
    down = [packet for packet in talk.packets if not packet.up]
    rows = shape(bursts_of(down))
    # Of the two sides of a flow that was not seen to open, that with the known port is the responder.
    assert rows == [("first", 0, 1400)] + [("pause", 0, 14_000)] * 3


def test_too_many_bursts_are_joined_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BURSTS", 3)
    talk = Talk()
    talk.hello()
    for number in range(9):
        talk.fetch(1.0 + number, 1400)
    rows = bursts_of(talk.packets)
    assert len(rows) == 4
    assert sum(row["resp_bytes"] for row in rows) == 1400 + 9 * 1400


def test_flows_and_bursts_grow_without_limit_of_the_arrays(kernel_speed: str) -> None:
    packets: list[Packet] = []
    for port in range(40_000, 40_150):
        talk = Talk(port=port)
        talk.hello(port / 1000 - 40)
        talk.fetch(port / 1000 - 39, 2000)
        packets += talk.packets
    packets.sort(key=lambda packet: packet.at)
    rows = bursts_of(packets, portion=16)
    assert len(rows) == 300
    assert len({row["flow_id"] for row in rows}) == 150


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.floats(0, 0.3))
def test_cuts_of_blocks_change_nothing_and_no_byte_counts_twice(seed: int, block: int, loss: float) -> None:
    chance = random.Random(seed)
    talk = Talk(seq=chance.randrange(1 << 32))
    talk.hello()
    at = 0.5
    for _ in range(chance.randrange(1, 8)):
        at += chance.choice((0.05, 0.3, 2.0))
        talk.fetch(at, chance.randrange(5, 20_000))
    kept = [packet for packet in talk.packets if chance.random() >= loss]
    for _ in range(chance.randrange(4)):
        if kept:
            kept.insert(chance.randrange(len(kept)), kept[chance.randrange(len(kept))])
    whole = bursts_of(kept)
    assert bursts_of(kept, block=block, portion=4) == whole
    sent = sum(len(packet.payload) for packet in talk.packets if not packet.up)
    assert sum(row["resp_bytes"] for row in whole) <= sent


def quic_talk(sizes: list[int], period: float) -> list[Packet]:
    """Return the datagrams of a client (aioquic) that asks for so many bytes each period, on streams of their own."""
    pem, _ = talks.identity("ec")
    asks = QuicConfiguration(is_client=True, server_name=talks.HOST, alpn_protocols=["hq"], verify_mode=0)
    gives = QuicConfiguration(is_client=False, alpn_protocols=["hq"])
    gives.load_cert_chain(pem, pem)
    client = QuicConnection(configuration=asks)
    client.connect(("192.0.2.7", 443), now=0.0)
    dcid = client.original_destination_connection_id
    server = QuicConnection(configuration=gives, original_destination_connection_id=dcid)
    packets: list[Packet] = []
    waiting = dict(enumerate(sizes))
    for step in range(int((1 + period * len(sizes)) * 100)):
        now = step / 100
        for number in [number for number in waiting if now >= 0.5 + number * period]:
            asked = f"GET /live/{number}.ts {waiting.pop(number)} ".encode() + bytes(60)
            client.send_stream_data(client.get_next_available_stream_id(), asked, end_stream=True)
        for up, sender, receiver in ((True, client, server), (False, server, client)):
            for data, _ in sender.datagrams_to_send(now=now):
                packets.append(Packet(data, now + len(packets) % 50 / 1e5, up, transport=17, ip_id=len(packets) + 1))
                receiver.receive_datagram(data, ("192.0.2.7", 443), now=now)
        while (event := server.next_event()) is not None:
            if isinstance(event, StreamDataReceived) and event.data:
                server.send_stream_data(event.stream_id, bytes(int(event.data.split(b" ")[2])), end_stream=True)
    return packets


def test_answers_by_quic_have_the_lengths_of_what_was_asked() -> None:
    sizes = [60_000, 90_000, 40_000, 75_000]
    rows = bursts_of(quic_talk(sizes, 2.0))
    answers = [row["resp_bytes"] for row in rows if row["cause"] == "request" and row["resp_bytes"] > 20_000]
    assert len(answers) == len(sizes)
    for size, seen in zip(sizes, answers, strict=True):
        assert size < seen < size * 1.08 + 600
