"""A film by HLS over TLS: ffmpeg (GnuTLS, 1.3), curl (1.3 and 1.2, HTTP/2); key log; as pcapng with the secrets."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

NAME = "vod.harrier-tv.example"
LOG = (
    'log_format tls escape=json \'{"done":$msec,"client_ip":"$remote_addr","client_port":$remote_port,'
    '"server_ip":"$server_addr","server_port":$server_port,"server_name":"$ssl_server_name",'
    '"tls_version":"$ssl_protocol","cipher_suite":"$ssl_cipher","alpn":"$ssl_alpn_protocol",'
    '"resumed":"$ssl_session_reused","http":"$server_protocol","method":"$request_method","target":"$request_uri",'
    '"status":$status,"body_bytes":$body_bytes_sent,"user_agent":"$http_user_agent"}\';'
)
SUITES = "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture, keys = here.with_suffix(".pcap"), here.with_suffix(".keys")
    keys.unlink(missing_ok=True)
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.61")
        edge = lab.host("edge", "203.0.113.61", NAME)
        lab.start_dns()
        key, pem = edge.root / "key.pem", edge.root / "cert.pem"
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        make += ["-days", "3650", "-subj", f"/O=Harrier TV/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        subprocess.run([*make, "-keyout", str(key), "-out", str(pem)], check=True, capture_output=True, timeout=20)
        der = subprocess.run(["openssl", "x509", "-in", str(pem), "-outform", "DER"], check=True, capture_output=True)
        r.cut_hls(r.source(200), edge.root, seconds=4)
        log = edge.root / "tls.jsonl"
        common = f"root {edge.root}; ssl_certificate {pem}; ssl_certificate_key {key}; access_log {log} tls;"
        lab.start_nginx(
            edge,
            http=f"""{LOG} ssl_session_cache shared:s:1m; ssl_session_tickets off;
              server {{ listen 443 ssl; ssl_protocols TLSv1.3; {common} }}
              server {{ listen 8443 ssl; ssl_protocols TLSv1.2; ssl_ciphers {SUITES}; {common} }}
              server {{ listen 9443 ssl http2; {common} }}""",
        )
        tcpdump = lab.capture(box, capture)
        env = ["env", f"SSLKEYLOGFILE={keys}"]
        url = f"https://{NAME}/index.m3u8"
        lab.run(box, *env, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-c", "copy", "-f", "null", "-")
        curl = [*env, "curl", "-sk", "-o", "/dev/null"]
        lab.run(box, *curl, "--http1.1", url)
        old, new = f"https://{NAME}:8443/index.m3u8", f"https://{NAME}:9443/index"
        lab.run(box, *curl, "--http1.1", old, "-o", "/dev/null", old, "-H", "Connection: close")
        lab.run(box, *curl, "--http1.1", "--ciphers", "ECDHE-ECDSA-AES128-SHA256", old)
        lab.run(box, *curl, "--http2", "-Z", f"{new}.m3u8", "-o", "/dev/null", f"{new}1.ts", "-o", "/dev/null",
                f"{new}9.ts")  # fmt: skip
        lab.end_capture(tcpdump)
        lab.tools |= {"ffmpeg", "nginx", "curl", "editcap"}
        with_secrets = here.with_suffix(".pcapng")
        subprocess.run(["editcap", "--inject-secrets", f"tls,{keys}", str(capture), str(with_secrets)], check=True)
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        sha256 = hashlib.sha256(der.stdout).hexdigest()
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[], tls=rows,
            certificate={"sha256": sha256, "names": [NAME]}, keylog={"file": keys.name, **r.digest(keys)},
            also=[{"file": with_secrets.name, **r.digest(with_secrets)}],
        )  # fmt: skip


if __name__ == "__main__":
    main()
