"""Two portals and two boxes: a MAG box at a Stalker/Ministra portal (log-in by password, channels, guide, links,
watchdog with a message, films, its log of what was watched), and a program that acts as a box at an Xtream-family
panel which emulates such a portal, also with a MAC unknown there. Requests by curl; no media; recorded in the router.
"""

import hashlib
import json
import sys
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

MAC, APP_MAC, UNKNOWN = "00:1A:79:4C:21:07", "00:1A:79:00:00:01", "00:1A:79:00:00:99"
VERSION = ("ImageDescription: 0.2.18-r14-pub-250; ImageDate: Fri Jan 15 15:20:44 EET 2016; PORTAL version: 5.1.1; "
           "API Version: JS API version: 328; STB API version: 134; Player Engine version: 0x566")  # fmt: skip
CHANNELS = [
    {"id": 501, "name": "Osprey One HD", "epg_id": "one.osprey", "category": "Korea", "archive_days": 3},
    {"id": 502, "name": "바다 드라마", "epg_id": "drama.osprey", "category": "Korea"},
    {"id": 503, "name": "Osprey Sport", "epg_id": "sport.osprey", "category": "Sport"},
    {
        "id": 504,
        "name": "Osprey Clear",
        "category": "Sport",
        "stalker_cmd": "ffrt http://203.0.113.88:8001/clear/504.ts",
    },
    {"id": 505, "name": "Osprey Radio", "kind": "radio_streams", "category": "Radio"},
]
SHARED = {
    "family": ["stalker"], "timezone": "Asia/Jakarta", "channels": CHANNELS, "guide": {"past_hours": 1, "hours": 3},
    "vod": {"titles": 16, "series": 2, "seed": 5, "categories": ["KR | Drama", "ID | Film"]},
}  # fmt: skip
PANELS = {
    "genuine": SHARED | {
        "brand": "Osprey TV", "secret": "osprey lab secret",
        "portal": {"genuine": True, "version": "5.1.1", "login": True, "link": "secure_link", "solution": "ffrt"},
        "lines": [{"username": "osprey77", "password": "os77pw", "mac": MAC, "expires": 1893456000,
        "max_connections": 1,
                   "box": {"ls": "300777", "phone": "000-555-0777", "fname": "Living Room", "reseller_id": "12",
                           "tariff": "Gold"},
                   "events": [{"event": "send_msg", "msg": "Osprey: pay before Friday", "need_confirm": 1}]}],
        "edges": [{"name": "st1", "host": "st1.osprey-media.example", "port": 8080}],
    },
    "emulated": SHARED | {
        "brand": "Merlin", "secret": "merlin lab secret", "software": "xui", "version": "1.5.12",
        "family": ["stalker", "xtream", "m3u"], "portal": {"genuine": False, "link": "play"},
        "lines": [{"mac": APP_MAC, "expires": 1893456000}],
        "edges": [{"name": "lb4", "host": "lb4.merlin-box.example", "port": 8080}],
    },
}  # fmt: skip


class Box:
    """A box that calls a portal: several calls on one connection, as boxes do."""

    def __init__(self, lab: r.Lab, host: r.Host, base: str, program: str, mac: str, model: str) -> None:
        self.lab, self.host, self.url, self.mac = lab, host, base + program, mac
        cookie = f"mac={quote(mac, safe='')}; stb_lang=en; timezone=Asia%2FJakarta"
        self.headers = [
            "User-Agent: Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) "
            f"{model} stbapp ver: 2 rev: 250 Safari/533.3",
            f"X-User-Agent: Model: {model}; Link: Ethernet", f"Referer: {base}/c/", f"Cookie: {cookie}",
        ]  # fmt: skip

    def calls(self, *queries: str, form: str = "") -> list[dict]:
        """Return the `js` of each reply."""
        argv = ["curl", "-s", "-m", "20", "--compressed", "-w", "\n"]
        for header in self.headers:
            argv += ["-H", header]
        argv += ["-d", form, f"{self.url}?JsHttpRequest=1764000000000-xml"] if form else []
        argv += [f"{self.url}?{query}&JsHttpRequest=1-xml" for query in queries]
        lines = self.lab.run(self.host, *argv).splitlines()
        return [json.loads(line)["js"] if line.startswith("{") else {"text": line} for line in lines if line]

    def handshake(self) -> None:
        """Get a token and show it from now on."""
        (js,) = self.calls("type=stb&action=handshake&token=&prehash=false")
        self.headers.append(f"Authorization: Bearer {js['token']}")

    def profile(self, serial: str, device: str, model: str, second: int = 0) -> str:
        """Return the call by which a box says what it is."""
        signature = hashlib.sha256(f"{self.mac}{serial}{device}{device}".encode()).hexdigest().upper()
        metrics = json.dumps({"mac": self.mac, "sn": serial, "model": model, "type": "STB", "uid": "", "random": ""})
        return (f"type=stb&action=get_profile&hd=1&ver={quote(VERSION)}&num_banks=2&sn={serial}&stb_type={model}"
                f"&client_type=STB&image_version=218&video_out=hdmi&device_id={device}&device_id2={device}"
                f"&signature={signature}&auth_second_step={second}&hw_version=1.7-BD-00&not_valid_token=0"
                f"&metrics={quote(metrics)}&hw_version_2=&timestamp=1764000000&api_signature=262"
                "&prehash=false")  # fmt: skip


