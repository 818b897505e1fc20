"""Endless TS in chunked transfer coding, straight from ffmpeg as the server; mpv takes 10 s."""

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
        box = lab.host("box", "192.168.1.40")
        edge = lab.host("edge", "203.0.113.41", "relay4.merlin-box.example")
        lab.start_dns()
        lab.start(edge, *r.endless(r.source(300)), "-metadata", "service_name=Merlin Movies", "-metadata",
                  "service_provider=Merlin", "-f", "mpegts", "-listen", "1",
                  "http://0.0.0.0:8089/s/512.ts")  # fmt: skip
        time.sleep(0.8)
        tcpdump = lab.capture(box, capture)
        url = "http://relay4.merlin-box.example:8089/s/512.ts"
        received = lab.dir / "received.ts"
        start = r.now()
        player = lab.start(box, *r.mpv(f"--stream-dump={received}", url))
        time.sleep(10)
        player.stop()
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            truth, capture, scenario=__doc__,
            sessions=[
                {"delivery": "http-ts", "kind": "live", "client_ip": box.ip, "stream": url, "start": start,
                 "end": end,
                 "chain": [r.hop(edge, 8089, "media")],
                 "media": [{"what": "first bytes of the body, as the player wrote them", **r.digest(received)}]}
            ],
            ts_services=r.services(received),
        )  # fmt: skip


if __name__ == "__main__":
    main()
