r"""The lab's panel: a program that answers as an Xtream-family panel, a Stalker/Ministra portal or an Enigma2 receiver.

    python -m tests.lab.panel --config panel.json            answers until SIGTERM or SIGINT, or for --seconds
    python -m tests.lab.panel --config panel.json --check    says whether the document is right, and what is on offer

and its edges, which give the media (`python -m tests.lab.edge --config panel.json --edge lb1`), from one document:

    {"name": "panel-1",               the node's name in logs
     "host": "tv.heron.example", "listen": "0.0.0.0", "port": 8080, "https_port": 8443, "rtmp_port": 8880,
     "tls": {"certificate": "x.pem", "key": "x.key", "key_log": "panel.keys"},      HTTPS on https_port, too
     "server_url": "",                name in server_info, if other than host
     "family": ["xtream", "m3u", "xmltv", "enigma2", "stalker", "txt", "openwebif"],
     "software": "xui", "version": "1.5.12",        xc (Xtream Codes), xui (XUI.one), xc_vm: types and keys differ
     "brand": "Heron TV", "timezone": "Asia/Seoul", "secret": "one per installation", "log": "panel-1.jsonl",
     "bad_login": "classic",          {"user_info":{"auth":0}}; "404": nginx page; "empty": nothing
     "redirect": 302, "api_redirect": false, "gzip": true,
     "traps": true,                   rarer forms, too: lists for maps, "" for numbers, null
     "substitutes": {"Expired": "expired.ts"},      films shown instead of channels (also Banned, Disabled)
     "poll_s": 0,                     > 0: asks the edges (/api) who watches: active_cons, max_connections hold then
     "txt_path": "/tv.txt", "txt_base64": false, "txt_json": false,
     "m3u_header": {"x-tvg-url": "http://..."},        attributes of #EXTM3U
     "guide": {"past_hours": 24, "hours": 24},
     "portal": {"genuine": true, "version": "5.1.1", "watchdog_s": 120, "login": false, "solution": "ffmpeg",
                "extension": "ts", "link": "secure_link"},    ch, secure_link, flussonic, nimble, wowza, play, auth
     "receiver": {"mac": "", "ip": "", "gateway": "", "model": "", "tuners": {"Tuner A": "DVB-C"}},
     "lines": [{"username": "viewer1", "password": "pw1", "mac": "00:1A:79:00:00:01", "token": "", "max_connections": 1,
                "created": 1672531200, "expires": 1893456000, "trial": false, "enabled": true, "banned": false,
                "restreamer": false, "message": "", "outputs": ["m3u8", "ts"], "edge": "",
                "box": {"ls": "", "phone": "", "fname": "", "reseller_id": ""},
                "events": [{"event": "send_msg", "msg": "...", "after": 0, "need_confirm": 1}],       portal's watchdog
                "commands": [{"message": {"title": "", "message": ""}}]}],                        plugin's commands
     "channels": [{"id": 101, "name": "Heron One HD", "epg_id": "heron1.example", "number": 1, "category": "Korea",
                   "categories": [], "kind": "live", "icon": "", "archive_days": 0, "custom_sid": "",
                   "added": 1672617600,
                   "direct_source": "", "edges": ["lb1"], "stalker_cmd": "", "stalker": {},
                   "attributes": {"catchup": "shift"}, "tags": ["#EXTVLCOPT:http-user-agent=x"],
                   "url_suffix": "|User-Agent=x",
                   "programmes": [{"start": 0, "stop": 0, "title": "", "text": ""}],
                   "upstream": "http://...", "pull": {}}],                                        see tests.lab.edge
     "vod": {"titles": 110000, "series": 200, "seed": 7, "first_id": 20000, "containers": ["mp4", "mkv"],
             "categories": [], "named": [{"name": "A Film", "year": 2020, "container": "mp4", "seconds": 60}]},
     "edges": [{"name": "lb1", "host": "lb1.heron.example", "port": 8080, ...}]}                  see tests.lab.edge

Only name is needed. A line with a MAC alone is a box of the portal; user name and password are made up then. An item is
given by the same edge to the same line always: the line's `edge`, or one of the channel's `edges`, or any.

The log has one JSON object per line; a key that does not apply is absent, times are seconds since 1970.

    event       start (with `catalogue`: counts and digest as in truth.schema.json), stop, http
    node        `name` of the document, or of the edge
    done, took, server_ip, server_port, client_ip, client_port, method, host, target, status, body_bytes, range,
    location, content_type, content_encoding, user_agent, completed     as in the truths of sample_pcaps
    start, first_byte, referer, tls, forwarded_for, acked_bytes         see tests/lab/panel/web.py
    marks       headers of servers and boxes: X-XUI-Detect, X-XC_VM-Prebuffer, X-User-Agent, ...
    error       a mistake of the program (status 500)
    did         what the request was: player_api:ACTION (login without one), panel_api, list:TYPE, guide, enigma2:TYPE,
                xplugin:ACTION, stalker:TYPE.ACTION, stalker:page, redirect:KIND, rtmp:CALL, openwebif:PATH, picture,
                nothing; of an edge: live, playlist, segment, key, flv, film, archive, thumb, subtitle,
                substitute (not a viewing of the channel), receiver, internal, api:ACTION
    line, auth  user name (or MAC) of the line; whether the login was taken; `tried` is what a failed login gave
    mac, told, portal_token, link, sent_event, command                  portal and plugin
    stream_id, channel or title                                         what was asked for, by its name in the catalogue
    edge, session                                                       where it was sent; uuid in the token

Known limitations: HTTP/1 only; what an operator's own web pages, admin pages and payment pages show is not there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from urllib.parse import quote

from .config import Config, ConfigError, read
from .journal import Journal, now
from .service import Panel
from .site import Site
from .web import Server, tls_context


async def serve(config: Config, seconds: float = 0, ready: asyncio.Event | None = None) -> None:
    """Answer until a signal comes, or for some seconds."""
    journal = Journal(config.name, config.log)
    panel = Panel(config)
    site = Site(panel)
    server = Server(site, journal)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    catalogue = panel.catalogue.counts()
    site.warm()
    port = await server.listen(config.listen, config.port)
    if config.tls:
        told = config.tls
        await server.listen(
            config.listen, config.https_port, tls_context(told["certificate"], told["key"], told.get("key_log"))
        )
    journal.write("start", at=now(), port=port, software=config.software, version=config.version, host=config.host,
                  timezone=config.timezone, catalogue=catalogue)  # fmt: skip
    print(f"listening on {config.listen}:{port}", file=sys.stderr, flush=True)
    polls = asyncio.create_task(poll(panel)) if config.poll_s > 0 else None
    if ready:
        ready.set()
    try:
        await asyncio.wait_for(ended.wait(), seconds or None)
    except TimeoutError:
        pass
    finally:
        if polls:
            polls.cancel()
        server.close()
        journal.write("stop", at=now())
        journal.close()


async def poll(panel: Panel) -> None:
    """Ask the edges now and then who watches, as a main server asks its load balancers."""
    config = panel.config
    while True:
        counted: dict[str, int] = {}
        for edge in config.edges:
            for name in await _connections(edge.host, edge.port, config.secret):
                counted[name] = counted.get(name, 0) + 1
        panel.active = counted
        await asyncio.sleep(config.poll_s)


async def _connections(host: str, port: int, secret: str) -> list[str]:
    """Return the line of each connection that an edge has; none if it does not answer."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 3)
        target = f"/api?password={quote(secret)}&action=stats"
        writer.write(f"GET {target} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0\r\n\r\n".encode())
        text = await asyncio.wait_for(reader.read(1 << 20), 3)
        writer.close()
        return [str(name) for name in json.loads(text.partition(b"\r\n\r\n")[2])["connections"]]
    except (OSError, TimeoutError, ValueError, KeyError):
        return []


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.panel", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--config", required=True, help="the JSON document")
    parser.add_argument("--seconds", type=float, default=0, help="end after so many seconds")
    parser.add_argument("--check", action="store_true", help="only read the document and say what is on offer")
    options = parser.parse_args()
    try:
        config = read(options.config)
    except (ConfigError, OSError) as error:
        sys.exit(f"panel: {error}")
    if options.check:
        print(json.dumps(Panel(config).catalogue.counts()))
        return
    asyncio.run(serve(config, options.seconds))


if __name__ == "__main__":
    main()
