"""Keys that open nothing and libraries that are missing are told to the person who asked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from iptvforensics.analysis import Options, keylogs_at
from iptvforensics.analysis.hints import hints
from iptvforensics.batch import analyze_many
from iptvforensics.store import Store


def said(captures: list[Path], keylogs: list[Path], case: Path) -> list[str]:
    store, options = Store.create(case), Options(keylogs=keylogs_at(keylogs))
    summaries = analyze_many([str(path) for path in captures], store, options=options, workers=1)
    return list(hints(summaries, store, options))


def test_keys_that_fit_nothing_are_told(samples: Path, tmp_path: Path) -> None:
    assert said([samples / "tls/https-vod.pcap"], [samples / "tls/rtmps-play.keys"], tmp_path / "case") == [
        "nothing was opened: none of the 4 secrets given fits a connection of these captures"
    ]


def test_keys_that_fit_one_capture_are_no_news(samples: Path, tmp_path: Path) -> None:
    captures = [samples / "tls/https-vod.pcap", samples / "tls/rtmps-play.pcap"]
    assert said(captures, [samples / "tls/rtmps-play.keys"], tmp_path / "case") == []
    assert said([samples / "dns/names.pcap"], [], tmp_path / "other") == []


def test_a_library_that_is_missing_is_told(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylsqpack", None)
    monkeypatch.setattr("iptvforensics.analysis.hints.present", lambda: {"hpack": "4.1.0"})
    (line,) = said([samples / "quic/hls-h3.pcap"], [samples / "quic/hls-h3.keys"], tmp_path / "case")
    assert line.startswith("HTTP/3 in ")
    assert line.endswith('was not read, for pylsqpack is missing: install "iptvforensics[http3]" and analyse again')
