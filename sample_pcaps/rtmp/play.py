"""RTMP play: ffmpeg publishes to nginx-rtmp (chunk size 4096); an ffmpeg player takes 20 s of it."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.22")
        edge = lab.host("edge", "203.0.113.50", "rtmp1.harrier-cast.example")
        encoder = lab.host("encoder", "198.51.100.30")
        lab.start_dns()
        lab.start_nginx(edge, rtmp="server { listen 1935; chunk_size 4096; application live { live on; } }")
        lab.start(encoder, *r.endless(r.source(2000, gop=50)), "-f", "flv", "rtmp://203.0.113.50/live/sport1")
        time.sleep(4)
        tcpdump = lab.capture(box, capture)
        url = "rtmp://rtmp1.harrier-cast.example/live/sport1?token=a1b2c3d4"
        received = lab.dir / "received.flv"
        start = r.now()
        lab.run(box, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-t", "20", "-c", "copy", str(received))
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            here.with_suffix(".truth.json"),
            capture,
            scenario=__doc__,
            sessions=[
                {"delivery": "rtmp", "kind": "live", "client_ip": box.ip, "stream": url, "app": "live",
                 "name": "sport1", "query": "token=a1b2c3d4", "chunk_size": 4096, "start": start, "end": end,
                 "chain": [{"host": "rtmp1.harrier-cast.example", "ip": edge.ip, "port": 1935, "roles": ["media"]}],
                 "packets_at_least": r.packets(received)}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
