"""The lab's viewers: what an app on a box asks of its panel before it plays, and the players it plays with.

An app (`APPS`) is a habit: the requests that such software makes at start and for each viewing, made with curl (or a
library), and the address that it then gives to its player. A player (`PLAYERS`) is a real program.

    api       app of the Xtream kind: player_api.php (log in, categories, channels), then /live/USER/PASSWORD/ID
    list      M3U app: get.php and xmltv.php, plays the address that the list gives
    mag       MAG box and its portal: handshake, profile, channels, create_link, watchdog
    enigma2   receiver: bouquet by get.php
    form      app that posts its log-in to player_api.php as a form
    library   pyxtream
    link      player to which the address at an edge was given by hand
    page      web player in Chromium (`webplayer`)

Known limitations: curl stands for the HTTP library of an app; its TLS hello is curl's. Boxes do not zap by themselves.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from . import webplayer
from .isolation import LabError
from .network import Network, Running
from .panel.config import Channel as PanelChannel
from .panel.guide import Programme, programmes
from .scenario import ROUTERS, Box, Channel, Line, Panel, Scenario, Watch
from .servers import EDGE_APP, EDGE_RTMP_PORT

EXTENSIONS = {"hls": "m3u8", "http-ts": "ts", "http-flv": "flv"}
MAG_AGENT = ("Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) "
             "MAG200 stbapp ver: 2 rev: 250 Safari/533.3")  # fmt: skip
AGENTS = {"api": "okhttp/4.9.2", "form": "Dalvik/2.1.0 (Linux; U; Android 9; Osprey S9 Build/PPR1)",
          "list": "VLC/3.0.18 LibVLC/3.0.18", "mag": MAG_AGENT,
          "enigma2": "Enigma2 HbbTV/1.1.1 (+PVR+RTSP+DL;OpenATV;;;)", "library": "", "page": "",
          "link": "Lavf/60.16.100"}  # fmt: skip
DEFAULT_PLAYERS = {"api": "ffmpeg", "form": "ffmpeg", "list": "mpv", "mag": "ffmpeg", "enigma2": "gstreamer",
                   "library": "streamlink", "page": "chromium", "link": "ffmpeg"}  # fmt: skip
VERSIONS = {"ffmpeg": "ffmpeg", "mpv": "mpv", "gstreamer": "gstreamer", "streamlink": "streamlink", "curl": "curl"}


@dataclass
class Viewing:
    """What a client did: which address it was given, when its player ran, what the player said."""

    watch: Watch
    box: Box
    url: str
    player: str
    start: float
    end: float = 0.0
    program: Running | None = None
    panel: str = ""
    line: str = ""


class Viewer:
    """One box and who sits before it."""

    def __init__(self, net: Network, scenario: Scenario, box: Box, *, key_log: Path | None = None,
                 line: str = "") -> None:  # fmt: skip
        self.net = net
        self.scenario = scenario
        self.box = box
        known = line or box.line
        self.line: Line = scenario.one("line", known) if known else Line("", "")
        self.agent = box.user_agent or AGENTS[box.app]
        self.name = scenario.panel_host(box) if box.line else ""
        if line:  # of somebody else, at whatever panel
            self.name = scenario.one("panel", self.line.panel).names[0]
        self.panel = self._asked()
        self.env = {"SSLKEYLOGFILE": str(key_log)} if key_log else {}
        self.root = net.folder / box.id
        self.names_over_https = names_over_https(scenario, box)
        self.portal_token = ""
        self.calls = 0

    def _asked(self) -> Panel:
        """Return the panel that goes by the name; one that only gives a list, or has no name, stands in for it."""
        lists = [row for row in self.scenario.listing if self.name in row.names]
        if self.name and not lists:
            own: list[Panel] = [p for p in self.scenario.panel if p.id == self.line.panel and self.name in p.names]
            return own[0] if own else self.scenario.panel_named(self.name)
        return Panel(lists[0].id if lists else "", [self.name], port=80)

    @property
    def base(self) -> str:
        """Return scheme, host and port of the panel as typed into the app."""
        port = 443 if self.box.tls else self.scenario.front(self.panel, self.name).port
        scheme, usual = ("https", 443) if self.panel.tls or self.box.tls else ("http", 80)
        return f"{scheme}://{self.name}" + ("" if port == usual else f":{port}")

    def get(self, *paths: str, headers: tuple[str, ...] = (), post: str = "") -> list[str]:
        """Return the answers to requests that are made one after another on one connection."""
        argv = ["curl", "-s", "-m", "15", "--insecure", *self.names_over_https]
        files = []
        for number, path in enumerate(paths):
            files.append(self.root / f"answer-{self.calls}-{number}")
            argv += [
                *(["--next", "-s", "-m", "15", "--insecure", *self.names_over_https] if number else []),
                "--compressed",
                "-L",
                "-A",
                self.agent,
                *(word for header in headers for word in ("-H", header)),
                *(["-d", post] if post else []),
                "-o",
                str(files[-1]),
                path if "://" in path else self.base + path,
            ]
        self.calls += 1
        self.net.start(self.box.id, *argv, seconds=40, env=self.env).process.wait(50)
        return [file.read_text(errors="replace") if file.exists() else "" for file in files]

    def move(self, name: str) -> None:
        """Use another name of the service from now on, as its seller told."""
        self.name, self.panel, self.portal_token = name, self.scenario.panel_named(name), ""

    # ---- habits --------------------------------------------------------------------------------

    def log_in(self) -> None:
        """Do what the app does when it is opened."""
        getattr(self, f"_open_{self.box.app}")()

    def address(self, watch: Watch, *, ask: bool = True) -> str:
        """Return the address that the app gives to its player, after what it asks before each viewing."""
        credentials = f"{self.line.username}/{self.line.password}"
        if watch.title:
            title = self.scenario.one("title", watch.title)
            kind = "series" if title.series else "movie"
            return f"{self.base}/{kind}/{credentials}/{title.stream_id}.{title.container}"
        channel = self.scenario.one("channel", watch.channel)
        if watch.list_at:
            listing = self.scenario.one("listing", watch.list_at)
            return self._listed(self.get(f"http://{listing.names[0]}{listing.path}")[0], channel)
        if watch.minutes_ago:
            return self._past(watch, channel)
        if watch.delivery == "rtmp":
            edge = self.scenario.one("edge", (channel.edges or [e.id for e in self.scenario.edge])[0])
            return f"rtmp://{edge.names[0]}:{EDGE_RTMP_PORT}/{EDGE_APP}/{channel.stream_id}?{self._login_query()}"
        finder: Callable[[Watch], str] | None = getattr(self, f"_address_{self.box.app}", None) if ask else None
        found = finder(watch) if finder else ""
        if found:
            return found
        return f"{self.base}/live/{credentials}/{channel.stream_id}.{EXTENSIONS[watch.delivery]}"

    def _past(self, watch: Watch, channel: Channel) -> str:
        """Return the address of what a channel showed, after a look into the guide; its time is that of the panel."""
        self.get(f"/player_api.php?{self._login_query()}&action=get_simple_data_table&stream_id={channel.stream_id}")
        past = shown(channel, time.time() - 60 * watch.minutes_ago)
        start = datetime.fromtimestamp(past.start, ZoneInfo(self.panel.timezone))
        return (f"{self.base}/timeshift/{self.line.username}/{self.line.password}/{(past.stop - past.start) // 60}/"
                f"{start:%Y-%m-%d:%H-%M}/{channel.stream_id}.ts")  # fmt: skip

    def _login_query(self) -> str:
        return f"username={self.line.username}&password={self.line.password}"

    def _part(self) -> str:
        """Return what a list is cut down to where the whole one would be too long for a player."""
        return "&key=live" if self.panel.titles > 2000 else ""

    def _open_api(self) -> None:
        api = f"/player_api.php?{self._login_query()}"
        told = self.get(api)[0]
        categories = self.get(f"{api}&action=get_live_categories", f"{api}&action=get_vod_categories",
                              f"{api}&action=get_series_categories", f"{api}&action=get_live_streams")  # fmt: skip
        self._expect("user_info" in told, told)
        films = re.findall(r'"category_id":"(\d+)"', categories[1])
        if any(w.title for w in self.scenario.watch if w.box == self.box.id) and films:
            self.get(f"{api}&action=get_vod_streams&category_id={films[0]}")
        titles = [self.scenario.one("title", w.title) for w in self.scenario.watch if w.box == self.box.id and w.title]
        for series in dict.fromkeys(title.series for title in titles if title.series):
            self.get(f"{api}&action=get_series", f"{api}&action=get_series_info&series_id={series}")

    def _address_api(self, watch: Watch) -> str:
        channel = self.scenario.one("channel", watch.channel)
        self.get(f"/player_api.php?{self._login_query()}&action=get_short_epg&stream_id={channel.stream_id}&limit=4")
        return ""

    def _open_form(self) -> None:
        for action in ("", "&action=get_live_categories", "&action=get_live_streams"):
            told = self.get("/player_api.php", post=self._login_query() + action)[0]
            self._expect(told.startswith(("{", "[")), told)

    def _open_list(self) -> None:
        output = "m3u8" if self._deliveries() == {"hls"} else "ts"
        address = f"/get.php?{self._login_query()}&type=m3u_plus&output={output}{self._part()}"
        if self.box.list_at:
            short = self.scenario.one("shortener", self.box.list_at)
            address = f"http://{short.names[0]}{short.path}"
        told = self.get(address)[0]
        self._expect(told.startswith("#EXTM3U"), told)
        self.list = told
        if not self.scenario.has("listing", self.panel.id):
            self.get(f"/xmltv.php?{self._login_query()}")

    def _address_list(self, watch: Watch) -> str:
        channel = self.scenario.one("channel", watch.channel)
        url = self._listed(self.list, channel)
        return url.replace(".ts", ".m3u8") if watch.delivery == "hls" else url

    @staticmethod
    def _listed(told: str, channel: Channel) -> str:
        """Return the address that a list has for a channel, "" if none."""
        urls = (line for line in told.splitlines() if "://" in line and not line.startswith("#"))
        return next((url for url in urls if re.search(rf"/{channel.stream_id}(\.\w+)?$", url)), "")

    def _open_link(self) -> None:
        """Nothing is asked."""

    def _address_link(self, watch: Watch) -> str:
        channel = self.scenario.one("channel", watch.channel)
        return self.scenario.plain_address(channel, self.scenario.one("edge", channel.edges[0]))

    def _open_enigma2(self) -> None:
        told = self.get(f"/get.php?{self._login_query()}&type=dreambox&output=ts{self._part()}")[0]
        self._expect("#SERVICE" in told, told)

    def _open_library(self) -> None:
        script = Path(__file__).with_name("viewer_library.py")
        told = self.net.run(self.box.id, sys.executable, str(script), self.base, self.line.username, self.line.password,
                            str(self.root), env=self.env)  # fmt: skip
        self._expect("channels" in told, told)

    def _open_page(self) -> None:
        """A page is opened at each viewing; nothing is asked before."""

    # ---- the portal of MAG boxes ---------------------------------------------------------------

    def _portal(self, query: str) -> dict[str, object]:
        cookie = (
            f"mac={quote(self.line.portal_mac, safe='')}; stb_lang=en; timezone={quote(self.box.timezone, safe='')}"
        )
        headers = [
            f"Cookie: {cookie}",
            f"X-User-Agent: Model: {self.box.model or 'MAG250'}; Link: Ethernet",
            f"Referer: {self.base}/c/",
            "Accept: */*",
        ]
        if self.portal_token:
            headers.append(f"Authorization: Bearer {self.portal_token}")
        text = self.get(f"/portal.php?{query}&JsHttpRequest=1-xml", headers=tuple(headers))[0]
        try:
            told = json.loads(text, strict=False)
        except ValueError:
            told = None
        self._expect(isinstance(told, dict) and "js" in told, text)
        return dict(told) if isinstance(told, dict) else {}

    def _open_mag(self) -> None:
        self.get("/c/")
        js = self._portal("type=stb&action=handshake&token=")["js"]
        self.portal_token = str(js["token"]) if isinstance(js, dict) else ""
        serial, device = self._identity()
        version = quote(
            "ImageDescription: 0.2.18-r14-pub-250; ImageDate: Fri Jan 15 15:20:44 EET 2016; PORTAL version: "
            "5.1.1; API Version: JS API version: 328; STB API version: 134; Player Engine version: 0x566"
        )
        self._portal(
            f"type=stb&action=get_profile&hd=1&ver={version}&num_banks=1&sn={serial}&stb_type="
            f"{self.box.model or 'MAG250'}&client_type=STB&image_version=218&auth_second_step=0&device_id={device}"
            f"&device_id2={device}&hw_version=1.7-BD-00&timestamp={int(time.time())}"
        )
        for query in (
            "type=account_info&action=get_main_info",
            "type=itv&action=get_genres",
            "type=itv&action=get_all_channels",
            "type=watchdog&action=get_events&init=1&cur_play_type=0&event_active_id=0",
        ):
            self.last = self._portal(query)
            if "get_all_channels" in query:
                self.channels = self.last["js"]

    def _identity(self) -> tuple[str, str]:
        """Return the serial number and the identifier that are given to the portal."""
        mac = self.line.portal_mac.encode()
        if self.box.emulates:
            serial = hashlib.md5(mac, usedforsecurity=False).hexdigest()[:13].upper()
            return serial, hashlib.sha256(mac).hexdigest().upper()
        return self.box.serial or "062014N011987", f"{int.from_bytes(mac * 2, 'big'):064X}"[-64:]

    def _address_mag(self, watch: Watch) -> str:
        channel = self.scenario.one("channel", watch.channel)
        rows = self.channels.get("data", []) if isinstance(self.channels, dict) else []
        command = next((str(row["cmd"]) for row in rows if str(row.get("id")) == str(channel.stream_id)),
                       f"ffmpeg http://localhost/ch/{channel.stream_id}_")  # fmt: skip
        if "//localhost" not in command:  # where the channel is, not what create_link is asked for
            return command.split()[-1]
        js = self._portal(
            f"type=itv&action=create_link&cmd={quote(command, safe='')}&series=&forced_storage=0&disable_ad=0"
        )["js"]
        url = str(js["cmd"]).split()[-1] if isinstance(js, dict) else ""
        self._expect("://" in url, str(js))
        self._portal("type=watchdog&action=get_events&init=0&cur_play_type=1&event_active_id=0")
        return url

    # ---- viewing ---------------------------------------------------------------------------------

    def _deliveries(self) -> set[str]:
        return {w.delivery for w in self.scenario.watch if w.box == self.box.id and w.channel}

    def _expect(self, fine: bool, told: str) -> None:
        if not fine:
            raise LabError(f"{self.box.id} ({self.box.app}): the panel answered {told[:300]!r}")

    def play(self, watch: Watch) -> Viewing:
        """Return a viewing that has begun."""
        url = self.address(watch)
        name = watch.player or DEFAULT_PLAYERS[self.box.app]
        line = "" if watch.list_at else watch.line or self.line.id
        panel = self.panel.id if line == self.line.id else self.scenario.one("line", line).panel if line else ""
        viewing = Viewing(watch, self.box, url, name, time.time(), panel=panel, line=line)
        argv = PLAYERS[name](self._page(watch, url) if name == "chromium" else url, self.agent, self.root)
        if name == "curl":
            argv[1:1] = self.names_over_https
        viewing.program = self.net.start(self.box.id, *argv, env=self.env, seconds=int(watch.end - watch.start) + 30)
        return viewing

    def _page(self, watch: Watch, url: str) -> str:
        return webplayer.address(self.scenario.site[0], watch.delivery, url)

    @staticmethod
    def stop(viewing: Viewing) -> None:
        """End a viewing: the key that says back."""
        if viewing.program:
            viewing.program.stop(signal.SIGINT, 3.0)
        viewing.end = time.time()


def shown(channel: Channel, when: float) -> Programme:
    """Return the programme that was on at a time, by the panel's guide."""
    return programmes(PanelChannel(channel.stream_id, channel.name, channel.epg_id), when, when + 1)[0]


