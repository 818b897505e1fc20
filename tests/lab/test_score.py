"""The score of real recordings: what the analysis finds today must stay found."""

import json

import pytest

from . import score
from .impair import IMPAIRMENTS
from .matching import Tally

QUICK = ("hls/redirected", "http-ts/client", "udp-ts/multicast", "rtmp/publish-chunk-128")


@pytest.fixture(scope="module")
def recordings():
    return [capture for name in QUICK for capture in score.captures(name, [score.ROOT / "sample_pcaps"])]


@pytest.mark.parametrize("how", ["clean", "duplicate", "vlan", "ipv6", "clock-skew", "fragments", "junk"])
def test_nothing_is_missed_and_nothing_invented(recordings, how):
    found = score.score_under(how, recordings)
    for kind, tally in found.items():
        assert (tally.missed, tally.false, tally.right) == ([], [], tally.true), kind
    assert sum(tally.true for kind, tally in found.items() if kind.startswith("session ")) == 5
    assert found["http answer"].true > 10


def test_boxes_behind_one_address_are_found_under_it(recordings):
    found = score.score_under("nat", recordings)
    assert "session udp-ts" not in found
    assert found["session hls"].recall == found["session http-ts"].recall == 1


def test_page_tells_every_impairment_and_type():
    scores = {
        "clean": {
            "session hls": Tally(3, 4, 2, start_s=[0.5, 0.1], bytes_share=[0.01]),
            "panel": Tally(1, 1, 1),
            "line of session": Tally(2, 2, 0),
        },
        "loss": {
            "session http-ts+tls": Tally(9, 0, 0),
            "session hls": Tally(2000, 2000, 1999),
            "links claimed lead": Tally(0, 4, 1),
        },
    }
    text = score.report(scores)
    assert "| clean | 3 | 4 | 2 | 0.500 | 0.667 |" in text
    assert "| 0.30 |" in text
    assert "| loss | 2000 | 2000 | 1999 | 0.999 | 0.999 |" in text  # never rounded up to 1
    assert "| links claimed lead |  |" in text
    assert "0.250 / -" in text


def test_details_name_what_was_missed():
    scores = {"loss": {"panel": Tally(1, 1, 0, missed=["tv.example"], false=["x.example"])}}
    assert score.details(scores) == ["loss: panel: missed: tv.example", "loss: panel: false: x.example"]


def test_command_prints_and_writes_the_page(tmp_path, monkeypatch, capsys):
    page = tmp_path / "score.md"
    monkeypatch.setattr("sys.argv", ["score", "--how", "clean", "--only", "udp-ts/multicast", "--write", str(page)])
    score.main()
    assert "| clean | 1 | 1 | 1 | 1 | 1 | 1 | 0 |" in capsys.readouterr().out
    assert "| clean | 1 | 1 | 1 |" in page.read_text()
    assert score.COMMAND in page.read_text()


def test_command_refuses_a_folder_without_recordings(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["score", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit):
        score.main()
    assert "no recordings" in capsys.readouterr().err


def test_kept_page_is_of_every_impairment():
    kept = (score.ROOT / "docs/lab-score.md").read_text()
    table = kept.split("## By type")[0]
    assert [line.split(" | ")[0][2:] for line in table.splitlines() if line.startswith("| ")][2:] == [
        "clean",
        "tls",
        "keys",
        *IMPAIRMENTS,
    ]


def test_rows_have_none_where_a_value_is_missing():
    import pandas as pd

    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": ["x", None], "c": [["k"], ["m", "n"]]})
    assert score.rows_of(frame) == [{"a": 1, "b": "x", "c": ["k"]}, {"a": None, "b": None, "c": ["m", "n"]}]
    assert json.dumps(score.rows_of(frame))


def test_key_logs_beside_the_recordings_open_what_tls_hides():
    recordings = score.captures("tls-home-1")
    closed, opened = (score.score_under(how, recordings) for how in ("tls", "keys"))
    assert score.score_under("clean", recordings) == {}
    assert closed["session hls+tls"].right == 1  # by its shape
    assert (closed["lines"].true, closed["lines"].right) == (2, 0)
    for kind in ("session hls+tls", "session http-ts+tls", "lines", "panels"):
        assert (opened[kind].precision, opened[kind].recall) == (1, 1), kind
    assert [text for tally in opened.values() for text in tally.false] == []


@pytest.mark.parametrize("name", ["quic/hls-h3", "tls/behind-proxy", "tls/rtmps-play"])
def test_samples_under_tls_are_found_with_their_keys_and_missed_under_their_own_name_without(name):
    recordings = score.captures(name, [score.ROOT / "sample_pcaps"])
    closed, opened = (score.score_under(how, recordings) for how in ("tls", "keys"))
    (kind,) = (kind for kind in closed if kind.startswith("session "))
    assert kind.endswith("+tls")
    assert (closed[kind].found, closed[kind].true) == (0, len(recordings[0].sessions))
    for kind, tally in opened.items():
        assert (tally.missed, tally.false, tally.right) == ([], [], tally.true), kind
    assert opened["edge"].true == 1
    assert opened["edge address"].true == (name != "tls/behind-proxy")  # only the proxy's was seen