def mag(box: Box) -> None:
    """Use the portal as a box of the middleware does."""
    profile = "0B4215N123456", "A" * 32 + "0123456789ABCDEF" * 2, "MAG250"
    box.handshake()
    box.calls(box.profile(*profile), "type=stb&action=do_auth&login=osprey77&password=wrong",
              "type=stb&action=do_auth&login=osprey77&password=os77pw", box.profile(*profile, 1))  # fmt: skip
    box.calls("type=stb&action=get_localization", "type=stb&action=get_modules",
    "type=account_info&action=get_main_info",
              "type=watchdog&action=get_events&init=1&cur_play_type=0&event_active_id=0", "type=itv&action=get_genres",
              "type=itv&action=get_all_channels", "type=itv&action=get_fav_ids",
              "type=epg&action=get_epg_info&period=3")  # fmt: skip
    (link,) = box.calls(f"type=itv&action=create_link&cmd={quote('ffrt http://localhost/ch/501')}&series=&forced_storage=0"
                        "&disable_ad=0&download=0")  # fmt: skip
    url = quote(link["cmd"].split(" ", 1)[1])
    box.calls(f"type=stb&action=log&real_action=play&param={url}&content_id=501&tmp_type=1",
              "type=itv&action=get_short_epg&ch_id=501&size=2", "type=stb&action=set_last_id&id=501",
              "type=watchdog&action=get_events&init=0&cur_play_type=1&event_active_id=0",
              "type=watchdog&action=confirm_event&event_active_id=1",
              f"type=itv&action=create_link&cmd={quote('ffrt http://203.0.113.88:8001/clear/504.ts')}&series=",
              "type=epg&action=get_simple_data_table&ch_id=502&date=2026-11-25&p=1", "type=epg&action=get_week",
              f"type=tv_archive&action=create_link&cmd={quote('auto /media/501_1764000000_1764003600.mpg')}",
              "type=vod&action=get_categories", "type=vod&action=get_ordered_list&category=*&p=2",
              f"type=vod&action=create_link&cmd={quote('/media/20003.mpg')}&series=0",
              "type=stb&action=log&real_action=play&param=&content_id=20003&tmp_type=2",
              "type=radio&action=get_ordered_list&p=1",
              "type=watchdog&action=get_events&init=0&cur_play_type=2&event_active_id=0")  # fmt: skip


def app(box: Box, stranger: Box) -> None:
    """Use the portal as programs do that make serial and device out of the MAC address."""
    digests = hashlib.md5(APP_MAC.encode()).hexdigest(), hashlib.sha256(APP_MAC.encode()).hexdigest()
    serial, device = digests[0][:13].upper(), digests[1].upper()
    box.calls("type=itv&action=get_genres")
    box.handshake()
    box.calls(box.profile(serial, device, "MAG254"), "type=account_info&action=get_main_info",
              "type=itv&action=get_genres", "type=itv&action=get_ordered_list&genre=*&force_ch_link_check=&fav=0"
              "&sortby=number&hd=0&p=1")  # fmt: skip
    box.calls(form=f"type=itv&action=create_link&cmd={quote('ffmpeg http://localhost/ch/502_')}&series=")
    films, series = box.calls("type=vod&action=get_ordered_list&category=1001&p=1",
                              "type=series&action=get_ordered_list&movie_id=1:1&p=1")  # fmt: skip
    box.calls(f"type=vod&action=create_link&cmd={quote(films['data'][0]['cmd'], safe='')}&series=0",
              f"type=vod&action=create_link&cmd={quote(series['data'][0]['cmd'], safe='')}&series=2",
              "type=watchdog&action=get_events&init=0&cur_play_type=1&event_active_id=0")  # fmt: skip
    stranger.handshake()
    stranger.calls(stranger.profile("", "", "MAG254"))


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        boxes = lab.host("mag", "192.168.1.42"), lab.host("app", "192.168.1.43")
        genuine = lab.host("genuine", "198.51.100.42", "portal.osprey-media.example")
        emulated = lab.host("emulated", "203.0.113.42", "mag.merlin-box.example")
        lab.start_dns()
        lab.start_panel(genuine, PANELS["genuine"])
        lab.start_panel(emulated, PANELS["emulated"])
        tcpdump = lab.capture(lab.router, capture, interface="home")
        lab.run(
            boxes[0], "curl", "-s", *(f"http://{genuine.names[0]}/stalker_portal/c/{n}" for n in ("", "version.js"))
        )
        mag(Box(lab, boxes[0], f"http://{genuine.names[0]}/stalker_portal", "/server/load.php", MAC, "MAG250"))
        base = f"http://{emulated.names[0]}"
        app(Box(lab, boxes[1], base, "/portal.php", APP_MAC, "MAG254"),
            Box(lab, boxes[1], base, "/portal.php", UNKNOWN, "MAG254"))  # fmt: skip
        lab.end_capture(tcpdump)
        devices = [
            {"client_ip": boxes[0].ip, "mac": MAC, "serial": "0B4215N123456", "from_mac": False},
            {"client_ip": boxes[1].ip, "mac": APP_MAC, "serial": "306F5BD82D720", "from_mac": True},
        ]
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[], panels=PANELS, devices=devices
        )


if __name__ == "__main__":
    main()
