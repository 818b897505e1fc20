"""Captures of many boxes: each box its own line and channel, right checksums, a truth that the analysis finds again."""

import hashlib
import ipaddress
import itertools
import json
from collections import Counter

import jsonschema
import pytest

from . import frames as lf
from . import scale, score
from .scale import Size, make, numbered, secret

SIZE = Size(boxes=5, viewings=2, channels=30)
SCHEMA = json.loads((score.ROOT / "tests/lab/truth.schema.json").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    file = tmp_path_factory.mktemp("scale") / "boxes.pcap"
    make(file, SIZE)
    return file, lf.read(file), json.loads(file.with_suffix(".truth.json").read_text())


def test_same_arguments_give_the_same_bytes(made, tmp_path):
    told = make(tmp_path / "boxes.pcap", SIZE)
    assert (tmp_path / "boxes.pcap").read_bytes() == made[0].read_bytes()
    assert (tmp_path / "boxes.truth.json").read_bytes() == made[0].with_suffix(".truth.json").read_bytes()
    assert (told["frames"], told["sessions"], told["bytes"]) == (len(made[1].frames), 10, made[0].stat().st_size)


def test_another_seed_gives_another_capture(made, tmp_path):
    make(tmp_path / "boxes.pcap", Size(boxes=5, channels=30, seed=2), ["hls/redirected"])
    make(tmp_path / "other.pcap", Size(boxes=5, channels=30, seed=3), ["hls/redirected"])
    assert (tmp_path / "boxes.pcap").read_bytes() != (tmp_path / "other.pcap").read_bytes()


def test_every_checksum_is_right(made):
    for number, frame in enumerate(made[1].frames):
        found = lf.packet(frame.data)
        assert lf.checksum(frame.data[found.ip_at : found.transport_at]) == 0, number
        body = frame.data[found.transport_at : found.end]
        pseudo = found.source + found.destination + found.transport.to_bytes(2) + len(body).to_bytes(2)
        assert lf.checksum(pseudo + body) == 0, number


def test_times_are_in_order_and_boxes_overlap(made):
    times = [frame.time_ns for frame in made[1].frames]
    assert times == sorted(times)
    spans = sorted((s["start"], s["end"]) for s in made[2]["sessions"])
    assert any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))


def test_nothing_of_the_recorded_names_and_addresses_is_left(made):
    data = made[0].read_bytes()
    for name in (b"viewer23", b"pw23pw", b"viewer17", b"s3cr3t9", b"merlin-box", b"falcon-cdn", b"osprey-media",
                 b"harrier-cast", b"/1204.ts", b"Zm9vYmFy", b"cinema", b"ch77_"):  # fmt: skip
        assert name not in data
    assert b"\0\4" + ipaddress.ip_address("203.0.113.40").packed not in data
    ends = {str(ipaddress.ip_address(end)) for f in made[1].frames for end in lf.packet(f.data)[2:4]}
    assert all(end.startswith(("10.32.", "172.", "192.168.1.1")) for end in ends)


def test_every_box_has_its_own_line_and_address(made):
    nodes = Counter(node["kind"] for node in made[2]["nodes"])
    assert nodes["box"] == 5
    lines = [(node["username"], node["password"]) for node in made[2]["nodes"] if node["kind"] == "line"]
    assert len(set(lines)) == len(lines) == 4  # the fifth box plays RTMP, without a line
    data = made[0].read_bytes()
    for username, password in lines:
        assert data.count(f"/live/{username}/{password}/".encode()) >= 2  # two viewings


def test_no_box_watches_a_channel_twice_running(tmp_path):
    make(tmp_path / "x.pcap", Size(boxes=4, viewings=4, channels=3), ["hls/redirected"])
    told = json.loads((tmp_path / "x.truth.json").read_text())
    watched = {(s["box"], int(s["id"].split("-")[2])): s["channel"] for s in told["sessions"]}
    assert len(watched) == 16
    assert all(watched[box, turn] != watched.get((box, turn + 1)) for box, turn in watched)


def test_truth_keeps_the_schema_of_the_lab(made):
    jsonschema.validate(made[2], SCHEMA)
    row = made[2]["captures"][0]
    assert row["sha256"] == hashlib.sha256(made[0].read_bytes()).hexdigest()


def test_analysis_finds_every_session_under_its_own_names(made):
    found = score.score_under("clean", score.captures(folders=[made[0].parent]))
    for kind, tally in found.items():
        assert (tally.missed, tally.false) == ([], []), kind
        if not kind.startswith("links claimed "):  # of a strength nothing is demanded
            assert tally.right == tally.true, kind
    sessions = [tally for kind, tally in found.items() if kind.startswith("session ")]
    assert sum(tally.named for tally in sessions) == 10
    assert {"session hls", "session http-ts", "session rtmp"} <= set(found)
    assert max(s for tally in sessions for s in tally.start_s) < 0.5


def test_boxes_on_one_channel_get_the_same_media_and_on_others_other(tmp_path):
    """The pictures of two boxes on one channel are equal frame by frame, though lines and addresses differ."""

    def pictures(channels, seed):
        file = tmp_path / f"{channels}-{seed}.pcap"
        make(file, Size(boxes=2, viewings=1, channels=channels, seed=seed), ["hls/redirected"])
        told = json.loads(file.with_suffix(".truth.json").read_text())
        boxes = [ipaddress.ip_address(s["client_ip"]).packed for s in told["sessions"]]
        media = {
            box: [f.data[found.transport_at + 32 :] for f in lf.read(file).frames
                  if (found := lf.packet(f.data)).destination == box and len(f.data) > 1400]
            for box in boxes
        }  # fmt: skip
        return [s["channel"].rsplit("-", 1)[1] for s in told["sessions"]], list(media.values())

    same, (first, second) = pictures(1, 1)
    assert same == ["0", "0"]
    assert sum(a == b for a, b in zip(first, second, strict=True)) > len(first) * 0.9
    other, (first, second) = pictures(90, 1)
    assert other[0] != other[1]
    assert sum(a == b for a, b in zip(first, second, strict=True)) < len(first) * 0.2


@pytest.mark.parametrize(
    ("old", "number", "new"),
    [
        (b"77", 3, b"13"),
        (b"1204", 71, b"1071"),
        (b"viewer17", 37, b"view0011"),
        (b"9", 8, b"9"),
        (b"e7", 37, b"11"),
        (b"lb3", 35, b"l0z"),
    ],
)
def test_numbers_become_texts_of_the_same_length(old, number, new):
    assert numbered(old, number) == new


@pytest.mark.parametrize(("old", "room"), [(b"77", 90), (b"1204", 9000), (b"e7", 1296), (b"sport1", 36**4)])
def test_texts_are_distinct_as_long_as_there_are_any(old, room):
    assert len({numbered(old, n) for n in range(min(room, 9000))}) == min(room, 9000)
    numbered(old, room - 1)
    with pytest.raises(ValueError, match=f"only {room} texts"):
        numbered(old, room)


def test_secrets_have_the_length_of_the_recorded_ones():
    assert len(secret(b"x" * 150, 1, "token", 2)) == 150
    assert secret(b"pw23pw", 1, "password", 2) != secret(b"pw23pw", 1, "password", 3)


def test_command_says_what_it_made(tmp_path, monkeypatch, capsys):
    out = tmp_path / "x.pcap"
    monkeypatch.setattr(
        "sys.argv", ["scale", "--boxes", "1", "--viewings", "1", "--templates", "hls/redirected", "-o", str(out)]
    )
    scale.main()
    assert f"{out.stat().st_size:,} bytes" in capsys.readouterr().out
