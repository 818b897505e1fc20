"""A film by HLS over HTTP/3: aioquic with keys renewed, with QUIC 2 and in early data, and Chromium; key log."""

import asyncio
import base64
import hashlib
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

NAME = "vod.heron-tv.example"
PORT = 443
AGENT = "HeronBox/4.1 (h3)"
TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t", ".html": "text/html"}
SUITES = {"all": None, "chacha": "CHACHA20_POLY1305_SHA256", "aes128": "AES_128_GCM_SHA256"}
RENEWING = "index1.ts"
"""With this file the server renews its keys in the middle of the answer."""
PAGE = """<!doctype html><meta charset="utf-8"><title>Web TV</title><script>
(async () => {
  const text = await (await fetch("/film2/index.m3u8")).text();
  for (const line of text.split("\\n"))
    if (line && line[0] !== "#") await (await fetch("/film2/" + line)).arrayBuffer();
  document.title = "done";
})();
</script>
"""


def serve(folder: str, address: str) -> None:
    """Answer requests for files, until killed; write down each answer and each connection."""
    from aioquic.asyncio import QuicConnectionProtocol, serve
    from aioquic.h3.connection import H3Connection
    from aioquic.h3.events import HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import HandshakeCompleted

    root = Path(folder)
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.load_cert_chain(root / "cert.pem", root / "key.pem")
    tickets = {}

    def write(name: str, row: dict[str, object]) -> None:
        with (root / name).open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")

    class Answer(QuicConnectionProtocol):
        http = None

        def quic_event_received(self, event: object) -> None:
            if isinstance(event, HandshakeCompleted):
                told = {"client_ip": self.peer[0], "client_port": self.peer[1], "alpn": event.alpn_protocol}
                told |= {
                    "version": f"{self._quic._version:08x}",
                    "cipher_suite": self._quic.tls.key_schedule.cipher_suite.name,
                }
                told |= {"resumed": event.session_resumed, "early_data": event.early_data_accepted}
                write("quic.jsonl", told)
            if self.http is None:
                self.http = H3Connection(self._quic)
            for found in self.http.handle_event(event):
                if isinstance(found, HeadersReceived):
                    self.answer(found.stream_id, {k.decode(): v.decode() for k, v in found.headers})

        @property
        def peer(self) -> tuple[str, int]:
            host, port, *_ = self._quic._network_paths[0].addr
            return host.removeprefix("::ffff:"), port

        def answer(self, stream: int, asked: dict[str, str]) -> None:
            path = asked[":path"]
            file = root / "www" / path.lstrip("/")
            status = 200 if file.is_file() and asked[":method"] == "GET" else 404
            body = file.read_bytes() if status == 200 else b""
            kind = TYPES.get(file.suffix, "application/octet-stream")
            heads = [(":status", str(status)), ("server", "heron-edge/3"), ("content-length", str(len(body)))]
            heads += [("content-type", kind), ("x-film", "heron harbour")]
            self.http.send_headers(stream, [(k.encode(), v.encode()) for k, v in heads], end_stream=not body)
            if body:
                half = len(body) // 2
                self.http.send_data(stream, body[:half], end_stream=False)
                self.transmit()
                if path.endswith(RENEWING):
                    self._quic.request_key_update()
                self.http.send_data(stream, body[half:], end_stream=True)
            self.transmit()
            client_ip, client_port = self.peer
            write("access.jsonl", {
                "done": round(time.time(), 3), "server_ip": address, "server_port": PORT, "client_ip": client_ip,
                "client_port": client_port, "method": asked[":method"], "host": asked[":authority"], "target": path,
                "status": status, "body_bytes": len(body), "content_type": kind,
                "user_agent": asked.get("user-agent", ""), "completed": "OK",
            })  # fmt: skip

    async def run() -> None:
        await serve(
            "0.0.0.0", PORT, configuration=configuration, create_protocol=Answer, retry=False,
            session_ticket_fetcher=tickets.get, session_ticket_handler=lambda t: tickets.update({t.ticket: t}),
        )  # fmt: skip
        await asyncio.Event().wait()

    asyncio.run(run())


def watch(folder: str, keys: str, *plans: str) -> None:
    """Fetch a film as a player does, once per plan; keep the files, and the secrets in a key log."""
    from aioquic.asyncio import QuicConnectionProtocol, connect
    from aioquic.h3.connection import H3Connection
    from aioquic.h3.events import DataReceived
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.packet import QuicProtocolVersion
    from aioquic.tls import CipherSuite

    tickets = []

    class Player(QuicConnectionProtocol):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)
            self.http = H3Connection(self._quic)
            self.bodies: dict[int, bytearray] = {}
            self.whole: dict[int, asyncio.Event] = {}

        def quic_event_received(self, event: object) -> None:
            for found in self.http.handle_event(event):
                if isinstance(found, DataReceived):
                    self.bodies[found.stream_id] += found.data
                if getattr(found, "stream_ended", False):
                    self.whole[found.stream_id].set()

        async def get(self, path: str) -> bytes:
            stream = self._quic.get_next_available_stream_id()
            self.bodies[stream], self.whole[stream] = bytearray(), asyncio.Event()
            heads = {":method": "GET", ":scheme": "https", ":authority": NAME, ":path": path, "user-agent": AGENT}
            self.http.send_headers(stream, [(k.encode(), v.encode()) for k, v in heads.items()], end_stream=True)
            self.transmit()
            await self.whole[stream].wait()
            return bytes(self.bodies[stream])

    async def one(plan: str, log: object) -> None:
        film, version, suite, early = plan.split(",")
        configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE)
        configuration.secrets_log_file = log
        configuration.original_version = getattr(QuicProtocolVersion, f"VERSION_{version}")
        configuration.supported_versions = [configuration.original_version]
        if SUITES[suite]:
            configuration.cipher_suites = [CipherSuite[SUITES[suite]]]
        if early == "early":
            configuration.session_ticket = tickets[-1]
        async with connect(
            NAME, PORT, configuration=configuration, create_protocol=Player, wait_connected=early != "early",
            session_ticket_handler=tickets.append,
        ) as player:  # fmt: skip
            playlist = await player.get(f"/{film}/index.m3u8")
            names = [line for line in playlist.decode().splitlines() if line and line[0] != "#"]
            first = await player.get(f"/{film}/{names[0]}")
            others = await asyncio.gather(*(player.get(f"/{film}/{name}") for name in names[1:]))
            for name, body in zip(["index.m3u8", *names], [playlist, first, *others], strict=True):
                (Path(folder) / f"{film}-{name}").write_bytes(body)

    async def run() -> None:
        with open(keys, "a", encoding="ascii") as log:
            for plan in plans:
                await one(plan, log)
                await asyncio.sleep(0.3)

    asyncio.run(run())


