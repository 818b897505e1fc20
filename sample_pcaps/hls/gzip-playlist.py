"""HLS film whose playlist travels with Content-Encoding gzip; the client is streamlink."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.35")
        edge = lab.host("edge", "203.0.113.15", "cdn1.kestrel-tv.example")
        lab.start_dns()
        root = edge.root / "vod" / "short"
        playlist = r.cut_hls(r.source(300), root, seconds=8)
        lab.start_nginx(edge, http=f"""server {{ listen 80; root {edge.root}; gzip on; gzip_min_length 1;
          gzip_types application/vnd.apple.mpegurl; }}""")  # fmt: skip
        tcpdump = lab.capture(box, capture)
        url = "http://cdn1.kestrel-tv.example/vod/short/index.m3u8"
        start = r.now()
        lab.run(box, "streamlink", "--loglevel", "warning", "-f", "-o", str(lab.dir / "out.ts"), f"hls://{url}", "best")
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "hls", "kind": "vod", "client_ip": box.ip, "stream": url, "start": start, "end": end,
                 "chain": [r.hop(edge, 80, "playlist", "media")],
                 "playlist": playlist.read_text(), "playlist_file": r.digest(playlist),
                 "media": lab.media(edge.root, box.ip, ".ts")}
            ],
            ts_services=r.services(min(root.glob("*.ts"))),
        )  # fmt: skip


if __name__ == "__main__":
    main()
