"""What truths demand of a capture, and what is left of it after an impairment."""

import json
from pathlib import Path

import pytest

from . import frames as lf
from . import truths
from .impair import impaired
from .truths import Remains, load, stream_name

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"


def read(name):
    capture = load(SAMPLES / f"{name}.truth.json")[0]
    return capture, lf.read(capture.file)


def remains(clean, how):
    return Remains(clean, impaired(clean, how) if how else clean)


def every_sample():
    return [capture for file in sorted(SAMPLES.glob("*/*.truth.json")) for capture in load(file) if capture.sessions]


@pytest.mark.parametrize("capture", every_sample(), ids=lambda capture: capture.name)
def test_every_true_session_is_found_whole_in_the_frames_of_its_recording(capture):
    clean = lf.read(capture.file)
    left = Remains(clean, clean)
    for session in capture.sessions:
        assert left.session(session) == (1.0, session.start_ns, session.end_ns)
    assert sum(left.answer(answer) == 1.0 for answer in capture.answers) == len(capture.answers)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rtmp://h.example/live/sport1?token=a", "live/sport1"),
        ("live/sport1?token=a", "live/sport1"),
        ("rtmp://h.example:1936/live/sport1", "live/sport1"),
        ("http://h.example/a?b=c", "http://h.example/a?b=c"),
        ("udp://239.10.0.7:5000", "udp://239.10.0.7:5000"),
        ("", None),
        (None, None),
    ],
)
def test_names_of_one_stream_are_equal(text, name):
    assert stream_name(text) == name


@pytest.mark.parametrize(
    ("name", "body_bytes"),
    [
        ("hls/redirected", 86480),
        ("http-ts/client-leaves-and-returns", 277112),
        ("rtmp/publish", 398377),
        ("rtmp/play", 4609564),
        ("rtmp/play-midstream", None),  # the server counted the part that was not recorded
        ("progressive/ranges", None),  # the client left an answer half-way
        ("udp-ts/multicast", None),
    ],
)
def test_bytes_are_those_of_the_servers_log(name, body_bytes):
    found = read(name)[0].sessions[0].body_bytes
    if name == "hls/redirected":
        media = json.loads((SAMPLES / f"{name}.truth.json").read_text())["sessions"][0]["media"]
        assert found == sum(m["body_bytes"] for m in media)
    else:
        assert found == body_bytes


def test_less_is_left_of_a_session_cut_off_at_its_head():
    capture, clean = read("http-ts/chunked")
    share, start, end = remains(clean, "middle").session(capture.sessions[0])
    assert 0.5 < share < 0.7
    assert start > capture.sessions[0].start_ns + truths.SECOND
    assert end == capture.sessions[0].end_ns


def test_snaplen_leaves_a_share_of_every_frame():
    capture, clean = read("rtmp/play")
    share, start, _ = remains(clean, "snaplen").session(capture.sessions[0])
    assert 0.05 < share < 0.2
    assert start == capture.sessions[0].start_ns


def test_doubled_and_reordered_frames_leave_all():
    capture, clean = read("hls/redirected")
    for how in ("duplicate", "reorder", "fragments", "vlan", "cooked", "junk"):
        assert remains(clean, how).session(capture.sessions[0])[0] == 1.0


def test_requests_alone_hold_no_media():
    capture, clean = read("hls/redirected")
    left = remains(clean, "to-servers")
    assert left.session(capture.sessions[0])[0] == 0.0
    assert left.answer(capture.answers[0]) == 0.0
    published, frames = read("rtmp/publish")
    assert remains(frames, "to-servers").session(published.sessions[0])[0] == 1.0


def test_a_second_session_of_a_client_is_told_apart_by_its_time():
    capture, clean = read("http-ts/client-leaves-and-returns")
    left = remains(clean, "cut")
    first, second = (left.session(session) for session in capture.sessions)
    assert first[0] == 1.0
    assert 0 < second[0] < 0.5


def test_times_are_those_that_the_recorders_clock_shows():
    capture, clean = read("hls/redirected")
    done = impaired(clean, "clock-skew")
    offset = done.facts["clock-skew"]["offset_ns"]
    assert Remains(clean, done).session(capture.sessions[0])[1] == pytest.approx(
        capture.sessions[0].start_ns + offset, abs=2000
    )
    jump = remains(clean, "clock-forward")
    assert jump.shown(clean.frames[0].time_ns) == clean.frames[0].time_ns
    assert jump.shown(clean.frames[-1].time_ns) == clean.frames[-1].time_ns + 3600 * truths.SECOND


def test_traffic_within_the_home_is_gone_behind_nat():
    capture, clean = read("udp-ts/multicast")
    assert remains(clean, "nat").session(capture.sessions[0]) is None
    capture, clean = read("hls/redirected")
    left = remains(clean, "nat")
    assert left.session(capture.sessions[0])[0] == 1.0
    assert left.address("192.168.1.32") == "198.51.100.240"
    assert left.server_seen("192.0.2.80")
    assert not left.server_seen("192.168.1.1")


def test_names_with_an_address_follow_it():
    _, clean = read("udp-ts/multicast")
    assert remains(clean, "ipv6").stream("udp://239.10.0.7:5000") == "udp://[ff1e::ef0a:7]:5000"


def test_document_of_the_lab_gives_one_capture_per_point(tmp_path):
    hop = {"host": "e.example", "ip": "203.0.113.9", "port": 443, "roles": ["media"], "node": "edge-1"}
    session = {
        "id": "s1", "delivery": "hls", "kind": "live", "client_ip": "192.168.1.5", "client_public_ip": "198.51.100.7",
        "stream": "https://e.example/a.m3u8", "start": 1800000000, "end": 1800000009, "first_byte": 1800000001.5,
        "chain": [hop], "by": "user", "visible_in": ["edge.pcap.zst"], "encrypted": ["tls"], "body_bytes": 7,
    }  # fmt: skip
    row = {"client_ip": "192.168.1.5", "client_port": 5000, "server_ip": "203.0.113.9", "host": "e.example",
           "target": "/a.ts", "done": 1800000002.0, "status": 200}  # fmt: skip
    http = [row | {"server_port": port} for port in (443, 8080)]
    told = {"captures": [{"file": "box.pcap.zst"}, {"file": "edge.pcap.zst"}], "sessions": [session], "http": http}
    (tmp_path / "a.truth.json").write_text(json.dumps(told))
    box, edge = load(tmp_path / "a.truth.json")
    assert (box.sessions, edge.file.name) == ([], "edge.pcap.zst")
    assert [answer.url for answer in edge.answers] == ["http://e.example/a.ts"]  # what TLS hides is not demanded
    assert edge.answers[0].server_port == 8080
    found = edge.sessions[0]
    assert (found.delivery, found.body_bytes, found.start_ns) == ("hls+tls", 7, 1800000001500000000)
    assert found.clients == {"192.168.1.5", "198.51.100.7"}


def test_derived_captures_are_not_scored_twice():
    assert load(SAMPLES / "damaged/hls-dropped.truth.json") == []