def browse(lab: r.Lab, box: r.Host, edge: r.Host, keys: Path) -> None:
    """Have Chromium show the page."""
    spki = subprocess.run(
        f"openssl x509 -in {edge.root}/cert.pem -pubkey -noout | openssl pkey -pubin -outform der",
        shell=True, capture_output=True, check=True, timeout=20,
    ).stdout  # fmt: skip
    pin = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    running = lab.start(
        box, "chromium", "--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-sync",
        "--disable-component-update", "--disable-background-networking", f"--user-data-dir={box.root}/browser",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.example", f"--origin-to-force-quic-on={NAME}:{PORT}",
        f"--ignore-certificate-errors-spki-list={pin}", f"--ssl-key-log-file={keys}",
        f"https://{NAME}/page.html", seconds=40,
    )  # fmt: skip
    log = edge.root / "access.jsonl"
    count = len(list((edge.root / "www" / "film2").iterdir()))
    lab.wait_for(lambda: log.exists() and log.read_text().count("/film2/") >= count, 30, "the browser")
    time.sleep(0.5)
    running.stop(wait=8)


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture, keys = here.with_suffix(".pcap"), here.with_suffix(".keys")
    keys.unlink(missing_ok=True)
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.63")
        edge = lab.host("edge", "203.0.113.63", NAME)
        lab.start_dns()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "3650", "-subj", f"/O=Heron TV/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
                        "-keyout", str(edge.root / "key.pem"), "-out", str(edge.root / "cert.pem")],
                       check=True, capture_output=True, timeout=20)  # fmt: skip
        der = subprocess.run(["openssl", "x509", "-in", str(edge.root / "cert.pem"), "-outform", "DER"],
                             check=True, capture_output=True, timeout=20).stdout  # fmt: skip
        www = edge.root / "www"
        for number, film, seconds in ((1, "film1", 16), *((n, f"film{n}", 8) for n in range(2, 6))):
            r.cut_hls(r.source(90 + 10 * number), www / film, seconds=seconds)
        (www / "page.html").write_text(PAGE)
        edge.logs.append(edge.root / "access.jsonl")
        lab.start(edge, sys.executable, __file__, "serve", str(edge.root), edge.ip, seconds=120)
        time.sleep(2)
        tcpdump = lab.capture(box, capture)
        plans = ["film1,1,all,", "film3,2,chacha,", "film4,1,aes128,", "film5,1,aes128,early"]
        start = r.now()
        lab.run(box, sys.executable, __file__, "watch", str(box.root), str(keys), *plans, seconds=40)
        middle = r.now()
        browse(lab, box, edge, keys)
        end = r.now()
        lab.end_capture(tcpdump)
        for file in box.root.glob("film*"):
            film, _, name = file.name.partition("-")
            assert file.read_bytes() == (www / film / name).read_bytes(), file.name
        viewings = []
        for film in sorted(each.name for each in www.iterdir() if each.is_dir()):
            begin, until = (middle, end) if film == "film2" else (start, middle)
            media = [row for row in lab.media(www, box.ip, ".ts") if f"/{film}/" in row["url"]]
            media = [{**row, "url": row["url"].replace("http:", "https:", 1)} for row in media]
            viewings.append({
                "delivery": "hls", "kind": "vod", "client_ip": box.ip, "stream": f"https://{NAME}/{film}/index.m3u8",
                "start": begin, "end": until, "encrypted": ["tls"], "chain": [r.hop(edge, PORT, "playlist", "media")],
                "playlist": (www / film / "index.m3u8").read_text(), "media": media,
            })  # fmt: skip
        version = subprocess.run(["chromium", "--version"], capture_output=True, text=True, check=True, timeout=20)
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=viewings,
            quic=[json.loads(line) for line in (edge.root / "quic.jsonl").read_text().splitlines()],
            certificate={"sha256": hashlib.sha256(der).hexdigest(), "names": [NAME]},
            keylog={"file": keys.name, **r.digest(keys)}, browser=version.stdout.strip(),
        )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    elif sys.argv[1:2] == ["watch"]:
        watch(*sys.argv[2:])
    else:
        main()
