"""HLS film under AES-128, whose key travels in clear over HTTP; the client is streamlink."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.31")
        edge = lab.host("edge", "203.0.113.12", "e2.osprey-media.example")
        lab.start_dns()
        key, iv = bytes(range(16, 32)), bytes(range(160, 176))
        root = edge.root / "hls" / "crypt1"
        root.mkdir(parents=True)
        (edge.root / "key").mkdir()
        (edge.root / "key" / "crypt1").write_bytes(key)
        info = lab.dir / "keyinfo"
        info.write_text(f"/key/crypt1\n{edge.root}/key/crypt1\n{iv.hex()}\n")
        r.cut_hls(r.source(300), root, "-hls_key_info_file", str(info))
        lab.start_nginx(edge, http=f"server {{ listen 8080; root {edge.root}; }}")
        tcpdump = lab.capture(box, capture)
        url = "http://e2.osprey-media.example:8080/hls/crypt1/index.m3u8"
        start = r.now()
        lab.run(box, "streamlink", "--loglevel", "warning", "-f", "-o", str(lab.dir / "out.ts"), f"hls://{url}", "best")
        end = r.now()
        lab.end_capture(tcpdump)
        media = lab.media(edge.root, box.ip, ".ts")
        for row in media:
            file = edge.root / urlsplit(row["url"]).path.lstrip("/")
            plain = lab.dir / "plain.ts"
            subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-K", key.hex(), "-iv", iv.hex(),
                            "-in", str(file), "-out", str(plain)], check=True, timeout=20)  # fmt: skip
            row["decrypted"] = r.digest(plain)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "hls", "kind": "vod", "client_ip": box.ip, "stream": url, "start": start, "end": end,
                 "chain": [r.hop(edge, 8080, "playlist", "key", "media")],
                 "key": {"method": "AES-128", "uri": "http://e2.osprey-media.example:8080/key/crypt1",
                         "key": key.hex(), "iv": iv.hex()},
                 "media": media}
            ],
            ts_services=r.services(plain),
        )  # fmt: skip


if __name__ == "__main__":
    main()
