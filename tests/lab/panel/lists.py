"""get.php and playlist: the catalogue as a file, in the grammar of each kind of device.

An operator may edit the grammars; these are those that the panels come with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from .config import Line
from .player_api import icon
from .service import Panel
from .web import Reply, Request

OUTPUTS = {"ts": "ts", "mpegts": "ts", "m3u8": "m3u8", "hls": "m3u8", "rtmp": "rtmp"}
KEYS = ("live", "movie", "series", "radio_streams", "created_live")


@dataclass(frozen=True)
class Entry:
    """One line-up entry of a list."""

    id: int
    name: str
    url: str
    kind: str
    group: str
    epg_id: str = ""
    logo: str = ""
    archive: int = 0
    sid: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


def entries(
    panel: Panel, request: Request, line: Line, output: str = "ts", keys: tuple[str, ...] = KEYS
) -> Iterator[Entry]:
    """Yield what a list holds, live first."""
    base, secret = panel.base_url(request), f"{line.username}/{line.password}"
    catalogue = panel.catalogue
    for channel in catalogue.channels.values():
        if channel.kind not in keys:
            continue
        if output == "rtmp" and (edge := panel.edge_for(channel.id, line)):
            url = f"rtmp://{edge.host}:{edge.rtmp_port}/live/{channel.id}?username={line.username}&password={line.password}"
        elif output == "m3u8":
            url = f"{base}/live/{secret}/{channel.id}.m3u8"
        else:
            url = (
                f"{base}/{secret}/{channel.id}"
                if panel.config.software == "xc"
                else f"{base}/live/{secret}/{channel.id}.ts"
            )
        yield Entry(channel.id, channel.name, url + channel.url_suffix, "live", channel.categories[0],
        channel.epg_id or "",
                    icon(panel, channel), channel.archive_days, channel.custom_sid, channel.attributes,
                    tuple(channel.tags))  # fmt: skip
    images = f"http://{panel.config.host}:{panel.config.port}/images"
    if "movie" in keys:
        groups = {number: name for name, number in catalogue.vod_categories.items()}
        for title in catalogue.titles.values():
            yield Entry(title.id, title.name, f"{base}/movie/{secret}/{title.id}.{title.container}", "movie",
                        groups[title.category], "", f"{images}/{title.id}_small.jpg")  # fmt: skip
    if "series" in keys:
        groups = {number: name for name, number in catalogue.series_categories.items()}
        for series in catalogue.series.values():
            for episode in (e for season in series.seasons.values() for e in season):
                url = f"{base}/series/{secret}/{episode.id}.{episode.container}"
                yield Entry(episode.id, episode.name, url, "series",
                            groups[series.category], "", f"{images}/s{series.id}.jpg")  # fmt: skip


def session_data(panel: Panel) -> str:
    """Return the line by which a playlist names the panel's software; Xtream Codes wrote none."""
    if panel.config.software == "xc":
        return ""
    maker = "com.xui" if panel.config.software == "xui" else "com.xc_vm"
    return f'#EXT-X-SESSION-DATA:DATA-ID="{maker}.{panel.config.version.replace(".", "_")}"\r\n'


def m3u(panel: Panel, request: Request, line: Line, rows: Iterator[Entry], *, plus: bool, encrypted: bool) -> str:
    """Return an M3U or M3U-Plus list."""
    header = "".join(f' {key}="{value}"' for key, value in panel.config.m3u_header.items())
    out = [f"#EXTM3U{header}\r\n", session_data(panel)]
    for row in rows:
        url, mark = row.url, ""
        if encrypted:
            kind = {"live": "live", "movie": "movie"}.get(row.kind, "series")
            token = panel.vault.seal(f"{kind}/{line.username}/{line.password}/{row.id}")
            url = f"{panel.base_url(request)}/play/{token}#.{'ts' if kind == 'live' else 'mp4'}"
            mark = f'xui-id="{{XUI_{row.id}}}" '
        if plus:
            shift = f'timeshift="{row.archive}" ' if row.archive else ""
            more = "".join(f'{key}="{value}" ' for key, value in row.attributes.items())
            out.append(f'#EXTINF:-1 {mark}tvg-id="{row.epg_id}" tvg-name="{row.name}" tvg-logo="{row.logo}" '
                       f'{shift}{more}group-title="{row.group}",{row.name}\r\n')  # fmt: skip
        else:
            out.append(f"#EXTINF:-1,{row.name}\r\n")
        out += [f"{tag}\r\n" for tag in (*row.tags, url)]
    return "".join(out)


