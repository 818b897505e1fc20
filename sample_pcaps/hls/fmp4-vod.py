"""HLS film as fragmented MP4 with an initialisation section; ffmpeg plays."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.33")
        edge = lab.host("edge", "203.0.113.14", "media.harrier-cast.example")
        lab.start_dns()
        root = edge.root / "vod" / "film9"
        r.cut_hls(r.source(300), root, "-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4")
        lab.start_nginx(edge, http=f"server {{ listen 80; root {edge.root}; }}")
        tcpdump = lab.capture(box, capture)
        url = "http://media.harrier-cast.example/vod/film9/index.m3u8"
        start = r.now()
        lab.run(box, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-c", "copy", "-f", "null", "-")
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "hls", "kind": "vod", "client_ip": box.ip, "stream": url, "start": start, "end": end,
                 "chain": [r.hop(edge, 80, "playlist", "media")], "playlist": (root / "index.m3u8").read_text(),
                 "media": lab.media(edge.root, box.ip, ".mp4", ".m4s")}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
