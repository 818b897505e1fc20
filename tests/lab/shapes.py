"""Encrypted viewing and encrypted other traffic, recorded; and how much of it the analysis tells apart by shape.

    python -m tests.lab.shapes --record tests/lab/recordings/shape     as root, ten minutes
    python -m tests.lab.shapes                                         analyses what is kept there, prints the score

Each act is a real client with a server name of its own at one nginx with TLS: players and a browser that watch, a
browser that reads pages, programs that call an API, download and upload. What it is stands in `shape.acts.json`. A
session that is inferred for a name is right if its way of delivery is that of the act; one session per act. Acts that
are `hard` have no other shape than viewing has: they are counted apart.

Of each connection the first packets are kept whole, of the others the heads: shapes need no more than lengths.

Known limitations: one machine, no loss, test pictures, a line of 10 Mbit/s; pages and calls are random, not those of
people. No QUIC.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import iptvforensics
from sample_pcaps import recording as r

from . import frames as lf
from .impair import impaired
from .webplayer import chromium, parts

HERE = Path(__file__).parent / "recordings/shape"
SECONDS = 70
LINE = "10mbit"
WHOLE_PACKETS, KEPT_BYTES = 14, 72
DOMAIN = "osprey-media.example"

HLS_PAGE = "const p = new Hls(); p.loadSource('/index.m3u8'); p.attachMedia(v);"
FLV_PAGE = (
    "const p = mpegts.createPlayer({type: 'flv', isLive: true, url: location.origin + '/live.flv'});"
    "p.attachMediaElement(v); p.load(); p.play();"
)
FILE_PAGE = "v.src = '/film.mp4'; v.play();"
LATER = "const later = (f, least, most) => setTimeout(f, 1000 * (least + Math.random() * (most - least)));"
PAGES = {
    "pages": f"{LATER} later(() => location.href = `/page${{Math.floor(Math.random() * 12)}}.html`, 2, 14);",
    "scroll": f"{LATER} let n = 0; const more = () => {{ for (let i = 0; i < 1 + Math.random() * 6; i++)"
    " fetch(`/p${n++ % 200}.bin`); later(more, 0.5, 7); }; more();",
    "chat": f"{LATER} let n = 0; const more = () => {{ fetch(`/a${{n++ % 200}}.bin`); later(more, 1, 4); }}; more();",
    "pictures": "let n = 0; setInterval(() => fetch(`/p${n++ % 200}.bin`), 4000);",
}
CALLS = """
import http.client, random, ssl, sys, time
name, period, paths = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
off = ssl._create_unverified_context()
talk = http.client.HTTPSConnection(name, context=off)
for n in range(10_000):
    talk.request("GET", paths[n % len(paths)], headers={"User-Agent": "app/1.0", "Authorization": "Bearer " + "x" * 40})
    talk.getresponse().read()
    time.sleep(period if period > 0 else random.expovariate(-1 / period))
