"""Templates: every place of a text is found, across TCP segments and chunks, and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from . import frames as lf
from . import template as tm
from .template import fields_of, template

NAMES = ("hls/redirected", "http-ts/live", "rtmp/play-chunk-128", "rtmp/play")


def text_at(made, name):
    """The bytes of a field at its places, occurrence by occurrence."""
    patch = made.patches[name]
    width = int(patch.char.max()) + 1
    return [made.data[patch.at[patch.char == n]].tobytes() for n in range(width)]


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_found_and_only_its_own_bytes(name):
    made = template(name)
    for field in made.fields:
        by_char = text_at(made, field.name)
        assert len({len(found) for found in by_char}) == 1
        for n, found in enumerate(by_char):
            assert set(found) == {field.old[n]}, field.name


@pytest.mark.parametrize("name", NAMES)
def test_copy_without_changes_is_the_recording(name):
    made = template(name)
    values = {field.name: field.old for field in made.fields}
    mac = made.data[made.starts[0] + 16 + 6 : made.starts[0] + 16 + 12].tobytes()
    copy = tm.Copy(made, 0, made.client, mac, 0, made.servers, values)
    data, _, at = copy.until(1 << 60, made.first_ns // 1000)
    assert copy.finished
    same = made.data.copy()
    for n in range(8):
        same[at + n] = data[at + n]
    assert np.array_equal(data, same)


def test_windows_give_the_same_bytes_as_the_whole():
    made = template("hls/redirected")
    values = {field.name: field.old.upper() for field in made.fields} | {tm.MARK: b"ABCD"}

    def copy():
        return tm.Copy(made, 0, b"\n\0\0\1", b"\2\0\0\0\0\1", 7, (b"\n\0\0\2",) * 3, values)

    whole = copy().until(1 << 60, 0)[0]
    other = copy()
    parts = []
    for moment in range(0, 12_000_000, 700_000):
        parts.append(other.until(moment, 0)[0])
    assert other.finished
    assert np.array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(whole, made.data)


def frames(*payloads, sequences):
    """TCP frames of one direction with these payloads."""
    made = []
    for number, (payload, sequence) in enumerate(zip(payloads, sequences, strict=True)):
        head = (4000).to_bytes(2) + (80).to_bytes(2) + sequence.to_bytes(4) + bytes(4) + b"\x50\x18" + bytes(6)
        ip = b"\x45\0" + (40 + len(payload)).to_bytes(2) + bytes(5) + b"\6" + bytes(2) + b"\n\0\0\1" + b"\n\0\0\2"
        data = bytes(12) + b"\x08\0" + ip + head + payload
        made.append((lf.Frame(number, len(data), data, number + 1), lf.packet(data)))
    return made


def patched(kept, place, between=b""):
    field = tm._field(0, {"what": "username", "places": [place]}, between)
    starts = np.zeros(len(kept) + 1, np.int64)
    np.cumsum([16 + len(frame.data) for frame, _ in kept], out=starts[1:])
    patch = tm._patches("test", (field,), (), kept, starts)["username-0"]
    return [(int(f), int(c)) for f, c in zip(patch.frame, patch.char, strict=True)]


def test_a_text_across_two_tcp_segments_is_found():
    assert patched(frames(b"xx/vie", b"wer/", sequences=[100, 106]), "/{viewer}/") == [
        (0, 0), (0, 1), (0, 2), (1, 3), (1, 4), (1, 5)]  # fmt: skip


def test_a_text_is_found_out_of_order_and_in_retransmissions():
    kept = frames(b"xx/vie", b"END", b"wer/", b"xx/vie", sequences=[100, 110, 106, 100])
    assert patched(kept, "/{viewer}/") == [(0, 0), (0, 1), (0, 2), (2, 3), (2, 4), (2, 5), (3, 0), (3, 1), (3, 2)]


def test_a_text_is_found_around_a_chunk_head():
    assert patched(frames(b"app vie\xc3wer", sequences=[1]), "{viewer}", b"\xc3") == [(0, n) for n in range(6)]


def test_a_text_that_does_not_occur_is_an_error():
    with pytest.raises(ValueError, match="is not found"):
        patched(frames(b"nothing here", sequences=[1]), "/{viewer}/")


def test_an_unknown_template_is_an_error():
    with pytest.raises(ValueError, match="no template 'x'; there are hls/redirected"):
        fields_of("x")


def test_texts_of_the_truth_are_renamed_at_the_same_places():
    made = template("hls/redirected")
    values = {field.name: b"#" * len(field.old) for field in made.fields}
    assert made.renamed("http://tv.merlin-box.example/live/viewer23/pw23pw/77.m3u8", values) == (
        "http://tv.##########.example/live/########/######/##.m3u8")  # fmt: skip
    assert made.renamed("seg9.falcon-cdn.example", values) == "seg#.##########.example"


def test_marks_lie_at_the_end_of_packets_that_continue_a_picture():
    made = template("hls/redirected")
    patch = made.patches[tm.MARK]
    assert len(patch.at) > 4 * 1500
    assert Path(tm.FIELDS).name == "scale.toml"
