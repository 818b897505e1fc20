"""Endless TS: a portal answers 302 to an edge, which sends TS without a length; mpv plays for 20 s and leaves."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.21")
        portal = lab.host("portal", "198.51.100.7", "portal.osprey-media.example")
        edge = lab.host("edge", "203.0.113.40", "e7.osprey-media.example")
        lab.start_dns()
        token = "dGhpcyBpcyBhIGxhYiB0b2tlbiBmb3IgYSBib3g"
        lab.start_nginx(
            portal,
            http=f"""server {{ listen 8080; location /live/ {{ absolute_redirect off;
              return 302 http://e7.osprey-media.example:8000/live/auth/{token}; }} }}""",
        )
        lab.start_nginx(
            edge,
            http="""server { listen 8000; location /live/auth/ { proxy_pass http://127.0.0.1:9000/;
              chunked_transfer_encoding off; proxy_buffering off; proxy_hide_header Content-Type;
              add_header Content-Type video/mp2t; add_header Access-Control-Allow-Origin *; } }""",
        )
        lab.start(
            edge, *r.endless(r.source(2000, gop=50)), "-metadata", "service_name=Kestrel News",
            "-metadata", "service_provider=Osprey", "-f", "mpegts", "-listen", "1", "http://127.0.0.1:9000/",
        )  # fmt: skip
        time.sleep(0.8)
        tcpdump = lab.capture(box, capture)
        url = "http://portal.osprey-media.example:8080/live/viewer17/s3cr3t9/1204.ts"
        received = lab.dir / "received.ts"
        start = r.now()
        player = lab.start(box, *r.mpv(f"--stream-dump={received}", url), seconds=60)
        time.sleep(20)
        player.stop()
        end = r.now()
        lab.end_capture(tcpdump)
        lab.truth(
            here.with_suffix(".truth.json"),
            capture,
            scenario=__doc__,
            sessions=[
                {"delivery": "http-ts", "kind": "live", "client_ip": box.ip, "stream": url, "start": start,
                 "end": end,
                 "chain": [
                     {"host": "portal.osprey-media.example", "ip": portal.ip, "port": 8080, "roles": ["redirect"]},
                     {"host": "e7.osprey-media.example", "ip": edge.ip, "port": 8000, "roles": ["media"]}],
                 "final_url": f"http://e7.osprey-media.example:8000/live/auth/{token}",
                 "line": {"username": "viewer17", "password": "s3cr3t9"},
                 "media": [{"what": "first bytes of the body, as the player wrote them", **r.digest(received)}]}
            ],
            ts_services=r.services(received),
        )  # fmt: skip


if __name__ == "__main__":
    main()
