"""What transport streams say of themselves: scrambling and seconds."""

from __future__ import annotations

import pytest

URL = "http://edge.example:8000/live/u/p/88"
SCRAMBLED = {"packets": 1000, "scrambled_packets": 900, "pts_first": None, "media_s_basis": "PCR"}


def watch(lab, at=0.0, **more):
    lab.flow(history="ShADadF")
    lab.segment(URL, at, took=60.0, size=188_000, declared=None, whole=False, interrupted="ended early", **more)


def test_media_in_clear_have_no_encryption_though_a_system_is_announced(lab):
    watch(lab, media_s=59.5, service="Kestrel News", ts_service={"ca_system_ids": [0x0B00]})
    assert (lab.one()["encryption"], lab.one()["channel"]) == (None, "Kestrel News")


def test_scrambled_stream_says_so_and_names_the_system(lab):
    watch(lab, media_s=59.5, service="Kestrel News", ts_service={"ca_system_ids": [0x0B00, 0x1800]}, ts=SCRAMBLED)
    session = lab.one()
    assert session["encryption"] == "MPEG-TS scrambling (CA 0x0b00, 0x1800)"
    assert (session["media_seconds"], session["media_seconds_basis"]) == (59.5, "PCR")
    assert (session["completeness"], session["channel"]) == ("complete", "Kestrel News")
    assert (
        "900 of 1000 transport packets are marked as scrambled; the program map announces CA system 0x0b00, 0x1800."
    ) in lab.shown()


def test_stream_with_times_in_clear_is_scrambled_in_part(lab):
    watch(lab, media_s=59.5, ts=SCRAMBLED | {"pts_first": 9000})
    assert lab.one()["encryption"] == "MPEG-TS scrambling of a part"


def test_some_bodies_in_clear_are_a_part(lab):
    lab.flow()
    lab.segment("http://edge.example/a/s1.ts", 0, media_s=4.0)
    lab.segment("http://edge.example/a/s2.ts", 4, media_s=4.0, ts=SCRAMBLED)
    session = lab.one()
    assert (session["delivery"], session["encryption"]) == ("hls", "MPEG-TS scrambling of a part")
    assert (session["media_seconds"], session["media_seconds_basis"]) == (8.0, "PTS and PCR")


@pytest.mark.parametrize(
    ("seconds", "basis"), [(29.9, "PTS in clear"), (None, None)], ids=["some times in clear", "no clock"]
)
def test_time_that_scrambling_hides_is_not_known(lab, seconds, basis):
    watch(lab, media_s=seconds, ts=SCRAMBLED | {"media_s_basis": basis})
    session = lab.one()
    assert (session["media_seconds"], session["media_seconds_basis"]) == (seconds, basis)
    assert session["completeness"] == "duration of some media not known"


def test_scrambled_media_segments_that_a_playlist_encrypts_too(lab):
    key = {"key_method": "SAMPLE-AES", "key_url": "http://edge.example/k"}
    lab.playlist("http://edge.example/a/i.m3u8", 0, [("s1.ts", key)], endlist=True)
    lab.segment("http://edge.example/a/s1.ts", 1, media_s=4.0, ts=SCRAMBLED)
    assert lab.one()["encryption"] == "SAMPLE-AES, MPEG-TS scrambling"


def test_section_with_a_wrong_crc_names_no_channel(lab):
    watch(lab, media_s=59.5, service="Kestrel Nfws", ts_service={"sdt_crc_valid": False})
    assert lab.one()["channel"] is None
    shows = 'A section names the service "Kestrel Nfws", but its CRC is wrong: not taken for the channel.'
    assert shows in lab.shown()


def test_wrong_crc_of_the_program_map_takes_nothing_from_the_name(lab):
    watch(lab, media_s=59.5, service="Kestrel News", ts_service={"pmt_crc_valid": False})
    assert lab.one()["channel"] == "Kestrel News"


def test_intact_section_names_the_channel_beside_a_damaged_one(lab):
    lab.flow(history="ShADadf")
    lab.flow(2, history="ShADadF")
    for at, name, valid in ((0, "Kestrel Nfws", False), (12, "Kestrel News", True)):
        place = {"flow": 1 + (at > 0), "took": 10.0, "declared": None, "whole": False}
        lab.segment(URL, at, service=name, ts_service={"sdt_crc_valid": valid}, **place)
    assert lab.one()["channel"] == "Kestrel News"
    assert not any("CRC" in text for text in lab.shown())


def test_system_that_a_damaged_program_map_announces_is_not_named(lab):
    watch(lab, media_s=59.5, ts=SCRAMBLED, service="K", ts_service={"ca_system_ids": [0x0B00], "pmt_crc_valid": False})
    assert lab.one()["encryption"] == "MPEG-TS scrambling"
    assert any(text.endswith("no intact announcement of a CA system was seen.") for text in lab.shown())
