"""Names asked for over HTTPS (POST and GET), TLS and QUIC, and a page from a server whose name was asked for over HTTPS
alone; key log. One more question over TLS stays closed: the key log does not have its secrets. dig prints secrets with
the time before them; the key log has them without it."""

import asyncio
import json
import shutil
import socket
import ssl
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

NAME, QUIC_NAME = "dns.heron-tv.example", "doq.heron-tv.example"
UPSTREAM = (r.ROUTER_HOME, 53)
CLOSED = "closed.heron-tv.example"
ASKED = (
    ("doh", "portal.heron-tv.example", "A", "+https"),
    ("doh", "live.heron-tv.example", "AAAA", "+https-get"),
    ("dot", "live.heron-tv.example", "A", "+tls"),
    ("dot", "gone.heron-tv.example", "A", "+tls"),
    ("dot", CLOSED, "A", "+tls"),
)
OVER_QUIC = (("epg.heron-tv.example", "A"), ("v4only.heron-tv.example", "AAAA"))
TYPES = {"A": 1, "AAAA": 28}
PAGE = "<!doctype html><title>Heron TV</title><p>Box 66 is not registered.</p>\n"


def serve(folder: str) -> None:
    """Answer DNS over QUIC by asking the resolver of the router, until killed; write down each answer."""
    from aioquic.asyncio import QuicConnectionProtocol, serve
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import StreamDataReceived

    root = Path(folder)
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["doq"])
    configuration.load_cert_chain(root / "cert.pem", root / "key.pem")

    class Answer(QuicConnectionProtocol):
        def quic_event_received(self, event: object) -> None:
            if not isinstance(event, StreamDataReceived) or not event.end_stream:
                return
            (size,) = struct.unpack(">H", event.data[:2])
            query = event.data[2 : 2 + size]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
                upstream.settimeout(3)
                upstream.sendto(query, UPSTREAM)
                reply = upstream.recv(4096)
            self._quic.send_stream_data(event.stream_id, struct.pack(">H", len(reply)) + reply, end_stream=True)
            self.transmit()
            row = {"client_ip": self._quic._network_paths[0].addr[0].removeprefix("::ffff:"), "stream": event.stream_id,
                   "query": query.hex(), "reply": reply.hex()}  # fmt: skip
            with (root / "doq.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")

    async def run() -> None:
        await serve("0.0.0.0", 853, configuration=configuration, create_protocol=Answer)
        await asyncio.Event().wait()

    asyncio.run(run())