def bouquet(panel: Panel, rows: Iterator[Entry], *, sids: bool) -> str:
    """Return an Enigma2 bouquet; with `sids` the service reference is the one that the operator set."""
    out = [f"#NAME {panel.config.brand} bouquet\r\n"]
    for row in rows:
        reference = row.sid if sids and row.sid else f"{1 if sids and row.kind == 'live' else 4097}:0:1:0:0:0:0:0:0:0"
        reference = reference.removesuffix(":").removeprefix(":")
        if reference.count(":") < 9:
            reference = f"1:{reference}"
        out.append(f"#SERVICE {reference}:{row.url.replace(':', '%3a')}\r\n#DESCRIPTION {row.name}\r\n")
    return "".join(out)


def script(panel: Panel, request: Request, line: Line) -> str:
    """Return the shell script that an Enigma2 receiver runs to fetch its bouquet."""
    kind = {"octagon_script": "octagon"}.get(request.query.get("type", ""), "dreambox")
    return (
        f'USERNAME="{line.username}";PASSWORD="{line.password}";bouquet="{panel.config.brand}";\n'
        f'directory="/etc/enigma2/iptv.sh";url="{panel.base_url(request)}/get.php?username=$USERNAME&password=$PASSWORD'
        f'&type={kind}&output=ts";rm /etc/enigma2/userbouquet."$bouquet"__tv_.tv;'
        'wget -O /etc/enigma2/userbouquet."$bouquet"__tv_.tv $url;wget -qO - "http://127.0.0.1/web/servicelistreload?mode=2";\n'
    )


def _octagon(rows: Iterator[Entry]) -> str:
    return "".join(
        f"[TITLE]\r\n{row.name}\r\n[URL]\r\n{row.url}\r\n[DESCRIPTION]\r\n{row.group}\r\n[TYPE]\r\nLive\r\n"
        for row in rows
    )


def _spark(rows: Iterator[Entry]) -> str:
    webtv = (
        f'  <webtv title={quoteattr(row.name)} urlkey="0" url={quoteattr(row.url)} description="" '
        f'iconsrc={quoteattr(row.logo)} iconsrc_b="" group={quoteattr(row.group)} type="0" />\r\n'
        for row in rows
    )
    return '<?xml version="1.0"?>\r\n<webtvs>\r\n' + "".join(webtv) + "</webtvs>\r\n"


def _webtv(rows: Iterator[Entry]) -> str:
    return "".join(f"Channel name:{row.name}\r\nURL:{row.url}\r\n" for row in rows) + "[Webtv channel END]\r\n"


def _starlive5(rows: Iterator[Entry]) -> str:
    channels = [{"name": row.name, "icon": row.logo, "url": row.url} for row in rows]
    return json.dumps({"iptvstreams_list": {"@version": 1, "group": {"name": "IPTV", "channel": channels}}})


