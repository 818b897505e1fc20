from __future__ import annotations

from datetime import UTC, datetime

import pytest

from iptvforensics.graph.text import bytes_text, shorten, time_text, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Čeština 中文 🎬", "Čeština 中文 🎬"),
        ("nul\x00", "nul\\u0000"),
        ("esc\x1b[0m", "esc\\u001b[0m"),
        ("line\nbreak\ttab\r", "line\\u000abreak\\u0009tab\\u000d"),
        ("c1\x85", "c1\\u0085"),
        ("rtl\u202e", "rtl\\u202e"),
        ("joined\u200b", "joined\\u200b"),
        ("sep\u2028\u2029", "sep\\u2028\\u2029"),
        ("bad\ufffe\uffff", "bad\\ufffe\\uffff"),
        ("lone\ud800", "lone\\ud800"),
        ("tag\U000e0041", "tag\\U000e0041"),
    ],
    ids=ascii,
)
def test_hidden_characters_are_shown_as_escapes(text, shown):
    assert visible(text) == shown


def test_shortened_text_keeps_both_ends_and_the_limit():
    assert shorten("abcdefghij", 10) == "abcdefghij"
    cut = shorten("abcdefghijk", 10)
    assert len(cut) == 10
    assert cut.startswith("abcde")
    assert cut.endswith("hijk")


def test_time_is_utc_to_the_millisecond():
    ns = int(datetime(2026, 11, 23, 20, 21, 11, tzinfo=UTC).timestamp()) * 10**9 + 384_999_999
    assert time_text(ns) == "2026-11-23T20:21:11.384Z"
    assert time_text(None) == ""
    assert time_text(-1_000_000) == "1969-12-31T23:59:59.999Z"


def test_time_beyond_the_calendar_stays_a_number():
    assert time_text((1 << 63) - 1) != ""
    assert time_text(10**21) == f"{10**21} ns"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_999, "1.0 MB"),
        (5_327_920, "5.3 MB"),
        (3 * 10**15, "3000.0 TB"),
    ],
)
def test_bytes_have_decimal_units(count, text):
    assert bytes_text(count) == text


def test_unknown_number_of_bytes_is_empty():
    assert bytes_text(None) == ""
