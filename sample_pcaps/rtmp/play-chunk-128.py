"""RTMP play at the default chunk size of 128 bytes; an ffmpeg player takes 8 s."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    truth = here.with_suffix(".truth.json")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.45")
        edge = lab.host("edge", "203.0.113.52", "rtmp2.harrier-cast.example")
        encoder = lab.host("encoder", "198.51.100.31")
        lab.start_dns()
        lab.start_nginx(edge, rtmp="server { listen 1935; chunk_size 128; application live { live on; } }")
        lab.start(encoder, *r.endless(r.source(300)), "-f", "flv", "rtmp://203.0.113.52/live/cinema")
        time.sleep(3)
        url = "rtmp://rtmp2.harrier-cast.example/live/cinema"
        received = lab.dir / "received.flv"
        tcpdump = lab.capture(box, capture)
        start = r.now()
        lab.run(box, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-t", "8", "-c", "copy", str(received))
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "rtmp", "kind": "live", "client_ip": box.ip, "stream": url,
                 "app": "live", "name": "cinema",
                 "chunk_size": 128, "start": start, "end": end, "chain": [r.hop(edge, 1935, "media")],
                 "packets_at_least": r.packets(received)}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
