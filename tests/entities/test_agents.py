"""User agents: what they claim."""

from __future__ import annotations

from time import process_time

import pytest

from iptvforensics.entities.agents import read_agent

MAG = "Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) MAG200 stbapp ver: 4 rev: 2721"


@pytest.mark.parametrize(
    ("text", "app", "os", "model", "kind"),
    [
        (MAG, "stbapp ver 4 rev 2721", "Linux", "MAG200", "tv-box"),
        ("MAG254 stbapp", "stbapp", "Linux", "MAG254", "tv-box"),
        ("Dalvik/2.1.0 (Linux; U; Android 9; en-us; X96 Build/P)", None, "Android 9", "X96", "app"),
        ("Dalvik/2.1.0 (Linux; U; Android 9;  Build/PPR1)", None, "Android 9", None, "app"),
        ("app (Android)", "app", "Android", None, "app"),
        ("app (Android 9; X96", "app", "Android 9", None, "app"),
        ("TiviMate/4.7.0 (Linux; Android 11)", "TiviMate 4.7.0", "Android 11", None, "app"),
        ("OTT Navigator/1.6 (Linux;Android 11) ExoPlayerLib/2.15.1", "OTT Navigator 1.6", "Android 11", None, "app"),
        ("Dalvik/2.1.0 (Linux; U; Android 9; X96mini Build/PPR1)", None, "Android 9", "X96mini", "app"),
        ("IPTVSmartersPlayer", "IPTVSmartersPlayer", None, None, "app"),
        ("libmpv", "libmpv", None, None, "player"),
        ("Lavf/59.27.100", "Lavf 59.27.100", None, None, "player"),
        ("VLC/3.0.18 LibVLC/3.0.18", "VLC 3.0.18", None, None, "player"),
        ("Kodi/20.2 (Linux; Android 11; BOX1 Build/RQ) App_Bitness/64", "Kodi 20.2", "Android 11", "BOX1", "player"),
        ("AppleCoreMedia/1.0.0.20K71 (Apple TV; U; CPU OS 16_1 like Mac OS X; en_us)", "AppleCoreMedia 1.0.0.20K71",
         "iOS 16.1", None, "player"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:108.0) Gecko/20100101 Firefox/108.0", "Firefox 108.0",
         "Windows NT 10.0", None, "browser"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile",
         "Chrome 120.0.0.0", "Android 10", None, "browser"),
        ("okhttp/4.9.1", "okhttp 4.9.1", None, None, "player"),
        ("TVIP/5.1 Linux", "TVIP", "Linux", None, "tv-box"),
        ("9XtreamP", "9XtreamP", None, None, "app"),
        ("9XtreamP/2.1 (Linux; Android 9)", "9XtreamP 2.1", "Android 9", None, "app"),
        ("Lavf53.32.100", "Lavf 53.32.100", None, None, "player"),
        ("Xtream Codes IPTV Panel", "Xtream Codes IPTV Panel", None, None, "server"),
        ("Xtream-Codes/2.0", "Xtream-Codes 2.0", None, None, "server"),
        ("Flussonic/22.1", "Flussonic 22.1", None, None, "server"),
        ("Mozilla/5.0 (Linux mipsel; U; HbbTV/1.1.1 (+PVR+RTSP+DL;Imagers;;;) CE-HTML) AppleWebKit/533", "HbbTV 1.1.1",
         "Linux", None, "tv-box"),
        ("Enigma2 HbbTV/1.1.1 (+PVR+RTSP+DL; Brand; One 4K;7.2;;)", "HbbTV 1.1.1", None, "Brand One 4K", "tv-box"),
        ("HbbTV", "HbbTV", None, None, "tv-box"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/5.0 TV Safari/537.36",
         "Safari 5.0", "Tizen 5.0", None, "tv-box"),
        ("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36",
         "Chrome 79.0.3945.79", "webOS", None, "tv-box"),
        ("Mozilla/5.0 (Linux; Tizen 2.3; PHONE1) AppleWebKit/537.3 Version/2.3 Mobile Safari/537.3", "Safari 2.3",
         "Tizen 2.3", None, "browser"),
        ("", None, None, None, None),
        (None, None, None, None, None),
    ],
)  # fmt: skip
def test_what_is_claimed(text, app, os, model, kind):
    found = read_agent(text)
    assert (found.app, found.os, found.model, found.kind) == (app, os, model, kind)


HOSTILE = {
    "brackets": "(" * 500,
    "letters": "A" * 100_000,
    "systems": "Android" * 500,
    "spaces": "Android;" + " " * 1500 + "x",
    "spaces in turns": "Android; " * 5000 + "x " * 20_000,
    "builds": "Android 9; x" + " Build/" * 5000,
    "boxes": "MAG250 stbapp " * 5000,
    "televisions": "Tizen " * 20_000,
    "none": "\x00",
    "short": "Mozilla/5.0",
    "products": "a/" * 1000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_read_quickly(text):
    begun = process_time()
    read_agent(text)
    assert process_time() - begun < 0.5


def test_of_long_texts_only_the_beginning_is_read():
    assert read_agent("App/1 " + "x" * 5000 + " (Linux; Android 9; X96 Build/P)").os is None


def test_software_that_servers_use_is_marked():
    assert read_agent("Lavf/59.27.100").is_server
    assert not read_agent("libmpv").is_server


@pytest.mark.parametrize(
    "locale", ["en", "ko", "en-us", "en_US", "id-ID", "zh-Hans", "zh-Hans-CN", "zh_Hant_TW", "es-419", "fil-PH"]
)
def test_a_locale_is_no_model(locale):
    assert read_agent(f"OTT Navigator/1.7.1.1 (Linux;Android 12; {locale}; abc123)").model is None
    assert read_agent(f"x (Linux; U; Android 9; {locale}; X96 Build/PPR1)").model == "X96"


@pytest.mark.parametrize("model", ["mxq", "H96", "TX-P1", "X96 Max", "SM-G950F", "box-tv"])
def test_short_models_are_models(model):
    assert read_agent(f"Dalvik/2.1.0 (Linux; U; Android 9; {model} Build/P)").model == model