"""


@dataclass(frozen=True)
class Act:
    """What one client does with one server."""

    name: str
    batch: int
    delivery: str | None
    """How the analysis should call it; None: it is no viewing."""
    hard: bool = False

    @property
    def host(self) -> str:
        """Return the server name."""
        return f"{self.name}.{DOMAIN}"


ACTS = (
    Act("hls4-ffmpeg", 1, "segmented"),
    Act("hls2-mpv", 1, "segmented"),
    Act("hls6-reconnect", 1, "segmented"),
    Act("ts-ffmpeg", 1, "continuous"),
    Act("ts-mpv", 1, "continuous"),
    Act("calls-5s", 1, None),
    Act("calls-random", 1, None),
    Act("feed-2s", 1, None),
    Act("packages", 2, None),
    Act("download", 2, None),
    Act("ranges", 2, None),
    Act("throttled", 2, None, hard=True),
    Act("slow-client", 2, None, hard=True),
    Act("hls4-browser", 3, "segmented"),
    Act("flv-browser", 3, "continuous"),
    Act("vod-browser", 4, "segmented"),
    Act("file-browser", 4, "progressive"),
    Act("pages", 5, None),
    Act("scroll", 5, None),
    Act("upload", 5, None),
    Act("pages-2", 6, None),
    Act("chat", 6, None),
    Act("pictures", 6, None, hard=True),
    Act("parallel", 6, None),
)


# --- recording ---------------------------------------------------------------------------------------


def fill(root: Path, seed: int) -> None:
    """Put pages, pictures, answers and files of random sizes into the folder that all names share."""
    chance = random.Random(seed)
    for number in range(200):
        (root / f"p{number}.bin").write_bytes(chance.randbytes(min(900_000, int(chance.lognormvariate(10.6, 1.0)))))
        (root / f"a{number}.bin").write_bytes(chance.randbytes(min(60_000, int(chance.lognormvariate(7.0, 1.2)))))
    (root / "feed.bin").write_bytes(chance.randbytes(6_000))
    (root / "large.bin").write_bytes(chance.randbytes(20_000_000))
    for page in range(12):
        pictures = "".join(f'<img src="/p{chance.randrange(200)}.bin">' for _ in range(chance.randrange(4, 25)))
        (root / f"page{page}.html").write_text(
            f"<!doctype html><title>Page</title>{'<p>words</p>' * chance.randrange(2000)}{pictures}"
            f"<script>{PAGES['pages']}</script>"
        )
    for name in ("scroll", "chat", "pictures"):
        (root / f"{name}.html").write_text(f"<!doctype html><title>Page</title><script>{PAGES[name]}</script>")
    for name, script in (("hls", HLS_PAGE), ("flv", FLV_PAGE), ("file", FILE_PAGE)):
        (root / f"watch-{name}.html").write_text(
            '<!doctype html><title>Web TV</title><video id="v" muted autoplay playsinline></video>'
            f'<script src="/hls.js"></script><script src="/mpegts.js"></script><script>{script}</script>'
        )
    for library in ("hls.js", "mpegts.js"):
        shutil.copy(parts() / library, root / library)


def start_servers(lab: r.Lab, edge: r.Host, acts: list[Act]) -> None:
    """Start nginx with a server for each act, and the encoders behind it."""
    root = edge.root / "www"
    root.mkdir()
    fill(root, 7)
    film, long_film = r.source(1100), r.source(900, seconds=240)
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(long_film), "-c", "copy", "-movflags", "faststart",
                    str(root / "film.mp4")], check=True, timeout=60)  # fmt: skip
    key, pem = edge.root / "key.pem", edge.root / "cert.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "3650",
    ]
    subprocess.run([*make, "-subj", f"/CN=*.{DOMAIN}", "-keyout", str(key), "-out", str(pem)], check=True,
                   capture_output=True, timeout=20)  # fmt: skip
    servers = ""
    for number, act in enumerate(acts):
        folder = root
        limit = "limit_rate 150k;" if act.name == "throttled" else ""
        extra = ""
        if act.delivery == "segmented":
            folder = edge.root / act.name
            folder.mkdir()
            for name in ("hls.js", "mpegts.js", "watch-hls.html"):
                shutil.copy(root / name, folder / name)
            cut(lab, edge, act, film, long_film, folder)
        if act.delivery == "continuous":
            form = "flv" if "flv" in act.name else "mpegts"
            port = 9000 + number
            lab.start(edge, *r.endless(film), "-f", form, "-listen", "1", f"http://127.0.0.1:{port}/", seconds=400)
            extra = f"location /live. {{ proxy_pass http://127.0.0.1:{port}/; proxy_buffering off; }}"
        protocol = "ssl http2" if "browser" in act.name or act.name in PAGES or "pages" in act.name else "ssl"
        servers += (
            f"server {{ listen 443 {protocol}; server_name {act.host}; root {folder}; {limit} {extra} "
            f"client_max_body_size 0; location /take {{ proxy_pass http://127.0.0.1:8099/; }} }}\n"
        )
    sink = "server { listen 127.0.0.1:8099; client_max_body_size 0; location / { return 200; } }"
    lab.start_nginx(edge, http=f"ssl_certificate {pem}; ssl_certificate_key {key}; server_names_hash_bucket_size 128; "
                               f"types {{ text/javascript js; text/html html; }}\n{servers}{sink}")  # fmt: skip


def cut(lab: r.Lab, edge: r.Host, act: Act, film: Path, long_film: Path, folder: Path) -> None:
    """Cut media segments of the length that the act names, live or of a film."""
    if act.name.startswith("vod"):
        r.cut_hls(long_film, folder, seconds=240)
        return
    seconds = act.name[3]
    lab.start(edge, *r.endless(film), "-f", "hls", "-hls_time", seconds, "-hls_list_size", "6",
              "-hls_flags", "delete_segments", str(folder / "index.m3u8"), seconds=400)  # fmt: skip


def client(act: Act, root: Path) -> list[str]:
    """Return the command of an act's client."""
    url = f"https://{act.host}"
    null = ["-c", "copy", "-f", "null", "-"]
    curl = ["curl", "-sk", "-o", "/dev/null"]
    calls = [sys.executable, "-c", CALLS, act.host]
    answers = [f"/a{number}.bin" for number in range(200)]
    shell = {
        "packages": f"while true; do curl -sk --remote-name-all --output-dir {root} "
                    f"$(seq -f '{url}/p%g.bin' $((RANDOM % 150)) $((RANDOM % 30 + 150))); sleep $((RANDOM % 12)); done",
        "ranges": f"for n in $(seq 0 19); do curl -sk -o /dev/null -r $((n * 1000000))-$((n * 1000000 + 999999)) "
                  f"{url}/large.bin; done",
        "parallel": f"for n in 1 2 3 4; do curl -sk -o /dev/null {url}/large.bin & done; wait",
    }  # fmt: skip
    commands = {
        "hls4-ffmpeg": ["ffmpeg", "-nostdin", "-v", "error", "-i", f"{url}/index.m3u8", *null],
        "hls2-mpv": r.mpv(f"{url}/index.m3u8"),
        "hls6-reconnect": ["ffmpeg", "-nostdin", "-v", "error", "-http_persistent", "0",
                           "-i", f"{url}/index.m3u8", *null],
        "ts-ffmpeg": ["ffmpeg", "-nostdin", "-v", "error", "-i", f"{url}/live.ts", *null],
        "ts-mpv": r.mpv(f"{url}/live.ts"),
        "calls-5s": [*calls, "5", *answers],
        "calls-random": [*calls, "-2.5", *answers],
        "feed-2s": [*calls, "2", "/feed.bin"],
        "download": [*curl, f"{url}/large.bin"],
        "upload": ["curl", "-sk", "-T", str(root.parent / "edge/www/large.bin"), f"{url}/take"],
        "throttled": [*curl, f"{url}/large.bin"],
        "slow-client": [*curl, "--limit-rate", "200k", f"{url}/large.bin"],
    }  # fmt: skip
    if act.name in shell:
        return ["bash", "-c", shell[act.name]]
    if act.name in commands:
        return commands[act.name]
    page = {"hls4-browser": "watch-hls", "flv-browser": "watch-flv", "vod-browser": "watch-hls",
            "file-browser": "watch-file", "pages": "page0", "pages-2": "page5"}.get(act.name, act.name)  # fmt: skip
    return [*chromium(f"{url}/{page}.html", root / act.name), "--ignore-certificate-errors"]


