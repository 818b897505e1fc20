"""The store alone; fragments inside frames are tested with the decoder."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iptvforensics.packets import fragments
from iptvforensics.packets.fragments import Fragment, FragmentStore

HEADER4 = bytes([0x45, 0, 0, 0, 0, 7, 0x20, 0]) + bytes(12)
BODY = bytes(range(256)) * 2


class Store(FragmentStore):
    def __init__(self):
        self.reports = []
        super().__init__(lambda name, frame, detail: self.reports.append((name, frame, detail)))
        self.frame = 0

    @property
    def names(self):
        return [name for name, _, _ in self.reports]

    def put(self, offset, data, *, more=True, key="a", t=0.0, wire=None, header=HEADER4, kind=17):
        self.frame += 1
        wire = len(data) if wire is None else wire
        part = Fragment(key, header, kind, offset, more, data, wire, self.frame, int(t * 1e9), f"label {key}")
        outcome, packet, self.wire_bytes = self.add(part)
        return outcome, packet


def pieces(size=128):
    return [(at, BODY[at : at + size], at + size < len(BODY)) for at in range(0, len(BODY), size)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_any_order_gives_the_packet(order):
    store = Store()
    parts = pieces()
    outcomes = [store.put(parts[i][0], parts[i][1], more=parts[i][2]) for i in order]
    assert [outcome for outcome, _ in outcomes] == ["pending"] * 3 + ["complete"]
    packet = outcomes[-1][1]
    assert packet[20:] == BODY
    assert packet[:20] == HEADER4[:2] + (532).to_bytes(2, "big") + HEADER4[4:6] + b"\0\0" + HEADER4[8:]
    store.finish()
    assert not store.reports


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_covering_gives_the_packet_once(data):
    """Random pieces, overlapping and repeated, that agree in their bytes."""
    cuts = sorted(data.draw(st.sets(st.integers(1, 63), max_size=12)) | {0, 64})
    parts = [(a * 8, b * 8) for a, b in itertools.pairwise(cuts)]
    extra = st.tuples(st.integers(0, 62), st.integers(1, 64)).map(lambda p: (p[0] * 8, min(p[0] + p[1], 64) * 8))
    parts = data.draw(st.permutations(parts + data.draw(st.lists(extra, max_size=6))))
    store = Store()
    results = [store.put(a, BODY[a:b], more=b < 512) for a, b in parts]
    packets = [packet for outcome, packet in results if outcome == "complete"]
    assert [packet[20:] for packet in packets] == [BODY]
    store.finish()
    assert "IP_fragment_overlap_differs" not in store.names


def test_ipv6_header_is_made_whole():
    header = bytes([0x60, 0, 0, 0, 0, 0, 44, 64]) + bytes(32)
    store = Store()
    store.put(0, BODY[:256], header=header)
    _, packet = store.put(256, BODY[256:], more=False, header=header, kind=99)
    assert packet[:8] == bytes([0x60, 0, 0, 0, 2, 0, 17, 64])
    assert packet[40:] == BODY


def test_what_came_first_stays():
    store = Store()
    store.put(0, b"A" * 16)
    store.put(8, b"B" * 16)
    outcome, packet = store.put(24, b"C" * 8, more=False)
    assert (outcome, packet[20:]) == ("complete", b"A" * 16 + b"B" * 8 + b"C" * 8)
    assert store.names == ["IP_fragment_overlap_differs"]
    assert store.reports[0][2] == "label a: bytes 8 to 16 kept from frame 1, different in frame 2"


def test_what_came_first_stays_also_backwards():
    store = Store()
    store.put(8, b"B" * 16, more=False)
    outcome, packet = store.put(0, b"A" * 16)
    assert (outcome, packet[20:]) == ("complete", b"A" * 8 + b"B" * 16)
    assert store.names == ["IP_fragment_overlap_differs"]


def test_two_ends_are_told():
    store = Store()
    store.put(16, b"A" * 8, more=False)
    store.put(16, b"A" * 7, more=False)
    assert store.names == []
    store.put(24, b"B" * 8, more=False)
    assert store.names == ["IP_fragment_overlap_differs"]


def test_copies_are_known_before_and_after_completion():
    store = Store()
    outcomes = [store.put(a, data, more=more)[0] for a, data, more in pieces(256) for _ in range(2)]
    assert outcomes == ["pending", "duplicate", "complete", "duplicate"]
    assert store.put(0, BODY[:256])[0] == "duplicate"
    store.finish()
    assert not store.reports


def test_a_number_used_again_is_another_packet():
    store = Store()
    for body in (b"A" * 16, b"B" * 16):
        assert store.put(0, body[:8])[0] == "pending"
        assert store.put(8, body[8:], more=False)[1][20:] == body
    assert not store.reports


def test_a_copy_much_later_is_another_packet():
    store = Store()
    store.put(0, b"A" * 8)
    store.put(8, b"A" * 8, more=False)
    assert store.put(0, b"A" * 8, t=61)[0] == "pending"


def test_other_keys_do_not_mix():
    store = Store()
    store.put(0, b"A" * 8, key="a")
    assert store.put(8, b"B" * 8, more=False, key="b")[0] == "pending"
    store.finish()
    assert store.names == ["IP_fragment_incomplete"] * 2


def test_time_is_capture_time():
    store = Store()
    store.put(0, b"A" * 8, t=1000)
    store.put(0, b"A" * 8, key="b", t=1059)
    assert not store.reports
    store.put(0, b"A" * 8, key="c", t=1061)
    assert store.reports == [("IP_fragment_timeout", 1, "label a: incomplete after 60 s of capture time")]
    assert store.put(8, b"A" * 8, more=False, t=1061)[0] == "pending"


def test_a_clock_that_goes_back_loses_nothing():
    store = Store()
    store.put(0, b"A" * 8, t=5000)
    assert store.put(8, b"A" * 8, more=False, t=3)[0] == "complete"
    assert not store.reports


@pytest.mark.parametrize(
    ("offset", "size", "more"),
    [(0, 0, True), (65528, 8, False), (65000, 1000, True)],
    ids=["empty", "ends at 65536", "far beyond"],
)
def test_fragments_that_cannot_be(offset, size, more):
    store = Store()
    assert store.put(offset, bytes(size), more=more) == ("malformed", b"")
    assert store.names == ["IP_fragment_malformed"]
    store.finish()
    assert len(store.reports) == 1


def test_an_odd_length_is_kept_and_told_for_ipv4():
    store = Store()
    store.put(0, b"A" * 36)
    assert store.put(24, b"B" * 4, more=False)[1][20:] == b"A" * 28
    assert store.names == ["IP_fragment_odd_length", "IP_fragment_overlap_differs"]


def test_an_odd_length_is_refused_for_ipv6():
    store = Store()
    assert store.put(0, b"A" * 36, header=b"\x60" + bytes(39))[0] == "malformed"
    assert store.names == ["IP_fragment_malformed"]


def test_the_longest_packet():
    store = Store()
    store.put(0, bytes(65528))
    outcome, packet = store.put(65528, bytes(7), more=False)
    assert (outcome, len(packet), packet[2:4]) == ("complete", 65555, b"\0\0")


def test_of_cut_fragments_the_packet_goes_as_far_as_no_byte_is_missing():
    store = Store()
    assert store.put(0, b"A" * 5, wire=8)[0] == "pending"
    assert store.names == ["IP_fragment_cut"]
    outcome, packet = store.put(8, b"B" * 5, more=False, wire=8)
    assert (outcome, packet[20:], store.wire_bytes) == ("complete", b"A" * 5, 36)
    assert packet[2:4] == (36).to_bytes(2, "big")
    assert store.put(8, b"B" * 5, more=False, wire=8)[0] == "duplicate"


def test_what_was_cut_may_come_again_before_the_last_fragment():
    store = Store()
    store.put(0, b"A" * 5, wire=8)
    store.put(0, b"A" * 8)
    assert store.put(8, b"B" * 8, more=False)[1][20:] == b"A" * 8 + b"B" * 8


def test_an_empty_cut_fragment_completes_nothing():
    store = Store()
    assert store.put(0, b"", wire=8)[0] == "pending"
    assert store.put(8, b"", wire=8, more=False)[0] == "pending"


def test_the_number_of_sets_is_limited():
    store = Store()
    for i in range(fragments.MAX_SETS + 3):
        store.put(0, b"A" * 8, key=i)
    assert store.names == ["IP_fragment_limit"] * 3
    assert [detail.split(":")[0] for _, _, detail in store.reports] == ["label 0", "label 1", "label 2"]


def test_the_bytes_of_all_sets_are_limited():
    store = Store()
    for i in range(400):
        store.put(65000, b"A" * 8, key=i)
    store.finish()
    assert store.names.count("IP_fragment_limit") > 100
    assert store.names.count("IP_fragment_limit") + store.names.count("IP_fragment_incomplete") == 400


def test_many_pieces_of_one_packet_are_limited_too(monkeypatch):
    monkeypatch.setattr(fragments, "MAX_BYTES", 1 << 16)
    store = Store()
    for i in range(1000):
        store.put(8, bytes([i % 256]) * 8)
    assert "IP_fragment_limit" in store.names
