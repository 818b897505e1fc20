"""The recording of encrypted acts: how it is cut, counted, and what is inferred from it."""

from __future__ import annotations

import json
import struct

import pytest

from . import frames as lf
from .shapes import ACTS, HERE, KEPT_BYTES, WHOLE_PACKETS, Result, client, heads_of, results, score


def tcp_frame(number: int, port: int, size: int = 1000) -> lf.Frame:
    segment = struct.pack(">HHIIBBHHH", port, 443, number, 0, 5 << 4, 16, 0, 0, 0) + bytes(size)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0, bytes(4), bytes([9] * 4))
    data = bytes(12) + b"\x08\x00" + head + segment
    return lf.Frame(number, len(data), data, number)


def test_the_first_packets_of_a_connection_are_kept_whole() -> None:
    frames = [tcp_frame(number, 4000 + number % 2) for number in range(60)]
    kept = heads_of(lf.Recording(frames)).frames
    assert [frame.wire for frame in kept] == [frame.wire for frame in frames]
    lengths = [len(frame.data) for frame in kept]
    assert lengths == [frames[0].wire] * 2 * WHOLE_PACKETS + [KEPT_BYTES] * (60 - 2 * WHOLE_PACKETS)


def test_an_act_is_right_if_its_one_session_is_what_it_is() -> None:
    assert Result("a", "segmented", False, ("segmented",)).is_right
    assert Result("a", None, False, ()).is_right
    for wrong in ((), ("continuous",), ("segmented", "segmented")):
        assert not Result("a", "segmented", False, wrong).is_right


def test_hard_acts_are_counted_apart() -> None:
    found = [Result("a", "segmented", False, ("segmented", "continuous")), Result("b", None, True, ("segmented",)),
             Result("c", "continuous", False, ())]  # fmt: skip
    assert score(found) == (2, 2, 1)
    assert score(found, hard=True) == (2, 3, 1)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_each_act_has_a_client_that_asks_its_own_server(act, tmp_path) -> None:
    assert any(act.host in word for word in client(act, tmp_path / "box"))


def test_the_truth_names_the_acts() -> None:
    kept = json.loads((HERE / "shape.acts.json").read_text())
    assert [act["name"] for act in kept["acts"]] == [act.name for act in ACTS]
    assert kept["capture"]["sha256"] == lf.digest(HERE / "shape.pcap.zst")["sha256"]


def test_what_is_inferred_from_the_recording() -> None:
    """The figures of docs/shape.md: a change here is a change of results."""
    found = {one.name: one.found for one in results(HERE)}
    right = {act.name for act in ACTS if found[act.name] == ((act.delivery,) if act.delivery else ())}
    assert {act.name for act in ACTS} - right == {"file-browser", "pictures"}
    assert (found["file-browser"], found["pictures"]) == ((), ("segmented",))


def test_frames_that_the_recorder_lost_change_nothing() -> None:
    found = {one.name: one for one in results(HERE, "loss")}
    assert {name for name, one in found.items() if not one.is_right} == {"file-browser", "pictures"}