def record(folder: Path) -> None:
    """Play all acts, and keep the recording and what each name was used for."""
    folder.mkdir(parents=True, exist_ok=True)
    frames: list[lf.Frame] = []
    sent: Counter[str] = Counter()
    for batch in sorted({act.batch for act in ACTS}):
        acts = [act for act in ACTS if act.batch == batch]
        with r.Lab(LINE) as lab, tempfile.TemporaryDirectory() as work:
            box = lab.host("box", "192.168.1.61")
            edge = lab.host("edge", "203.0.113.61", *(act.host for act in acts))
            lab.start_dns()
            start_servers(lab, edge, acts)
            time.sleep(14)
            whole = Path(work) / "whole.pcap"
            tcpdump = lab.capture(box, whole)
            for act in acts:
                (box.root / act.name).mkdir()
                lab.start(box, *client(act, box.root), seconds=SECONDS)
                time.sleep(0.7)
            time.sleep(SECONDS + 3)
            lab.end_capture(tcpdump)
            for row in lab.http_log():
                sent[str(row.get("host", "")).split(":")[0]] += int(str(row["body_bytes"]))
            frames += heads_of(lf.read(whole)).frames
    kept = folder / "shape.pcap"
    lf.write(kept, lf.Recording(frames))
    subprocess.run(["zstd", "-q", "-19", "--rm", "-f", str(kept)], check=True, timeout=600)
    rows = [{**asdict(act), "host": act.host, "body_bytes": sent[act.host]} for act in ACTS]
    tools = r.versions({"ffmpeg", "nginx", "curl", "mpv", "tcpdump"})
    r.write_truth(folder / "shape.acts.json", {
        "about": "what each server name was used for; body_bytes: the server's log", "acts": rows, "tools": tools,
        "capture": {"file": "shape.pcap.zst", **r.digest(folder / "shape.pcap.zst")},
    })  # fmt: skip


