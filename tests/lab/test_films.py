"""Programmes: the same name is the same content, another encoder gives other bytes."""

from .films import Encode, command, scenes


def test_scenes_have_unequal_lengths_and_fill_the_time():
    parts = scenes("news", 24, "64x36", 5)
    lengths = [float(part.split("trim=duration=")[1].split(",")[0]) for part in parts]
    assert sum(lengths) == 24
    assert len(set(lengths)) > 2
    assert parts == scenes("news", 24, "64x36", 5)
    assert parts != scenes("sport", 24, "64x36", 5)


def test_two_encoders_give_the_same_content_otherwise(tmp_path):
    one, other = Encode.of("news", {}), Encode.of("news", {"gop": 25, "refs": 2})
    first, second = command(one, tmp_path / "a"), command(other, tmp_path / "a")
    assert first[first.index("-filter_complex") + 1] == second[second.index("-filter_complex") + 1]
    assert first != second
    assert second[second.index("-refs") + 1] == "2"


def test_a_programme_without_sound():
    assert "-c:a" not in command(Encode.of("news", {"audio": ""}), "x")
