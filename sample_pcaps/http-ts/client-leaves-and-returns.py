"""Endless TS: the viewer watches for 6 s, leaves for 4 s, and returns to the same channel for 6 s."""

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
        box = lab.host("box", "192.168.1.41")
        edge = lab.host("edge", "203.0.113.42", "e9.osprey-media.example")
        lab.start_dns()
        lab.start_nginx(
            edge,
            http="""server { listen 8000; location /live/ { proxy_pass http://127.0.0.1:9000/;
              chunked_transfer_encoding off; proxy_buffering off; proxy_hide_header Content-Type;
              add_header Content-Type video/mp2t; } }""",
        )
        tcpdump = lab.capture(box, capture)
        url = "http://e9.osprey-media.example:8000/live/viewer31/zz31zz/88"
        sessions = []
        for visit in range(2):
            encoder = lab.start(edge, *r.endless(r.source(300)), "-metadata", "service_name=Osprey Kids", "-metadata",
                                "service_provider=Osprey", "-f", "mpegts", "-listen", "1",
                                "http://127.0.0.1:9000/")  # fmt: skip
            time.sleep(0.8)
            received = lab.dir / f"received{visit}.ts"
            start = r.now()
            player = lab.start(box, *r.mpv(f"--stream-dump={received}", url))
            time.sleep(6)
            player.stop()
            sessions.append(
                {"delivery": "http-ts", "kind": "live", "client_ip": box.ip, "stream": url, "start": start,
                 "end": r.now(),
                 "line": {"username": "viewer31", "password": "zz31zz"}, "chain": [r.hop(edge, 8000, "media")],
                 "media": [{"what": "first bytes of the body, as the player wrote them", **r.digest(received)}]}
            )  # fmt: skip
            encoder.stop()
            time.sleep(3.2)
        lab.end_capture(tcpdump)
        lab.truth(truth, capture, scenario=__doc__, sessions=sessions, ts_services=r.services(received))


if __name__ == "__main__":
    main()