GRAMMARS = {
    "simple": ("simple_{USERNAME}.txt", lambda rows: "".join(f"{r.url} #Name: {r.name}\r\n" for r in rows)),
    "ariva": ("ariva_{USERNAME}.txt", lambda rows: "".join(f"{r.name},{r.url}\r\n" for r in rows)),
    "starlivev3": ("iptvlist.txt", lambda rows: "".join(f"{r.name},{r.url}\r\n" for r in rows)),
    "fps": ("Royal.cfg", lambda rows: "".join(f"IPTV: {{ {r.name} }} {{ {r.url} }}\r\n" for r in rows)),
    "revosun": ("network_iptv.cfg", lambda rows: "".join(f"IPTV: {{ {r.name} }} {{ {r.url} }}\r\n" for r in rows)),
    "zorro": ("iptv.cfg", lambda rows: "<NETDBS_TXT_VER_1>\r\n"
              + "".join(f"IPTV: {{ {r.name} }} {{ {r.url} }} -HIDE_URL\r\n" for r in rows)),
    "gst": ("{USERNAME}_list.txt", lambda rows: "".join(f"I: {r.url} {r.name}\r\n" for r in rows)),
    "mediastar": ("tvlist.txt", lambda rows: "".join(f"{r.name} {r.url}\r\n" for r in rows)),
    "octagon": ("internettv.feed", _octagon),
    "spark": ("webtv_usr.xml", _spark),
    "webtvlist": ("webtv list.txt", _webtv),
    "starlivev5": ("channel.jason", _starlive5),
}  # fmt: skip
M3U_FILES = {"m3u": "playlist_{USERNAME}.m3u", "m3u_plus": "playlist_{USERNAME}_plus.m3u"}
BOUQUET_TYPES = {"dreambox", "enigma16", "gigablue"}
SCRIPT_FILES = {"enigma216_script": "iptv.sh", "enigma22_script": "iptv.sh", "octagon_script": "iptv"}


def answer(panel: Panel, request: Request, line: Line | None, kind: str = "", output: str = "") -> Reply:
    """Return the reply to a call of get.php or playlist."""
    query = request.query
    kind = kind or query.get("type", "m3u")
    output = output or query.get("output", "ts")
    request.said["did"] = f"list:{kind}"
    if line is None or panel.status(line) != "Active":
        return panel.refused(request)
    request.said["auth"] = True
    keys = tuple(key for key in query.get("key", "").split(",") if key in KEYS) or KEYS
    rows = entries(panel, request, line, OUTPUTS.get(output, "ts"), keys)
    if kind in M3U_FILES:
        name, text = M3U_FILES[kind], m3u(panel, request, line, rows, plus=kind == "m3u_plus",
        encrypted=query.get("enc") == "1"
                                          or (panel.config.api_redirect and kind == "m3u_plus"))  # fmt: skip
    elif kind in BOUQUET_TYPES:
        name, text = "userbouquet.favourites.tv", bouquet(panel, rows, sids=kind != "dreambox")
    elif kind in SCRIPT_FILES:
        name, text = SCRIPT_FILES[kind], script(panel, request, line)
    elif kind in GRAMMARS:
        name, text = GRAMMARS[kind][0], GRAMMARS[kind][1](rows)
    else:
        return panel.refused(request)
    # With a line token the file is named after the token.
    user = query["token"] if "token" in query and "username" not in query else line.username
    headers = (
        ("Expires", "0"), ("Cache-Control", "must-revalidate"), ("Pragma", "public"),
        ("Content-Description", "File Transfer"),
        ("Content-Disposition", f'attachment; filename="{name.replace("{USERNAME}", user)}"'),
    )  # fmt: skip
    return Reply(text.encode(), "application/octet-stream", headers=headers, compress=True, program=True)


def genre_list(panel: Panel, request: Request, line: Line) -> str:
    """Return the list of Chinese-market apps: groups, then one line per channel with all its addresses."""
    groups: dict[str, list[str]] = {}
    for row in entries(panel, request, line, keys=("live", "created_live")):
        urls = [row.url, row.url.removesuffix(".ts") + ".m3u8$HLS"]
        groups.setdefault(row.group, []).append(f"{row.name},{'#'.join(urls)}")
    if panel.config.txt_json:
        told = [{"group": group, "channels": [{"name": name, "urls": urls.split("#")} for name, _, urls in
                 (row.rpartition(",") for row in rows)]} for group, rows in groups.items()]  # fmt: skip
        return json.dumps(told, ensure_ascii=False)
    lines = ["ua=okhttp/3.15"]
    for group, rows in groups.items():
        lines += [f"{group},#genre#", *rows]
    return "\n".join(lines) + "\n"
