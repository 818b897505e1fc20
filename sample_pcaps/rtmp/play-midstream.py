"""RTMP play whose beginning was not recorded: the recording starts 5 s into the connection."""

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
        box = lab.host("box", "192.168.1.46")
        edge = lab.host("edge", "203.0.113.52", "rtmp2.harrier-cast.example")
        encoder = lab.host("encoder", "198.51.100.31")
        lab.start_dns()
        lab.start_nginx(edge, rtmp="server { listen 1935; chunk_size 4096; application live { live on; } }")
        lab.start(encoder, *r.endless(r.source(300)), "-f", "flv", "rtmp://203.0.113.52/live/cinema")
        time.sleep(3)
        url = "rtmp://rtmp2.harrier-cast.example/live/cinema"
        received = lab.dir / "received.flv"
        start = r.now()
        player = lab.start(
            box, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-t", "14", "-c", "copy", str(received)
        )
        time.sleep(5)
        tcpdump = lab.capture(box, capture)
        recorded_from = r.now()
        player.process.wait(30)
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "rtmp", "kind": "live", "client_ip": box.ip, "stream": url,
                 "app": "live", "name": "cinema",
                 "chunk_size": 4096, "start": start, "end": end, "recorded_from": recorded_from,
                 "chain": [r.hop(edge, 1935, "media")],
                 "packets_of_the_whole_connection_at_least": r.packets(received)}
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
