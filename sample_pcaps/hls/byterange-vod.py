"""HLS film whose media segments are ranges of one TS file (EXT-X-BYTERANGE); mpv plays."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.34")
        edge = lab.host("edge", "203.0.113.14", "media.harrier-cast.example")
        lab.start_dns()
        root = edge.root / "vod" / "film9"
        r.cut_hls(r.source(300), root, "-hls_flags", "single_file")
        lab.start_nginx(edge, http=f"server {{ listen 80; root {edge.root}; }}")
        tcpdump = lab.capture(box, capture)
        url = "http://media.harrier-cast.example/vod/film9/index.m3u8"
        start = r.now()
        lab.run(box, *r.mpv("--untimed", url))
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "hls", "kind": "vod", "client_ip": box.ip, "stream": url, "start": start, "end": end,
                 "chain": [r.hop(edge, 80, "playlist", "media")], "playlist": (root / "index.m3u8").read_text(),
                 "media": lab.media(edge.root, box.ip, ".ts")}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
