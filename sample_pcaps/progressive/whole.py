"""A film as Matroska, sent whole with status 200; ffmpeg takes all of it."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.42")
        edge = lab.host("edge", "203.0.113.61", "films.falcon-cdn.example")
        lab.start_dns()
        film = edge.root / "series" / "viewer17" / "s3cr3t9" / "5521.mkv"
        film.parent.mkdir(parents=True)
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(r.source(300)), "-t", "20", "-c", "copy", str(film)],
                       check=True, timeout=60)  # fmt: skip
        lab.start_nginx(edge, http=f"server {{ listen 80; max_ranges 0; root {edge.root}; }}")
        tcpdump = lab.capture(box, capture)
        url = "http://films.falcon-cdn.example/series/viewer17/s3cr3t9/5521.mkv"
        start = r.now()
        lab.run(
            box, "ffmpeg", "-nostdin", "-v", "warning", "-seekable", "0", "-i", url, "-c", "copy", "-f", "null", "-"
        )
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "progressive", "kind": "vod", "client_ip": box.ip, "stream": url, "start": start,
                 "end": end,
                 "line": {"username": "viewer17", "password": "s3cr3t9"}, "chain": [r.hop(edge, 80, "media")],
                 "media": lab.media(edge.root, box.ip, ".mkv")}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
