"""The lab's servers besides panel and edge programs: head-end, accounts' encoders, OTT operators, CDN, RTMP on edges.

    account's encoder (ffmpeg) ── RTMP ───────────────► nginx-rtmp of the head-end ◄── edges pull
                              └── SRT, UDP, RTP ──► receiver there (srt-live-transmit, ffmpeg) ──► nginx-rtmp
    OTT operator (nginx, HLS, bearer token) ◄── login (curl) and pull (ffmpeg) by the head-end ──► nginx-rtmp

Each feed (one channel by one account) is written down with the times at which its programs ran.

Known limitations: what a set-top box hands to the encoder is a file, so operators of cable do not appear on the wire.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sample_pcaps.recording import HTTP_LOG, RTMP_LOG

from .films import Encode, endless, prepare
from .isolation import LabError
from .network import Network, Running, wait_for
from .scenario import Account, Channel, Scenario

INGEST_APP = "in"
EDGE_APP = "live"
RTMP_PORT = 1935
EDGE_RTMP_PORT = 8880
RTMP_MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
TYPES = (
    "types { video/mp2t ts; application/vnd.apple.mpegurl m3u8; video/mp4 mp4; text/html html; text/javascript js; }"
)
ENCODER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Safari/537.36"


@dataclass
class Feed:
    """A channel brought in by an account, from when to when."""

    channel: str
    account: str
    start: float
    end: float = 0.0
    programs: list[Running] = field(default_factory=list)


def start_nginx(net: Network, node: str, name: str, *, http: str = "", rtmp: str = "") -> None:
    """Start nginx on a node; its logs are NAME.http.jsonl and NAME.rtmp.jsonl there."""
    root = net.folder / node
    temp = " ".join(
        f"{kind}_temp_path {root}/tmp-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"load_module {RTMP_MODULE};\n" if rtmp else ""
    text += (
        f"user root; worker_processes 1; daemon off; pid {root}/{name}.pid; error_log {root}/{name}.error.log info;\n"
    )
    text += "events { worker_connections 512; }\n"
    if http:
        log = HTTP_LOG.replace('"completed"', '"forwarded_for":"$http_x_forwarded_for","completed"')
        text += f"http {{ {log} access_log {root}/{name}.http.jsonl truth; {temp} sendfile off; {TYPES}\n"
        text += f"default_type application/octet-stream; map_hash_bucket_size 1024; {http} }}\n"
    if rtmp:
        text += f"rtmp {{ {RTMP_LOG} access_log {root}/{name}.rtmp.jsonl truth; {rtmp} }}\n"
    conf = root / f"{name}.conf"
    conf.write_text(text)
    running = net.start(node, "nginx", "-c", str(conf), "-e", str(root / f"{name}.error.log"))
    wait_for(lambda: (root / f"{name}.pid").exists() or running.process.poll() is not None, 10, f"nginx on {node}")
    if running.process.poll() is not None:
        raise LabError(f"nginx on {node}: {running.text} {(root / f'{name}.error.log').read_text()[-500:]}")


def feed_ports(scenario: Scenario) -> dict[str, int]:
    """Return the port of the head-end at which each channel comes in by SRT, UDP or RTP (with RTCP above it)."""
    return {channel.id: 20_000 + 2 * number for number, channel in enumerate(scenario.channel)}


def bearer(account: Account, secret: str, issued: int) -> str:
    """Return the operator's token of an account (RFC 7519, HS256)."""

    def part(what: bytes) -> str:
        return base64.urlsafe_b64encode(what).decode().rstrip("=")

    claims = {"iss": account.operator, "sub": account.subject, "iat": issued, "exp": issued + 21600, "dev": "tv-stick"}
    text = ".".join(
        part(json.dumps(row, separators=(",", ":")).encode()) for row in ({"alg": "HS256", "typ": "JWT"}, claims)
    )
    return f"{text}.{part(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


