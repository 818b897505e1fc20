"""Reassembly: what comes out is what was sent, whatever the order, the cuts and the block borders."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics import kernel
from iptvforensics.flows import layout as L
from iptvforensics.flows.batch import GAP
from iptvforensics.flows.streams import FlowLimits, FlowTable
from iptvforensics.flows.summary import history_text

from .conftest import ACK, CLIENT, FIN, RST, SYN, Packet, as_block, cut, handshake, number, run


def test_in_order_bytes_are_delivered_with_their_frames(kernel_speed: str) -> None:
    out, table = run(
        [*handshake(), Packet(1001, b"GET "), Packet(1005, b"/"), Packet(5001, b"HTTP", from_client=False)]
    )
    assert out.bytes_of(0) == b"GET /"
    assert out.bytes_of(1) == b"HTTP"
    assert out.pieces == [(0, 0, 4, 4), (0, 4, 1, 5), (1, 0, 4, 6)]
    assert len(table) == 1


@settings(deadline=None, max_examples=150)
@given(
    content=st.binary(min_size=1, max_size=400),
    cuts=st.lists(st.integers(0, 400), max_size=12),
    seed=st.integers(0, 10_000),
    isn=st.sampled_from([0, 1000, 0xFFFFFFFF - 100, 0xFFFFFFFF, 0x7FFFFFFF]),
    block_size=st.integers(1, 12),
    syn=st.booleans(),
)
def test_any_order_and_any_repeats_give_what_was_sent(content, cuts, seed, isn, block_size, syn) -> None:
    rng = random.Random(seed)
    segments = cut(content, cuts, isn + 1)
    for _ in range(rng.randrange(4)):
        a = rng.randrange(len(content))
        segments.append(Packet((isn + 1 + a) & 0xFFFFFFFF, content[a : a + rng.randrange(1, 60)]))
    first, rest = segments[:1], segments[1:]
    rng.shuffle(rest)
    packets = [*(handshake(isn) if syn else []), *(first if not syn else []), *rest, *(first if syn else [])]
    out, table = run(packets, block_size=block_size)
    assert out.bytes_of(0) == content
    assert out.gaps == {}
    assert out.differences == []
    assert number(table, 0, L.MISSING_BYTES) == 0


@settings(deadline=None, max_examples=100)
@given(
    content=st.binary(min_size=50, max_size=400),
    cuts=st.lists(st.integers(0, 400), min_size=3, max_size=12),
    lost=st.sets(st.integers(1, 12), max_size=4),
    block_size=st.integers(1, 12),
    batch_bytes=st.sampled_from([1, 60, 1 << 20]),
)
def test_lost_bytes_are_gaps_and_the_rest_is_there(content, cuts, lost, block_size, batch_bytes) -> None:
    segments = cut(content, cuts, 1001)
    kept = [p for i, p in enumerate(segments) if i not in lost]
    out, table = run([*handshake(), *kept], block_size=block_size, batch_bytes=batch_bytes)
    have = {p.seq - 1001 + i for p in kept for i in range(len(p.payload))}
    assert set(out.data.get(0, {})) == have
    assert all(content[k] == v for k, v in out.data.get(0, {}).items())
    end = max(have, default=-1) + 1
    missing = {o + i for o, n in out.gaps.get(0, []) for i in range(n)}
    assert missing == set(range(end)) - have
    assert number(table, 0, L.MISSING_BYTES) == len(missing)


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 100_000), block_size=st.integers(1, 9), batch_bytes=st.sampled_from([1, 7, 60, 1 << 20]))
def test_borders_of_blocks_and_batches_change_nothing(seed, block_size, batch_bytes) -> None:
    rng = random.Random(seed)
    content = rng.randbytes(300)
    packets = handshake()
    for _ in range(25):
        a = rng.randrange(300)
        payload = bytearray(content[a : a + rng.randrange(1, 50)])
        if rng.random() < 0.2:
            payload[0] ^= 1
        packets.append(Packet(1001 + a, bytes(payload), flags=ACK | (FIN if rng.random() < 0.02 else 0)))
        if rng.random() < 0.3:
            packets.append(Packet(5001, ack=1001 + rng.randrange(300), from_client=False))
    whole, table_a = run(packets)
    parts, table_b = run(packets, block_size=block_size, batch_bytes=batch_bytes)
    assert whole.data == parts.data
    assert whole.gaps == parts.gaps
    assert sorted(whole.differences) == sorted(parts.differences)
    assert (table_a.flow[: L.FLOW_WIDTH] == table_b.flow[: L.FLOW_WIDTH]).all()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 100_000))
def test_plain_and_compiled_agree(seed) -> None:
    rng = random.Random(seed)
    packets = [
        Packet(
            rng.choice([1000, 0xFFFFFFF0, rng.randrange(1 << 32)]) + rng.randrange(64),
            rng.randbytes(rng.randrange(40)),
            flags=rng.choice([SYN, ACK, ACK, ACK, ACK | FIN, RST, SYN | ACK]),
            ack=rng.randrange(1 << 32),
            from_client=rng.random() < 0.6,
            ip_id=rng.choice([0, 7, 8]),
            wire=None,
            transport=rng.choice([6, 6, 6, 17, 1]),
        )
        for _ in range(40)
    ]
    results = []
    for speed in ("plain", "compiled", "checked"):
        kernel.use(speed)
        out, table = run(packets, block_size=7, batch_bytes=100)
        results.append((out, table.flow.tolist(), table.dirs.tolist()))
    kernel.use("plain")
    assert results[0] == results[1] == results[2]


def test_first_version_wins_and_the_difference_is_recorded(kernel_speed: str) -> None:
    packets = [*handshake(), Packet(1001, b"abcdef"), Packet(1003, b"XYZ"), Packet(1007, b"gh")]
    out, _ = run(packets)
    assert out.bytes_of(0) == b"abcdefgh"
    assert out.differences == [(5, 2)]


def test_first_version_wins_behind_a_hole(kernel_speed: str) -> None:
    packets = [*handshake(), Packet(1003, b"CDEF"), Packet(1002, b"bcdefgh"), Packet(1001, b"a")]
    out, _ = run(packets)
    assert out.bytes_of(0) == b"abCDEFgh"
    assert out.differences == [(5, 2)]


@pytest.mark.parametrize("block_size", [1, 100])
def test_a_difference_is_found_across_blocks(block_size: int) -> None:
    packets = [*handshake(), Packet(1001, b"abcdef"), Packet(1001, b"abcdeF")]
    out, _ = run(packets, block_size=block_size)
    assert out.differences == [(5, 5)]


def test_copies_of_a_frame_are_counted_and_never_doubled(kernel_speed: str) -> None:
    packets = [
        *handshake(),
        Packet(1001, b"abc", ip_id=77),
        Packet(1001, b"abc", ip_id=77),
        Packet(1004, b"d", ip_id=78),
    ]
    out, table = run(packets)
    assert out.bytes_of(0) == b"abcd"
    assert number(table, 0, L.DUPLICATES) == 1
    assert number(table, 0, L.RETRANSMITTED) == 0
    assert number(table, 0, L.PAYLOAD_BYTES) == 4


def test_a_retransmission_is_no_copy() -> None:
    packets = [*handshake(), Packet(1001, b"abc", ip_id=77), Packet(1001, b"abc", ip_id=78)]
    _, table = run(packets)
    assert number(table, 0, L.DUPLICATES) == 0
    assert number(table, 0, L.RETRANSMITTED) == 1


def test_an_acknowledgment_before_the_data_makes_no_gap() -> None:
    packets = [*handshake(), Packet(5001, ack=1005, from_client=False), Packet(1001, b"abcd")]
    out, _ = run(packets)
    assert out.bytes_of(0) == b"abcd"
    assert out.gaps == {}


def test_an_acknowledged_hole_becomes_a_gap_while_the_flow_goes_on() -> None:
    packets = [*handshake(), Packet(1011, b"abcd", ns=10**9), Packet(5001, ack=1015, from_client=False, ns=10**9)]
    packets += [Packet(1015 + i, b"x", ns=3 * 10**9 + i) for i in range(3)]
    table = FlowTable(batch_bytes=7)
    block, columns = as_block(packets, 1)
    (batch,) = table.add(block, columns)
    assert [int(k) for k in batch.kind] == [GAP, 0, 0, 0, 0]
    assert list(table.finish()) == []


def test_a_hole_that_nobody_acknowledged_waits() -> None:
    packets = [
        *handshake(),
        Packet(1011, b"abcd", ns=10**9),
        Packet(1015, b"x", ns=3 * 10**9),
        Packet(1001, b"0123456789"),
    ]
    out, _ = run(packets)
    assert out.bytes_of(0) == b"0123456789abcdx"


def test_waiting_bytes_are_bounded() -> None:
    limits = FlowLimits(pending_bytes=1000)
    packets = [*handshake(), *[Packet(2001 + 100 * i, bytes(100)) for i in range(50)]]
    table = FlowTable(limits)
    block, columns = as_block(packets, 1)
    for _ in table.add(block, columns):
        pass
    assert table.state[L.PENDING_TOTAL_BYTES] == 0
    assert number(table, 0, L.MISSING_BYTES) == 1000
    assert number(table, 0, L.STREAM_BYTES) == 5000


def test_a_new_syn_with_another_isn_is_another_flow(kernel_speed: str) -> None:
    packets = [*handshake(), Packet(1001, b"old"), *handshake(900_000, 7_000), Packet(900_001, b"new")]
    out, table = run(packets)
    assert len(table) == 2
    assert out.bytes_of(0) == b"old"
    assert out.bytes_of(2) == b"new"


def test_a_repeated_syn_is_the_same_flow() -> None:
    packets = [Packet(1000, flags=SYN), *handshake(), Packet(1001, b"a"), Packet(1000, flags=SYN)]
    _, table = run(packets)
    assert len(table) == 1


def test_a_syn_that_comes_after_its_data_is_the_same_flow() -> None:
    packets = [Packet(1001, b"abc"), Packet(1000, flags=SYN), Packet(1004, b"d")]
    out, table = run(packets)
    assert len(table) == 1
    assert out.bytes_of(0) == b"abcd"


def test_data_after_a_reset_are_kept() -> None:
    out, _ = run([*handshake(), Packet(1001, b"ab"), Packet(5001, flags=RST, from_client=False), Packet(1003, b"cd")])
    assert out.bytes_of(0) == b"abcd"


def test_what_a_reset_carries_is_no_part_of_the_stream(kernel_speed: str) -> None:
    packets = [*handshake(), Packet(1001, b"No listener", flags=RST | ACK), Packet(1001, b"real"), Packet(1005, b"!")]
    out, table = run(packets)
    assert out.bytes_of(0) == b"real!"
    assert out.differences == []
    assert number(table, 0, L.RESET_BYTES) == 11
    assert number(table, 0, L.RETRANSMITTED) == 0


@pytest.mark.parametrize("reset", [True, False])
def test_a_flow_that_was_reset_and_fell_silent_is_told_once(reset: bool) -> None:
    other, second = (40001, 80), 1_000_000_000
    flags = RST if reset else ACK
    times = [0, 1, 5, 9, 11.5, 13, 20, 30]
    packets = [Packet(1, b"ab", ns=0), Packet(7, flags=flags, from_client=False, ns=second)]
    packets += [Packet(1 + i, b"c", ports=other, ns=int(s * second)) for i, s in enumerate(times)]
    table = FlowTable(batch_bytes=1)
    told = []
    for i, packet in enumerate(packets):
        block, columns = as_block([packet], 1 + i)
        told += [batch.silent for batch in table.add(block, columns)]
    assert [flows for flows in told if flows] == ([[0]] if reset else [])
    assert told.index([0]) == 1 + times.index(11.5) if reset else True


def test_what_waits_in_a_flow_that_was_reset_comes_before_it_is_told_silent(kernel_speed: str) -> None:
    second, other = 1_000_000_000, (40001, 80)
    packets = [
        *handshake(),
        Packet(5001, b"ab", from_client=False),
        Packet(5006, b"fg", from_client=False),  # three bytes before it were not captured
        Packet(1001, ack=5010),  # and two behind it
        Packet(1001, flags=RST | ACK, ack=5010),
        Packet(1, b"x", ports=other, ns=20 * second),
    ]
    table = FlowTable(batch_bytes=1)
    came: list[tuple[int, int, bool]] = []
    told: list[int] = []
    for i, packet in enumerate(packets):
        block, columns = as_block([packet], 1 + i)
        for batch in table.add(block, columns):
            for entry in (one for one in batch.directions if one.direction == 1):
                part = slice(entry.first, entry.first + entry.pieces)
                columns_of = batch.offset[part], batch.length[part], batch.kind[part] == GAP
                came += zip(*(column.tolist() for column in columns_of), strict=True)
            told += batch.silent
    assert told == [0]
    assert came == [(0, 2, False), (2, 3, True), (5, 2, False), (7, 2, True)]
    assert number(table, 1, L.MISSING_BYTES) == 5
    assert list(table.finish()) == []


SECOND = 1_000_000_000
RESET_AND_LATER = [
    *handshake(),
    Packet(1001, b"ask", ack=5001, ns=SECOND),
    Packet(5001, b"ab", ack=1004, from_client=False, ns=SECOND),
    Packet(5006, b"fg", ack=1004, from_client=False, ns=SECOND),  # three bytes before it were not captured
    Packet(5008, flags=RST, from_client=False, ns=2 * SECOND),
    Packet(1, b"other", ports=(40001, 80), ns=9 * SECOND),
    Packet(6, b"other", ports=(40001, 80), ns=15 * SECOND),
    Packet(5008, flags=RST, from_client=False, ns=19 * SECOND),
    Packet(5006, b"fg", ack=1004, from_client=False, ns=20 * SECOND),  # sent again
    Packet(1004, ack=5012, ns=21 * SECOND),
    Packet(1010, ack=5012, flags=FIN | ACK, ns=21 * SECOND),
    Packet(5008, b"hi", ack=1004, from_client=False, ns=22 * SECOND),
    Packet(1004, b"more", ack=5010, ns=23 * SECOND),
    Packet(5010, b"jk", ack=1008, from_client=False, ns=24 * SECOND),
    Packet(5001, b"ab", ack=1004, from_client=False, ns=50 * SECOND),  # the beginning again
]


@pytest.mark.parametrize("block_size", [1, 2, 5, 100])
@pytest.mark.parametrize("batch_bytes", [1, 1 << 20])
def test_what_comes_long_after_a_reset_is_another_flow_wherever_blocks_and_batches_end(
    block_size: int, batch_bytes: int, kernel_speed: str
) -> None:
    out, table = run(RESET_AND_LATER, block_size=block_size, batch_bytes=batch_bytes)
    assert [out.bytes_of(d) for d in (0, 1, 4, 5)] == [b"ask", b"abfg", b"more", b"hijk"]
    assert (out.gaps, out.ends, out.differences) == ({1: [(2, 3)]}, [], [])
    assert len(table) == 3
    assert [number(table, d, L.MIDSTREAM) for d in (4, 5)] == [1, 1]
    assert [number(table, d, L.MISSING_BYTES) for d in (0, 1, 4, 5)] == [0, 3, 0, 0]
    assert [number(table, d, L.RETRANSMITTED_BYTES) for d in (0, 1, 4, 5)] == [0, 4, 0, 0]
    assert history_text(int(table.flow[L.HISTORY])) == "ShADdrtF"


def test_a_connection_that_begins_long_after_a_reset_is_another_flow_even_with_the_same_number() -> None:
    later = [Packet(p.seq, p.payload, p.flags, p.ack, p.from_client, ns=20 * SECOND) for p in handshake()]
    out, table = run([*handshake(), Packet(1001, flags=RST), *later, Packet(1001, b"ask", ns=20 * SECOND)])
    assert len(table) == 2
    assert out.bytes_of(2) == b"ask"
    assert number(table, 2, L.MIDSTREAM) == 0


def test_a_stray_syn_takes_nothing_from_a_connection_that_was_reset_and_silent() -> None:
    packets = [*handshake(), Packet(1001, b"ab", ack=5001), Packet(1003, flags=RST), Packet(77_000_000, flags=SYN)]
    packets += [Packet(1003 + 2 * i, b"cd", ack=5001, ns=(20 + i) * SECOND) for i in range(3)]
    out, table = run(packets)
    assert [out.bytes_of(d) for d in (0, 2, 4)] == [b"ab", b"", b"cdcdcd"]
    assert len(table) == 3
    assert [number(table, d, L.DROPPED_BYTES) for d in (0, 2, 4)] == [0, 0, 0]


@pytest.mark.parametrize("silence_s", [10, 10.5])
def test_data_soon_after_a_reset_stay_with_their_flow(silence_s: float) -> None:
    packets = [Packet(1001, b"ab", ns=0), Packet(1003, flags=RST, ns=0)]
    out, table = run([*packets, Packet(1003, b"cd", ns=int(silence_s * SECOND))])
    assert out.bytes_of(0) == (b"abcd" if silence_s <= 10 else b"ab")
    assert len(table) == (1 if silence_s <= 10 else 2)


def test_the_end_comes_after_the_last_byte() -> None:
    packets = [*handshake(), Packet(1004, b"d", flags=FIN | ACK), Packet(1001, b"abc")]
    out, table = run(packets)
    assert out.bytes_of(0) == b"abcd"
    assert out.ends == [0]
    assert number(table, 0, L.CLOSED) == 1


def test_keepalives_add_nothing() -> None:
    out, table = run([*handshake(), Packet(1001, b"ab"), Packet(1002, b"\0"), Packet(1003, b"c")])
    assert out.bytes_of(0) == b"abc"
    assert number(table, 0, L.KEEPALIVES) == 1


def test_what_the_snap_length_cut_off_is_a_gap() -> None:
    out, table = run([*handshake(), Packet(1001, b"ab", wire=10), Packet(1011, b"cd")])
    assert out.data[0] == {0: 97, 1: 98, 10: 99, 11: 100}
    assert out.gaps[0] == [(2, 8)]
    assert number(table, 0, L.CUT_BYTES) == 8


def test_one_sided_and_mid_stream_captures_give_content() -> None:
    out, table = run([Packet(777, b"ab"), Packet(779, b"cd")])
    assert out.bytes_of(0) == b"abcd"
    assert number(table, 0, L.MIDSTREAM) == 1


def test_the_responder_is_known_from_a_syn_ack_alone() -> None:
    out, table = run([Packet(5000, flags=SYN | ACK, ack=1001, from_client=False), Packet(1001, b"q")])
    assert table.flow[L.ORIG_PORT] == CLIENT[1]
    assert table.flow[L.ORIG_BASIS] == L.BASIS_SYN_ACK
    assert out.bytes_of(0) == b"q"
    assert number(table, 0, L.MIDSTREAM) == 0


def test_datagrams_keep_their_borders_and_order(kernel_speed: str) -> None:
    out, table = run([Packet(payload=b"aa", transport=17), Packet(payload=b"b", transport=17, from_client=False)])
    assert out.pieces == [(0, 0, 2, 1), (1, 0, 1, 2)]
    assert len(table) == 1


def test_equal_datagrams_with_one_ip_id_but_other_content_are_all_kept() -> None:
    out, _ = run([Packet(payload=bytes([i]) * 20, transport=17, ip_id=1) for i in range(5)])
    assert len(out.pieces) == 5


def test_many_flows_and_many_pieces_grow_the_arrays() -> None:
    packets = [Packet(1, b"x", ports=(10_000 + i, 80)) for i in range(3000)]
    out, table = run(packets)
    assert len(table) == 3000
    assert len(out.pieces) == 3000
    assert all(out.bytes_of(2 * i) == b"x" for i in range(3000))


def test_a_direction_that_outgrows_its_room_gets_another(kernel_speed: str) -> None:
    content = random.Random(5).randbytes(40_000)
    segments = cut(content, list(range(0, 40_000, 500)), 1001)
    others = [Packet(1 + 100 * i, bytes(100), ports=(5000, 80)) for i in range(len(segments))]
    packets = [*handshake(), *[p for pair in zip(segments, others, strict=True) for p in pair]]
    table = FlowTable(batch_bytes=1 << 20)
    block, columns = as_block(packets, 1)
    assert list(table.add(block, columns)) == []
    block.data.fill(0)
    (batch,) = table.finish()
    mine = [entry for entry in batch.directions if entry.direction == 0]
    assert len(mine) > 1
    assert sum(entry.pieces for entry in mine) == len(segments)
    assert b"".join(batch.data[e.byte : e.byte + e.bytes].tobytes() for e in mine) == content


def test_a_batch_is_handed_on_when_enough_has_come_together() -> None:
    table = FlowTable(batch_bytes=1000)
    sizes = []
    for i in range(14):
        block, columns = as_block([Packet(1 + 300 * i, bytes(300))], 1 + i)
        sizes += [sum(entry.bytes for entry in batch.directions) for batch in table.add(block, columns)]
    sizes += [sum(entry.bytes for entry in batch.directions) for batch in table.finish()]
    assert sizes == [300, 300, 600, 1200, 1200, 600]  # 125, 250, 500 and then 1000 are enough


def test_bytes_that_wait_are_kept_while_blocks_go_by() -> None:
    content = random.Random(6).randbytes(200_000)
    late, *others = cut(content, list(range(0, 200_000, 1000)), 1001)
    out, _ = run([*handshake(), *others[::-1], late], block_size=3, batch_bytes=5000)
    assert out.bytes_of(0) == content
