"""An Xtream-family panel (XUI.one): an app (pyxtream) logs in and loads the catalogue; then come the guide, lists in
several grammars, menus of an Enigma2 receiver, a plugin's log-in and polls, media addresses with their redirects, and
log-ins that fail (curl); no media."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

USER, WORD, TOKEN = "kestrel204", "9rTqLm31", "5f4dcc3b5aa765d61d8327deb882cf99"
APP = """
import sys
from pyxtream import XTream
x = XTream("kestrel", *sys.argv[1:3], sys.argv[3], headers={"User-Agent": "okhttp/4.9.3"}, cache_path=sys.argv[4])
x.load_iptv()
x.liveEpgByStreamAndLimit(301, 3)
x.allLiveEpgByStream(302)
x.get_series_info_by_id(x.series[0])
"""
PANEL = {
    "family": ["xtream", "m3u", "xmltv", "enigma2", "txt"], "software": "xui", "version": "1.5.12",
    "brand": "Kestrel Premium", "timezone": "Asia/Seoul", "secret": "kestrel lab secret", "traps": False,
    "guide": {"past_hours": 1, "hours": 3},
    "lines": [
        {"username": USER, "password": WORD, "token": TOKEN, "mac": "02:00:5e:10:00:41", "max_connections": 2,
         "created": 1672531200, "expires": 1893456000, "message": "Kestrel Premium - resold by shop 7",
         "commands": [{"message": {"title": "Kestrel", "message": "Update tonight"}}, {"screen": "1"}]},
        {"username": "kestrel205", "password": "old55", "trial": True, "expires": 1600000000},
    ],
    "channels": [
        {"id": 301, "name": "Kestrel One HD", "epg_id": "one.kestrel", "category": "Korea | Live", "archive_days": 3,
         "edges": ["lb1"],
         "custom_sid": ":0:1:44C:3FB:1:C00000:0:0:0:"},
        {"id": 302, "name": "바다 뉴스", "epg_id": "news.kestrel", "categories": ["Korea | Live", "News"]},
        {"id": 303, "name": "Kestrel Sport 2, FHD", "epg_id": "sport2.kestrel", "category": "Sport",
         "direct_source": "http://198.51.100.99:8081/s/sport2.ts"},
        {"id": 304, "name": "Kestrel Kids", "category": "Korea | Live", "archive_days": 1},
        {"id": 305, "name": "Kestrel Radio", "kind": "radio_streams", "category": "Radio"},
    ],
    "vod": {"titles": 8, "series": 2, "seed": 11, "categories": ["KR | Drama", "ID | Film"],
            "named": [{"name": "Lantern Road", "year": 2021, "seconds": 5400, "plot": "A road, a lantern."}]},
    "edges": [{"name": "lb1", "host": "lb1.kestrel-box.example", "port": 8080},
              {"name": "lb2", "host": "lb2.kestrel-box.example", "port": 8080, "proxy": True}],
}  # fmt: skip


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.41")
        panel = lab.host("panel", "198.51.100.41", "tv.kestrel-box.example")
        lab.start_dns()
        lab.start_panel(panel, PANEL)
        base, login = "http://tv.kestrel-box.example", f"username={USER}&password={WORD}"
        tcpdump = lab.capture(box, capture)
        lab.run(box, sys.executable, "-c", APP, USER, WORD, base, str(box.root))
        asked = []
        for n, (agent, url, *options) in enumerate((
            ("TiviMate/4.7.0", f"{base}/xmltv.php?{login}", "--compressed"),
            ("TiviMate/4.7.0", f"{base}/get.php?{login}&type=m3u_plus&output=ts", "--compressed"),
            ("VLC/3.0.18 LibVLC/3.0.18", f"{base}/playlist/{USER}/{WORD}/m3u/hls"),
            ("okhttp/3.15", f"{base}/get.php?{login}&type=simple"),
            ("Wget/1.21", f"{base}/get.php?{login}&type=enigma22_script"),
            ("Wget/1.21", f"{base}/get.php?{login}&type=dreambox&output=ts", "--compressed"),
            ("okhttp/3.15", f"{base}/get.php?token={TOKEN}&type=gst"),
            ("okhttp/3.15", f"{base}/tv.txt?{login}"),
            ("TiviMate/4.7.0", f"{base}/epg/{USER}/{WORD}/gz"),
            ("okhttp/4.9.3", f"{base}/player_api.php", "--compressed", "-d",
             f"{login}&action=get_vod_info&vod_id=20000"),
            ("okhttp/4.9.3", f"{base}/player_api.php?{login}&action=get_short_epg&stream_id=301,302&multi=1"),
            ("okhttp/4.9.3", f"{base}/panel_api.php?{login}", "--compressed"),
            ("Enigma2", f"{base}/enigma2.php?{login}&type=get_live_categories"),
            ("Enigma2", f"{base}/enigma2.php?{login}&type=get_live_streams&cat_id=1", "--compressed"),
            ("okhttp/4.9.3", f"{base}/live/{USER}/{WORD}/301.ts"),
            ("okhttp/4.9.3", f"{base}/{USER}/{WORD}/302"),
            ("okhttp/4.9.3", f"{base}/live/{USER}/{WORD}/302.m3u8"),
            ("okhttp/4.9.3", f"{base}/movie/{USER}/{WORD}/20000.mp4"),
            ("okhttp/4.9.3", f"{base}/timeshift/{USER}/{WORD}/60/2026-11-25:10-00/301.ts"),
            ("okhttp/4.9.3", f"{base}/player_api.php?username={USER}&password=guess1"),
            ("okhttp/4.9.3", f"{base}/player_api.php?username=kestrel205&password=old55"),
            ("okhttp/4.9.3", f"{base}/live/{USER}/guess2/301.ts"),
        )):  # fmt: skip
            out = box.root / f"answer-{n}"
            lab.run(box, "curl", "-s", "-m", "20", "-A", agent, *options, "-o", str(out), url)
            asked.append({"url": url, "user_agent": agent, **(r.digest(out) if out.exists() else {"bytes": 0})})
        plugin = f"{base}/xplugin.php"
        told = lab.run(box, "curl", "-s", "-A", "Enigma2 plugin",
        f"{plugin}?action=auth&mac=02%3A00%3A5E%3A10%3A00%3A41"
                       "&mmac=&ip=192.168.1.41&version=2023-11-02&type=armv7l&pversion=0.0.2&lversion=NC4xMC4xMg=="
                       "&dn=192.168.1.1&cmac=02%3A00%3A5E%3A10%3A00%3A41")  # fmt: skip
        token = json.loads(told)["details"]["token"]
        polls = [f"{plugin}?token={token}&page=1&rc={n}" for n in range(3)]
        lab.run(box, "curl", "-s", "-A", "Enigma2 plugin", *polls)
        screen = box.root / "screen.jpg"
        screen.write_bytes(b"\xff\xd8\xff\xe0 not a picture \xff\xd9")
        lab.run(
            box,
            "curl",
            "-s",
            "-A",
            "Enigma2 plugin",
            "-F",
            f"f=@{screen}",
            f"{plugin}?token={token}&page=file&t=screen",
        )
        lab.end_capture(tcpdump)
        lab.truth(here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[], panel=PANEL, asked=asked,
                  client=f"pyxtream {version('pyxtream')}")  # fmt: skip


if __name__ == "__main__":
    main()