class Supply:
    """Head-end, operators and feeds of one run."""

    def __init__(self, net: Network, scenario: Scenario) -> None:
        self.net = net
        self.scenario = scenario
        self.headend = scenario.headend[0]
        self.feeds: list[Feed] = []
        self.tokens = {a.id: bearer(a, a.operator, int(time.time())) for a in scenario.account if a.push == "hls"}
        picture = vars(scenario.picture)
        self.encodes = {
            (channel.id, name): Encode.of(channel.programme, picture | scenario.one("account", name).encoder)
            for channel in scenario.channel
            for name in channel.accounts
        }
        self.films = prepare(self.encodes.values())
        self.ports = feed_ports(scenario)
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start head-end, operators and the first feed of every channel."""
        rtmp = f"server {{ listen {RTMP_PORT}; chunk_size 4096; application {INGEST_APP} {{ live on; wait_key off; "
        start_nginx(self.net, self.headend.id, "ingest", rtmp=rtmp + "idle_streams off; } }")
        for operator in self.scenario.operator:
            if any(a.operator == operator.id and a.push == "hls" for a in self.scenario.account):
                self._operator(operator.id)
        for channel in self.scenario.channel:
            if channel.accounts:
                self.feed(channel, channel.accounts[0])

    def _operator(self, operator: str) -> None:
        """Start an OTT operator: live HLS for whoever shows the token of an account."""
        root = self.net.folder / operator / "www"
        mine = [a for a in self.scenario.account if a.operator == operator and a.push == "hls"]
        for channel in self.scenario.channel:
            for account in mine:
                if account.id in channel.accounts and not (root / "live" / channel.id).exists():
                    folder = root / "live" / channel.id
                    folder.mkdir(parents=True)
                    film = self.films[self.encodes[channel.id, account.id]]
                    self.net.start(
                        operator,
                        *endless(film),
                        "-f",
                        "hls",
                        "-hls_time",
                        "2",
                        "-hls_list_size",
                        "5",
                        "-hls_flags",
                        "delete_segments+program_date_time",
                        str(folder / "index.m3u8"),
                    )
        shown = "".join(f'"Bearer {self.tokens[a.id]}" {a.subject};' for a in mine)
        given = "".join(f"{a.subject} {self.tokens[a.id]};" for a in mine)
        start_nginx(self.net, operator, "ott", http=f"""
