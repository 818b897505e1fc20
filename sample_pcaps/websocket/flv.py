"""WebSocket with FLV: mpegts.js in Chromium plays a live stream from ws://; one page, one viewing of some 8 s.

No server in Debian gives FLV over WebSocket: `serve` in this file takes it from ffmpeg and sends it in binary frames.
"""

import base64
import hashlib
import json
import shutil
import socket
import struct
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

HOST = "ws.harrier-cast.example"
STREAM = "/live/five.flv"
PAGE = f"""<!doctype html><meta charset="utf-8"><title>Web TV</title><video id="v" muted autoplay></video>
<script src="/mpegts.js"></script><script>
const player = mpegts.createPlayer({{type: "flv", isLive: true, url: "ws://" + location.host + "{STREAM}"}});
player.attachMediaElement(document.getElementById("v")); player.load(); player.play();
</script>"""


def serve(folder: Path, source: list[str]) -> None:
    """Serve the page, and FLV from ffmpeg over WebSocket (RFC 6455)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == STREAM and self.headers.get("Upgrade", "").lower() == "websocket":
                self.stream()
                return
            file = folder / "mpegts.js"
            body = PAGE.encode() if self.path == "/" else file.read_bytes() if self.path == "/mpegts.js" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/javascript" if self.path == "/mpegts.js" else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def stream(self) -> None:
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            start, sent = time.time(), 0
            media = subprocess.Popen(source, stdout=subprocess.PIPE)
            try:
                while media.stdout and (part := media.stdout.read1(4096)):
                    head = bytes((0x82, len(part))) if len(part) < 126 else struct.pack("!BBH", 0x82, 126, len(part))
                    self.connection.sendall(head + part)
                    sent += len(part)
            except OSError:
                pass
            finally:
                media.kill()
            row = {"client_ip": self.client_address[0], "start": start, "end": time.time(), "body_bytes": sent}
            (folder / "ws.json").write_text(json.dumps(row))
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    ThreadingHTTPServer.address_family = socket.AF_INET
    ThreadingHTTPServer(("", 80), Handler).serve_forever()


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.lab.webplayer import chromium, parts

    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.48")
        server = lab.host("server", "203.0.113.53", HOST)
        lab.start_dns()
        shutil.copy(parts() / "mpegts.js", server.root / "mpegts.js")
        source = [*r.endless(r.source(200)), "-f", "flv", "pipe:1"]
        lab.start(server, sys.executable, __file__, str(server.root), *source)
        time.sleep(0.7)
        tcpdump = lab.capture(box, capture, "tcp or port 53")
        browser = lab.start(box, "env", f"HOME={box.root}", *chromium(f"http://{HOST}/", box.root), seconds=14)
        browser.process.wait(30)
        told = server.root / "ws.json"
        lab.wait_for(told.exists, 10, "the end of the stream")
        lab.end_capture(tcpdump)
        row = json.loads(told.read_text())
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__,
            sessions=[
                {"delivery": "ws-flv", "kind": "live", "stream": f"http://{HOST}{STREAM}", **row,
                 "chain": [{"host": HOST, "ip": server.ip, "port": 80, "roles": ["media"]}]}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(Path(sys.argv[1]), sys.argv[2:])
    else:
        main()