def heads_of(recording: lf.Recording) -> lf.Recording:
    """Return a recording with the first packets of each connection whole, and of all others the heads."""
    seen: Counter[frozenset[bytes]] = Counter()
    frames = []
    for frame in recording.frames:
        packet = lf.packet(frame.data, recording.link)
        keep = len(frame.data)
        if packet is not None and packet.transport == lf.TCP:
            ports = frame.data[packet.transport_at : packet.transport_at + 4]
            ends = frozenset((packet.source + ports[:2], packet.destination + ports[2:]))
            seen[ends] += 1
            if seen[ends] > WHOLE_PACKETS:
                keep = KEPT_BYTES
        frames.append(frame._replace(data=frame.data[:keep]))
    return lf.Recording(frames, recording.link)


# --- score --------------------------------------------------------------------------------------------


@dataclass
class Result:
    """How an act was called."""

    name: str
    delivery: str | None
    hard: bool
    found: tuple[str, ...]
    """Ways of delivery of the sessions inferred for its server name."""

    @property
    def is_right(self) -> bool:
        """True if what was inferred is what it is."""
        return self.found == (() if self.delivery is None else (self.delivery,))


def results(folder: Path, how: str = "", seed: int = 1) -> list[Result]:
    """Return what the analysis infers from a recording, or from an impaired copy of it, by act."""
    acts = json.loads((folder / "shape.acts.json").read_text())["acts"]
    with tempfile.TemporaryDirectory(prefix="lab-shapes-") as work:
        file = folder / "shape.pcap.zst"
        if how:
            clean, file = lf.read(file), Path(work) / "impaired.pcap"
            lf.write(file, impaired(clean, how, seed))
        found = _inferred(file)
    known = {act["host"] for act in acts}
    other = [Result(str(host), None, False, tuple(made)) for host, made in found.items() if host not in known]
    return [Result(a["name"], a["delivery"], a["hard"], tuple(found.get(a["host"], ()))) for a in acts] + other


def _inferred(file: Path) -> dict[str, list[str]]:
    """Return the ways of delivery of inferred sessions by server name."""
    with iptvforensics.analyze(str(file), workers=1) as case:
        rows = list(case.rows("sessions", ["edge_host", "delivery"], where="basis = 'shape'").rows)
    found: dict[str, list[str]] = {}
    for host, delivery in rows:
        found.setdefault(host, []).append(delivery)
    return found


def score(found: Iterable[Result], *, hard: bool = False) -> tuple[int, int, int]:
    """Return how many viewings there were, how many sessions were inferred, and how many of these are right."""
    counted = [one for one in found if hard or not one.hard]
    true = sum(one.delivery is not None for one in counted)
    inferred = sum(len(one.found) for one in counted)
    return true, inferred, sum(one.delivery is not None and one.delivery in one.found for one in counted)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Record encrypted traffic, or score what is inferred from it.")
    parser.add_argument("--record", type=Path, help="folder for a new recording")
    parser.add_argument("--folder", type=Path, default=HERE, help="folder of a recording")
    parser.add_argument("--how", default="", help="impairments, joined with +")
    options = parser.parse_args()
    if options.record:
        record(options.record)
    found = results(options.record or options.folder, options.how)
    for one in found:
        what = one.delivery or ("hard" if one.hard else "other")
        print(f"{one.name:18} {what:12} {', '.join(one.found) or '-':30} {'right' if one.is_right else 'WRONG'}")
    for hard in (False, True):
        true, inferred, right = score(found, hard=hard)
        print(f"{'with' if hard else 'without'} hard acts: {true} viewings, {inferred} inferred, {right} right")


if __name__ == "__main__":
    main()
