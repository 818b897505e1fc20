"""RTMPS: ffmpeg publishes to nginx-rtmp, another one (GnuTLS) plays 6 s of it over TLS; key log.

nginx-rtmp does not speak TLS: the gateway, which is a part of this recipe, ends it on the same host.
"""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

NAME = "rtmps.osprey-tv.example"
PORT, PLAIN = 443, 1935


def serve(folder: str) -> None:
    """End TLS and pass everything on, until killed; write down each connection."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    listener = socket.create_server(("0.0.0.0", PORT))
    while True:
        client, (ip, port) = listener.accept()
        threading.Thread(target=one, args=(context, client, ip, port, folder), daemon=True).start()


def one(context: ssl.SSLContext, client: socket.socket, ip: str, port: int, folder: str) -> None:
    inside = context.wrap_socket(client, server_side=True)
    told = {"client_ip": ip, "client_port": port, "tls_version": inside.version(), "cipher_suite": inside.cipher()[0]}
    with open(f"{folder}/tls.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps(told) + "\n")
    server = socket.create_connection(("127.0.0.1", PLAIN), 5)
    up = threading.Thread(target=r.carry, args=(inside, server), daemon=True)
    up.start()
    r.carry(server, inside)


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture, keys = here.with_suffix(".pcap"), here.with_suffix(".keys")
    keys.unlink(missing_ok=True)
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.65")
        edge = lab.host("edge", "203.0.113.65", NAME)
        encoder = lab.host("encoder", "198.51.100.65")
        lab.start_dns()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "3650", "-subj", f"/CN={NAME}", "-keyout", str(edge.root / "key.pem"),
                        "-out", str(edge.root / "cert.pem")], check=True, capture_output=True, timeout=20)  # fmt: skip
        lab.start_nginx(edge, rtmp=f"server {{ listen {PLAIN}; chunk_size 4096; application live {{ live on; }} }}")
        lab.start(edge, sys.executable, __file__, "serve", str(edge.root), seconds=60)
        lab.start(encoder, *r.endless(r.source(200, gop=50)), "-f", "flv", f"rtmp://{edge.ip}/live/kids7")
        time.sleep(4)
        tcpdump = lab.capture(box, capture)
        url = f"rtmps://{NAME}/live/kids7?token=c0ffee"
        received = lab.dir / "received.flv"
        start = r.now()
        lab.run(box, "env", f"SSLKEYLOGFILE={keys}", "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-t", "6",
                "-c", "copy", str(received))  # fmt: skip
        end = r.now()
        lab.end_capture(tcpdump)
        lab.tools.add("ffmpeg")
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__.splitlines()[0],
            sessions=[
                {"delivery": "rtmp", "kind": "live", "client_ip": box.ip, "stream": url, "app": "live",
                 "name": "kids7", "query": "token=c0ffee", "start": start, "end": end,
                 "encrypted": ["tls"], "chain": [r.hop(edge, PORT, "media")], "packets_at_least": r.packets(received)}
            ],
            tls=[json.loads(line) for line in (edge.root / "tls.jsonl").read_text().splitlines()],
            keylog={"file": keys.name, **r.digest(keys)},
        )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    else:
        main()
