"""A film as MP4 with its index at the end: mpv fetches ranges, jumps twice, leaves after 12 s."""

import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

JUMPS = """
mp.add_timeout(4, function() mp.commandv('seek', '70', 'absolute-percent') end)
mp.add_timeout(8, function() mp.commandv('seek', '30', 'absolute-percent') end)
"""


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab(rate="3mbit") as lab:
        box = lab.host("box", "192.168.1.24")
        edge = lab.host("edge", "203.0.113.60", "vod2.merlin-box.example")
        lab.start_dns()
        film = edge.root / "movie" / "viewer17" / "s3cr3t9" / "88123.mp4"
        film.parent.mkdir(parents=True)
        shutil.copyfile(r.source(300, seconds=120), film)
        lab.start_nginx(edge, http=f"server {{ listen 80; location /movie/ {{ root {edge.root}; }} }}")
        script = lab.dir / "jumps.lua"
        script.write_text(JUMPS)
        tcpdump = lab.capture(box, capture)
        url = "http://vod2.merlin-box.example/movie/viewer17/s3cr3t9/88123.mp4"
        start = r.now()
        options = ("--cache=yes", "--demuxer-max-bytes=256KiB", "--demuxer-max-back-bytes=64KiB", "--cache-secs=4")
        player = lab.start(box, *r.mpv(*options, f"--script={script}", url), seconds=60)
        time.sleep(12)
        player.stop()
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            here.with_suffix(".truth.json"),
            capture,
            scenario=__doc__,
            sessions=[
                {"delivery": "progressive", "kind": "vod", "client_ip": box.ip, "stream": url, "start": start,
                 "end": end, "line": {"username": "viewer17", "password": "s3cr3t9"},
                 "chain": [{"host": "vod2.merlin-box.example", "ip": edge.ip, "port": 80, "roles": ["media"]}],
                 "media": lab.media(edge.root, box.ip, ".mp4")}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
