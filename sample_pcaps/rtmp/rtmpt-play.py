"""RTMPT play: ffmpeg takes 8 s of a live stream through HTTP; a gateway unwraps it for nginx-rtmp.

nginx-rtmp does not speak RTMPT: the gateway, which is a part of this recipe, keeps one connection to it for each
session and answers every request with what has come from it since. Gateway and nginx-rtmp run on one host, and only
the HTTP side is recorded.
"""

import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

SERVER = ("127.0.0.1", 1935)
ANSWER_BYTES = 65536


class Session:
    """One connection to the RTMP server, and what it has sent."""

    def __init__(self) -> None:
        self.connection = socket.create_connection(SERVER, 5)
        self.connection.settimeout(None)
        self.lock = threading.Lock()
        self.received = bytearray()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        try:
            while data := self.connection.recv(ANSWER_BYTES):
                with self.lock:
                    self.received += data
        except OSError:
            return

    def take(self) -> bytes:
        with self.lock:
            taken = bytes(self.received[:ANSWER_BYTES])
            del self.received[: len(taken)]
        return taken


class Gateway(BaseHTTPRequestHandler):
    """Answers the requests of RTMPT clients, and logs how many RTMP bytes went either way."""

    protocol_version = "HTTP/1.1"
    server_version = "kestrel-gate/2"
    sys_version = ""
    sessions: dict[str, Session] = {}  # noqa: RUF012
    log_file: Path

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, command, session_id, *_ = [*self.path.split("/"), ""]
        if command == "open":
            session_id = f"kg{len(self.sessions) + 1:06d}"
            self.sessions[session_id] = Session()
            self.answer(200, f"{session_id}\n".encode())
            return
        session = self.sessions.get(session_id)
        if session is None or command not in ("send", "idle", "close"):
            self.answer(404, b"")
            return
        if command == "send":
            session.connection.sendall(sent)
            time.sleep(0.02)
        taken = b"" if command == "close" else session.take()
        with self.log_file.open("a") as log:
            sent_bytes = len(sent) if command == "send" else 0
            log.write(json.dumps([session_id, command, sent_bytes, len(taken)]) + "\n")
        self.answer(200, b"\x01" + taken)
        if command == "close":
            session.connection.close()

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-fcs" if status == 200 else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def exchanged(log: Path) -> dict[str, object]:
    """Return what the gateway logged of its only session."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert len({row[0] for row in rows}) == 1
    commands = [row[1] for row in rows]
    return {
        "session": rows[0][0],
        **{command: commands.count(command) for command in ("send", "idle", "close")},
        "client_rtmp_bytes": sum(row[2] for row in rows),
        "server_rtmp_bytes": sum(row[3] for row in rows),
    }


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.27")
        edge = lab.host("edge", "203.0.113.53", "gate.kestrel-view.example")
        encoder = lab.host("encoder", "198.51.100.31")
        lab.start_dns()
        lab.start_nginx(edge, rtmp="server { listen 1935; chunk_size 4096; application live { live on; } }")
        lab.start(encoder, *r.endless(r.source(250, gop=25)), "-f", "flv", "rtmp://203.0.113.53/live/news3")
        gateway_log = lab.dir / "gateway.log"
        lab.start(edge, sys.executable, str(Path(__file__)), "gateway", str(gateway_log))
        time.sleep(4)
        tcpdump = lab.capture(box, capture)
        url = "rtmpt://gate.kestrel-view.example/live/news3"
        received = lab.dir / "received.flv"
        start = r.now()
        lab.run(box, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-t", "8", "-c", "copy", str(received))
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            here.with_suffix(".truth.json"),
            capture,
            scenario=(__doc__ or "").splitlines()[0],
            sessions=[
                {"delivery": "rtmp", "kind": "live", "client_ip": box.ip, "stream": url, "app": "live",
                 "name": "news3", "chunk_size": 4096, "start": start, "end": end,
                 "chain": [r.hop(edge, 80, "media")], "packets_at_least": r.packets(received)}
            ],
            rtmpt=exchanged(gateway_log),
        )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["gateway"]:
        Gateway.log_file = Path(sys.argv[2])
        ThreadingHTTPServer(("", 80), Gateway).serve_forever()
    main()