map $http_authorization $subject {{ default ""; {shown} }}
map $remote_user $given {{ default ""; {given} }}
server {{ listen 80; root {root};
 location = /api/v1/login {{ default_type application/json; if ($given = "") {{ return 401; }}
  return 200 '{{"token_type":"Bearer","access_token":"$given","expires_in":21600}}'; }}
 location /live/ {{ if ($subject = "") {{ return 401; }} add_header Cache-Control no-cache; }} }}""")  # fmt: skip

    def feed(self, channel: Channel, account_id: str) -> Feed:
        """Return the feed of a channel by an account, started."""
        account = self.scenario.one("account", account_id)
        feed = Feed(channel.id, account.id, time.time())
        film = self.films[self.encodes[channel.id, account.id]]
        target = f"rtmp://{self.headend.names[0]}/{INGEST_APP}/{channel.id}"
        if account.push == "rtmp":
            feed.programs.append(self.net.start(account.id, *endless(film), "-f", "flv", target))
        elif account.push == "hls":
            self._pull(feed, channel, account)
        else:
            self._receive(feed, channel, account, film)
        with self._lock:
            self.feeds.append(feed)
        return feed

    def _pull(self, feed: Feed, channel: Channel, account: Account) -> None:
        """Log in at the operator and bring its stream in, as the head-end does with a bought login."""
        host = self.scenario.one("operator", account.operator).names[0]
        playlist = self.net.folder / account.operator / "www" / "live" / channel.id / "index.m3u8"
        wait_for(playlist.exists, 15, f"the first playlist of {account.operator}")
        self.net.run(
            self.headend.id,
            "curl",
            "-s",
            "-A",
            ENCODER_AGENT,
            "-u",
            f"{account.subject}:secret",
            "-X",
            "POST",
            f"http://{host}/api/v1/login",
        )
        feed.programs.append(self.net.start(
            self.headend.id, "ffmpeg", "-nostdin", "-v", "warning", "-user_agent", ENCODER_AGENT, "-headers",
            f"Authorization: Bearer {self.tokens[account.id]}\r\n", "-i", f"http://{host}/live/{channel.id}/index.m3u8",
            "-c", "copy", "-f", "flv", f"rtmp://127.0.0.1/{INGEST_APP}/{channel.id}"))  # fmt: skip

    def _receive(self, feed: Feed, channel: Channel, account: Account, film: Path) -> None:
        """Push by SRT, UDP or RTP, with a receiver at the head-end."""
        head, port = self.headend, self.ports[channel.id]
        inner = f"udp://127.0.0.1:{port + 10_000}?pkt_size=1316"
        metadata = ["-metadata", f"service_provider={account.operator}", "-metadata", f"service_name={channel.name}"]
        if account.push == "srt":
            feed.programs.append(
                self.net.start(head.id, "srt-live-transmit", "-q", f"srt://:{port}?mode=listener", inner)
            )
            out = ["-f", "mpegts", f"srt://{head.names[0]}:{port}?streamid={channel.id}&pkt_size=1316"]
            source = inner
        elif account.push == "rtp-ts":
            out, source = ["-f", "rtp_mpegts", f"rtp://{head.ip}:{port}?localrtpport={port}"], f"rtp://0.0.0.0:{port}"
        else:
            out = ["-f", "mpegts", f"udp://{head.ip}:{port}?pkt_size=1316&localport={port}"]
            source = f"udp://0.0.0.0:{port}"
        feed.programs.append(
            self.net.start(
                head.id,
                "ffmpeg",
                "-nostdin",
                "-v",
                "warning",
                "-probesize",
                "64k",
                "-analyzeduration",
                "2000000",
                "-i",
                source,
                "-c",
                "copy",
                "-f",
                "flv",
                f"rtmp://127.0.0.1/{INGEST_APP}/{channel.id}",
            )
        )
        time.sleep(0.3)
        feed.programs.append(self.net.start(account.id, *endless(film), *metadata, *out))

    def end_feeds(self, account: str) -> list[Feed]:
        """Return the feeds of an account, ended."""
        with self._lock:
            mine = [feed for feed in self.feeds if feed.account == account and not feed.end]
        for feed in mine:
            for program in reversed(feed.programs):
                program.stop(wait=1.0)
            feed.end = time.time()
        return mine

    def wait_until_standing(self) -> None:
        """Wait until all channels arrive at the head-end."""

        def missing() -> list[str]:
            return [f"{feed.channel} by {feed.account}: {feed.programs[-1].text[-200:]}" for feed in self.feeds
                    if any(p.process.poll() is not None for p in feed.programs)]  # fmt: skip

        log = self.net.folder / self.headend.id / "ingest.error.log"
        wanted = {feed.channel for feed in self.feeds}

        def arrived() -> bool:
            if gone := missing():
                raise LabError(f"feeds that ended: {gone}")
            text = log.read_text(errors="replace")
            return all(f"publish: name='{name}'" in text for name in wanted)

        wait_for(arrived, 60, "the channels at the head-end")

    def edge_rtmp(self, edge: str, channels: list[Channel]) -> None:
        """Start RTMP on an edge: it pulls from the head-end what somebody plays."""
        pulls = "".join(
            f"pull rtmp://{self.headend.names[0]}/{INGEST_APP}/{c.id} name={c.stream_id};" for c in channels
        )
        start_nginx(
            self.net,
            edge,
            "rtmp",
            rtmp=f"server {{ listen {EDGE_RTMP_PORT}; chunk_size 4096; "
            f"application {EDGE_APP} {{ live on; wait_key on; {pulls} }} }}",
        )


def start_cdn(net: Network, node: str, port: int, behind: dict[str, list[str]]) -> None:
    """Start a reverse proxy before servers (address:port), each with its names; other names lead to the first."""
    http = "".join(f"""server {{ listen {port}; server_name {" ".join(names)}; location / {{ proxy_pass http://{target};
 proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
 proxy_set_header Connection ""; proxy_buffering off; }} }}\n""" for target, names in behind.items())  # fmt: skip
    start_nginx(net, node, "cdn", http=http)