def names_over_https(scenario: Scenario, box: Box) -> list[str]:
    """Return curl's options for a box that asks for names over HTTPS; [] for others."""
    if box.resolver in ROUTERS:
        return []
    return ["--doh-url", f"https://{scenario.one('resolver', box.resolver).names[0]}/dns-query", "--doh-insecure"]


def _ffmpeg(url: str, agent: str, root: Path) -> list[str]:
    web = ["-user_agent", agent] if agent and url.startswith("http") else []
    pace = ["-re"] if "/movie/" in url or "/series/" in url else []
    if ".m3u8" in url:  # media segments of panels have no extension
        pace += ["-allowed_segment_extensions", "ALL", "-extension_picky", "0"]
    return [
        "ffmpeg",
        "-nostdin",
        "-v",
        "info",
        "-probesize",
        "64k",
        "-analyzeduration",
        "2000000",
        *web,
        *pace,
        "-i",
        url,
        "-c",
        "copy",
        "-f",
        "null",
        "-",
    ]


def _mpv(url: str, agent: str, root: Path) -> list[str]:
    name = [f"--user-agent={agent}"] if agent else []
    return ["mpv", "--no-config", "--vo=null", "--ao=null", "--ytdl=no", "--no-input-terminal",
            "--demuxer-lavf-o=allowed_segment_extensions=ALL,extension_picky=0", *name, url]  # fmt: skip


