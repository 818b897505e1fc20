"""Impairments: the same bytes for the same seed, right lengths and checksums, and a true account of what is left."""

import ipaddress
import itertools
import json
import struct
from pathlib import Path

import pytest

from . import frames as lf
from . import headers, impair

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
REWRITING = ("vlan", "qinq", "cooked", "pppoe", "nat", "ipv6", "fragments")


@pytest.fixture(scope="module")
def clean():
    return lf.read(SAMPLES / "hls/redirected.pcap")


def frames_of(recording):
    return [(f.time_ns, f.wire, f.data, f.origin) for f in recording.frames]


@pytest.mark.parametrize("how", impair.IMPAIRMENTS)
def test_same_seed_gives_same_bytes_and_the_clean_capture_stays(clean, how, tmp_path):
    before = frames_of(clean)
    first, second = (impair.impaired(clean, how, 5) for _ in range(2))
    assert frames_of(clean) == before
    assert (frames_of(first), first.tail, first.facts) == (frames_of(second), second.tail, second.facts)
    lf.write(tmp_path / "a.pcap", first)
    assert frames_of(first) != before or first.link != clean.link or first.tail


@pytest.mark.parametrize("how", ["loss", "loss-runs", "reorder", "duplicate", "junk", "fragments", "vlan"])
def test_another_seed_gives_other_bytes(clean, how):
    assert frames_of(impair.impaired(clean, how, 1)) != frames_of(impair.impaired(clean, how, 2))


@pytest.mark.parametrize("how", [h for h in impair.IMPAIRMENTS if h not in REWRITING])
def test_frames_keep_the_bytes_of_the_frame_that_they_are_said_to_be(clean, how):
    by_number = {f.origin: f for f in clean.frames}
    for frame in impair.impaired(clean, how).frames:
        if frame.origin:
            original = by_number[frame.origin]
            assert frame.wire == original.wire
            assert original.data.startswith(frame.data)


def test_each_way_of_a_conversation_is_one_of_the_two_halves(clean):
    up, down = (impair.impaired(clean, how) for how in ("to-servers", "to-clients"))
    numbers = [{f.origin for f in half.frames} for half in (up, down)]
    assert not numbers[0] & numbers[1]
    client = ipaddress.ip_address("192.168.1.32").packed
    assert {lf.packet(f.data).source for f in up.frames} == {client}
    assert {lf.packet(f.data).destination for f in down.frames} == {client}
    assert sum(f.wire for f in down.frames) > sum(f.wire for f in up.frames) * 5


def test_media_to_a_group_flow_to_the_clients():
    recording = lf.read(SAMPLES / "udp-ts/multicast.pcap")
    udp = [f for f in recording.frames if lf.packet(f.data) and lf.packet(f.data).transport == 17]
    assert len(impair.impaired(recording, "to-clients").frames) == len(udp)


def test_cut_file_ends_inside_a_record(clean, tmp_path):
    done = impair.impaired(clean, "cut")
    lf.write(tmp_path / "cut.pcap", done)
    with pytest.raises((ValueError, struct.error)):
        lf.read(tmp_path / "cut.pcap")
    assert len(done.frames) == int(len(clean.frames) * 0.6)


def test_loss_leaves_out_about_the_share_that_it_states(clean):
    lost = 1 - len(impair.impaired(clean, "loss").frames) / len(clean.frames)
    assert 0.003 < lost < 0.03


@pytest.mark.parametrize("how", [h for h in impair.IMPAIRMENTS if h != "clock-back"])
def test_times_stay_in_order(clean, how):
    times = [f.time_ns for f in impair.impaired(clean, how).frames]
    assert times == sorted(times)


def test_clock_goes_back_once(clean):
    times = [f.time_ns for f in impair.impaired(clean, "clock-back").frames]
    assert sum(b < a for a, b in itertools.pairwise(times)) == 1


def test_impairments_are_joined_from_left_to_right(clean):
    done = impair.impaired(clean, "nat+loss+vlan")
    assert list(done.facts) == ["nat", "loss", "vlan"]
    found = lf.packet(done.frames[-1].data)
    assert found.ip_at == 18
    assert ipaddress.ip_address(headers.PUBLIC).packed in (found.source, found.destination)


@pytest.mark.parametrize(("how", "message"), [("rain", "no impairment 'rain'"), ("cut+loss", "cut last"),
                                              ("cooked+vlan", "expected Ethernet")])  # fmt: skip
def test_what_cannot_be_done_is_said(clean, how, message):
    with pytest.raises(ValueError, match=message):
        impair.impaired(clean, how)


@pytest.mark.parametrize("how", impair.IMPAIRMENTS)
@pytest.mark.parametrize("name", ["dns/names", "udp-ts/multicast", "hls/ipv6"])
def test_other_kinds_of_traffic_are_endured(how, name, tmp_path):
    lf.write(tmp_path / "made.pcap", impair.impaired(lf.read(SAMPLES / f"{name}.pcap"), how))
    assert (tmp_path / "made.pcap").stat().st_size >= 24


@pytest.mark.parametrize("how", impair.IMPAIRMENTS)
def test_no_frames_stay_no_frames(how):
    assert impair.impaired(lf.Recording([]), how).frames == []


def test_command_writes_capture_and_truth(tmp_path, monkeypatch):
    out = tmp_path / "made.pcap"
    monkeypatch.setattr(
        "sys.argv", ["impair", str(SAMPLES / "hls/redirected.pcap"), "--how", "middle+nat", "-o", str(out)]
    )
    impair.main()
    told = json.loads((tmp_path / "made.truth.json").read_text())
    assert told["true_in"] == "redirected.truth.json"
    assert told["capture"]["bytes"] == out.stat().st_size
    assert told["frames_from"][0][0] > 300
    assert sum(b - a + 1 for a, b in told["frames_from"]) == told["frames"] == len(lf.read(out).frames)


def test_documentation_lists_every_impairment():
    page = (SAMPLES.parent / "docs/lab.md").read_text()
    for done in impair.IMPAIRMENTS.values():
        assert f"| `{done.name}` | {done.what} |" in page