def ask(keys: str, address: str) -> None:
    """Ask over QUIC, each question in a stream of its own."""
    from aioquic.asyncio import QuicConnectionProtocol, connect
    from aioquic.quic.configuration import QuicConfiguration

    def question(name: str, kind: str) -> bytes:
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        query = struct.pack(">HHHHHH", 0, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", TYPES[kind], 1)
        return struct.pack(">H", len(query)) + query

    async def run() -> None:
        configuration = QuicConfiguration(is_client=True, alpn_protocols=["doq"], server_name=QUIC_NAME)
        configuration.verify_mode = ssl.CERT_NONE
        with open(keys, "a", encoding="ascii") as log:
            configuration.secrets_log_file = log
            async with connect(address, 853, configuration=configuration, create_protocol=QuicConnectionProtocol) as to:
                for name, kind in OVER_QUIC:
                    reader, writer = await to.create_stream()
                    writer.write(question(name, kind))
                    writer.write_eof()
                    await reader.read()

    asyncio.run(run())


def start_resolver(lab: r.Lab, host: r.Host) -> Path:
    """Start unbound, which takes questions over HTTPS and TLS and asks the resolver of the router; return its log."""
    log, conf = host.root / "unbound.log", host.root / "unbound.conf"
    conf.write_text(
        f"server:\n  interface: {host.ip}@443\n  interface: {host.ip}@853\n  https-port: 443\n  tls-port: 853\n"
        f'  tls-service-key: "{host.root}/key.pem"\n  tls-service-pem: "{host.root}/cert.pem"\n'
        '  access-control: 0.0.0.0/0 allow\n  do-daemonize: no\n  username: ""\n  chroot: ""\n  use-syslog: no\n'
        f'  directory: "{host.root}"\n  pidfile: "{host.root}/unbound.pid"\n  logfile: "{log}"\n'
        '  log-queries: yes\n  log-replies: yes\n  log-tag-queryreply: yes\n  module-config: "iterator"\n'
        f'  num-threads: 1\n  do-not-query-localhost: no\nforward-zone:\n  name: "."\n  forward-addr: {UPSTREAM[0]}\n'
    )
    lab.start(host, "unbound", "-d", "-c", str(conf), seconds=120)
    lab.wait_for((host.root / "unbound.pid").exists, 10, "unbound")
    return log


def dig(lab: r.Lab, box: r.Host, server: str, keys: Path, row: tuple[str, str, str, str]) -> dict[str, object]:
    """Ask one question, and return it with what dig printed."""
    over, name, kind, option = row
    text = lab.run(box, "env", f"SSLKEYLOGFILE={box.root}/none", "dig", f"@{server}", "+tries=1", "+time=3", option,
                   name, kind)  # fmt: skip
    lines = [line.split() for line in text.splitlines() if line and line[0] != ";"]
    secrets = [" ".join(words[2:]) for words in lines if len(words) == 5 and "_SECRET" in words[2]]
    with keys.open("a") as log:
        log.writelines(f"{line}\n" for line in secrets if name != CLOSED)
    return {
        "over": over, "name": name, "type": kind, "rcode": text.split("status: ")[1].split(",")[0],
        "in_key_log": name != CLOSED,
        "answers": [[words[0].rstrip("."), int(words[1]), words[3], words[4].rstrip(".")] for words in lines
                    if len(words) > 4 and words[2] == "IN" and words[3] != "SOA"],
    }  # fmt: skip


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture, keys = here.with_suffix(".pcap"), here.with_suffix(".keys")
    keys.unlink(missing_ok=True)
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.66")
        resolver = lab.host("resolver", "198.51.100.66", NAME)
        over_quic = lab.host("doq", "198.51.100.67", QUIC_NAME)
        page = lab.host("page", "203.0.113.66", "portal.heron-tv.example")
        lab.start_dns(
            "host-record=pop5.cdn.example,203.0.113.77,2001:db8:77::5", "cname=live.heron-tv.example,pop5.cdn.example",
            "host-record=epg.heron-tv.example,203.0.113.78", "host-record=v4only.heron-tv.example,203.0.113.79",
            f"host-record={CLOSED},203.0.113.80",
        )  # fmt: skip
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "3650", "-subj", f"/O=Heron TV/CN={NAME}",
                        "-addext", f"subjectAltName=DNS:{NAME},DNS:{QUIC_NAME}",
                        "-keyout", str(resolver.root / "key.pem"), "-out", str(resolver.root / "cert.pem")],
                       check=True, capture_output=True, timeout=20)  # fmt: skip
        for name in ("key.pem", "cert.pem"):
            shutil.copy(resolver.root / name, over_quic.root)
        log = start_resolver(lab, resolver)
        lab.start(over_quic, sys.executable, __file__, "serve", str(over_quic.root), seconds=120)
        www = page.root / "www"
        www.mkdir()
        (www / "index.html").write_text(PAGE)
        lab.start_nginx(page, http=f"server {{ listen 80; default_type text/html; root {www}; }}")
        tcpdump = lab.capture(box, capture)
        asked = [dig(lab, box, resolver.ip, keys, row) for row in ASKED]
        lab.run(box, "env", f"SSLKEYLOGFILE={keys}", "curl", "-s", "-4", "--doh-url", f"https://{NAME}/dns-query",
                "--doh-insecure", "-A", "HeronBox/4.1", "-o", str(box.root / "page"),
                "http://portal.heron-tv.example/")  # fmt: skip
        lab.run(box, sys.executable, __file__, "ask", str(keys), over_quic.ip, seconds=20)
        lab.end_capture(tcpdump)
        lab.tools |= {"dig", "unbound"}
        told = [line.partition("unbound[")[2].partition("] ")[2] for line in log.read_text().splitlines()]
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[], asked=asked,
            asked_by_doh={"name": "portal.heron-tv.example", "server_ip": page.ip},
            unbound=[line for line in told if line.startswith(("query: ", "reply: "))],
            doq=[json.loads(line) for line in (over_quic.root / "doq.jsonl").read_text().splitlines()],
            keylog={"file": keys.name, **r.digest(keys)},
        )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    elif sys.argv[1:2] == ["ask"]:
        ask(*sys.argv[2:])
    else:
        main()