def _gstreamer(url: str, agent: str, root: Path) -> list[str]:
    if ".m3u8" in url:
        return [
            "gst-launch-1.0",
            "-q",
            "playbin",
            f"uri={url}",
            "video-sink=fakesink sync=true",
            "audio-sink=fakesink sync=true",
        ]
    name = [f"user-agent={agent}"] if agent else []
    return [
        "gst-launch-1.0",
        "-q",
        "souphttpsrc",
        f"location={url}",
        "is-live=true",
        *name,
        "!",
        "tsparse",
        "!",
        "fakesink",
    ]


def _streamlink(url: str, agent: str, root: Path) -> list[str]:
    name = ["--http-header", f"User-Agent={agent}"] if agent else []
    plugin = "hls" if ".m3u8" in url else "httpstream"
    return [
        "streamlink",
        "--loglevel",
        "info",
        *name,
        "-f",
        "-o",
        str(root / f"stream-{time.time_ns()}"),
        f"{plugin}://{url}",
        "best",
    ]


def _chromium(url: str, agent: str, root: Path) -> list[str]:
    return webplayer.chromium(url, root)


def _curl(url: str, agent: str, root: Path) -> list[str]:
    return ["curl", "-s", "-L", "--insecure", *(["-A", agent] if agent else []), "-o", "/dev/null", url]


PLAYERS: dict[str, Callable[[str, str, Path], list[str]]] = {
    "ffmpeg": _ffmpeg, "mpv": _mpv, "gstreamer": _gstreamer, "streamlink": _streamlink, "curl": _curl,
    "chromium": _chromium,
}  # fmt: skip
APPS = tuple(AGENTS)


def programs(scenario: Scenario) -> set[str]:
    """Return the programs that the viewers of a scenario need."""
    names = {"gstreamer": "gst-launch-1.0"}
    found = {"curl", "udhcpc"}
    for watch in scenario.watch:
        box = scenario.one("box", watch.box)
        player = watch.player or DEFAULT_PLAYERS[box.app]
        found.add(names.get(player, player))
    return found
