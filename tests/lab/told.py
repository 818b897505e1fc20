"""What several logs of a run tell together: sessions, relations, what was encrypted.

A viewing's chain is followed through the servers' logs: the address that the player was given, the redirects that the
log says it got, the media behind them.

Known limitations: bytes of an answer that the client cut short are those that the server's system had acknowledged
where its log says so, else those handed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from .logs import LATE_S, REDIRECTS, Logs, Row, bare, bytes_of, join, medium, role_of, url_of
from .network import Running
from .scenario import SERVERS, Box, Line, Record, Scenario, addresses
from .servers import INGEST_APP, RTMP_PORT, Feed, feed_ports
from .viewers import Viewing, shown

COMMANDS_ALONE = 1000  # bytes that nginx-rtmp sends at most where it has no media
PUSH_DELIVERY = {"rtmp": "rtmp-publish", "srt": "srt", "udp-ts": "udp-ts", "rtp-ts": "rtp-ts"}


@dataclass
class CaptureNote:
    """A recording: what was asked for, and when it ran."""

    record: Record
    interface: str
    file: Path
    program: Running
    start: float
    end: float = 0.0
    suffix: str = ""  # of the packed file
    key_log: str = ""  # TLS keys of the clients that it shows

    @property
    def name(self) -> str:
        """Return the name of the file that is kept."""
        return self.file.name + self.suffix


class Told:
    """The parts of the document that are told by several logs together."""

    def __init__(
        self, scenario: Scenario, logs: Logs, notes: list[CaptureNote], feeds: list[Feed], viewings: list[Viewing]
    ) -> None:
        self.scenario = scenario
        self.logs = logs
        self.notes = notes
        self.feeds = feeds
        self.viewings = viewings
        self.servers = {ip: row.id for table in SERVERS for row in scenario.rows(table) if not getattr(row, "on", "")
                        for ip in addresses(row)}  # fmt: skip

    # ---- sessions --------------------------------------------------------------------------------

    def viewer_sessions(self) -> list[Row]:
        """Return a session per viewing of which a server gave media."""
        found = []
        for number, viewing in enumerate(sorted(self.viewings, key=lambda v: v.start), 1):
            session = self._rtmp_viewing(viewing) if viewing.url.startswith("rtmp") else self._http_viewing(viewing)
            if session:
                found.append({"id": f"view-{number}", **session})
        return found

    def _base(self, viewing: Viewing) -> Row:
        s, watch, box = self.scenario, viewing.watch, viewing.box
        used: Row = {}
        if viewing.line:
            line = s.one("line", viewing.line)
            credentials = {"username": line.username, "password": line.password, "mac": line.portal_mac}
            used = {"line": {key: value for key, value in credentials.items() if value}, "line_id": line.id}
        used |= {"panel": viewing.panel} if viewing.panel else {}
        past = "catchup" if watch.minutes_ago else "live"
        base: Row = {
            "delivery": watch.delivery if watch.channel else "progressive",
            "kind": past if watch.channel else "vod",
            "client_ip": box.ip,
            "client_public_ip": s.one("home", box.home).public_ip,
            "box": box.id,
            **used,
            "player": viewing.player,
            "by": watch.by,
            "stream": viewing.url,
            "start": viewing.start,
            "end": viewing.end,
        }
        if watch.title:
            return base | {"title": watch.title}
        if watch.minutes_ago:
            on = shown(s.one("channel", watch.channel), viewing.start - 60 * watch.minutes_ago)
            return base | {"channel": watch.channel, "programmes": [on.title], "archive": [on.start, on.stop]}
        fed = {feed.account for feed in self.feeds if feed.channel == watch.channel and feed.start < viewing.end
               and (not feed.end or feed.end > viewing.start)}  # fmt: skip
        return base | {"channel": watch.channel} | ({"account": fed.pop()} if len(fed) == 1 else {})

    def _http_viewing(self, viewing: Viewing) -> Row | None:
        mine = [row for row in self.logs.http if row.get("box") == viewing.box.id
                and viewing.start - 0.01 <= row["start"] <= viewing.end + LATE_S]  # fmt: skip
        by_url: dict[str, list[Row]] = defaultdict(list)
        for row in mine:
            by_url[bare(url_of(row))].append(row)
        chain: list[Row] = []
        media: list[Row] = []
        final, waiting, seen = "", [viewing.url], set()
        while waiting:
            url = waiting.pop(0)
            for row in by_url.get(bare(url), []):
                if id(row) in seen:
                    continue
                seen.add(id(row))
                role = role_of(row)
                join(chain, row, role)
                if role == "redirect":
                    waiting.append(urljoin(url_of(row), row["location"]))
                elif row["status"] in (200, 206):
                    final = final or url_of(row)
                    if role == "media":
                        media.append(row)
                    elif viewing.watch.delivery == "hls":
                        waiting += [url_of(r) for r in mine if id(r) not in seen and _from_playlist(r, row)]
        if not media:
            return None
        media.sort(key=lambda row: row["start"])
        by = media[-1].get("client_ip", "")
        seen_as = {"client_ip": by, "client_public_ip": by} if ":" in by else {}  # the address that asked for the media
        session = self._base(viewing) | seen_as | {
            "final_url": final, "chain": chain, "media": [medium(row) for row in media],
            "body_bytes": sum(bytes_of(row) for row in media),
            "visible_in": self._visible(viewing.box, {row["server"] for row in media}),
        }  # fmt: skip
        edge = media[-1]["server"]
        if any(e.id == edge and e.settings.get("live_bytes") for e in self.scenario.edge):
            session["delivery"] = "progressive"  # a body whose length is told has an end, whatever is in it
        tls = ["tls"] if any(row.get("tls") for row in media) else []
        return session | ({"edge": edge} if edge else {}) | ({"encrypted": tls} if tls else {})

    def _rtmp_viewing(self, viewing: Viewing) -> Row | None:
        parts = urlsplit(viewing.url)
        name = parts.path.rsplit("/", 1)[-1]
        rows = [
            r
            for r in self.logs.rtmp
            if r.get("box") == viewing.box.id
            and r["name"] == name
            and r["command"] == "PLAY"
            and abs(r["done"] - r["took"] - viewing.start) < 5
        ]
        if not rows:
            return None
        row = rows[0]
        hop = {"host": parts.hostname, "ip": row["server_ip"], "port": parts.port or RTMP_PORT, "roles": ["media"],
               "node": row["server"]}  # fmt: skip
        return self._base(viewing) | {
            "chain": [hop], "edge": row["server"], "body_bytes": row["bytes_sent"],
            "visible_in": self._visible(viewing.box, {row["server"]}),
        }  # fmt: skip

    def _visible(self, box: Box, servers: set[str]) -> list[str]:
        return [note.name for note in self.notes if note.record.at in {box.id, box.home, *servers}]

    def service_sessions(self) -> list[Row]:
        """Return what servers did among themselves: pushes of the accounts, pulls of head-end and edges."""
        return [*self._pushes(), *self._pulls(), *self._ott()]

    def _between(
        self, id_: str, delivery: str, client: tuple[str, str], server: tuple[str, str, int], **more: Any
    ) -> Row:
        (client_id, client_ip), (server_id, host, port) = client, server
        ip = next(ip for ip, node in self.servers.items() if node == server_id)
        hop = {"host": host, "ip": ip, "port": port, "roles": ["media"], "node": server_id}
        seen = [note.name for note in self.notes if note.record.at in (client_id, server_id)]
        return {
            "id": id_,
            "delivery": delivery,
            "kind": "live",
            "client_ip": client_ip,
            "by": "service",
            "chain": [hop],
            "visible_in": seen,
            **more,
        }

    def _pushes(self) -> Iterable[Row]:
        s, head = self.scenario, self.scenario.headend[0]
        ports = feed_ports(s)
        for number, feed in enumerate(self.feeds, 1):
            account = s.one("account", feed.account)
            if account.push == "hls":
                continue
            port = RTMP_PORT if account.push == "rtmp" else ports[feed.channel]
            target = head.names[0] if account.push in ("rtmp", "srt") else head.ip
            stream = {"rtmp": f"rtmp://{target}/{INGEST_APP}/{feed.channel}", "srt": f"srt://{target}:{port}?streamid={feed.channel}",
                      "rtp-ts": f"rtp://{target}:{port}"}.get(account.push, f"udp://{target}:{port}")  # fmt: skip
            ends = (account.id, account.ip), (head.id, target, port)
            if account.push in ("udp-ts", "rtp-ts"):  # nobody asks: who receives is the client
                ends = (head.id, head.ip), (account.id, "", port)
            row = self._between(
                f"push-{number}",
                PUSH_DELIVERY[account.push],
                *ends,
                stream=stream,
                channel=feed.channel,
                account=account.id,
                player="ffmpeg",
                start=feed.start,
                end=feed.end,
            )
            if account.push == "rtmp":
                logged = [
                    r
                    for r in self.logs.rtmp
                    if r["server"] == head.id
                    and r["client_ip"] == account.ip
                    and r["name"] == feed.channel
                    and r["command"] == "PUBLISH"
                    and abs(r["done"] - r["took"] - feed.start) < 5
                ]
                row |= {"body_bytes": logged[0]["bytes_received"]} if logged else {}
            yield row

    def _pulls(self) -> Iterable[Row]:
        s, head = self.scenario, self.scenario.headend[0]
        known = {channel.id for channel in s.channel}
        for number, row in enumerate(self.logs.rtmp, 1):
            edge = self.servers.get(row["client_ip"])
            if row["bytes_sent"] < COMMANDS_ALONE:  # asked for while no account fed the channel
                continue
            if row["server"] == head.id and edge and row["command"] == "PLAY" and row["name"] in known:
                yield self._between(
                    f"pull-{number}",
                    "rtmp",
                    (edge, row["client_ip"]),
                    (head.id, head.names[0], RTMP_PORT),
                    stream=f"rtmp://{head.names[0]}/{INGEST_APP}/{row['name']}",
                    channel=row["name"],
                    start=row["done"] - row["took"],
                    end=row["done"],
                    body_bytes=row["bytes_sent"],
                )

    def _ott(self) -> Iterable[Row]:
        """Return the head-end's pulls from OTT operators."""
        s, head = self.scenario, self.scenario.headend[0]
        for number, feed in enumerate(self.feeds, 1):
            account = s.one("account", feed.account)
            if account.push != "hls":
                continue
            operator = s.one("operator", account.operator)
            rows = [
                r
                for r in self.logs.http
                if r["server"] == operator.id
                and r["client_ip"] == head.ip
                and r["status"] in (200, 206)
                and r["target"].startswith(f"/live/{feed.channel}/")
                and feed.start - 0.5 <= r["start"] <= feed.end + LATE_S
            ]
            media = [r for r in rows if r["target"].endswith(".ts")]
            if media:
                row = self._between(
                    f"ott-{number}",
                    "hls",
                    (head.id, head.ip),
                    (operator.id, operator.names[0], 80),
                    channel=feed.channel,
                    account=account.id,
                    stream=f"http://{operator.names[0]}/live/{feed.channel}/index.m3u8",
                    player="ffmpeg",
                    start=feed.start,
                    end=feed.end,
                    first_byte=media[0]["start"],
                    last_byte=media[-1]["done"],
                    body_bytes=sum(map(bytes_of, media)),
                    media=[medium(r) for r in media],
                )
                row["chain"][0]["roles"] = ["playlist", "media"]
                yield row

    # ---- relations -------------------------------------------------------------------------------

    def relations(
        self, sessions: list[Row], apps: dict[str, list[tuple[str, float, float]]], span: tuple[float, float]
    ) -> Iterable[Row]:
        """Return the typed relations with the intervals in which they held."""
        s = self.scenario
        held: dict[tuple[str, str, str, str], list[list[float]]] = defaultdict(list)
        for box_id, opened in apps.items():
            line = s.one("box", box_id).line
            if not line:
                continue
            for panel, start, end in opened if s.one("box", box_id).app != "page" else ():  # a page asks for media only
                held[box_id, panel, "logs-in", ""].append([start, end])
            last = max([v.end for v in self.viewings if v.box.id == box_id], default=opened[-1][2])
            held[box_id, line, "uses-line", ""].append([opened[0][1], last])
        for box_id, line, row in self._tried():
            held[box_id, line.panel, "logs-in", ""].append([row["start"], row["done"]])
            held[box_id, line.id, "uses-line", ""].append([row["start"], row["done"]])
        for row in sessions:
            when = [row["start"], row["end"]]
            if row["by"] != "service" and "edge" in row:
                held[row["box"], row["edge"], "streams-from", ""].append(when)
                if row["by"] == "user" and row.get("line_id", "") not in ("", s.one("box", row["box"]).line):
                    held[row["box"], row["line_id"], "uses-line", ""].append(when)  # of an entry of a list
            elif row["by"] == "service":
                client, server = self.servers[row["client_ip"]], row["chain"][0]["node"]
                kind = "pulls-from"
                if row["id"].startswith("push"):
                    client, server, kind = row["account"], s.headend[0].id, "pushes-to"
                held[client, server, kind, row["channel"]].append(when)
        for row in self.logs.http:
            sent = row.get("location") if row["status"] in REDIRECTS else row.get("link")  # by the portal
            if sent:
                host = urlsplit(sent).hostname
                target = next((e.id for e in s.edge if host in e.names or host == e.ip), "")
                if any(p.on and p.id == row["server"] and host in p.names for p in s.panel):
                    held[row["server"], row["server"], "redirects-to", ""].append([row["start"], row["done"]])
                if s.has("shortener", row["server"]):
                    target = s.panel_named(str(host)).id
                if target and row["server"] != target and not s.has("cdn", row["server"]):
                    held[row["server"], target, "redirects-to", ""].append([row["start"], row["done"]])
        for row in sessions:
            sender = row.get("edge", row["chain"][0]["node"])
            what = row.get("channel", row.get("title"))
            if what and not row["id"].startswith("push"):
                held[sender, what, "carries", ""].append([row["start"], row["end"]])
        for feed in self.feeds:
            held[feed.channel, feed.account, "fed-by", ""].append([feed.start, feed.end])
            held[feed.account, feed.channel, "carries", ""].append([feed.start, feed.end])
        for cdn in s.cdn:
            for panel_id in (cdn.fronts, *cdn.also):
                held[cdn.id, panel_id, "fronts", ""].append(list(span))
        for panel in s.panel:
            if panel.clone_of:
                held[panel.id, panel.clone_of, "clone-of", ""].append(list(span))
        for hub in s.hub:
            held[hub.box, hub.id, "proxies-for", ""].append(list(span))
        for n, one in enumerate(s.channel):
            for other in s.channel[n + 1 :]:
                if one.programme == other.programme:
                    held[one.id, other.id, "same-content", ""].append(list(span))
        for (source, target, kind, channel), intervals in held.items():
            merged = (
                [[min(i[0] for i in intervals), max(i[1] for i in intervals)]] if kind == "redirects-to" else intervals
            )
            row = {"source": source, "target": target, "kind": kind, "intervals": merged}
            yield (
                row
                | ({"channel": channel} if channel else {})
                | ({"count": len(intervals)} if kind == "redirects-to" else {})
            )

    def _tried(self) -> Iterable[tuple[str, Line, Row]]:
        """Yield lines that were tried at their panels, which may have refused them: box, line, request."""
        for act in self.scenario.act:
            if act.what != "try":
                continue
            line = self.scenario.one("line", act.of)
            hosts, query = self.scenario.one("panel", line.panel).names, f"username={line.username}&"
            for row in self.logs.http:
                if row.get("box") == act.box and row.get("host") in hosts and query in row["target"]:
                    yield act.box, line, row

    def encrypted(self, sessions: list[Row]) -> list[Row]:
        """Return what cannot be read without a key."""
        found = []
        for box in self.scenario.box:
            used = {v.panel for v in self.viewings if v.box.id == box.id}
            found += [self._sealed(f"requests of {box.id} to its panel", "tls", box, panel.id)
                      for panel in self.scenario.panel if (panel.tls or box.tls) and panel.id in used]  # fmt: skip
            if self.scenario.has("resolver", box.resolver):
                found.append(self._sealed(f"names that {box.id} asks for", "tls", box, box.resolver))
        for row in sessions:
            for protocol in row.get("encrypted", ()):
                box = self.scenario.one("box", row["box"])
                found.append(self._sealed(f"media of {row['id']}", protocol, box, row["edge"]))
        return found

    def names_told(self) -> list[Row]:
        """Return which addresses were given to which box for which name, by its router or over HTTPS."""
        s = self.scenario
        found: list[Row] = []
        for row in self.logs.names:
            box = self.logs.box_at(row["client_ip"], row["home"])
            if box:
                found.append({"box": box.id, "name": row["name"], "ip": row["ip"], "by": row["home"], "asked_from":
                              row["client_ip"]})  # fmt: skip
        known: dict[str, list[str]] = {}
        for name, ip in s.names():
            known.setdefault(name, []).append(ip)
        for resolver, client, name, kind in self.logs.over_https:
            for box in s.box:
                if box.resolver == resolver and client in (s.one("home", box.home).public_ip, *self.logs.all_of(box)):
                    found += [{"box": box.id, "name": name, "ip": ip, "by": resolver}
                              for ip in known.get(name, []) if (":" in ip) == (kind == "AAAA")]  # fmt: skip
        return [row for number, row in enumerate(found) if row not in found[:number]]

    def _sealed(self, what: str, protocol: str, box: Box, server: str) -> Row:
        keys = [note.key_log for note in self.notes if note.key_log and note.record.at in (box.id, box.home)]
        row = {"what": what, "protocol": protocol, "between": [box.id, server]}
        return row | ({"key_log": keys[0]} if keys else {})


def _from_playlist(row: Row, playlist: Row) -> bool:
    """Return whether a playlist led to an answer: same server, and same session where the log tells sessions."""
    sessions = {row.get("session"), playlist.get("session")} - {None}
    return row["server"] == playlist["server"] and role_of(row) in ("media", "key") and len(sessions) < 2
