"""The benchmark captures: whole, in order of time, with right checksums, the same for the same arguments."""

import importlib.util
import itertools
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent


def load_module(name):
    sys.path.insert(0, str(BENCH))
    try:
        spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCH))
    return module


rechunk = load_module("rechunk")
generate = load_module("generate")


def make(tmp_path, kind, size=3_000_000, **options):
    file = tmp_path / "made.pcap"
    generate.generate(kind, size, file, viewers=4, **options)
    return generate.frames_of(file.read_bytes())


def ones_sum(data):
    return rechunk._checksum(data)


@pytest.mark.parametrize("kind", sorted(generate.KINDS))
def test_frames_are_in_order_of_time_and_not_longer_than_ethernet_allows(tmp_path, kind):
    frames = make(tmp_path, kind)
    times = [when for when, _ in frames]
    assert times == sorted(times)
    assert max(len(frame) for _, frame in frames) == 1514


@pytest.mark.parametrize("kind", sorted(generate.KINDS))
@pytest.mark.parametrize("chunk", [None, 128])
def test_checksums_of_clones_are_right(tmp_path, kind, chunk):
    for number, (_, frame) in enumerate(make(tmp_path, kind, rtmp_chunk=chunk), 1):
        length = int.from_bytes(frame[16:18], "big")
        assert ones_sum(frame[14:34]) == 0, f"IPv4 header of frame {number}"
        pseudo = frame[26:34] + bytes((0, frame[23])) + (length - 20).to_bytes(2, "big")
        assert ones_sum(pseudo + frame[34 : 14 + length]) == 0, f"payload of frame {number}"


def test_same_arguments_give_same_bytes_and_another_seed_does_not(tmp_path):
    first, again, other = (make(tmp_path, "hls-rtmp", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_several_clients_watch_at_one_time(tmp_path):
    frames = make(tmp_path, "http-ts-rtmp", size=20_000_000)
    clients = [frame[26:30] for _, frame in frames if frame[26] == 10]
    assert len(set(clients)) == 4
    changes = sum(a != b for a, b in itertools.pairwise(clients))
    assert changes > len(clients) / 20


def test_size_is_kept_to_within_a_frame(tmp_path):
    file = tmp_path / "made.pcap"
    made = generate.generate("rtmp", 2_345_678, file, viewers=3)
    assert file.stat().st_size == made["bytes"]
    assert 2_345_678 - 1_600 < made["bytes"] <= 2_345_678


def server_stream(size):
    template = generate.load("rtmp/play", size)
    frames = generate.frames_of(bytes(24) + template.data.tobytes())
    flow = rechunk.connection(frames, template.client_ip)
    return b"".join(data for _, from_client, data in flow.sent if not from_client)


def test_chunk_sizes_carry_the_same_messages():
    """Chunks of 128 bytes turned into chunks of 4096 bytes are what 4096 gave at first."""
    small, large = server_stream(128), server_stream(4096)
    assert len(small) > len(large) + 20_000
    assert rechunk.Rechunker(4096).feed(small) == large


def test_rechunking_does_not_depend_on_the_pieces():
    stream = server_stream(4096)[:300_000]
    machine = rechunk.Rechunker(128)
    pieces = b"".join(machine.feed(stream[at : at + 1000]) for at in range(0, len(stream), 1000))
    assert pieces == rechunk.Rechunker(128).feed(stream)


def test_a_recording_with_a_gap_is_refused():
    recorded = generate.frames_of((generate.SAMPLES / "rtmp/publish.pcap").read_bytes())
    client = next(frame[26:30] for _, frame in recorded if frame[12:14] == b"\x08\x00" and frame[23] == 6)
    with pytest.raises(ValueError, match="gap"):
        rechunk.connection(recorded[:200] + recorded[230:], client)
