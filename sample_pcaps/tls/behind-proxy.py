"""TLS through an HTTP proxy (CONNECT): curl fetches a film by HTTP/1.1 and HTTP/2, and is refused once; key log.

The proxy is a part of this recipe. Only the line between box and proxy is recorded.
"""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

NAME = "vod.osprey-tv.example"
PORT = 3128
FAR = 443
LOG = (
    'log_format tls escape=json \'{"done":$msec,"client_ip":"$remote_addr","server_name":"$ssl_server_name",'
    '"tls_version":"$ssl_protocol","alpn":"$ssl_alpn_protocol","http":"$server_protocol","method":"$request_method",'
    '"target":"$request_uri","status":$status,"body_bytes":$body_bytes_sent}\';'
)


def serve(log: str) -> None:
    """Be a proxy that makes tunnels to one port only, until killed."""
    listener = socket.create_server(("0.0.0.0", PORT))
    while True:
        client, (ip, port) = listener.accept()
        threading.Thread(target=one, args=(client, ip, port, log), daemon=True).start()


def one(client: socket.socket, ip: str, port: int, log: str) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(4096)
    target = head.split()[1].decode()
    name, _, far_port = target.partition(":")
    status = 200 if int(far_port) == FAR else 403
    with open(log, "a", encoding="utf-8") as out:
        out.write(json.dumps({"client_ip": ip, "client_port": port, "target": target, "status": status}) + "\n")
    if status != 200:
        client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        client.close()
        return
    server = socket.create_connection((name, int(far_port)), 5)
    client.sendall(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: osprey-gate/1\r\n\r\n")
    threads = [
        threading.Thread(target=r.carry, args=ends, daemon=True) for ends in ((client, server), (server, client))
    ]
    for thread in threads:
        thread.start()


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture, keys = here.with_suffix(".pcap"), here.with_suffix(".keys")
    keys.unlink(missing_ok=True)
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.64")
        gate = lab.host("gate", "198.51.100.64", "gate.osprey-tv.example")
        edge = lab.host("edge", "203.0.113.64", NAME)
        lab.start_dns()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "3650", "-subj", f"/CN={NAME}", "-keyout", str(edge.root / "key.pem"),
                        "-out", str(edge.root / "cert.pem")], check=True, capture_output=True, timeout=20)  # fmt: skip
        www = edge.root / "www"
        r.cut_hls(r.source(100), www, seconds=8)
        log = edge.root / "tls.jsonl"
        lab.start_nginx(
            edge,
            http=f"""{LOG} server {{ listen {FAR} ssl http2; root {www}; access_log {log} tls;
              ssl_certificate {edge.root}/cert.pem; ssl_certificate_key {edge.root}/key.pem; }}""",
        )
        tunnels = gate.root / "tunnels.jsonl"
        lab.start(gate, sys.executable, __file__, "serve", str(tunnels), seconds=60)
        r.time.sleep(0.5)
        tcpdump = lab.capture(box, capture)
        start = r.now()
        url = f"https://{NAME}/index"
        curl = [
            "env",
            f"SSLKEYLOGFILE={keys}",
            "curl",
            "-sk",
            "-o",
            "/dev/null",
            "-x",
            f"http://{gate.names[0]}:{PORT}",
        ]
        lab.run(
            box, *curl, "--http1.1", f"{url}.m3u8", "-o", "/dev/null", f"{url}0.ts", "-o", "/dev/null", f"{url}1.ts"
        )
        lab.run(box, *curl, "--http2", f"{url}2.ts")
        lab.run(box, *curl, f"https://{NAME}:8443/", fine=(0, 56, 97))
        end = r.now()
        lab.end_capture(tcpdump)
        lab.tools |= {"nginx", "curl"}
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        media = [
            {"url": f"https://{NAME}{row['target']}", "status": row["status"], "done": row["done"],
             "body_bytes": row["body_bytes"], "completed": True, **r.digest(www / row["target"].lstrip("/"))}
            for row in rows
            if row["target"].endswith(".ts")
        ]  # fmt: skip
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__.splitlines()[0],
            sessions=[
                {"delivery": "hls", "kind": "vod", "client_ip": box.ip, "stream": f"{url}.m3u8", "start": start,
                 "end": end, "encrypted": ["tls"],
                 "chain": [r.hop(gate, PORT, "proxy"), r.hop(edge, FAR, "playlist", "media")],
                 "playlist": (www / "index.m3u8").read_text(), "media": media}
            ],
            tls=rows, tunnels=[json.loads(line) for line in tunnels.read_text().splitlines()],
            keylog={"file": keys.name, **r.digest(keys)},
        )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    else:
        main()
